"""The trust model: everything that somebody may do, and everything that stops somebody, as single facts read from the objects.

A fact that *opens* widens trust when it is gained and narrows it when it is lost; a fact that closes is the other way round. Who reaches
whom is not a list of facts: `factory.review.reachability` compares it as sets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from factory.plan import Because, names
from factory.plan.guardrail import ATTESTATIONS, GRANTS, demand, image_demand
from factory.plan.public_key import fingerprint
from factory.plan.registry import WRITE
from factory.spec import Posture

from .capacity import READERS as CAPACITY
from .capacity import UNDERSTOOD as CAPACITY_SETTINGS
from .fact import Fact, Topic, Weight, quantity
from .grant import find_grants
from .just_in_time import ELIGIBLE, find_eligibility, find_held_roles, is_grant
from .objects import Name, Object, Objects, find_because
from .registry import UNDERSTOOD as DOOR_SETTINGS
from .registry import find_callers, find_guards, is_door, open_config
from .right import EVERYWHERE, SESSIONS, Right, find_rights
from .root import find_roots, understood
from .vault import find_key_rights, find_settings
from .vault import understood as vault_settings

Path = tuple[str, ...]


def find_facts(objects: Objects, *, with_spec: bool = True) -> dict[tuple[str, ...], Fact]:
    """Every fact by its key. Without `with_spec` only those of objects, as for a rendered folder."""
    found: dict[tuple[str, ...], Fact] = {}
    for fact in _facts(objects, with_spec):
        found[fact.topic.name, *fact.key] = fact
    return found


def _facts(objects: Objects, with_spec: bool) -> Iterator[Fact]:
    for grant in find_grants(objects):
        weight = Weight.CRITICAL if grant.sensitive else Weight.MEDIUM if grant.verb in ("serves", "produces", "runs") else Weight.LOW
        topic = Topic.DATA if grant.verb in ("reads", "writes", "serves", "produces", "runs") else Topic.CAPACITY
        said = f"{grant.workload} {grant.verb} {grant.what}"
        yield Fact(topic, (grant.workload, grant.verb, grant.what), said, True, weight, (grant.by,) if grant.by else (), grant.because)
    for right in find_rights(objects):
        said = f"{right.subject} may {right.verb} {right.resource} in {right.place}"
        binding = objects.by_name.get(right.by[0])
        because = find_because(binding) if binding else None
        yield Fact(
            Topic.PEOPLE, (right.subject, right.verb, right.resource, right.place), said, True, weigh_right(right), right.by, because
        )
    yield from _just_in_time(objects)
    yield from _registry(objects)
    yield from _roots(objects)
    yield from _vault(objects)
    for body in objects.bodies:
        if reader := READERS.get(str(body["kind"])):
            yield from reader(objects, body)
    if with_spec and objects.stack:
        yield from _of_spec(objects)


def _vault(objects: Objects) -> Iterator[Fact]:
    for right in find_key_rights(objects):
        said, by = f"{right.who} may {right.verb} {right.what}", (right.by,) if right.by else ()
        weight = Weight.CRITICAL if right.sensitive else Weight.MEDIUM
        yield Fact(Topic.DATA, ("key", right.who, right.verb, right.what), said, True, weight, by, right.because)
    for setting in find_settings(objects):
        of = ("vault", *setting.key[:-1]) if len(setting.key) > 1 else ()
        yield Fact(Topic.DATA, ("vault", *setting.key), setting.said, True, Weight.HIGH, (setting.by,), setting.because, part=True, of=of)


def _roots(objects: Objects) -> Iterator[Fact]:
    for root in find_roots(objects):
        said = f"workloads of {root.place} trust whatever the root {root.name} (SHA-256 {root.fingerprint[:16]}) has signed"
        place = root.by.namespace
        yield Fact(
            Topic.SEGMENTS,
            ("root", root.place, root.fingerprint),
            said,
            True,
            Weight.HIGH,
            (root.by,),
            root.because,
            place=place,
            part=True,
        )


GIVING = frozenset({"escalate", "bind", "impersonate", "approve", "sign", "*", "everything of"})
GIVEN = ("roles", "rolebindings", "clusterroles", "clusterrolebindings", "secrets", "serviceaccounts/token", "validatingadmission", "*")


def weigh_right(right: Right) -> Weight:
    """How bad a right is."""
    resource = right.resource.split(" ")[0]
    if right.verb in GIVING or (resource.startswith(GIVEN) and not (right.reads_only)):
        return Weight.CRITICAL
    if right.reads_only:
        return Weight.LOW
    return Weight.CRITICAL if right.place == EVERYWHERE and resource.split(".")[0] in SESSIONS else Weight.HIGH


def _just_in_time(objects: Objects) -> Iterator[Fact]:
    # The longest of equal terms last, so that it is the one that counts.
    for may in sorted(find_eligibility(objects), key=lambda may: (may.seconds is None, may.seconds or 0)):
        said = f"members of {may.group} may hold role {may.role} in {may.place} {may.terms}"
        key = (ELIGIBLE, may.role, may.place, may.group, may.approvers, str(may.ticket))
        weight, longest = Weight.HIGH if may.approvers else Weight.CRITICAL, None if may.seconds is None else Decimal(may.seconds)
        yield Fact(Topic.PEOPLE, key, said, True, weight, may.by[:1], may.because, longest)
    for held in find_held_roles(objects):
        said = f"{held.subject} holds role {held.role} in {held.place} {held.terms}"
        weight = Weight.HIGH if held.until else Weight.CRITICAL
        yield Fact(
            Topic.PEOPLE, ("held", held.role, held.place, held.subject, *held.by[0]), said, True, weight, held.by, held.because, held.end
        )


def _registry(objects: Objects) -> Iterator[Fact]:
    for caller in find_callers(objects):
        weight = Weight.HIGH if caller.door == WRITE else Weight.MEDIUM
        yield Fact(Topic.DATA, (caller.door, caller.who, *caller.by), caller.said, True, weight, (caller.by,), caller.because)
    for guard in find_guards(objects):
        weight = Weight.MEDIUM if guard.opens else Weight.CRITICAL
        key = ("door", guard.by.namespace, guard.door, guard.key)
        yield Fact(Topic.DATA, key, guard.said, guard.opens, weight, (guard.by,), guard.because, place=guard.by.namespace, part=True)


# What each kind of object says


def _namespace(objects: Objects, body: Object) -> Iterator[Fact]:
    metadata = body["metadata"]
    name, labels, by, because = metadata["name"], metadata.get("labels") or {}, (Name.of(body),), find_because(body)
    place = objects.segments.get(name, name)
    yield Fact(Topic.SEGMENTS, ("namespace", place), f"segment {place} exists", True, Weight.LOW, by, because, place=name)
    if factory := labels.get(names.FACTORY):
        said = f"the guardrails of {factory} hold in {place}"
        yield Fact(Topic.GUARDRAILS, ("guarded", place), said, False, Weight.CRITICAL, by, because, place=name, part=True)
    level = labels.get("pod-security.kubernetes.io/enforce", "privileged")
    if level != "restricted":
        said = f"{place} admits {level} pods: Pod Security does not enforce restricted"
        yield Fact(Topic.GUARDRAILS, ("pod security", place), said, True, Weight.CRITICAL, by, because, place=name)
    version = labels.get("pod-security.kubernetes.io/enforce-version", "latest")
    said = f"Pod Security in {place} is that of {version}"
    yield Fact(Topic.GUARDRAILS, ("pod security version", place), said, False, Weight.HIGH, by, because, place=name, part=True)
    for mode in ("audit", "warn"):
        if labels.get(f"pod-security.kubernetes.io/{mode}") == "restricted":
            said = f"Pod Security in {place} has mode {mode} for restricted"
            yield Fact(Topic.GUARDRAILS, ("pod security", place, mode), said, False, Weight.LOW, by, because, place=name, part=True)
    for label in filter(labels.__contains__, (names.SEGMENT, names.STAGE, names.OWNER)):
        word = label.rpartition("/")[2]
        said = f"{place} has {word} {labels[label]}"
        yield Fact(Topic.SEGMENTS, (word, place), said, False, Weight.MEDIUM, by, because, place=name, part=True)


def _service_account(objects: Objects, body: Object) -> Iterator[Fact]:
    metadata = body["metadata"]
    place, name, by, because = metadata["namespace"], metadata["name"], (Name.of(body),), find_because(body)
    said = f"{objects.segments.get(place, place)}/{name} is an identity"
    if workload := (metadata.get("labels") or {}).get(names.WORKLOAD):
        said += f" for pods of workload {workload}"
    yield Fact(Topic.SEGMENTS, ("identity", place, name), said, True, Weight.LOW, by, because, place=place)
    if body.get("automountServiceAccountToken") is not False:
        said = f"pods of {objects.segments.get(place, place)}/{name} carry a standing API token"
        yield Fact(Topic.SEGMENTS, ("token", place, name), said, True, Weight.HIGH, by, because, place=place)


def _policy(objects: Objects, body: Object) -> Iterator[Fact]:
    name, spec, because = body["metadata"]["name"], body.get("spec") or {}, find_because(body)
    by = (Name.of(body),)

    def part(key: tuple[str, ...], said: str, *, opens: bool = False) -> Fact:
        return Fact(Topic.GUARDRAILS, ("policy", name, *key), f"{name} {said}", opens, Weight.HIGH, by, because, part=True)

    title = because.reason if because else "a policy"
    yield Fact(Topic.GUARDRAILS, ("policy", name), f"{name} is defined: {title}", False, Weight.CRITICAL, by, because)
    if spec.get("failurePolicy", "Fail") != "Fail":
        said = f"{name} is passed over when it cannot be evaluated (failurePolicy {spec['failurePolicy']})"
        yield Fact(Topic.GUARDRAILS, ("policy", name, "failure"), said, True, Weight.CRITICAL, by, because)
    constraints = spec.get("matchConstraints") or {}
    for key, verb, opens in (("resourceRules", "looks at", False), ("excludeResourceRules", "passes over", True)):
        for rule in constraints.get(key) or ():
            for operation, resource in _requests(rule):
                yield part((key, operation, resource), f"{verb} {operation} of {resource}", opens=opens)
    for condition in spec.get("matchConditions") or ():
        expression = str(condition.get("expression"))
        yield part(("condition", str(condition.get("name"))), f"looks only at requests where {expression}", opens=True)
    for validation in spec.get("validations") or ():
        message = str(validation.get("message") or validation.get("expression"))
        yield part(("validation", message), f"refuses, unless {validation.get('expression')}: {message}")


def _requests(rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for operation in rule.get("operations") or ():
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                kinds = f"{resource}.{group}" if group else str(resource)
                named = "".join(f' "{name}"' for name in rule.get("resourceNames") or ())
                version, scope = ",".join(rule.get("apiVersions") or ()), rule.get("scope", "*")
                yield str(operation), f"{kinds}{named} ({version}, {scope})"


def _binding(objects: Objects, body: Object) -> Iterator[Fact]:
    name, spec, because = body["metadata"]["name"], body.get("spec") or {}, find_because(body)
    by = (Name.of(body),)
    title = because.reason if because else f"binds {spec.get('policyName')}"
    yield Fact(Topic.GUARDRAILS, ("binding", name), f"{name} is in force: {title}", False, Weight.CRITICAL, by, because)
    actions = spec.get("validationActions") or ()
    if "Deny" not in actions:
        said = f"{name} denies nothing (validationActions {', '.join(actions) or 'none'})"
        yield Fact(Topic.GUARDRAILS, ("binding", name, "deny"), said, True, Weight.CRITICAL, by, because)
    for action in actions:
        if action != "Deny":
            said = f"{name} answers a violation with {action}"
            yield Fact(Topic.GUARDRAILS, ("binding", name, action), said, False, Weight.LOW, by, because, part=True)
    if "paramRef" in spec and spec["paramRef"].get("parameterNotFoundAction") != "Deny":
        said = f"{name} lets everything pass where there are no grants (parameterNotFoundAction)"
        yield Fact(Topic.GUARDRAILS, ("binding", name, "parameters"), said, True, Weight.CRITICAL, by, because)


ATTESTED = {"signature": ("a signature", "signed"), "validation": ("a validation", "validated"), "promotion": ("a promotion", "promoted")}
"""What a policy of Kyverno asks for, and what somebody has done who gives it, by the attestation's name."""
_VERIFIED = re.compile(r"verifyAttestationSignatures\(i, attestations\.(\w+), (\[[^]]*(?:\['[^']*'\][^]]*)*\])\)")
_ATTESTOR = re.compile(r"attestors\['([^']+)'\]")
_UNLOGGED = {"insecureIgnoreTlog": True, "insecureIgnoreSCT": True}


def _image_policy(objects: Objects, body: Object) -> Iterator[Fact]:
    """What must be signed, and by whom. Expressions other than those that are planned are shown as they are."""
    name, spec, because, by = body["metadata"]["name"], body.get("spec") or {}, find_because(body), (Name.of(body),)
    model = re.fullmatch(r"models\[(.+)\]\.signers", because.path) if because else None
    what = f"model {model[1]}" if model else "an image" if because and because.path == "images.signers" else f"what {name} looks at"
    yield Fact(Topic.GUARDRAILS, ("policy", name), f"{name} is in force: {what} is verified", False, Weight.CRITICAL, by, because)
    actions = spec.get("validationActions") or ("Deny",)
    if spec.get("failurePolicy", "Fail") != "Fail" or "Deny" not in actions:
        said = f"{name} refuses nothing where Kyverno does not answer or finds no signature"
        yield Fact(Topic.GUARDRAILS, ("policy", name, "failure"), said, True, Weight.CRITICAL, by, because)

    def part(key: tuple[str, ...], said: str, *, opens: bool = False, of: tuple[str, ...] = ()) -> Fact:
        return Fact(Topic.GUARDRAILS, ("policy", name, *key), said, opens, Weight.CRITICAL, by, because, part=True, of=of)

    attestors = {str(found.get("name")): found for found in spec.get("attestors") or ()}
    for validation in spec.get("validations") or ():
        expression = str(validation.get("expression"))
        verified = _VERIFIED.search(expression)
        kind, among = (verified[1], verified[2]) if verified else ("", "")
        if kind not in ATTESTED or expression not in (demand(kind, among), image_demand(among)):
            yield part(("validation", expression), f"{name} refuses, unless {expression}")
            continue
        needed, done = ATTESTED[kind]
        yield part(("needs", kind), f"{what} needs {needed}")
        for attestor in _ATTESTOR.findall(among):
            who = _attestor(attestor, attestors.get(attestor) or {})
            yield part((kind, who), f"{what} may be {done} by {who}", opens=True, of=("policy", name, "needs", kind))
    for found in spec.get("attestations") or ():
        kind = str(found.get("name"))
        if found != {"name": kind, "intoto": {"type": ATTESTATIONS.get(kind)}}:
            said = f"{what} takes for {kind} {json.dumps(found, sort_keys=True)}"
            yield part(("attestation", kind), said, opens=True)


def _attestor(name: str, body: Mapping[str, Any]) -> str:
    """Who signs: a signer by a key, an identity, or whatever else it says."""
    cosign = body.get("cosign") or {}
    key = (cosign.get("key") or {}).get("data")
    if isinstance(key, str) and cosign == {"key": {"data": key}, "ctlog": _UNLOGGED}:
        mark = fingerprint(key)
        return f"{name.removesuffix(f'-{mark}')} with key {mark}"
    return f"{name}: {json.dumps(cosign, sort_keys=True)}"


SEGMENT_GRANTS = {
    "workloads": ("admits pods of workload", Weight.LOW),
    "registries": ("admits images from", Weight.MEDIUM),
    "audiences": ("admits tokens for", Weight.MEDIUM),
    "accounts": ("lets itself be operated by service account", Weight.HIGH),
}


def _grants(objects: Objects, body: Object) -> Iterator[Fact]:
    name = Name.of(body)
    if name.name != GRANTS:
        return
    place, by, because = objects.segments.get(name.namespace, name.namespace), (name,), find_because(body)
    data = body.get("data") or {}
    for key, (verb, weight) in SEGMENT_GRANTS.items():
        topic = Topic.PEOPLE if key == "accounts" else Topic.SEGMENTS
        for line in str(data.get(key, "")).splitlines():
            yield Fact(topic, (key, place, line), f"{place} {verb} {line}", True, weight, by, because, place=name.namespace)
    for key, lines in sorted(data.items()):
        if key.startswith("sessions."):
            session = key.partition(".")[2]
            for line in str(lines).splitlines():
                said = f"guardrails let {line} open {session} sessions in pods of {place}, while a role allows it"
                yield Fact(Topic.PEOPLE, (key, place, line), said, True, Weight.HIGH, by, because)
    if data.get("digests") != "true":
        said = f"{place} admits images without digest"
        yield Fact(Topic.SEGMENTS, ("digests", place), said, True, Weight.HIGH, by, because, place=name.namespace)
    if "priority" in data:
        said = f"pods of {place} have priority class {data['priority']}"
        yield Fact(Topic.CAPACITY, ("priority", place), said, True, Weight.LOW, by, because, place=name.namespace)


def _quota(objects: Objects, body: Object) -> Iterator[Fact]:
    name, because = Name.of(body), find_because(body)
    place = objects.segments.get(name.namespace, name.namespace)
    for resource, limit in ((body.get("spec") or {}).get("hard") or {}).items():
        said = f"{place} may use {limit} of {resource} at most"
        key = ("quota", place, name.name, str(resource))
        yield Fact(Topic.CAPACITY, key, said, False, Weight.LOW, (name,), because, quantity(limit), name.namespace)


def _limits(objects: Objects, body: Object) -> Iterator[Fact]:
    name, because = Name.of(body), find_because(body)
    place = objects.segments.get(name.namespace, name.namespace)
    for item in (body.get("spec") or {}).get("limits") or ():
        for bound, amounts in item.items():
            for resource, amount in amounts.items() if isinstance(amounts, dict) else ():
                said = f"a {str(item.get('type')).lower()} in {place} has {bound} {amount} of {resource}"
                key = ("limits", place, name.name, str(item.get("type")), bound, str(resource))
                yield Fact(Topic.CAPACITY, key, said, False, Weight.LOW, (name,), because, quantity(amount), name.namespace)


def _node(objects: Objects, body: Object) -> Iterator[Fact]:
    metadata, by, because = body["metadata"], (Name.of(body),), find_because(body)
    if pool := (metadata.get("labels") or {}).get(names.NODE_POOL):
        said = f"node {metadata['name']} belongs to pool {pool}"
        yield Fact(Topic.CAPACITY, ("node", metadata["name"]), said, True, Weight.LOW, by, because)
    for taint in (body.get("spec") or {}).get("taints") or ():
        word = f"{taint.get('key')}={taint.get('value', '')}:{taint.get('effect')}"
        said = f"node {metadata['name']} is closed to pods that do not tolerate {word}"
        yield Fact(Topic.CAPACITY, ("taint", metadata["name"], word), said, False, Weight.MEDIUM, by, because, part=True)


BEARING_MORE = {
    "admin": "may manage SPIRE's registrations",
    "downstream": "may sign identities of its own",
    "autoPopulateDNSNames": "bears the DNS names of its services",
}
"""What a ClusterSPIFFEID gives beside the identity, by the field that turns it on."""


def _spiffe_id(objects: Objects, body: Object) -> Iterator[Fact]:
    """The controller-manager gives the identity to pods that both selectors fit, the agent to those that the templates fit as well."""
    spec, by, because = body.get("spec") or {}, (Name.of(body),), find_because(body)
    identity = str(spec.get("spiffeIDTemplate"))

    def borne(key: str, said: str, weight: Weight = Weight.HIGH, amount: Decimal | None = None, part: bool = False) -> Fact:
        return Fact(Topic.SEGMENTS, ("svid", identity, *by[0], key), f"{identity} {said}", True, weight, by, because, amount, part=part)

    place, pods = (_selected(spec.get(field)) for field in ("namespaceSelector", "podSelector"))
    attested = ", ".join(sorted(map(str, spec.get("workloadSelectorTemplates") or ()))) or "nothing else"
    said = f"may be borne by pods {pods} in namespaces {place}, attested by {attested}"
    yield borne(said, said)
    for field, word in (("ttl", "X.509"), ("jwtTtl", "JWT")):
        life = spec.get(field, "the default time")
        yield borne(field, f"holds for {life} as {word}", Weight.LOW, _lives(life), part=True)
    for domain in spec.get("federatesWith") or ():
        yield borne(f"federates {domain}", f"recognises identities of trust domain {domain}", Weight.MEDIUM)
    for name in spec.get("dnsNameTemplates") or ():
        yield borne(f"dns {name}", f"bears DNS name {name}")
    for field, meaning in BEARING_MORE.items():
        if spec.get(field):
            yield borne(field, meaning, Weight.CRITICAL)


def _selected(selector: Any) -> str:
    """A label selector in words. An empty one, and none, select everything."""
    return json.dumps(selector, sort_keys=True) if selector else "of any kind"


def _lives(duration: Any) -> Decimal | None:
    """Seconds of `30m` or `24h`; None for what is neither."""
    number, unit = str(duration)[:-1], str(duration)[-1:]
    return Decimal(number) * {"s": 1, "m": 60, "h": 3600}[unit] if number.isdecimal() and unit in ("s", "m", "h") else None


def _deployment(objects: Objects, body: Object) -> Iterator[Fact]:
    metadata = body["metadata"]
    template = ((body.get("spec") or {}).get("template") or {}).get("metadata") or {}
    if config := (template.get("annotations") or {}).get(names.CONFIG):
        place = metadata["namespace"]
        said = f"pods of {objects.segments.get(place, place)}/{metadata['name']} start with configuration {config[:12]}"
        yield Fact(Topic.SEGMENTS, ("config", *Name.of(body)), said, False, Weight.LOW, (Name.of(body),), find_because(body), part=True)


READERS: Mapping[str, Callable[[Objects, Object], Iterator[Fact]]] = {
    "Namespace": _namespace,
    "ServiceAccount": _service_account,
    "ValidatingAdmissionPolicy": _policy,
    "ValidatingAdmissionPolicyBinding": _binding,
    "ImageValidatingPolicy": _image_policy,
    "ConfigMap": _grants,
    "Deployment": _deployment,
    "ResourceQuota": _quota,
    "LimitRange": _limits,
    "Node": _node,
    "ClusterSPIFFEID": _spiffe_id,
    **CAPACITY,
}

POLICIES = ("NetworkPolicy", "ClusterNetworkPolicy", "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")

_LABELS: Path = ("metadata", "labels")
UNDERSTOOD: Mapping[str, tuple[Path, ...]] = {
    **dict.fromkeys(POLICIES, (("spec",),)),
    **CAPACITY_SETTINGS,
    "Namespace": (
        *((*_LABELS, f"pod-security.kubernetes.io/{key}") for key in ("enforce", "enforce-version", "audit", "warn")),
        *((*_LABELS, key) for key in (names.FACTORY, names.SEGMENT, names.STAGE, names.OWNER)),
    ),
    "ServiceAccount": ((*_LABELS, names.WORKLOAD), ("automountServiceAccountToken",)),
    "Role": (("rules",),),
    "ClusterRole": (("rules",), ("aggregationRule",)),
    "RoleBinding": (("subjects",), ("roleRef",)),
    "ClusterRoleBinding": (("subjects",), ("roleRef",)),
    "ValidatingAdmissionPolicy": tuple(
        ("spec", *path)
        for path in (
            ("failurePolicy",),
            ("matchConditions",),
            ("validations",),
            ("matchConstraints", "resourceRules"),
            ("matchConstraints", "excludeResourceRules"),
        )
    ),
    "ValidatingAdmissionPolicyBinding": (("spec", "validationActions"), ("spec", "paramRef", "parameterNotFoundAction")),
    "ImageValidatingPolicy": tuple(
        ("spec", field) for field in ("failurePolicy", "validationActions", "validations", "attestors", "attestations")
    ),
    "Deployment": (("spec", "template", "metadata", "annotations", names.CONFIG),),
    "ResourceQuota": (("spec", "hard"),),
    "LimitRange": (("spec", "limits"),),
    "Node": ((*_LABELS, names.NODE_POOL), ("spec", "taints")),
    "ClusterSPIFFEID": tuple(
        ("spec", field)
        for field in (
            "spiffeIDTemplate",
            "namespaceSelector",
            "podSelector",
            "workloadSelectorTemplates",
            "ttl",
            "jwtTtl",
            "federatesWith",
            "dnsNameTemplates",
            *BEARING_MORE,
        )
    ),
}
"""Of each kind the fields whose whole meaning is in facts, or in who reaches whom. Any other change is listed as not understood."""

_GRANT_KEYS = ("workloads", "registries", "audiences", "accounts", "digests", "priority")
_GRANT_ENDS = ("reads", "writes", "models", "pool", "resources", "claim-templates", "nodes", "images", "tokens", ELIGIBLE)
_HELD: tuple[Path, ...] = (
    (*_LABELS, names.CLEANUP),
    *(("metadata", "annotations", key) for key in (names.EXPIRES_AT, names.REASON, names.TICKET, names.APPROVED_BY)),
)
"""Of a grant, what the fact that somebody holds a role says beside the binding itself."""


def find_rest(body: Object) -> dict[str, str]:
    """The fields of an object that no fact speaks of, each leaf by its path, as JSON."""
    kind = str(body["kind"])
    ignored: tuple[Path, ...] = (("metadata", "annotations", names.BECAUSE), ("metadata", "name"), ("metadata", "namespace"))
    known = (
        *ignored,
        *UNDERSTOOD.get(kind, ()),
        *(_HELD if is_grant(body) else ()),
        *(DOOR_SETTINGS if is_door(body) else ()),
        *understood(body),
        *vault_settings(body),
    )

    def leaves(value: Any, path: Path) -> Iterator[tuple[str, str]]:
        if path in known or (kind == "ConfigMap" and _granted(body, path)):
            return
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from leaves(inner, (*path, str(key)))
        elif isinstance(value, list) and value:
            for position, inner in enumerate(value):
                yield from leaves(inner, (*path, str(position)))
        else:
            yield ".".join(path), json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)

    return dict(leaves(open_config(body), ()))


def _granted(body: Object, path: Path) -> bool:
    if body["metadata"]["name"] != GRANTS or len(path) != 2 or path[0] != "data":
        return False
    head, _, tail = path[1].rpartition(".")
    return path[1] in _GRANT_KEYS or head == "sessions" or bool(head and tail in _GRANT_ENDS)


# What only the spec says


def _of_spec(objects: Objects) -> Iterator[Fact]:
    assert objects.stack is not None
    factory = objects.stack.factory
    if factory.posture is not Posture.PRODUCTION:
        because = Because("posture", "what Production refuses is only warned about")
        yield Fact(Topic.SPEC, ("posture",), "the posture is Development, which refuses less", True, Weight.HIGH, (), because)
    cluster = factory.cluster
    for field, value, meaning in (
        ("context", cluster.context, "the factory is deployed through context"),
        ("distribution", cluster.distribution.value, "the control plane is run by"),
        ("networkPolicy", cluster.network_policy.value, "network policies are enforced by an engine of kind"),
    ):
        because = Because(f"cluster.{field}", "all that the objects say holds only where somebody heeds it")
        yield Fact(Topic.SPEC, ("cluster", field), f"{meaning} {value}", True, Weight.HIGH, (), because)
    for waiver in factory.waivers:
        because = Because(f"waivers[{waiver.reference}]", waiver.reason)
        until = Decimal(waiver.expires.replace("-", ""))
        said = f"{waiver.rule} is waived for {waiver.path} until {waiver.expires}, by {waiver.owner}"
        yield Fact(Topic.SPEC, ("waiver", waiver.reference), said, True, Weight.HIGH, (), because, until)
