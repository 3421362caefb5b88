"""To make a namespace a segment, or a segment none, by its labels: policies are bound to them."""

from __future__ import annotations

from factory.plan import Body, names
from factory.review.drill.attack import RBAC, Attack, Tactic, Trial, create, delete, patch, thing
from factory.review.drill.ground import ELSEWHERE, NAME, TOUCH, Ground

SECURITY = "pod-security.kubernetes.io/enforce"


def _relabel(ground: Ground, labels: dict[str, str | None], subresource: str = "") -> Trial:
    segment = ground.planned("Namespace", name=ground.home)
    return Trial(
        patch(ground.administrator, segment, _labels(labels), subresource), patch(ground.administrator, segment, TOUCH, subresource)
    )


def _labels(labels: dict[str, str | None]) -> Body:
    return {"metadata": {"labels": labels}}


def _false(ground: Ground) -> Trial:
    false = thing("v1/Namespace", NAME, metadata={"labels": {names.FACTORY: ground.factory.name}})
    return Trial(create(ground.administrator, false), create(ground.administrator, thing("v1/Namespace", NAME)))


def _joined(ground: Ground) -> Trial:
    taken = thing("v1/Namespace", ELSEWHERE)
    change = _labels({names.FACTORY: ground.factory.name, names.SEGMENT: ground.plain.segment})
    return Trial(patch(ground.administrator, taken, change), patch(ground.administrator, taken, TOUCH))


def _by_operator(ground: Ground) -> Trial:
    segment = ground.planned("Namespace", name=ground.home)
    return Trial(patch(ground.operator, segment, _labels({SECURITY: "privileged"})), patch(ground.administrator, segment, TOUCH))


def _deleted(ground: Ground) -> Trial:
    segment = ground.planned("Namespace", name=ground.home)
    return Trial(delete(ground.administrator, segment), delete(ground.deployer, segment))


TACTIC = Tactic(
    "label tricks on namespaces",
    ("T1562",),
    (
        Attack("a segment loses the factory's label", "ZG08", lambda g: _relabel(g, {names.FACTORY: None})),
        Attack("a segment goes over to another factory", "ZG08", lambda g: _relabel(g, {names.FACTORY: "another"})),
        Attack("a segment's Pod Security is loosened", "ZG08", lambda g: _relabel(g, {SECURITY: "privileged"})),
        Attack("a segment's Pod Security is pinned to an old version", "ZG08", lambda g: _relabel(g, {f"{SECURITY}-version": "v1.0"})),
        Attack(
            "a segment's Pod Security is loosened by a status update", "ZG08", lambda g: _relabel(g, {SECURITY: "privileged"}, "status")
        ),
        Attack("a segment poses as another", "ZG08", lambda g: _relabel(g, {names.SEGMENT: "another"})),
        Attack("a false segment is made", "ZG08", _false),
        Attack("another namespace joins the factory", "ZG08", _joined),
        Attack("a segment is deleted with all it holds", "ZG08", _deleted, ("T1485",)),
        Attack("an operator loosens their segment's Pod Security", RBAC, _by_operator),
    ),
)
