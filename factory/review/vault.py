"""Keys: who may do what with which, and what the vault itself is told, as its ConfigMaps say.

Of a vault that somebody else runs there is no object: the spec alone says what is applied to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from factory.plan import Because, names
from factory.plan.vault import ADMINISTRATOR, CONFIGURATION, POLICY, find_openbao, policy_files
from factory.spec import Factory

from .objects import Name, Object, Objects, find_because

_BLOCK = re.compile(r'path "(?P<path>[^"]+)" \{\n(?P<rest>.*?)\n\}\n', re.DOTALL)
_VERBS = {
    "encrypt": "encrypt",
    "datakey/plaintext": "make data keys for",
    "decrypt": "decrypt",
    "sign": "sign as",
    "keys": "read the public key of",
}
"""What one may do on a path of the transit engine; on any other path of its own, the path is said as it is."""
_FILES = {
    "server.json": "a listener, a seal and an audit log",
    "first.json": "a first member that founds it, and initialises it where there is no data",
    "member.json": "members that join it",
}
_UPDATE, _READ = '  capabilities = ["update"]', '  capabilities = ["read"]'


class KeyRight(NamedTuple):
    """Somebody may do something in the vault."""

    who: str
    """`training/trainer`, or `administrators of keys`."""
    verb: str
    """`decrypt`; for what is about no key of the spec, the capabilities."""
    what: str
    """`dataset claims (Restricted)`, `model fraud`, `signer release`, or the path."""
    sensitive: bool
    """Whether it opens sensitive data, makes a signature, or is about no key of the spec."""
    by: Name | None
    because: Because | None


class Setting(NamedTuple):
    """One thing that the vault is told."""

    key: tuple[str, ...]
    """The file, and what in it: a detail, not worth telling when the whole file comes or goes."""
    said: str
    by: Name
    because: Because | None


def find_key_rights(objects: Objects) -> Iterator[KeyRight]:
    """Every right of every policy."""
    factory = objects.stack.factory if objects.stack else None
    found = False
    for body in objects.bodies:
        if _is(body, POLICY):
            found = True
            for file, text in sorted((body.get("data") or {}).items()):
                yield from _rights(factory, file, str(text), Name.of(body), find_because(body))
    if factory and factory.keys and not found and not find_openbao(factory):
        for file, text in policy_files(factory, factory.keys).items():
            yield from _rights(factory, file, text, None, Because("keys.vault", "applied to a vault that somebody else runs"))


def _rights(factory: Factory | None, file: str, text: str, by: Name | None, because: Because | None) -> Iterator[KeyRight]:
    _, *holder = file.removesuffix(".hcl").split(".")
    who = "/".join(holder) if holder != [ADMINISTRATOR] else "administrators of keys"
    for block in _BLOCK.finditer(text):
        path, rest = block["path"], block["rest"]
        engine, _, tail = path.partition("/transit/")
        verb, _, key = tail.removesuffix("/*").rpartition("/")
        if engine and verb in _VERBS and rest == (_READ if verb == "keys" else _UPDATE) and "*" not in key and "+" not in key:
            what, sensitive = _asset(factory, key)
            yield KeyRight(who, _VERBS[verb], what, (sensitive and verb == "decrypt") or verb == "sign", by, because)
        else:
            yield KeyRight(who, " ".join(rest.split()), path, holder != [ADMINISTRATOR], by, because)
    if rest := _BLOCK.sub("", text).strip():
        yield KeyRight(who, "do what is not understood:", rest, True, by, because)


def _asset(factory: Factory | None, key: str) -> tuple[str, bool]:
    """In the spec's words where there is one. Data of a class that is not known counts as sensitive."""
    kind, _, name = key.partition("-")
    if kind != "dataset":
        return f"{kind} {name}", False
    dataset = factory.dataset.get(name) if factory else None
    return (f"dataset {name} ({dataset.classification.value})", dataset.classification.sensitive) if dataset else (f"dataset {name}", True)


def find_settings(objects: Objects) -> Iterator[Setting]:
    """Everything that the vault's configuration says, one thing a stanza or request."""
    for body in objects.bodies:
        if _is(body, CONFIGURATION) and _is_read(body):
            name, because = Name.of(body), find_because(body)
            for file, text in sorted((body.get("data") or {}).items()):
                yield Setting((file,), f"the vault has {_FILES.get(file, file)}", name, because)
                for about, value in _stanzas(json.loads(text)):
                    said = f"the vault's {file.removesuffix('.json')} configuration has {about} {json.dumps(value, sort_keys=True)}"
                    yield Setting((file, about), said, name, because)


def _stanzas(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for about, value in content.items():
        if about != "initialize":
            yield about, value
            continue
        for stanza in value:
            for request in stanza["factory"]["request"]:
                for said in request.values():
                    yield said["path"], said["data"]


def understood(body: Object) -> tuple[tuple[str, ...], ...]:
    """The fields of the vault's ConfigMaps, all of which is in rights or settings; none of any other object."""
    return (("data",),) if _is(body, POLICY) or (_is(body, CONFIGURATION) and _is_read(body)) else ()


def _is_read(body: Object) -> bool:
    try:
        for text in (body.get("data") or {}).values():
            list(_stanzas(json.loads(text)))
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
    return True


def _is(body: Object, name: str) -> bool:
    return body["kind"] == "ConfigMap" and body["metadata"]["name"] == name and names.FACTORY in (body["metadata"].get("labels") or {})
