"""Standing rights of people in Production, judged by the objects of the plan and not by the rules that refuse them."""

from __future__ import annotations

from datetime import date

from hypothesis import example, given, settings
from hypothesis import strategies as st
from specs import Data, read

from factory.errors import Severity
from factory.plan import plan_factory
from factory.review.objects import of_plan
from factory.review.right import find_rights
from factory.rules import check

BASE: Data = {
    "name": "f",
    "posture": "Production",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "f"},
    "trustDomain": "f.example",
    "images": {"registries": ["registry.example/apps/"]},
    "segments": [{"name": name, "stage": "Training", "owner": "research"} for name in ("one", "two")],
}
BUILT_IN = ("viewer", "data-steward", "ml-engineer", "operator", "debugger", "security-reviewer", "break-glass")
PERMISSIONS = st.fixed_dictionaries(
    {
        "apiGroups": st.lists(st.sampled_from(["", "apps", "batch", "rbac.authorization.k8s.io"]), min_size=1, max_size=2, unique=True),
        "resources": st.lists(
            st.sampled_from(["pods", "pods/exec", "pods/log", "configmaps", "secrets", "jobs", "deployments/scale", "rolebindings"]),
            min_size=1,
            max_size=2,
            unique=True,
        ),
        "verbs": st.lists(
            st.sampled_from(["get", "list", "watch", "create", "patch", "delete", "deletecollection"]), min_size=1, unique=True
        ),
    }
)
OWN = st.fixed_dictionaries({"name": st.just("own"), "permissions": st.lists(PERMISSIONS, min_size=1, max_size=2)})
ACCESS = st.fixed_dictionaries(
    {
        "group": st.sampled_from(["lab:research", "lab:serving"]),
        "role": st.sampled_from([*BUILT_IN, "own"]),
        "segments": st.lists(st.sampled_from(["one", "two"]), min_size=1, unique=True),
        "because": st.just("somebody wants it"),
    }
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ACCESS, max_size=2, unique_by=lambda access: (access["group"], access["role"])), OWN)
@example(
    [{"group": "lab:research", "role": "operator", "segments": ["one"], "because": "it is handy"}],
    {"name": "own", "permissions": [{"resources": ["pods"], "verbs": ["get"]}]},
)
def test_no_standing_write_in_production(access: list[Data], own: Data) -> None:
    """Whatever roles people are given: what the plan would bind to a group for ever only reads, or the spec is refused."""
    used = any(each["role"] == "own" for each in access)
    factory = read(BASE | {"access": access, "roles": [own] if used else []})
    refused = any(
        finding.severity is Severity.ERROR and finding.path.startswith(("access[", "roles["))
        for finding in check(factory, date(2026, 11, 24))
    )
    rights = find_rights(of_plan(plan_factory(factory), "f"))
    writing = [right for right in rights if right.subject.startswith("group ") and not right.reads_only]
    assert refused or not writing, writing
