"""The audit: a plan and what is live, compared. Pure: whoever calls it has listed the objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from factory.errors import Severity
from factory.plan import Body, Manifest, Plan
from factory.plan.auditor import CLUSTER_KINDS, DEFINITIONS, SEGMENT_KINDS, audited_kinds, group_of
from factory.spec import Factory

from .author import find_author
from .compare import ABSENT, Difference, Path, find_differences, find_patch_differences
from .default import Defaults, find_defaults, read_schemas
from .drift import Change, Drift
from .grant import is_grant, is_over
from .meaning import explain_difference
from .unplanned import find_unplanned

Kind = tuple[str, str]
"""apiVersion and kind."""

NODE_CONTROLLERS = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")
"""Taints that come and go with a node's health (Kubernetes: *Taints and Tolerations*, taint based evictions)."""


def find_kinds(plan: Plan, preferred: Callable[[str, str], Kind | None]) -> dict[Kind, str | None]:
    """Every kind that an audit lists, once: the plan's in the plan's version, others in the version that the cluster prefers.

    With the one name that is listed, for a kind of which only that name is the factory's business (`guardrails`); else None, for all.
    """
    kinds = audited_kinds(_manifests(plan))
    known = {(group_of(version), kind) for version, kind in kinds}
    others = (preferred(group, kind) for group, kind in (*SEGMENT_KINDS, *CLUSTER_KINDS) if (group, kind) not in known)
    return kinds | dict.fromkeys((kind for kind in others if kind is not None), None)


def find_drift(factory: Factory, plan: Plan, live: Mapping[Kind, Sequence[Body]], now: datetime) -> list[Drift]:
    """Everything in `live` that is not as planned, worst first, then by object. Objects of a kind that `live` lacks are missing.

    `now`, with its time zone, decides which grants are over: those should be gone, planned or not.
    """
    schemas = read_schemas(list(live.get(DEFINITIONS, ())))
    objects = {kind: {_place(body): body for body in found} for kind, found in live.items()}
    drift: list[Drift] = []
    for manifest in _manifests(plan):
        body = manifest.body
        found = objects.get((body["apiVersion"], body["kind"]), {}).get(_place(body))
        if is_grant(body) and is_over(body, now):
            if found is not None:
                words = "a grant that is over, and still there"
                drift.append(Drift(Change.UNPLANNED, manifest.reference, words, Severity.ERROR, author=find_author(found), object=found))
            continue
        drift.extend(find_object_drift(manifest, found, schemas))
    drift.extend(find_unplanned(factory, plan, {kind: found for kind, found in live.items() if kind != DEFINITIONS}, now))
    return sorted(drift, key=lambda found: (found.severity is not Severity.ERROR, found.reference, found.field))


def find_object_drift(manifest: Manifest, live: Body | None, schemas: Mapping[Kind, Defaults]) -> Iterator[Drift]:
    """Everything in which one live object is not as planned."""
    body = manifest.body
    if live is None:
        words = "the node has not joined the cluster" if manifest.patch else "what it does is not done"
        severity = Severity.WARNING if manifest.patch else Severity.ERROR
        yield Drift(Change.MISSING, manifest.reference, words, severity, path=manifest.because.path, manifest=manifest)
        return
    for difference in find_planned_differences(manifest, live, schemas):
        words, severity = explain_difference(body["kind"], difference)
        yield Drift(
            _change(difference),
            manifest.reference,
            words,
            severity,
            field=show_path(difference.path),
            planned=None if difference.planned is ABSENT else difference.planned,
            live=None if difference.live is ABSENT else difference.live,
            path=manifest.because.path,
            author=find_author(live, difference),
            manifest=manifest,
            object=live,
        )


def find_planned_differences(manifest: Manifest, live: Body, schemas: Mapping[Kind, Defaults]) -> Iterable[Difference]:
    """How one live object differs from its manifest: of a patch only the fields that it sets."""
    if manifest.patch:
        return find_patch_differences(manifest.body, live, NODE_CONTROLLERS)
    return find_differences(manifest.body, live, find_defaults(manifest.body, schemas))


def show_path(path: Path) -> str:
    """How people write a field: `spec.ingress[0].from`, `metadata.labels[ai-factory.dev/segment]`."""
    text = ""
    for step in path:
        plain = isinstance(step, str) and "." not in step and "/" not in step
        text += f".{step}" if plain and text else str(step) if plain else f"[{step}]"
    return text


def _change(difference: Difference) -> Change:
    if difference.planned is ABSENT:
        return Change.ADDED
    return Change.REMOVED if difference.live is ABSENT else Change.CHANGED


def _manifests(plan: Plan) -> tuple[Manifest, ...]:
    return (*plan.bootstrap, *plan.manifests)


def _place(body: Body) -> tuple[str | None, str]:
    metadata = body["metadata"]
    return metadata.get("namespace"), metadata["name"]
