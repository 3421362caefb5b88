"""Queues: whose job gets a pool's GPUs first."""

from __future__ import annotations

from typing import Any

import pytest
from specs import Data, read

from factory.plan import Body, plan_factory
from factory.spec import Factory

SHARE = {"pool": "fast", "gpu": 8, "cpu": "96", "memory": "1Ti"}


def factory(*shares: Data, **queue: Any) -> Factory:
    segments = [{"name": name, "stage": "Training", "owner": "research", "quota": {"gpu": 8}} for name in ("a", "b", "c")]
    pools = [
        {"name": "fast", "provisioner": "Static", "segments": ["a", "b"], "nodes": {"names": ["n-1"]}},
        {
            "name": "slices",
            "provisioner": "Static",
            "segments": ["a", "b"],
            "nodes": {"selector": {"rack": "7"}},
            "gpu": {"mig": "1g.10gb"},
        },
        {"name": "idle", "provisioner": "Static", "segments": ["a"], "nodes": {"names": ["n-2"]}},
    ]
    return read(
        {
            "name": "lab",
            "posture": "Development",
            "trustDomain": "lab.example",
            "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "lab"},
            "images": {"registries": ["registry.example/apps/"]},
            "segments": segments,
            "pools": pools,
            "queues": [{"name": "batch", "segments": ["b", "a"], "shares": list(shares)} | queue],
        }
    )


def objects(spec: Factory, kind: str) -> list[Body]:
    return [manifest.body for manifest in plan_factory(spec).manifests if manifest.body["kind"] == kind]


def quotas(spec: Factory) -> dict[tuple[str, str], tuple[str, str | None]]:
    """Nominal quota and borrowing limit, by flavor and resource."""
    (queue,) = objects(spec, "ClusterQueue")
    (group,) = queue["spec"]["resourceGroups"]
    return {
        (flavor["name"], resource["name"]): (resource["nominalQuota"], resource.get("borrowingLimit"))
        for flavor in group["flavors"]
        for resource in flavor["resources"]
    }


def test_only_its_segments_may_use_a_queue() -> None:
    """The namespaces are chosen by the one label that a namespace cannot give itself."""
    (queue,) = objects(factory(SHARE), "ClusterQueue")
    wanted = [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["lab-a", "lab-b"]}]
    assert queue["spec"]["namespaceSelector"] == {"matchExpressions": wanted}
    locals_ = {body["metadata"]["namespace"]: body for body in objects(factory(SHARE), "LocalQueue")}
    assert set(locals_) == {"lab-a", "lab-b"}
    assert {body["metadata"]["name"] for body in locals_.values()} == {"batch"}
    assert {body["spec"]["clusterQueue"] for body in locals_.values()} == {queue["metadata"]["name"]}


def test_a_flavor_is_a_pool_that_only_its_own_pods_tolerate() -> None:
    """Kueue adds no toleration: else any job in the queue would be let onto the pool's nodes."""
    flavors = {body["metadata"]["name"]: body["spec"] for body in objects(factory(SHARE, SHARE | {"pool": "slices"}), "ResourceFlavor")}
    assert set(flavors) == {"lab-fast", "lab-slices"}
    assert flavors["lab-slices"]["nodeLabels"] == {"rack": "7"}
    for name, flavor in flavors.items():
        assert [taint["value"] for taint in flavor["nodeTaints"]] == [name.removeprefix("lab-")]
        assert "tolerations" not in flavor


def test_each_flavor_lists_all_resources_and_offers_none_of_anothers_gpus() -> None:
    """Kueue refuses a group whose flavors list different resources."""
    found = quotas(factory(SHARE, SHARE | {"pool": "slices", "gpu": 56}))
    assert found["lab-fast", "nvidia.com/gpu"] == ("8", None)
    assert found["lab-fast", "nvidia.com/mig-1g.10gb"] == ("0", None)
    assert found["lab-slices", "nvidia.com/gpu"] == ("0", None)
    assert found["lab-slices", "nvidia.com/mig-1g.10gb"] == ("56", None)
    assert found["lab-slices", "cpu"] == ("96", None)
    assert len(found) == 8


def test_nothing_is_borrowed_unless_the_share_says_so() -> None:
    """In a cohort Kueue lends without limit where none is set."""
    found = quotas(factory(SHARE, cohort="all"))
    assert {limit for _, limit in found.values()} == {"0"}


def test_a_share_borrows_gpus_and_what_goes_with_them() -> None:
    """GPUs are lent up to a number; without CPU and memory to go with them no job could use them."""
    found = quotas(factory(SHARE | {"borrows": 4}, SHARE | {"pool": "slices"}, cohort="all"))
    assert found["lab-fast", "nvidia.com/gpu"] == ("8", "4")
    assert found["lab-fast", "nvidia.com/mig-1g.10gb"] == ("0", "0")
    assert found["lab-fast", "cpu"] == ("96", None)
    assert found["lab-slices", "nvidia.com/mig-1g.10gb"] == ("8", "0")
    assert found["lab-slices", "cpu"] == ("96", "0")


@pytest.mark.parametrize(("cohort", "reclaim"), [("all", "Any"), (None, "Never")])
def test_what_was_lent_is_taken_back(cohort: str | None, reclaim: str) -> None:
    """A queue gets its nominal quota whenever it needs it, and never evicts others to borrow."""
    (queue,) = objects(factory(SHARE, **({"cohort": cohort} if cohort else {})), "ClusterQueue")
    preemption = queue["spec"]["preemption"]
    assert preemption["reclaimWithinCohort"] == reclaim
    assert preemption["borrowWithinCohort"] == {"policy": "Never"}
    assert ("cohortName" in queue["spec"]) == bool(cohort)


def test_a_changed_queue_changes_its_row() -> None:
    """Whatever a person changes in a queue shows in its preview row, and in no other."""
    before = plan_factory(factory(SHARE, cohort="all")).intents
    for spec in (
        factory(SHARE | {"gpu": 9}, cohort="all"),
        factory(SHARE | {"borrows": 1}, cohort="all"),
        factory(SHARE, cohort="few"),
        factory(SHARE, cohort="all", segments=["a"]),
    ):
        after = plan_factory(spec).intents
        assert {component for component in before if before[component] != after[component]} == {("Queue", "batch")}
