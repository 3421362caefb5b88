"""A factory on its way to the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pulumi

from factory.errors import Finding, Severity, SpecError, did_you_mean, listed
from factory.load import CONFIG_KEY, load_object
from factory.plan import Component, Manifest, plan_factory
from factory.rules import check
from factory.spec import Factory

from ._apply import apply


class Build:
    """One factory's plan, and what of it is registered so far, so that each object can wait for those that it needs.

    Share one between components that belong to one factory; a component that is given a spec makes its own.

    `factory` is a spec, as a `Factory` or as plain data. Raises RunError with every finding when it is unfit; warnings are logged.
    """

    def __init__(self, factory: Factory | Mapping[str, Any]) -> None:
        try:
            self.factory = factory if isinstance(factory, Factory) else load_object(factory)
            _judge(check(self.factory, datetime.now(UTC)))
        except SpecError as error:
            raise pulumi.RunError(str(error)) from None
        self.plan = plan_factory(self.factory)
        self._manifests: dict[Component, list[Manifest]] = {component: [] for component in self.plan.intents}
        for manifest in self.plan.manifests:
            self._manifests.setdefault(manifest.component, []).append(manifest)
        self._registered: dict[str, pulumi.CustomResource] = {}
        self._namespaces: dict[str, pulumi.CustomResource] = {}

    @property
    def components(self) -> Iterable[Component]:
        """Every component of the plan, in an order in which they can be created."""
        return self._manifests.keys()

    def intent(self, component: Component) -> dict[str, Any]:
        """What a component is for, as its preview row shows it. Raises RunError when the factory has no such component."""
        if component not in self._manifests:
            known = [other.name for other in self._manifests if other.kind == component.kind]
            raise pulumi.RunError(
                f'{component.kind} "{component.name}" is not in the factory "{self.plan.factory}"; allowed: {listed(known)}. '
                f"{did_you_mean(component.name, known) or 'Add it to the spec.'}"
            )
        return self.plan.intents.get(component, {})

    def register(self, component: Component, parent: pulumi.ComponentResource) -> dict[str, pulumi.CustomResource]:
        """Registers a component's objects below `parent`; returns them by key."""
        return {manifest.key: self._register(manifest, parent) for manifest in self._manifests[component]}

    def _register(self, manifest: Manifest, parent: pulumi.ComponentResource) -> pulumi.CustomResource:
        metadata = manifest.body["metadata"]
        resource = apply(
            manifest,
            parent,
            namespace=self._namespaces.get(metadata.get("namespace", "")),
            after=[self._registered[other] for other in manifest.after if other in self._registered],
            protect=self.factory.production,
        )
        self._registered[manifest.id] = resource
        if manifest.body["kind"] == "Namespace":
            self._namespaces[metadata["name"]] = resource
        return resource


def _judge(findings: Iterable[Finding]) -> None:
    """Raises SpecError with the errors; without one, logs the warnings in one message, since a preview shows each message twice."""
    by_severity = {severity: [finding for finding in findings if finding.severity is severity] for severity in Severity}
    if errors := by_severity[Severity.ERROR]:
        raise SpecError(errors, CONFIG_KEY)
    if warnings := by_severity[Severity.WARNING]:
        pulumi.log.warn("\n".join([f"{CONFIG_KEY}: {len(warnings)} warning(s)", *(f"  {finding}" for finding in warnings)]))
