"""Roles that people hold for a while, as planned."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.load import load_object
from factory.plan import Body, names, plan_factory
from factory.plan.catalogue import BUILT_IN, SESSIONS, STAGES
from factory.spec import OPERATOR, VIEWER, Session, Stage

GRANT = {
    "user": "staff:alice",
    "role": "operator",
    "segment": "training",
    "since": "2026-12-01T15:00:00Z",
    "until": "2026-12-01T17:00:00Z",
    "reason": "the loader is rolled out by hand",
    "approver": "staff:bob",
}
SPEC: Body = {
    "name": "helix",
    "posture": "Production",
    "trustDomain": "helix.example",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    "images": {"registries": ["registry.helix.example/apps/"]},
    "segments": [
        {"name": "training", "stage": "Training", "owner": "research"},
        {"name": "inference", "stage": "Inference", "owner": "serving"},
    ],
    "workloads": [{"name": "trainer", "segment": "training"}],
}


def eligibility(group: str = "staff:ml", role: str = "operator", **change: object) -> Body:
    return {"group": group, "role": role, "segments": ["training"], "approvers": "staff:leads", "because": "they mend it", **change}


def planned(kind: str, **change: object) -> dict[str, Body]:
    """Objects of a kind in `training`, by name."""
    bodies = (manifest.body for manifest in plan_factory(load_object(SPEC | change)).manifests)
    return {
        body["metadata"]["name"]: body for body in bodies if body["kind"] == kind and "training" in body["metadata"].get("namespace", "")
    }


def test_who_may_ask_and_who_may_agree() -> None:
    """Each holds a Role of their own, which binds that one role; nobody holds the role itself."""
    roles = planned("Role", eligibility=[eligibility()])
    assert set(roles) == {"operator", "operator:ask", "operator:approve"}
    for name in ("operator:ask", "operator:approve"):
        (bind,) = [rule for rule in roles[name]["rules"] if "bind" in rule["verbs"]]
        assert (bind["verbs"], bind["resources"], bind["resourceNames"]) == (["bind"], ["roles"], ["operator"])
    verbs = {name: {verb for rule in roles[name]["rules"] for verb in rule["verbs"]} for name in roles}
    assert "create" not in verbs["operator:approve"]
    assert not {"update", "patch"} & verbs["operator:ask"]
    held = {
        (subject["name"], body["roleRef"]["name"])
        for body in planned("RoleBinding", eligibility=[eligibility()]).values()
        for subject in body["subjects"]
    }
    assert held == {("staff:ml", "operator:ask"), ("staff:leads", "operator:approve")}


def test_two_groups_share_their_approvers() -> None:
    """One right is one binding, however many eligibilities give it."""
    shared = [eligibility(), eligibility("staff:sre")]
    assert sorted(planned("RoleBinding", eligibility=shared)) == [
        "staff:leads.operator:approve",
        "staff:ml.operator:ask",
        "staff:sre.operator:ask",
    ]


def test_nobody_agrees_where_nobody_need() -> None:
    """Break-glass without approvers has nobody who could agree."""
    alone = [eligibility("staff:sre", "break-glass", approvers=None)]
    assert set(planned("Role", eligibility=alone)) == {"break-glass", "break-glass:ask"}


def test_a_grant_by_pull_request_bears_its_end() -> None:
    """For people and for the cleanup controller alike; and its holder, and nobody else, has the role."""
    body = planned("RoleBinding", eligibility=[eligibility()], grants=[GRANT | {"ticket": "OPS-7"}])["operator::staff:alice"]
    assert body["metadata"]["labels"][names.CLEANUP] == "2026-12-01T170000Z"
    notes = body["metadata"]["annotations"]
    assert notes[names.EXPIRES_AT] == "2026-12-01T17:00:00Z"
    assert (notes[names.REQUESTED_BY], notes[names.APPROVED_BY], notes[names.TICKET]) == ("staff:alice", "staff:bob", "OPS-7")
    assert body["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "staff:alice"}]


def test_terms_as_the_guardrail_reads_them() -> None:
    """A line for each group: who agrees, seconds, and whether a ticket is asked for."""
    terms = [eligibility(longest="90m", ticket=True), eligibility("staff:sre", "break-glass", approvers=None, longest="1h")]
    data = planned("ConfigMap", eligibility=terms)["guardrails"]["data"]
    assert data["operator.eligible"] == "staff:ml\tstaff:leads\t5400\tticket"
    assert data["break-glass.eligible"] == "staff:sre\t\t3600\t"
    assert data["sessions.Exec"] == "staff:sre"


def test_cleanup_is_for_those_who_need_it() -> None:
    """Kyverno gets no right in a factory without grants."""

    def bootstrap(**change: object) -> set[str]:
        return {manifest.key for manifest in plan_factory(load_object(SPEC | change)).bootstrap}

    assert bootstrap(eligibility=[eligibility()]) - bootstrap() == {"cleanup", "cleanup-binding"}


@pytest.mark.parametrize("role", BUILT_IN)
def test_the_catalogue_is_least_privilege(role: str) -> None:
    """No role reads Secrets, becomes somebody else, or changes what bounds a segment; only some enter pods."""
    for permission in BUILT_IN[role]:
        assert "secrets" not in permission.resources
        assert not {"bind", "escalate", "impersonate", "*"} & {*permission.verbs, *permission.resources, *permission.api_groups}
        if not {"get", "list", "watch"}.issuperset(permission.verbs):
            bounds = {"roles", "rolebindings", "networkpolicies", "resourcequotas", "limitranges", "serviceaccounts", "secrets"}
            assert not bounds & set(permission.resources)
    assert set(SESSIONS.get(role, ())) in (set(), set(Session))
    assert set(STAGES.get(role, tuple(Stage))) <= set(Stage)
    assert role not in (VIEWER, OPERATOR) or role not in SESSIONS


def test_a_role_of_ones_own_takes_the_place() -> None:
    """The catalogue is a start: a spec's `debugger` is the debugger, its sessions too."""
    own = {"name": "debugger", "sessions": ["Exec"], "permissions": [{"resources": ["pods"], "verbs": ["get"]}]}
    change = {"roles": [own], "eligibility": [eligibility(role="debugger")]}
    assert {resource for rule in planned("Role", **change)["debugger"]["rules"] for resource in rule["resources"]} == {"pods", "pods/exec"}
    assert "sessions.Attach" not in planned("ConfigMap", **change)["guardrails"]["data"]


USERS = st.from_regex(r"[a-z]{1,5}:[!-~]{1,12}", fullmatch=True)


@settings(deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30),
    USERS,
    st.sampled_from(sorted(BUILT_IN)),
)
def test_no_standing_grant_has_the_name_of_another(group: str, user: str, role: str) -> None:
    """What is held for a while never has the name of a standing grant, nor of a right to ask, whatever groups are called."""
    assert names.held(role, user) not in {names.grant(group, role), names.grant(user, role), names.grant(group, f"{role}:ask")}
    assert "::" not in names.grant(group, role)
    assert "/" not in names.held(role, user)
