"""Roles that people hold for a while, at a real API server: the way that is meant works, and every way around it is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import httpx2
import pytest
import yaml
from deployed import Client, Deployed, deploy_on, path_of, start_lab, wait_until

from factory.cli import main
from factory.load import load_object
from factory.plan import Body, names, plan_factory
from factory.plan.grant import CLEANER
from factory.review.audit.grant import explain_grant
from lab import Lab
from lab.process import recorded

SPEC: Body = yaml.safe_load("""
name: lease
posture: Production
cluster: {distribution: SelfManaged, version: "1.36", context: lease, clusterNetworkPolicy: false}
trustDomain: lease.example
deployer: {user: lease-deployer}
images: {registries: [registry.lease.example/apps/]}
segments:
  - {name: training, stage: Training, owner: research, quota: {cpu: "64", memory: 1Ti, pods: 20}}
  - {name: inference, stage: Inference, owner: serving, quota: {cpu: "16", memory: 64Gi, pods: 20}}
workloads:
  - {name: trainer, segment: training}
  - {name: server, segment: inference}
access:
  - {group: "staff:ml", role: viewer, segments: [training], because: they watch their experiments}
  - {serviceAccount: delivery/argo, role: operator, segments: [training], because: trainings are started from git}
eligibility:
  - {group: "staff:ml", role: operator, segments: [training], longest: 1h, approvers: "staff:leads", because: they mend hung experiments}
  - {group: "staff:sre", role: debugger, segments: [training], longest: 30m, ticket: true, approvers: "staff:leads", because: hung pods}
  - {group: "staff:sre", role: break-glass, segments: [training, inference], longest: 1h, because: at night nobody is there to ask}
""")

BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/lease-training/rolebindings"
MAPS = "/api/v1/namespaces/lease-training/configmaps"

Change = Callable[[Body], None]


def moment(seconds: float) -> str:
    """So many seconds from now, as a grant says it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def request(user: str = "staff:alice", role: str = "operator", group: str = "staff:ml", seconds: float = 600, **change: str) -> Body:
    """What somebody creates to ask for a role."""
    ends = moment(seconds)
    annotations = {
        names.EXPIRES_AT: ends,
        names.REASON: "the nightly run hangs",
        names.REQUESTED_BY: user,
        names.ELIGIBLE_AS: group,
    }
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": f"{role}::{user}",
            "namespace": "lease-training",
            "labels": {names.GRANT: "true", names.CLEANUP: ends.replace(":", "")},
            "annotations": annotations | change,
        },
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        "subjects": [],
    }


def person(user: str) -> Body:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}


def agreed(asked: Body, by: str) -> Body:
    """What an approver makes of it."""
    held = copy.deepcopy(asked)
    held["metadata"]["annotations"][names.APPROVED_BY] = by
    held["subjects"] = [person(asked["metadata"]["annotations"][names.REQUESTED_BY])]
    return held


@pytest.fixture(scope="module")
def lease(deploy: Callable[[Body], Deployed]) -> Deployed:
    """The factory, with grants guarded."""
    lease = deploy(SPEC)
    for name in ("operator", "debugger"):  # ClusterRoles that have the names of Roles
        metadata = {"name": name, "labels": {"example.org/aggregate": "yes"}}
        lease.administrator.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": []})
    wait_until(lambda: "ZG17" in lease.administrator.request("POST", BINDINGS, request(), dryRun="All").text, "ZG17 is in force")
    return lease


@pytest.fixture(scope="module")
def people(lease: Deployed) -> dict[str, Client]:
    """Everybody who wants something."""
    who = {"alice": ["staff:ml"], "amy": ["staff:ml"], "bob": ["staff:leads"], "carl": ["staff:ml", "staff:leads"], "sam": ["staff:sre"]}
    return {name: Client(lease.lab, lease.lab.user(f"staff:{name}", groups, f"lease-{name}")) for name, groups in who.items()}


@pytest.fixture(autouse=True)
def no_grants(lease: Deployed) -> Iterator[None]:
    """Every test begins without grants."""
    yield
    for found in lease.deployer.get(BINDINGS)["items"]:
        if names.GRANT in found["metadata"].get("labels", {}):
            lease.deployer.request("DELETE", f"{BINDINGS}/{found['metadata']['name']}")


def may_write(who: Client) -> bool:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
    return who.request("POST", MAPS, config, dryRun="All").status_code == 201


def refused(answer: httpx2.Response, words: str = "'lease-zg17-grant'") -> None:
    """By the policy that is meant. An end that is no moment is an error of the expression (422)."""
    assert answer.status_code in (403, 422), answer.text
    assert words in answer.json()["message"], answer.text


def ask(who: Client, wanted: Body, **query: str) -> httpx2.Response:
    return who.request("POST", BINDINGS, wanted, **query)


def put(who: Client, wanted: Body) -> httpx2.Response:
    return who.request("PUT", f"{BINDINGS}/{wanted['metadata']['name']}", wanted)


def test_asked_agreed_held_and_revoked(people: dict[str, Client]) -> None:
    """Asking gives nothing; another's consent gives exactly the role; taking it away takes it away."""
    alice, bob = people["alice"], people["bob"]
    answer = ask(alice, request())
    assert answer.status_code == 201, answer.text
    assert not may_write(alice)
    answer = put(bob, agreed(answer.json(), "staff:bob"))
    assert answer.status_code == 200, answer.text
    wait_until(lambda: may_write(alice), "alice may write")
    assert not may_write(bob)
    assert alice.request("DELETE", f"{BINDINGS}/operator::staff:alice").status_code == 200
    wait_until(lambda: not may_write(alice), "alice may not write any more")


def test_nobody_grants_themselves(people: dict[str, Client]) -> None:
    """Not at once, and not one's own request, even for those who may agree to others'."""
    alice, carl = people["alice"], people["carl"]
    own = request()
    own["subjects"] = [person("staff:alice")]
    refused(ask(alice, own))
    asked = ask(carl, request("staff:carl"))
    assert asked.status_code == 201, asked.text
    refused(put(carl, agreed(asked.json(), "staff:carl")))


def without(*path: str) -> Change:
    """Takes a field away."""

    def change(body: Body) -> None:
        for step in path[:-1]:
            body = body[step]
        del body[path[-1]]

    return change


def setting(value: object, *path: str) -> Change:
    """Sets a field, at the end of a path of fields that are there."""

    def change(body: Body) -> None:
        for step in path[:-1]:
            body = body[step]
        body[path[-1]] = value

    return change


def ending(ends: str, label: str | None = None) -> Change:
    """Sets both ends."""

    def change(body: Body) -> None:
        body["metadata"]["annotations"][names.EXPIRES_AT] = ends
        body["metadata"]["labels"][names.CLEANUP] = ends.replace(":", "") if label is None else label

    return change


NOTE, LABEL = ("metadata", "annotations"), ("metadata", "labels")

ASKED_WRONGLY: dict[str, Change] = {
    "for themselves, at once": setting([person("staff:alice")], "subjects"),
    "for somebody else, at once": setting([person("staff:amy")], "subjects"),
    "for a group": setting([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "staff:ml"}], "subjects"),
    "for a workload": setting([{"kind": "ServiceAccount", "name": "trainer", "namespace": "lease-training"}], "subjects"),
    "in another's name": setting("staff:amy", *NOTE, names.REQUESTED_BY),
    "in nobody's name": without(*NOTE, names.REQUESTED_BY),
    "as one of a group that is not theirs": setting("staff:sre", *NOTE, names.ELIGIBLE_AS),
    "as nobody's group": without(*NOTE, names.ELIGIBLE_AS),
    "without a reason": without(*NOTE, names.REASON),
    "with an empty reason": setting("", *NOTE, names.REASON),
    "with consent that they wrote themselves": setting("staff:bob", *NOTE, names.APPROVED_BY),
    "under another name": setting("operator-again", "metadata", "name"),
    "under another's name": setting("operator::staff:amy", "metadata", "name"),
    "without an end": without(*NOTE, names.EXPIRES_AT),
    "without the label that ends it": without(*LABEL, names.CLEANUP),
    "with a later end in the label": setting("2099-01-01T000000Z", *LABEL, names.CLEANUP),
    "with a label that never ends": setting("never", *LABEL, names.CLEANUP),
    "with an end in another form": ending("tomorrow"),
    "with an end that is no moment": ending("2099-13-41T00:00:00Z"),
    "with an end that is over": ending(moment(-60)),
    "with an end beyond the longest": lambda body: ending(moment(3700))(body),
    "with an annotation that keeps it": setting("Foreground", *NOTE, "cleanup.kyverno.io/propagation-policy"),
    "with a label of their own": setting("yes", *LABEL, "example.org/keep"),
    "as if the factory had planned it": setting("lease", *LABEL, names.FACTORY),
    "with an annotation of their own": setting("yes", *NOTE, "example.org/approved"),
    "with a reason that is a book": setting("because " * 50, *NOTE, names.REASON),
    "with a finalizer that keeps it": setting(["example.org/keep"], "metadata", "finalizers"),
    "with an owner": setting([{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u"}], "metadata", "ownerReferences"),
    "for a cluster's role": setting({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "operator"}, "roleRef"),
}


@pytest.mark.parametrize("change", ASKED_WRONGLY.values(), ids=ASKED_WRONGLY)
def test_asked_wrongly(people: dict[str, Client], lease: Deployed, change: Change) -> None:
    """Refused to the person, by ZG17 where RBAC would let them, and to an administrator who takes their place."""
    wanted = request()
    change(wanted)
    answer = ask(people["alice"], wanted, dryRun="All")
    assert answer.status_code in (403, 422), answer.text
    refused(ask(lease.administrator, wanted, dryRun="All"), "'lease-zg")


CHANGED_WRONGLY: dict[str, Change] = {
    "somebody else is put in": setting([person("staff:amy")], "subjects"),
    "the approver is put in": setting([person("staff:bob")], "subjects"),
    "two are put in": setting([person("staff:alice"), person("staff:amy")], "subjects"),
    "their group is put in": setting([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "staff:ml"}], "subjects"),
    "nobody is put in": setting([], "subjects"),
    "it is made longer": lambda body: ending(moment(3000))(body),
    "the label alone is made longer": setting("2099-01-01T000000Z", *LABEL, names.CLEANUP),
    "the label is taken away": without(*LABEL, names.CLEANUP),
    "it is no grant any more": without(*LABEL, names.GRANT),
    "another label": setting("yes", *LABEL, "example.org/keep"),
    "another reason": setting("something else", *NOTE, names.REASON),
    "a ticket is added": setting("OPS-1", *NOTE, names.TICKET),
    "the asker is renamed": setting("staff:amy", *NOTE, names.REQUESTED_BY),
    "another agreed": setting("staff:carl", *NOTE, names.APPROVED_BY),
    "nobody agreed": without(*NOTE, names.APPROVED_BY),
    "a finalizer keeps it": setting(["example.org/keep"], "metadata", "finalizers"),
}


@pytest.mark.parametrize("change", CHANGED_WRONGLY.values(), ids=CHANGED_WRONGLY)
def test_agreed_wrongly(people: dict[str, Client], change: Change) -> None:
    """Who may agree may agree, and nothing else: what was asked for stays as it was asked for."""
    wanted = agreed(ask(people["alice"], request()).json(), "staff:bob")
    change(wanted)
    answer = put(people["bob"], wanted)
    assert answer.status_code in (403, 422), answer.text  # 422 where Kubernetes itself lets nobody change it
    assert "ZG" in answer.text
    held = people["bob"].get(f"{BINDINGS}/operator::staff:alice")
    assert held.get("subjects") is None


def test_who_may_not_agree(people: dict[str, Client], lease: Deployed) -> None:
    """A colleague, one who may agree to nothing, and an administrator without the group: none is an approver."""
    asked = ask(people["alice"], request()).json()
    for name in ("alice", "amy", "sam"):
        assert put(people[name], agreed(asked, f"staff:{name}")).status_code == 403
    refused(put(lease.administrator, agreed(asked, "administrator")))
    assert put(people["carl"], agreed(asked, "staff:carl")).status_code == 200


@pytest.mark.parametrize("change", CHANGED_WRONGLY.values(), ids=CHANGED_WRONGLY)
def test_nothing_is_changed_while_it_is_held(people: dict[str, Client], change: Change) -> None:
    """Neither by the holder nor by the approver: whoever needs longer asks again."""
    held = put(people["bob"], agreed(ask(people["alice"], request()).json(), "staff:bob")).json()
    change(held)
    for name in ("alice", "bob", "carl"):
        assert put(people[name], held).status_code in (403, 422)
    assert people["bob"].get(f"{BINDINGS}/operator::staff:alice")["subjects"] == [person("staff:alice")]


def test_nobody_holds_a_role_twice(people: dict[str, Client]) -> None:
    """A second one, which would begin when the first ends, cannot be asked for while the first is there."""
    assert ask(people["alice"], request()).status_code == 201
    assert ask(people["alice"], request()).status_code == 409
    second = request()
    second["metadata"]["generateName"] = second["metadata"].pop("name")
    refused(ask(people["alice"], second))


def test_only_roles_that_somebody_is_eligible_for(people: dict[str, Client], lease: Deployed) -> None:
    """Not those that are only held standing, nor those that exist to ask and to agree, nor in another segment."""
    for role in ("viewer", "debugger", "operator:ask", "operator:approve"):
        wanted = request(role=role)
        assert ask(people["alice"], wanted).status_code == 403
        refused(ask(lease.administrator, wanted))
    elsewhere = BINDINGS.replace("training", "inference")
    wanted = request(role="break-glass")
    wanted["metadata"]["namespace"] = "lease-inference"
    assert people["alice"].request("POST", elsewhere, wanted).status_code == 403
    refused(lease.administrator.request("POST", elsewhere, wanted))


def test_nothing_beside_grants(people: dict[str, Client], lease: Deployed) -> None:
    """The right to ask is none to write other bindings, and neither asking nor agreeing reaches beyond the segment."""
    for name in ("alice", "bob"):
        plain = request()
        plain["metadata"]["labels"] = {}
        assert ask(people[name], plain).status_code == 403
        for verb, path in (("DELETE", f"{BINDINGS}/staff:ml.viewer"), ("DELETE", BINDINGS)):
            assert people[name].request(verb, path).status_code == 403
        everywhere = {**plain, "kind": "ClusterRoleBinding", "metadata": {"name": "mine"}}
        path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
        assert people[name].request("POST", path, everywhere).status_code == 403
    standing = people["bob"].get(f"{BINDINGS}/staff:ml.viewer")
    standing["metadata"]["labels"] |= request()["metadata"]["labels"]
    assert put(people["bob"], standing).status_code == 403
    refused(put(lease.administrator, standing), "'lease-zg")


def test_no_way_to_become_somebody_else(people: dict[str, Client]) -> None:
    """A held role gives no token of a workload, and nobody who may agree can be played."""
    put(people["bob"], agreed(ask(people["alice"], request()).json(), "staff:bob"))
    wait_until(lambda: may_write(people["alice"]), "alice is operator")
    token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = "/api/v1/namespaces/lease-training/serviceaccounts/trainer/token"
    assert people["alice"].request("POST", path, token).status_code == 403
    headers = {"Impersonate-User": "staff:bob", "Impersonate-Group": "staff:leads"}
    assert people["alice"]._http.request("GET", BINDINGS, headers=headers).status_code == 403
    own = request("staff:amy")
    own["subjects"] = [person("staff:alice")]
    refused(ask(people["alice"], own))


def test_roles_give_no_more_than_planned(lease: Deployed) -> None:
    """Not even the deployer puts `bind` on other roles, `escalate` or `impersonate` into the roles by which one asks."""
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/lease-training/roles/operator:ask"
    planned = lease.deployer.get(path)
    wide: dict[str, list[str]] = {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"]}
    for rule in (
        wide | {"verbs": ["bind"]},
        wide | {"verbs": ["bind"], "resourceNames": ["debugger"]},
        wide | {"verbs": ["bind", "escalate"], "resourceNames": ["operator"]},
        wide | {"verbs": ["bind"], "resourceNames": ["operator"], "resources": ["roles", "clusterroles"]},
        wide | {"verbs": ["impersonate"], "resources": ["users"]},
    ):
        wider = {"rules": [*planned["rules"], rule]}
        refused(lease.deployer.request("PATCH", path, wider, "application/merge-patch+json", dryRun="All"), "denied request: ZG10: ")
    aggregated = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {}}]}}
    answer = lease.deployer.request("PATCH", path, aggregated, "application/merge-patch+json", dryRun="All")
    assert answer.status_code == 200, answer.text
    assert "aggregationRule" not in answer.json()  # only ClusterRoles are aggregated, and no binding here may name one


def test_a_workload_is_nobody(lease: Deployed) -> None:
    """A ServiceAccount cannot ask, whatever RBAC lets it: it is in no group of people."""
    request_ = request("system:serviceaccount:lease-training:trainer")
    headers = {"Impersonate-User": "system:serviceaccount:lease-training:trainer", "Impersonate-Group": "system:masters"}
    answer = lease.administrator._http.request("POST", BINDINGS, json=request_, headers=headers)
    refused(answer)


def test_ticket_where_one_is_asked_for(people: dict[str, Client]) -> None:
    """The debugger's eligibility asks for a ticket, and half an hour is the longest."""
    sam = people["sam"]
    refused(ask(sam, request("staff:sam", "debugger", "staff:sre")))
    refused(ask(sam, request("staff:sam", "debugger", "staff:sre", 1900, **{names.TICKET: "OPS-7"})))
    assert ask(sam, request("staff:sam", "debugger", "staff:sre", **{names.TICKET: "OPS-7"})).status_code == 201


def test_the_glass_is_broken_at_once(people: dict[str, Client]) -> None:
    """Break-glass works without anybody's consent, for oneself only, and is over as any other."""
    sam = people["sam"]
    wanted = request("staff:sam", "break-glass", "staff:sre")
    wanted["subjects"] = [person("staff:amy")]
    refused(ask(sam, wanted))
    wanted["subjects"] = [person("staff:sam")]
    assert ask(people["alice"], wanted).status_code == 403
    answer = ask(sam, wanted)
    assert answer.status_code == 201, answer.text
    wait_until(lambda: may_write(sam), "sam may write")
    longer = answer.json()
    ending(moment(3000))(longer)
    assert put(sam, longer).status_code == 403


def test_consent_after_the_end_is_none(people: dict[str, Client]) -> None:
    """The API server's own time of the write is the clock of an update."""
    asked = ask(people["alice"], request(seconds=4)).json()
    wait_until(lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") > asked["metadata"]["annotations"][names.EXPIRES_AT], "it is over")
    refused(put(people["bob"], agreed(asked, "staff:bob")), "this grant is over")
    backdated = agreed(asked, "staff:bob")
    for forged in ([], [{}], asked["metadata"]["managedFields"]):
        backdated["metadata"]["managedFields"] = forged
        refused(put(people["bob"], backdated), "this grant is over")


def test_deleted_is_gone(people: dict[str, Client], lease: Deployed) -> None:
    """A holder cannot keep a grant alive by a deletion that waits for something that they keep alive."""
    alice = people["alice"]
    held = put(people["bob"], agreed(ask(alice, request()).json(), "staff:bob")).json()
    wait_until(lambda: may_write(alice), "alice is operator")
    owner = {"apiVersion": held["apiVersion"], "kind": "RoleBinding", "name": held["metadata"]["name"], "uid": held["metadata"]["uid"]}
    owner["blockOwnerDeletion"] = True
    anchor = {"metadata": {"name": "anchor", "finalizers": ["example.org/keep"], "ownerReferences": [owner]}}
    assert alice.request("POST", MAPS, {"apiVersion": "v1", "kind": "ConfigMap", **anchor}).status_code == 201
    path = f"{BINDINGS}/{held['metadata']['name']}"
    try:
        for how in ("Foreground", "Orphan"):
            refused(alice.request("DELETE", path, propagationPolicy=how), "'lease-zg07-boundary'")
            refused(
                alice.request("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": how}),
                "'lease-zg07-boundary'",
            )
        refused(alice.request("DELETE", path, orphanDependents="true"), "'lease-zg07-boundary'")
        assert alice.request("DELETE", path).status_code == 200
        wait_until(lambda: not may_write(alice), "it is gone")
    finally:
        free = [{"op": "remove", "path": "/metadata/finalizers"}]
        lease.administrator.request("PATCH", f"{MAPS}/anchor", free, "application/json-patch+json")


@pytest.fixture
def factory(lease: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Body]:
    """Runs the `factory` command on the stack as one of the people: exit code, and what is printed."""
    stack = tmp_path / "Pulumi.lease.yaml"
    stack.write_text(yaml.safe_dump({"config": {"ai-factory:spec": SPEC}}))
    monkeypatch.setenv("KUBECONFIG", str(lease.lab.kubeconfig))

    def run(command: str, *options: str, who: str = "alice") -> Body:
        context = who if who == "lease-deployer" else f"lease-{who}"
        code = main([command, str(stack), "--context", context, *options])
        printed = capsys.readouterr()
        return {"code": code, "out": printed.out, "err": printed.err}

    return run


OPERATOR = ("--role", "operator", "--segment", "training")


def test_by_command(people: dict[str, Client], factory: Callable[..., Body]) -> None:
    """A role is asked for, agreed to, seen and given back on the command line, each as the person's own identity."""
    asked = factory("grant", *OPERATOR, "--for", "30m", "--reason", "the nightly run hangs", "--no-wait")
    assert asked["code"] == 0, asked
    assert "--user staff:alice --role operator --segment training" in asked["out"]
    assert factory("approve", *OPERATOR, "--user", "staff:alice", who="bob")["code"] == 0
    wait_until(lambda: may_write(people["alice"]), "alice may write")
    seen = factory("grants", "--format", "json")
    assert seen["code"] == 0
    (held,) = json.loads(seen["out"])
    assert (held["user"], held["state"], held["approver"]) == ("staff:alice", "held", "staff:bob")
    assert 1700 < held["secondsLeft"] <= 1800
    assert factory("revoke", *OPERATOR)["code"] == 0
    wait_until(lambda: not may_write(people["alice"]), "alice may not")
    assert "nobody holds" in factory("grants")["out"]


def test_by_command_waiting(people: dict[str, Client], factory: Callable[..., Body]) -> None:
    """Who waits is told when somebody has agreed."""

    def agree() -> None:
        path = f"{BINDINGS}/operator::staff:alice"
        wait_until(lambda: people["bob"].request("GET", path).status_code == 200, "alice has asked")
        put(people["bob"], agreed(people["bob"].get(path), "staff:bob"))

    thread = Thread(target=agree)
    thread.start()
    held = factory("grant", *OPERATOR, "--for", "5m", "--reason", "the nightly run hangs")
    thread.join()
    assert held["code"] == 0
    assert "held" in held["out"]
    assert "staff:bob" in held["out"]


@pytest.mark.parametrize(
    ("who", "options", "words"),
    [
        ("alice", (*OPERATOR, "--for", "2h"), "too long"),
        ("sam", (*OPERATOR, "--for", "5m"), "none of the groups that are eligible"),
        ("sam", ("--role", "debugger", "--segment", "training", "--for", "5m"), "--ticket"),
        ("alice", ("--role", "viewer", "--segment", "training", "--for", "5m"), "nobody is eligible for viewer"),
        ("alice", ("--role", "operator", "--segment", "trainin", "--for", "5m"), "not one of the factory's segments"),
    ],
)
@pytest.mark.usefixtures("people")
def test_by_command_refused(factory: Callable[..., Body], who: str, options: tuple[str, ...], words: str) -> None:
    """What the API server would refuse is said before, with the fix."""
    answer = factory("grant", *options, "--reason", "the nightly run hangs", "--no-wait", who=who)
    assert answer["code"] == 1
    assert words in answer["err"]


def test_overdue_is_seen_and_taken_away(lease: Deployed, people: dict[str, Client], factory: Callable[..., Body]) -> None:
    """Without the cleanup controller a grant outlives its end: that is seen, and the deployer takes it away."""
    put(people["bob"], agreed(ask(people["alice"], request(seconds=6)).json(), "staff:bob"))
    wait_until(lambda: may_write(people["alice"]), "alice may write")
    wait_until(lambda: factory("grants")["code"] == 3, "it is overdue")
    assert may_write(people["alice"])
    assert json.loads(factory("grants", "--format", "json")["out"])[0]["state"] == "overdue"
    assert "past its end" not in factory("revoke", "--overdue", who="lease-deployer")["out"]
    wait_until(lambda: not may_write(people["alice"]), "alice may not")
    assert factory("grants")["code"] == 0


@pytest.fixture(scope="module")
def ending_lab() -> Iterator[Lab]:
    """A lab in which Kyverno's cleanup controller runs, with no rights but those of its own chart and those that the bootstrap gives."""
    yield from start_lab(extras=["identity"])


@pytest.fixture(scope="module")
def ending_lease(ending_lab: Lab) -> Deployed:
    """The same factory there, with a grant by pull request that is over in half a minute."""
    by_review = {
        "user": "staff:pat",
        "role": "operator",
        "segment": "training",
        "since": moment(0),
        "until": moment(40),
        "reason": "the nightly run hangs",
        "approver": "staff:bob",
    }
    lease = deploy_on(ending_lab, SPEC | {"grants": [by_review]})
    wait_until(lambda: "ZG17" in lease.administrator.request("POST", BINDINGS, request(), dryRun="All").text, "ZG17 is in force")
    return lease


def held_until(lease: Deployed, seconds: float) -> Client:
    """Somebody who holds `operator` for so many seconds."""
    alice = Client(lease.lab, lease.lab.user("staff:alice", ["staff:ml"]))
    bob = Client(lease.lab, lease.lab.user("staff:bob", ["staff:leads"]))
    held = put(bob, agreed(ask(alice, request(seconds=seconds)).json(), "staff:bob"))
    assert held.status_code == 200, held.text
    wait_until(lambda: may_write(alice), "alice may write")
    return alice


def live(lease: Deployed, user: str) -> Body | None:
    answer = lease.deployer.request("GET", f"{BINDINGS}/operator::{user}")
    return dict(answer.json()) if answer.status_code == 200 else None


def test_gone_within_a_minute_of_its_end(ending_lease: Deployed) -> None:
    """The cleanup controller takes away what people were given, and what a pull request gave; nobody has to deploy for that."""
    pat = Client(ending_lease.lab, ending_lease.lab.user("staff:pat", ["staff:ml"]))
    by_review = live(ending_lease, "staff:pat")
    assert by_review is not None
    assert may_write(pat)
    alice = held_until(ending_lease, 10)
    wait_until(lambda: live(ending_lease, "staff:alice") is None, "it is gone")
    wait_until(lambda: not may_write(alice), "alice may not write any more")
    wait_until(lambda: live(ending_lease, "staff:pat") is None, "that by pull request is gone")
    late = datetime.now(UTC) - datetime.fromisoformat(by_review["metadata"]["annotations"][names.EXPIRES_AT])
    assert late < timedelta(minutes=1)
    wait_until(lambda: not may_write(pat), "pat may not write any more")


def test_the_cleanup_controller_takes_away_nothing_else(ending_lease: Deployed) -> None:
    """It may delete RoleBindings by RBAC; in a segment the guardrails leave it grants only."""
    cleaner = Client(ending_lease.lab, ending_lease.lab.user(CLEANER, context="cleaner"))
    refused(cleaner.request("DELETE", f"{BINDINGS}/staff:ml.viewer"), "denied request: ZG07: ")
    assert cleaner.request("POST", BINDINGS, request(CLEANER)).status_code == 403


def test_the_deployer_is_held_to_the_times(ending_lease: Deployed) -> None:
    """A pull request that gives more than the eligibility lets is refused by the API server too."""
    long = {
        "user": "staff:eve",
        "role": "operator",
        "segment": "training",
        "since": moment(0),
        "reason": "for ever",
        "approver": "staff:bob",
    }
    plan = plan_factory(load_object(SPEC | {"grants": [long | {"until": moment(7200)}]}))
    (body,) = [manifest.body for manifest in plan.manifests if manifest.body["metadata"]["name"] == "operator::staff:eve"]
    refused(ending_lease.deployer.request("PATCH", path_of(body), body, "application/apply-patch+yaml", fieldManager="me", force="true"))


def test_while_the_cleanup_controller_is_down(ending_lease: Deployed, ending_lab: Lab) -> None:
    """A grant outlives its end: the audit says so. When the controller is back, the grant is gone within a minute."""
    process = recorded(ending_lab.state.processes, "cleanup-controller")
    assert process is not None
    process.stop(10)
    alice = held_until(ending_lease, 6)
    body = live(ending_lease, "staff:alice")
    assert body is not None
    wait_until(lambda: explain_grant(ending_lease.factory, body, datetime.now(UTC)) is not None, "the audit has something to say")
    assert may_write(alice)
    ending_lab.up()
    wait_until(lambda: live(ending_lease, "staff:alice") is None, "it is gone")
    wait_until(lambda: not may_write(alice), "alice may not write any more")
