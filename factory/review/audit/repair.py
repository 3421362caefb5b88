"""Puts right what an audit found: planned objects by server-side apply, what that leaves behind by a patch, unplanned ones by deletion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from factory.plan import Body, Manifest, Plan, names

from .audit import Kind, find_planned_differences, show_path
from .compare import ABSENT, Difference
from .default import Defaults
from .drift import Change, Drift
from .live import Cluster, ClusterError, ConflictError
from .unplanned import subject_name
from .verification import MENDED

HOLDS_DATA = frozenset({"Namespace", "PersistentVolumeClaim"})
"""Kinds that are never deleted, since what is in them cannot be planned again."""

MADE_ANEW = frozenset({"ClusterRoleBinding", "LocalQueue", "PriorityClass", "ResourceClaimTemplate", "RoleBinding"})
"""Kinds with fields that never change once they are set (`roleRef`, `clusterQueue`, `value`, `spec`): deleted, and made again."""

BOOTSTRAP = " (bootstrap: a cluster administrator's to apply)"

DEPLOYERS = ("pulumi-kubernetes", names.FIELD_MANAGER)
"""How the deployer's field managers are called: Pulumi's provider takes one of its own for each resource."""


class Verb(StrEnum):
    """What is done to an object."""

    CREATE = "create"
    APPLY = "apply"
    UNLABEL = "unlabel"
    UNBIND = "unbind"
    DELETE = "delete"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Step:
    """One object that is put right, or why it is left as it is."""

    verb: Verb
    reference: str
    why: str
    manifest: Manifest | None = None
    object: Body | None = None
    strangers: tuple[str, ...] = ()
    """Subjects that are taken out of a binding of Kubernetes' own."""


def find_steps(plan: Plan, drift: Iterable[Drift], *, prune: bool) -> list[Step]:
    """What would put the drift right, an object a step: first deletions, so that no unplanned webhook meddles with the rest, then the
    plan's objects in its order. Without `prune` unplanned objects are left."""
    found: dict[str, list[Drift]] = {}
    for one in drift:
        found.setdefault(one.reference, []).append(one)
    order = {manifest.reference: position for position, manifest in enumerate((*plan.bootstrap, *plan.manifests))}
    bootstrap = {manifest.reference for manifest in plan.bootstrap}
    steps = [_step(group, prune, BOOTSTRAP if reference in bootstrap else "") for reference, group in found.items()]
    return sorted(steps, key=lambda step: order.get(step.reference, -1))


def _step(drift: list[Drift], prune: bool, note: str) -> Step:
    first = drift[0]
    if first.change is Change.UNPLANNED:
        if not prune:
            return Step(Verb.LEAVE, first.reference, "is not planned: --prune would delete it", object=first.object)
        kind = (first.object or {}).get("kind")
        if kind == "Node":
            return Step(Verb.UNLABEL, first.reference, "takes the pool's label from it", object=first.object)
        if kind in HOLDS_DATA:
            labels = "takes the factory's labels from it; what is in it stays"
            return Step(Verb.UNLABEL, first.reference, labels, object=first.object)
        if _is_kubernetes_own(first.object or {}):
            if any(who.startswith("system:") for who in first.live):
                return Step(
                    Verb.LEAVE, first.reference, "is Kubernetes' own, and its role is not as it was: mend it by hand", object=first.object
                )
            return Step(
                Verb.UNBIND, first.reference, f"takes {', '.join(first.live)} out of it", object=first.object, strangers=tuple(first.live)
            )
        return Step(Verb.DELETE, first.reference, first.meaning, object=first.object)
    if first.change is Change.MISSING and first.manifest is None:
        return Step(Verb.LEAVE, first.reference, MENDED)
    if first.change is Change.MISSING:
        if first.manifest is not None and first.manifest.patch:
            return Step(
                Verb.LEAVE, first.reference, "a node joins by itself: start it, or take it out of the spec", manifest=first.manifest
            )
        return Step(Verb.CREATE, first.reference, f"is missing{note}", manifest=first.manifest)
    fields = ", ".join(one.field for one in drift[:4]) + (f" and {len(drift) - 4} more" if len(drift) > 4 else "")
    return Step(Verb.APPLY, first.reference, fields + note, manifest=first.manifest, object=first.object)


def _is_kubernetes_own(live: Body) -> bool:
    """Whether it is a binding that the API server makes at its start, and needs (Kubernetes, *Using RBAC Authorization*, default roles)."""
    name = live.get("metadata", {}).get("name", "")
    return live.get("kind") == "ClusterRoleBinding" and (name == "cluster-admin" or name.startswith("system:"))


def repair(
    cluster: Cluster, steps: Iterable[Step], schemas: Mapping[Kind, Defaults], *, dry_run: bool
) -> Iterator[tuple[Step, str | None]]:
    """Does each step and yields it with what went wrong, or None. With `dry_run` the API server only checks (`dryRun=All`)."""
    for step in steps:
        try:
            _repair(cluster, step, schemas, dry_run)
        except ClusterError as error:
            yield step, str(error)
        else:
            yield step, None


def _repair(cluster: Cluster, step: Step, schemas: Mapping[Kind, Defaults], dry_run: bool) -> None:
    if step.verb is Verb.DELETE and step.object is not None:
        cluster.delete(step.object, dry_run=dry_run)
    elif step.verb is Verb.UNLABEL and step.object is not None:
        labels = (label for label in step.object["metadata"].get("labels", {}) if label.startswith(names.DOMAIN))
        operations = [{"op": "remove", "path": _pointer(("metadata", "labels", label))} for label in labels]
        cluster.patch(step.object, operations, names.FIELD_MANAGER, dry_run=dry_run)
    elif step.verb is Verb.UNBIND and step.object is not None:
        kept = [subject for subject in step.object.get("subjects") or () if subject_name(subject) not in step.strangers]
        cluster.patch(step.object, [{"op": "add", "path": "/subjects", "value": kept}], names.FIELD_MANAGER, dry_run=dry_run)
    elif step.verb in (Verb.CREATE, Verb.APPLY) and step.manifest is not None:
        _apply(cluster, step.manifest, step.object, schemas, dry_run)


def _apply(cluster: Cluster, manifest: Manifest, live: Body | None, schemas: Mapping[Kind, Defaults], dry_run: bool) -> None:
    body, manager = manifest.body, _manager(live)
    try:
        now = cluster.apply(body, manager, dry_run=dry_run)
    except ConflictError:
        if live is None:
            raise
        now = _clear(cluster, manifest, live, schemas, dry_run)
    # Server-side apply takes nothing away that another manager owns: an added key, an item of a list that is merged.
    if left := list(find_planned_differences(manifest, now, schemas)):
        if dry_run:
            return  # what is left is taken out of an object that this run did not write
        now = cluster.patch(now, _operations(body, left), manager)
        if left := list(find_planned_differences(manifest, now, schemas)):
            fields = ", ".join(show_path(difference.path) for difference in left)
            raise ClusterError(
                f"{manifest.reference} still differs in {fields}: something in the cluster puts it back, or keeps it from changing"
            )


def _clear(cluster: Cluster, manifest: Manifest, live: Body, schemas: Mapping[Kind, Defaults], dry_run: bool) -> Body:
    """Applies an object that the API server refuses as long as something added is in the way, or whose fields never change."""
    manager = _manager(live)
    added = [difference.path for difference in find_planned_differences(manifest, live, schemas) if difference.planned is ABSENT]
    if added and not manifest.patch:
        # From the back, so that positions in front stay what they are.
        operations = [{"op": "remove", "path": _pointer(path)} for path in reversed(added)]
        live = cluster.patch(live, operations, manager, dry_run=dry_run)
        if dry_run:
            return live
    try:
        return cluster.apply(manifest.body, manager, dry_run=dry_run)
    except ConflictError:
        if manifest.body["kind"] not in MADE_ANEW:
            raise
    cluster.delete(live, dry_run=dry_run)
    return live if dry_run else cluster.apply(manifest.body, manager)


def _operations(body: Body, differences: Iterable[Difference]) -> list[dict[str, Any]]:
    """JSON patch operations that make fields as planned. Lists are replaced whole."""
    operations: dict[tuple[str, ...], dict[str, Any]] = {}
    for difference in differences:
        keys: tuple[str, ...] = ()
        for step in difference.path:
            if isinstance(step, int):
                break
            keys = (*keys, step)
        planned: Any = body
        for key in keys:
            planned = planned.get(key, ABSENT) if isinstance(planned, Mapping) else ABSENT
        pointer = _pointer(keys)
        operations[keys] = {"op": "remove", "path": pointer} if planned is ABSENT else {"op": "add", "path": pointer, "value": planned}
    return list(operations.values())


def _pointer(path: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def _manager(live: Body | None) -> str:
    """The field manager under which the deployer has applied the object, so that Pulumi finds its fields its own."""
    entries = live["metadata"].get("managedFields", ()) if live else ()
    applied = (entry["manager"] for entry in entries if entry.get("operation") == "Apply" and entry["manager"].startswith(DEPLOYERS))
    return next(applied, names.FIELD_MANAGER)
