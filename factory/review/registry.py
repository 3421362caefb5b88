"""The registry's doors, as the objects say it: who comes to them, and what each lets them do there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from factory.plan import Because, names
from factory.plan.registry import READ, WRITE

from .objects import Name, Object, Objects, find_because

CONFIG = "config.yml"
"""The key of a door's ConfigMap that holds its configuration."""

VERBS = {WRITE: "push to", READ: "pull from"}


class Caller(NamedTuple):
    """Somebody whom a door's network policies let in."""

    who: str
    """`training/trainer`, `10.0.0.0/16`, or `pods app=kyverno in kyverno`."""
    door: str
    """`registry-write` or `registry-read`."""
    said: str
    by: Name
    because: Because | None


class Guard(NamedTuple):
    """What a door's configuration says."""

    door: str
    key: str
    said: str
    opens: bool
    by: Name
    because: Because | None


class Setting(NamedTuple):
    """One line of a door's configuration that matters."""

    path: tuple[str, ...]
    safe: Any
    said: str


_SETTINGS: Mapping[str, tuple[Setting, ...]] = {
    WRITE: (
        Setting(("http", "tls", "clientauth"), "require-and-verify-client-cert", "lets in nobody without a client certificate"),
        Setting(("http", "tls", "minimumtls"), "tls1.3", "speaks no TLS older than 1.3"),
        Setting(("storage", "delete", "enabled"), False, "lets nobody delete"),
        Setting(("validation", "disabled"), False, "checks manifests: that their blobs are there, and lie nowhere else"),
    ),
    READ: (
        Setting(("storage", "maintenance", "readonly", "enabled"), True, "refuses every write"),
        Setting(("http", "tls", "minimumtls"), "tls1.3", "speaks no TLS older than 1.3"),
        Setting(("storage", "delete", "enabled"), False, "lets nobody delete"),
    ),
}

FROZEN = ("storage", "maintenance", "readonly", "enabled")

UNDERSTOOD = frozenset(("data", CONFIG, *path) for path in (*(each.path for each in (*_SETTINGS[WRITE], *_SETTINGS[READ])), FROZEN))
"""Fields of a door's ConfigMap, its configuration opened, whose whole meaning is in what `find_guards` yields."""


def is_door(body: Object) -> bool:
    """Whether an object is the configuration of a door."""
    return body["kind"] == "ConfigMap" and body["metadata"]["name"] in VERBS and CONFIG in (body.get("data") or {})


def open_config(body: Object) -> Object:
    """A door's ConfigMap with its configuration as data. Any other object as it is, and one whose configuration is no YAML."""
    if not is_door(body) or not (config := _config(str(body["data"][CONFIG]))):
        return body
    return {**body, "data": {**body["data"], CONFIG: config}}


def find_callers(objects: Objects) -> Iterator[Caller]:
    """Whom the policies of each door let in, one policy at a time: whether they also let themselves out is told by who reaches whom."""
    for namespace, door in _doors(objects):
        for body in objects.bodies:
            if body["kind"] != "NetworkPolicy" or body["metadata"].get("namespace") != namespace:
                continue
            spec = body.get("spec") or {}
            if ((spec.get("podSelector") or {}).get("matchLabels") or {}).get(names.WORKLOAD) != door:
                continue
            for rule in spec.get("ingress") or ():
                for who in [_say(objects, namespace, peer) for peer in rule.get("from") or ()] or ["everybody"]:
                    said = f"{who} may {VERBS[door]} the registry {_called(objects, namespace)}"
                    yield Caller(who, door, said, Name.of(body), find_because(body))


def find_guards(objects: Objects) -> Iterator[Guard]:
    """What each door's configuration does for trust: what it stops, and whether pushes are taken at all."""
    for namespace, door in _doors(objects):
        body = objects.by_name[Name("", "ConfigMap", namespace, door)]
        config, name, because = _config(str(body["data"][CONFIG])), Name.of(body), find_because(body)
        title = f"the {'write' if door == WRITE else 'read'} door of the registry {_called(objects, namespace)}"
        for setting in _SETTINGS[door]:
            if _at(config, setting.path) == setting.safe and (
                setting.path[-1] != "clientauth" or _at(config, ("http", "tls", "clientcas"))
            ):
                yield Guard(door, ".".join(setting.path), f"{title} {setting.said}", False, name, because)
        if door == WRITE and _at(config, FROZEN) is not True:
            yield Guard(door, "frozen", f"{title} takes pushes", True, name, because)


def _doors(objects: Objects) -> Iterator[tuple[str, str]]:
    for body in objects.bodies:
        if is_door(body):
            yield str(body["metadata"].get("namespace") or ""), str(body["metadata"]["name"])


def _called(objects: Objects, namespace: str) -> str:
    registry = objects.stack.factory.registry if objects.stack else None
    return registry.host if registry else f"in {objects.segments.get(namespace, namespace)}"


def _say(objects: Objects, home: str, peer: Mapping[str, Any]) -> str:
    if block := peer.get("ipBlock"):
        return str(block.get("cidr"))
    namespace = ((peer.get("namespaceSelector") or {}).get("matchLabels") or {}).get(names.NAMESPACE_NAME)
    place = home if "namespaceSelector" not in peer else namespace
    labels = (peer.get("podSelector") or {}).get("matchLabels") or {}
    if place is not None and set(labels) == {names.WORKLOAD} and place in objects.segments:
        return f"{objects.segments[place]}/{labels[names.WORKLOAD]}"
    shown = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return f"{f'pods {shown}' if shown else 'every pod'} in {place or 'any namespace that is selected'}"


@lru_cache(maxsize=64)
def _config(text: str) -> Any:
    import yaml  # most stacks have no registry, and need not wait for it

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return {}


def _at(config: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        config = config.get(step) if isinstance(config, dict) else None
    return config
