"""What the report says: read from the plan's objects, and judged by the evaluator, not from the spec's prose."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum

from factory.errors import Finding, Severity
from factory.load import Stack
from factory.plan import Because, Plan, names, plan_factory
from factory.plan.controls import CONTROLS
from factory.review.channel import EVERYBODY, Channel, Party, Reach, addresses_of, find_reach
from factory.review.explain import say_reasons
from factory.review.grant import find_grants
from factory.review.just_in_time import find_eligibility, find_held_roles, say_seconds
from factory.review.objects import Object, Objects, find_because, of_plan
from factory.review.proof import prove_reach
from factory.review.reachability import Endpoint, say_ports
from factory.review.reachability.address import blocks
from factory.review.reachability.interval import Intervals
from factory.review.right import SESSIONS, Right, find_rights
from factory.review.witness import WITNESS
from factory.rules import all_rules, check
from factory.rules.waiver.waivers import expiry
from factory.spec import METADATA, AnyPool, Factory, KarpenterPool, Model, Stage, StaticPool, is_public


class Kind(StrEnum):
    """What somebody who talks is."""

    WORKLOAD = "workload"
    OTHER = "other pods of a segment"
    PODS = "pods of another namespace"
    RANGE = "address range"
    HOST = "host name"


@dataclass(frozen=True)
class Cause:
    """Why something is so."""

    reason: str
    """In words."""
    path: str
    """The spec path that says so."""
    place: str
    """File and line."""


@dataclass(frozen=True)
class Talker:
    """Somebody who may open or take connections."""

    name: str
    """`training/trainer`, the name of a peer, `10.0.0.0/8`. Unique in a report."""
    kind: Kind
    segment: str | None
    """The segment that it lives in; None outside the factory."""
    internet: bool
    """Whether the internet is behind it."""
    detail: str
    """What it stands for, where the name does not say."""


@dataclass(frozen=True)
class Way:
    """Some sources may reach one destination on the same ports, for the same reason."""

    sources: tuple[str, ...]
    """Names of talkers, or `every pod` alone."""
    destination: str
    ports: str
    certain: bool
    """False: perhaps, since some policy is not understood."""
    because: tuple[Cause, ...]
    by: tuple[str, ...]
    """The objects that let it through."""


@dataclass(frozen=True)
class SegmentRow:
    """A segment."""

    name: str
    stage: Stage
    owner: str
    namespace: str
    workloads: tuple[str, ...]
    datasets: tuple[str, ...]
    quota: str


@dataclass(frozen=True)
class Asset:
    """A dataset or a model, and who touches it."""

    name: str
    kind: str
    """`dataset`, `model`, or what the objects call it."""
    sort: str
    """Classification of a dataset; of a model whether it is imported, and who signs and validates it."""
    home: str
    """Segment of a dataset, repository of a model."""
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    produces: tuple[str, ...]
    serves: tuple[str, ...]


@dataclass(frozen=True)
class PoolRow:
    """GPU nodes of one kind."""

    name: str
    provisioner: str
    device: str
    size: str
    segments: tuple[str, ...]
    workloads: tuple[str, ...]
    queues: tuple[str, ...]
    sharing: str


@dataclass(frozen=True)
class Held:
    """What one subject may do, by one role, in some places."""

    subject: str
    role: str
    places: tuple[str, ...]
    reads: tuple[str, ...]
    changes: tuple[str, ...]
    sessions: tuple[str, ...]
    because: Cause | None


@dataclass(frozen=True)
class Eligible:
    """A role that members of a group may hold for a while, in some places on the same terms."""

    group: str
    role: str
    places: tuple[str, ...]
    longest: str
    approvers: str
    """The group that agrees; empty where nobody needs to."""
    ticket: bool
    because: Cause | None


@dataclass(frozen=True)
class Granted:
    """A role that somebody holds for a while."""

    subject: str
    role: str
    place: str
    until: str
    """Empty where nothing ends it."""
    reason: str
    ticket: str
    approver: str
    because: Cause | None


@dataclass(frozen=True)
class Barrier:
    """A guardrail."""

    id: str
    name: str
    title: str
    refuses: tuple[str, ...]
    looks_at: tuple[str, ...]
    in_force: str


@dataclass(frozen=True)
class Waived:
    """A waiver and its state on the day of the report."""

    rule: str
    path: str
    reason: str
    owner: str
    expires: str
    state: str
    line: int | None


@dataclass(frozen=True)
class Evidence:
    """A control, and what implements or checks it."""

    id: str
    says: str
    objects: int
    kinds: tuple[str, ...]
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """Everything on the page, as plain data."""

    factory: str
    source: str
    posture: str
    cluster: str
    trust_domain: str
    objects: int
    segments: tuple[SegmentRow, ...]
    talkers: tuple[Talker, ...]
    ways: tuple[Way, ...]
    assets: tuple[Asset, ...]
    pools: tuple[PoolRow, ...]
    people: tuple[Held, ...]
    eligible: tuple[Eligible, ...]
    granted: tuple[Granted, ...]
    guardrails: tuple[Barrier, ...]
    findings: tuple[Finding, ...]
    waivers: tuple[Waived, ...]
    controls: tuple[Evidence, ...]
    unknown: tuple[str, ...]
    """What the evaluator does not understand: while there is any, some ways are only perhaps open or closed."""


def report_stack(stack: Stack, today: date) -> Report:
    """The report of a stack file, with what the rules and the proof find in it; `today` decides which waivers still hold."""
    plan = plan_factory(stack.factory)
    reach = find_reach(of_plan(plan, stack.document.source, stack))
    findings = check(stack.factory, today)
    if all(finding.severity is not Severity.ERROR for finding in findings):
        findings = prove_reach(stack.factory, reach) + findings
    return find_report(stack, plan, reach, stack.place(findings), today)


def find_report(stack: Stack, plan: Plan, reach: Reach, findings: Iterable[Finding], today: date) -> Report:
    """The report of a plan and of what its objects let through: the same for the same spec, findings and day."""
    factory, objects = stack.factory, reach.objects
    talkers, ways = _find_ways(factory, objects, reach)
    cluster = factory.cluster
    return Report(
        factory=factory.name,
        source=objects.source,
        posture=factory.posture.value,
        cluster=f"{cluster.distribution.value} {cluster.version}, {cluster.network_policy.value} network policy",
        trust_domain=factory.trust_domain,
        objects=len(plan.manifests) + len(plan.bootstrap),
        segments=tuple(_segments(factory)),
        talkers=talkers,
        ways=ways,
        assets=tuple(_assets(factory, objects)),
        pools=tuple(_pools(factory, objects)),
        people=tuple(_people(objects)),
        eligible=tuple(_eligible(objects)),
        granted=tuple(_granted(objects)),
        guardrails=tuple(_guardrails(objects)),
        findings=tuple(findings),
        waivers=tuple(_waivers(stack, today)),
        controls=tuple(_controls(plan)),
        unknown=tuple(map(str, reach.network.unknown)),
    )


def as_json(report: Report) -> str:
    """The data behind the page."""
    return json.dumps(asdict(report), indent=2, ensure_ascii=False) + "\n"


# Who reaches whom


class _Outside:
    """The words for what is outside the factory: the spec's, where it has a name for exactly that."""

    def __init__(self, factory: Factory, reach: Reach) -> None:
        self.reach = reach
        dns = factory.cluster.dns
        self.pods = {(dns.namespace, frozenset(dns.pod_labels.items())): ("cluster DNS", False)}
        peers = sorted(factory.peers, key=lambda peer: peer.name)  # of two that are the same addresses one gives its name
        self.pods |= {(peer.namespace, frozenset(peer.pod_labels.items())): (peer.name, peer.internet) for peer in peers if peer.namespace}
        self.ranges = {_addresses(peer.cidr): (peer.name, peer.internet, peer.cidr) for peer in peers if peer.cidr}
        self.called = {
            workload.reference: tuple(dict.fromkeys(_addresses(egress.cidr) for egress in workload.egress if egress.cidr))
            for workload in factory.workloads
            if workload.egress
        }

    def split(self, channel: Channel) -> Iterator[Channel]:
        """A channel for each range that the spec has a word for, and one for the rest: the policies see one set of addresses."""
        leaving = isinstance(channel.destination, Intervals)
        addresses, inside = (channel.destination, channel.source) if leaving else (channel.source, channel.destination)
        if not isinstance(addresses, Intervals):
            yield channel
            return
        own = self.called.get(self.reach.say(inside), ()) if leaving else ()
        rest, parts = addresses, []
        for known in dict.fromkeys((*own, *self.ranges)):
            if known <= addresses:
                parts.append(known)
                rest -= known
        for part in (*parts, *([rest] if rest else [])):
            yield channel._replace(destination=part) if leaving else channel._replace(source=part)

    def talker(self, party: Party) -> Talker:
        said = self.reach.say(party)
        if isinstance(party, Endpoint) and self.reach.governs(party):
            segment = self.reach.objects.segments.get(party.namespace)
            return Talker(said, Kind.OTHER if party.kind == WITNESS else Kind.WORKLOAD, segment, False, "")
        if isinstance(party, Endpoint):
            name, internet = self.pods.get((party.namespace, frozenset(party.labels.items())), (said, False))
            return Talker(name, Kind.PODS, None, internet, said if name != said else "")
        if isinstance(party, Intervals):
            internet = any(is_public(str(block)) for block in blocks(party))
            name, told, detail = self.ranges.get(party, (said, False, ""))
            return Talker(name, Kind.RANGE, None, internet or told, detail)
        return Talker(said, Kind.HOST, None, "." in said, "")


def _find_ways(factory: Factory, objects: Objects, reach: Reach) -> tuple[tuple[Talker, ...], tuple[Way, ...]]:
    outside = _Outside(factory, reach)
    everybody = {reach.say(endpoint) for endpoint in reach.parties.endpoints if reach.governs(endpoint)}
    talkers = {talker.name: talker for talker in map(outside.talker, reach.parties.endpoints) if talker.kind is Kind.WORKLOAD}
    grouped: defaultdict[tuple[str, str, tuple[Because, ...], bool], dict[str, tuple[str, ...]]] = defaultdict(dict)
    known: dict[Party, Talker] = {}
    for whole in reach.channels:
        for channel in outside.split(whole):
            for party in (channel.source, channel.destination):
                if party not in known:
                    known[party] = outside.talker(party)
            verdict = reach.judge(channel)
            key = known[channel.destination].name, say_ports(channel.ports), reach.because(verdict.reasons), channel.certain
            grouped[key][known[channel.source].name] = say_reasons(verdict)
    named = {talker.name: talker for talker in known.values()}
    causes = _place(objects, {cause for _, _, because, _ in grouped for cause in because})
    ways = []
    for (destination, ports, because, certain), found in grouped.items():
        every = found.keys() >= everybody
        sources = (EVERYBODY,) if every else tuple(sorted(found))
        by = tuple(dict.fromkeys(text for said in found.values() for text in said))
        ways.append(Way(sources, destination, ports, certain, tuple(causes[cause] for cause in because), by))
        talkers |= {name: named[name] for name in (destination, *(() if every else sources))}
    return tuple(talkers[name] for name in sorted(talkers)), tuple(sorted(ways, key=lambda way: (way.destination, way.sources, way.ports)))


def _place(objects: Objects, because: Iterable[Because]) -> dict[Because, Cause]:
    """Each reason with its file and line."""
    return {cause: Cause(cause.reason, cause.path, objects.place(cause)) for cause in because}


def _addresses(cidr: str) -> Intervals:
    """A range without the addresses at which clouds hand out credentials, as the plan opens it."""
    found = addresses_of(cidr)
    for hole in METADATA:
        found -= addresses_of(hole)
    return found


# Everything else


def _segments(factory: Factory) -> Iterator[SegmentRow]:
    workloads: defaultdict[str, list[str]] = defaultdict(list)
    datasets: defaultdict[str, list[str]] = defaultdict(list)
    for workload in factory.workloads:
        workloads[workload.segment].append(workload.reference)
    for dataset in factory.datasets:
        datasets[dataset.segment].append(dataset.name)
    stages = list(Stage)
    for segment in sorted(factory.segments, key=lambda segment: (stages.index(segment.stage), segment.name)):
        limits = segment.quota.model_dump(exclude_none=True) if segment.quota else {}
        yield SegmentRow(
            segment.name,
            segment.stage,
            segment.owner,
            names.namespace(factory.name, segment.name),
            tuple(sorted(workloads[segment.name])),
            tuple(sorted(datasets[segment.name])),
            ", ".join(f"{amount} {resource}" for resource, amount in limits.items()) or "not limited",
        )


_TOUCHES = ("reads", "writes", "produces", "serves")
_CLASSIFIED = re.compile(r"^dataset (\S+) \(\w+\)$")


def _origin(model: Model) -> str:
    by = (("signed by", model.signers), ("validated by", model.validators))
    return ", ".join((*(("imported",) if model.imported else ()), *(f"{done} {' or '.join(sorted(who))}" for done, who in by if who)))


def _assets(factory: Factory, objects: Objects) -> Iterator[Asset]:
    touched: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for grant in find_grants(objects):
        if grant.verb in _TOUCHES:
            dataset = _CLASSIFIED.match(grant.what)
            touched[f"dataset {dataset[1]}" if dataset else grant.what][grant.verb].add(grant.workload)
    known = {f"dataset {dataset.name}": (dataset.classification.value, dataset.segment) for dataset in factory.datasets}
    known |= {f"model {model.name}": (_origin(model), model.repository) for model in factory.models}
    for what in sorted({*known, *touched}):
        kind, _, name = what.rpartition(" ")
        by = touched[what]
        reads, writes, produces, serves = (tuple(sorted(by[verb])) for verb in _TOUCHES)
        yield Asset(name, kind, *known.get(what, ("", "")), reads, writes, produces, serves)


def _pools(factory: Factory, objects: Objects) -> Iterator[PoolRow]:
    runs: defaultdict[str, list[str]] = defaultdict(list)
    for grant in find_grants(objects):
        if grant.verb == "runs on":
            runs[grant.what.removeprefix("pool ")].append(grant.workload)
    for pool in sorted(factory.pools, key=lambda pool: pool.name):
        queues = (
            f"{queue.name}: {share.gpu} GPUs" + (f", borrows {share.borrows}" if share.borrows else "")
            for queue in sorted(factory.queues, key=lambda queue: queue.name)
            for share in queue.shares
            if share.pool == pool.name
        )
        device = " ".join(filter(None, (pool.gpu.product, pool.gpu.mig and f"MIG {pool.gpu.mig}"))) or pool.gpu.resource
        yield PoolRow(
            pool.name,
            pool.provisioner,
            device,
            _size(pool),
            tuple(sorted(pool.segments)),
            tuple(sorted(runs[pool.name])),
            tuple(queues),
            pool.sharing or "",
        )


def _size(pool: AnyPool) -> str:
    if isinstance(pool, KarpenterPool):
        return f"up to {pool.max_gpus} GPUs on demand"
    if isinstance(pool, StaticPool):
        return f"{len(pool.nodes.expanded)} nodes" if pool.nodes.names else "nodes by label"
    return f"{pool.replicas} machines"


def _people(objects: Objects) -> Iterator[Held]:
    by_role: defaultdict[tuple[str, str, Cause | None], list[Right]] = defaultdict(list)
    for right in find_rights(objects):
        binding = objects.by_name.get(right.by[0])
        cause = _cause(objects, find_because(binding) if binding else None)
        by_role[right.subject, right.by[-1].name, cause].append(right)
    for (subject, role, cause), rights in sorted(by_role.items(), key=lambda item: (item[0][0], item[0][1], str(item[0][2]))):
        sessions = {right.resource for right in rights if right.resource.split(" ")[0] in SESSIONS}
        changes = {right.resource for right in rights if not right.reads_only} - sessions
        reads = {right.resource for right in rights if right.reads_only} - changes
        yield Held(
            subject,
            role,
            tuple(sorted({right.place for right in rights})),
            tuple(sorted(reads)),
            tuple(_verbs(rights, changes)),
            tuple(sorted(sessions)),
            cause,
        )


def _eligible(objects: Objects) -> Iterator[Eligible]:
    places: defaultdict[tuple[str, str, str, str, bool, Because | None], set[str]] = defaultdict(set)
    for may in find_eligibility(objects):
        places[may.group, may.role, say_seconds(may.seconds), may.approvers, may.ticket, may.because].add(may.place)
    for (group, role, longest, approvers, ticket, because), found in sorted(
        places.items(), key=lambda item: (*item[0][:5], str(item[0][5]))
    ):
        yield Eligible(group, role, tuple(sorted(found)), longest, approvers, ticket, _cause(objects, because))


def _granted(objects: Objects) -> Iterator[Granted]:
    for held in sorted(find_held_roles(objects), key=lambda held: (held.subject, held.role, held.place)):
        about = held.until or "", held.reason, held.ticket, held.approver
        yield Granted(held.subject, held.role, held.place, *about, _cause(objects, held.because))


def _cause(objects: Objects, because: Because | None) -> Cause | None:
    return Cause(because.reason, because.path, objects.place(because)) if because else None


def _verbs(rights: Sequence[Right], resources: set[str]) -> Iterator[str]:
    """`pods: create, delete`."""
    verbs: defaultdict[str, set[str]] = defaultdict(set)
    for right in rights:
        if right.resource in resources and not right.reads_only:
            verbs[right.resource].add(right.verb)
    yield from (f"{resource}: {', '.join(sorted(found))}" for resource, found in sorted(verbs.items()))


def _guardrails(objects: Objects) -> Iterator[Barrier]:
    bindings: defaultdict[str, list[Object]] = defaultdict(list)
    for body in objects.bodies:
        if body["kind"] == "ValidatingAdmissionPolicyBinding":
            bindings[str(body["spec"].get("policyName"))].append(body)
    for name, body in sorted(objects.by_name.items()):
        if name.kind != "ValidatingAdmissionPolicy":
            continue
        spec, because = body["spec"], find_because(body)
        messages = [str(validation.get("message") or validation.get("expression")) for validation in spec.get("validations") or ()]
        identity = re.match(r"^(Z[A-Z][0-9]+): ", messages[0]) if messages else None
        looks = (resource for rule in spec["matchConstraints"].get("resourceRules") or () for resource in rule["resources"])
        yield Barrier(
            identity[1] if identity else "",
            name.name,
            because.reason if because else "",
            tuple(message.removeprefix(identity[0]) if identity else message for message in messages),
            tuple(dict.fromkeys(looks)),
            "; ".join(_force(binding) for binding in bindings[name.name]) or "not in force: nothing binds it",
        )


def _force(binding: Object) -> str:
    actions = binding["spec"].get("validationActions") or ()
    selector = (binding["spec"].get("matchResources") or {}).get("namespaceSelector")
    where = "in its segments" if selector else "in the whole cluster"
    return f"{' and '.join(actions) or 'does nothing'} {where}"


def _waivers(stack: Stack, today: date) -> Iterator[Waived]:
    for waiver in sorted(stack.factory.waivers, key=lambda waiver: waiver.reference):
        end = expiry(waiver)
        if end is None:
            state = "has no date"
        elif end < today:
            state = f"expired {(today - end).days} days ago"
        else:
            state = f"holds for {(end - today).days + 1} more days"
        line = stack.line(f"waivers[{waiver.reference}]")
        yield Waived(waiver.rule, waiver.path, waiver.reason, waiver.owner, waiver.expires, state, line)


def _controls(plan: Plan) -> Iterator[Evidence]:
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for manifest in (*plan.bootstrap, *plan.manifests):
        for control in manifest.because.controls:
            kinds[control][manifest.body["kind"]] += 1
    for file in plan.files:
        for control in file.because.controls:
            kinds[control]["control-plane file"] += 1
    for control, says in CONTROLS.items():
        counted = kinds[control]
        checked = tuple(rule.id for rule in all_rules() if control in rule.references)
        yield Evidence(control, says, counted.total(), tuple(f"{count} {kind}" for kind, count in sorted(counted.items())), checked)
