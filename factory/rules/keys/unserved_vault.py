"""OpenBao that nothing runs."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.plan.vault import PORT, RAFT, WORKLOAD
from factory.rules.rule import Problem, rule
from factory.spec import Factory, OpenBao, Stage


@rule(
    "ZT720",
    "OpenBao runs as a workload of a Platform segment",
    why="It holds every key: it shares no segment with what it serves, and nothing reaches it but by a flow.",
    fix="Declare the workload `openbao`, listening on `https` and, with several members, on `raft`, in a segment of stage Platform.",
    references=(controls.TENET_1, controls.TENET_3, controls.NETWORK, controls.CIS_NAMESPACES),
    waivable=False,
)
def find_unserved_vaults(factory: Factory) -> Iterator[Problem]:
    vault = factory.keys.vault if factory.keys else None
    if not isinstance(vault, OpenBao):
        return
    stage, workload = factory.segment[vault.segment].stage, factory.workload.get(f"{vault.segment}/{WORKLOAD}")
    listeners = [listener.name for listener in workload.listens] if workload else []
    wanted = (PORT, RAFT) if vault.replicas > 1 else (PORT,)
    missing = [name for name in wanted if name not in listeners]
    if stage is not Stage.PLATFORM:
        yield Problem("keys.vault.segment", f"is of stage {stage}", vault.segment, "a segment of stage Platform")
    elif workload is None:
        yield Problem("keys.vault.segment", f"has no workload {WORKLOAD}", vault.segment)
    elif missing:
        yield Problem("keys.vault.segment", f"has a workload {WORKLOAD} that does not listen on {listed(missing)}", vault.segment)
    elif workload.images and vault.image not in workload.images:
        yield Problem("keys.vault.image", f"is none that {workload.reference} may run", vault.image, listed(workload.images))
