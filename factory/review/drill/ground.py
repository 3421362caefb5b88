"""The ground that a drill is held on: one stack's identities, its victims, and the objects that attacks are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeVar

from factory.plan import Body, Manifest, Plan, names
from factory.plan.catalogue import sessions
from factory.plan.driller import ACCOUNT, ADMINISTRATORS, DRILL, ELSEWHERE, find_people
from factory.plan.guardrail.attack import CARRIERS, DIGEST, NAME, TOLERATIONS, By, Verb, carriers, merge, plan_attacks, plan_pod
from factory.spec import OPERATOR, VIEWER, Access, AnyPool, Dataset, Eligibility, Factory, Model, Segment, Session, Workload

from .attack import Identity, Lacking, Trial, create, patch, thing

__all__ = ["DIGEST", "ELSEWHERE", "NAME", "TOUCH", "Ground"]

TOUCH: Body = {"metadata": {"annotations": {"example.org/drill": "yes"}}}
"""A change that nobody minds."""

T = TypeVar("T")


class Ground:
    """A factory and its plan, and by namespace one running pod of a workload, where there is one.

    Properties raise Lacking where the stack has nothing of the kind. Segments with an operator come first, then names by alphabet, so that
    the same stack is always attacked in the same way.
    """

    def __init__(self, factory: Factory, plan: Plan, pods: Mapping[str, Body] | None = None) -> None:
        self.factory = factory
        self.plan = plan
        self.pods = dict(pods or {})
        operated = {segment for access in factory.access if access.role == OPERATOR for segment in access.segments}
        self.workloads = sorted(factory.workloads, key=lambda it: (it.segment not in operated, it.reference))

    # Who tries.

    @cached_property
    def administrator(self) -> Identity:
        """Above RBAC (`system:masters`), not above admission: the strongest insider that admission can hold."""
        return Identity("an administrator", DRILL, (ADMINISTRATORS,))

    @cached_property
    def deployer(self) -> Identity:
        """The deployer, led astray: a poisoned pipeline."""
        return Identity("the deployer", self.factory.deployer.user)

    @cached_property
    def weakly_signed_in(self) -> Identity:
        """A person above RBAC whose sign-in proves no more than a password."""
        person = self.one(find_people(self.factory), "no API server tells guardrails how the stack's people signed in")
        return Identity("a person who signed in weakly", person, (ADMINISTRATORS,))

    @cached_property
    def stranger(self) -> Identity:
        """Somebody who signed in, and nothing more."""
        return Identity("anybody signed in", DRILL)

    @cached_property
    def neighbour(self) -> Identity:
        """A pod of another namespace."""
        return Identity("a pod of another namespace", f"{ACCOUNT}{ELSEWHERE}:default")

    def workload_itself(self, workload: Workload) -> Identity:
        """A process in a workload's pod, with its ServiceAccount."""
        return Identity(f"workload {workload.reference}", f"{ACCOUNT}{self.namespace(workload)}:{workload.name}")

    def operator_of(self, segment: str) -> Identity:
        """Who holds `operator` there."""
        found = (access for access, where, _ in self._holders(OPERATOR) if where == segment)
        return self._as(self.one(found, f"nobody is {OPERATOR} of {segment}"), segment)

    @cached_property
    def operator(self) -> Identity:
        """Who holds `operator` in the plain workload's segment."""
        return self.operator_of(self.plain.segment)

    @cached_property
    def viewer(self) -> Identity:
        """Somebody who may only look, and is at home where they may."""
        found = ((access, where) for access, where, others in self._holders(VIEWER) if not others)
        return self._as(*self.one(found, "nobody is viewer, and nothing more, of a segment"))

    @cached_property
    def sessionless(self) -> Identity:
        """An operator none of whose roles opens a session there."""
        found = (
            (access, where) for access, where, others in self._holders(OPERATOR) if not any(sessions(self.factory, role) for role in others)
        )
        return self._as(*self.one(found, "every operator holds a role that opens sessions, or there is none"))

    @cached_property
    def session_holder(self) -> tuple[Identity, str]:
        """Who may exec at home, and the namespace of a segment where they may not."""
        for access in sorted(self.factory.access, key=lambda it: it.reference):
            if Session.EXEC in sessions(self.factory, access.role):
                elsewhere = {name for name in self.factory.segment if not self._opens_exec(access.subject, name)}
                if elsewhere:
                    return self._as(access, min(access.segments)), names.namespace(self.factory.name, min(elsewhere))
        raise Lacking("nobody's standing role opens exec in some segments and not in others")

    @cached_property
    def foreign_operator(self) -> tuple[Identity, Workload]:
        """An operator of one segment, and a workload of a segment where they hold nothing."""
        for access, where, _ in self._holders(OPERATOR):
            for workload in self.workloads:
                if not self._roles(access.subject, workload.segment):
                    return self._as(access, where), workload
        raise Lacking("every operator holds a role in every segment that has a workload")

    @cached_property
    def delivery(self) -> Identity:
        """A delivery tool's ServiceAccount."""
        found = (access for access in sorted(self.factory.access, key=lambda it: it.reference) if access.service_account)
        access = self.one(found, "no ServiceAccount of a delivery tool has access")
        return self._as(access, min(access.segments))

    @cached_property
    def eligible(self) -> tuple[Identity, Eligibility]:
        """Who may ask for a role, which somebody else must agree to."""
        found = (it for it in sorted(self.factory.eligibility, key=lambda it: it.reference) if it.approvers)
        eligibility = self.one(found, "nobody is eligible for a role for a while")
        return Identity(f"somebody eligible as {eligibility.role}", DRILL, (eligibility.group,)), eligibility

    def _holders(self, role: str) -> list[tuple[Access, str, set[str]]]:
        """Who holds a role, where, and what else there: first who holds nothing else, people before tools."""
        held = [(access, where, self._roles(access.subject, where) - {role}) for access in self.factory.access for where in access.segments]
        found = [(access, where, others) for access, where, others in held if access.role == role]
        return sorted(found, key=lambda it: (len(it[2]), it[0].group is None, it[0].reference, it[1]))

    def _roles(self, subject: str, segment: str) -> set[str]:
        return {access.role for access in self.factory.access if access.subject == subject and segment in access.segments}

    def _opens_exec(self, subject: str, segment: str) -> bool:
        return any(Session.EXEC in sessions(self.factory, role) for role in self._roles(subject, segment))

    def _as(self, access: Access, segment: str) -> Identity:
        """Who holds an access: somebody of the group, or the ServiceAccount."""
        home = names.namespace(self.factory.name, segment)
        role = f"{_article(access.role)} {access.role} of {segment}"
        if access.group is not None:
            return Identity(role, DRILL, (access.group,), home)
        namespace, _, name = (access.service_account or "").partition("/")
        return Identity(f"{access.service_account}, {role}", f"{ACCOUNT}{namespace}:{name}", home=home)

    # Whom they are after.

    def one(self, found: Iterable[T], lacking: str) -> T:
        """The first. Raises Lacking."""
        for it in found:
            return it
        raise Lacking(lacking)

    @cached_property
    def plain(self) -> Workload:
        """A workload of an operated segment, one without a pool if there is one."""
        return self.one(sorted(self.workloads, key=lambda it: it.pool is not None), "the stack has no workload")

    @cached_property
    def sibling(self) -> Workload:
        """Another workload of the plain one's segment."""
        return self.one(
            (it for it in self.workloads if it.segment == self.plain.segment and it is not self.plain), "its segment has one workload"
        )

    @cached_property
    def stranger_workload(self) -> Workload:
        """A workload of another segment, whose name the plain one's segment has not."""
        here = {it.name for it in self.workloads if it.segment == self.plain.segment}
        return self.one(
            (it for it in self.workloads if it.segment != self.plain.segment and it.name not in here), "no other segment has workloads"
        )

    @cached_property
    def pooled(self) -> Workload:
        """A workload with a pool."""
        return self.one((it for it in self.workloads if it.pool), "no workload has a pool")

    @cached_property
    def unpooled(self) -> tuple[Workload, AnyPool]:
        """A workload without pool, and a pool."""
        pool = self.one(sorted(self.factory.pools, key=lambda it: it.name), "the stack has no pool")
        return self.one((it for it in self.workloads if it.pool is None), "every workload has a pool"), pool

    @cached_property
    def hopper(self) -> tuple[Workload, AnyPool]:
        """A workload with a pool, and another pool."""
        for workload in self.workloads:
            for pool in sorted(self.factory.pools, key=lambda it: it.name):
                if workload.pool and pool.name != workload.pool:
                    return workload, pool
        raise Lacking("the stack has fewer than two pools, or none in use")

    def outsider(self, dataset: Dataset) -> Workload | None:
        """A workload that may neither read nor write a dataset, one of the dataset's own segment if there is one."""
        outside = (it for it in self.workloads if dataset.name not in (*it.reads, *it.writes))
        return min(outside, key=lambda it: it.segment != dataset.segment, default=None)

    @cached_property
    def stolen_dataset(self) -> tuple[Workload, Dataset]:
        """A dataset, and a workload that may not mount it: the more classified, and the nearer, the better."""
        rank = {"Restricted": 0, "Confidential": 1, "Internal": 2, "Public": 3}
        for dataset in sorted(self.factory.datasets, key=lambda it: (rank[it.classification.value], it.name)):
            if (workload := self.outsider(dataset)) is not None:
                return workload, dataset
        raise Lacking("there is no dataset, or every workload may mount it")

    @cached_property
    def read_only(self) -> tuple[Workload, Dataset]:
        """A workload that only reads a dataset."""
        for workload in self.workloads:
            for name in sorted(set(workload.reads) - set(workload.writes)):
                return workload, self.factory.dataset[name]
        raise Lacking("no workload only reads a dataset")

    @cached_property
    def stolen_model(self) -> tuple[Workload, Model]:
        """A model, and a workload that may not serve it."""
        for model in sorted(self.factory.models, key=lambda it: (it.imported, it.name)):
            for workload in self.workloads:
                if model.name not in workload.serves:
                    return workload, model
        raise Lacking("there is no model, or every workload serves it")

    @cached_property
    def served(self) -> tuple[Workload, Model]:
        """A workload that serves a model, and the model."""
        workload = self.one((it for it in self.workloads if it.serves), "no workload serves a model")
        return workload, self.factory.model[sorted(workload.serves)[0]]

    @cached_property
    def lister(self) -> Workload:
        """A workload whose images are listed."""
        return self.one((it for it in self.workloads if it.images), "no workload lists its images")

    def segment_with(self, what: str, has: Callable[[Segment], bool]) -> tuple[Workload, Segment]:
        """A workload in a segment of which something is true."""
        for workload in sorted(self.workloads, key=lambda it: it.pool is not None):
            if has(self.factory.segment[workload.segment]):
                return workload, self.factory.segment[workload.segment]
        raise Lacking(f"no segment with a workload has {what}")

    @property
    def registry(self) -> str:
        """Where images may come from."""
        return sorted(self.factory.images.registries)[0]

    def namespace(self, workload: Workload) -> str:
        """Where it runs."""
        return names.namespace(self.factory.name, workload.segment)

    @property
    def home(self) -> str:
        """The plain workload's namespace."""
        return self.namespace(self.plain)

    # What they do.

    def planned(self, kind: str, namespace: str | None = None, name: str | None = None) -> Body:
        """Kind and name of a planned object. Raises Lacking."""
        for manifest in self._manifests:
            metadata = manifest.body["metadata"]
            if (
                manifest.body["kind"] == kind
                and (namespace is None or metadata.get("namespace") == namespace)
                and name in (None, metadata["name"])
            ):
                return thing(f"{manifest.body['apiVersion']}/{kind}", metadata["name"], metadata.get("namespace"))
        raise Lacking(f"the plan has no {kind}" + (f" in {namespace}" if namespace else ""))

    @cached_property
    def _manifests(self) -> tuple[Manifest, ...]:
        return (*self.plan.manifests, *self.plan.bootstrap)

    @cached_property
    def access(self) -> tuple[Body, Body]:
        """The Role and the RoleBinding of a standing grant."""
        access = self.one(sorted(self.factory.access, key=lambda it: it.reference), "nobody has standing access")
        place = names.namespace(self.factory.name, min(access.segments))
        return self.planned("Role", place, access.role), self.planned("RoleBinding", place, names.grant(access.subject, access.role))

    def container(self, workload: Workload, **change: Any) -> Body:
        """The workload's container, changed."""
        return merge(plan_pod(self.factory, workload)["spec"]["containers"][0], change)

    def tolerations(self, workload: Workload, *more: Body) -> list[Body]:
        """What the workload's pods tolerate, and more."""
        return [*plan_pod(self.factory, workload)["spec"].get("tolerations", []), *TOLERATIONS, *more]

    def carry(self, kind: str, workload: Workload, change: Body | None = None) -> Body:
        """The workload's pod, changed, in a kind that carries one."""
        pod = merge(plan_pod(self.factory, workload, bare=True), change or {})
        return next(it for known, it in zip(CARRIERS, carriers(pod), strict=True) if known == kind)

    def pod(self, kind: str, workload: Workload, *, by: Identity | None = None, metadata: Body | None = None, **spec: Any) -> Trial:
        """A changed pod of a workload, in a kind that carries one. The twin is the pod unchanged, by the same person."""
        change: Body = ({"metadata": metadata} if metadata else {}) | ({"spec": spec} if spec else {})
        if by is None:
            operated = any(access.role == OPERATOR and workload.segment in access.segments for access in self.factory.access)
            # Operators write what people write today, not its predecessors.
            ordinary = operated and kind not in ("PodTemplate", "ReplicationController")
            by = self.operator_of(workload.segment) if ordinary else self.administrator
        return Trial(create(by, self.carry(kind, workload, change)), create(by, self.carry(kind, workload)))

    def run(self, by: Identity, workload: Workload) -> Trial:
        """A pod as granted, run by somebody who may not. The twin is by somebody who may."""
        deployment = self.carry("Deployment", workload)
        return Trial(create(by, deployment), create(self.administrator, deployment))

    def forbidden_patch(self, target: Body, change: Body, by: Identity | None = None, subresource: str = "") -> Trial:
        """A patch of the factory's own object by somebody other than the deployer, who may touch it."""
        return Trial(patch(by or self.administrator, target, change, subresource), patch(self.deployer, target, TOUCH))

    def elsewhere(self, target: Body, by: Identity | None = None) -> Trial:
        """A new object in a segment. The twin is the same outside of the factory, by an administrator: it is well-formed."""
        outside = {**target, "metadata": {**target["metadata"], "namespace": ELSEWHERE}}
        return Trial(create(by or self.administrator, target), create(self.administrator, outside))

    def attempted(self, guardrail: str) -> Trial:
        """What the guardrails' own table has against one of them."""
        self.one(self.workloads, "the stack has no workload")
        for attempt in plan_attacks(self.factory):
            if attempt.guardrail == guardrail and attempt.by is By.ADMINISTRATOR and attempt.verb is Verb.CREATE and attempt.before is None:
                return self.elsewhere(attempt.target)
        raise Lacking(f"the stack has no guardrail {guardrail}")

    def running(self, workload: Workload | None = None) -> Body:
        """A running pod of the factory."""
        return self.one((self.pods[it] for it in sorted(self.pods)), "no pod of a workload runs in a segment now")


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
