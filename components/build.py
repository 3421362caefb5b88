"""A factory on its way to the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi

from factory.document import Document
from factory.errors import Finding, Severity, SpecError, did_you_mean, listed
from factory.load import CONFIG_KEY, FILE_KEY, Stack, load_config, load_object
from factory.plan import Component, Manifest, plan_factory
from factory.rules import check
from factory.spec import Factory

from ._apply import apply


def configured(folder: Path) -> Stack:
    """The spec of the stack's configuration: `ai-factory:spec`, or the file of `folder` that `ai-factory:specFile` names.

    A file, because Pulumi hands a program its configuration in one environment variable, of which Linux allows 128 KiB: about 100 segments.
    Raises RunError with every problem of form and every dangling name.
    """
    project, key = CONFIG_KEY.split(":")
    config = pulumi.Config(project)
    values = {CONFIG_KEY: config.get_object(key), FILE_KEY: config.get(FILE_KEY.removeprefix(f"{project}:"))}
    try:
        return load_config({key: value for key, value in values.items() if value is not None}, folder)
    except SpecError as error:
        raise pulumi.RunError(str(error)) from None


class Build:
    """One factory's plan, and what of it is registered so far, so that each object can wait for those that it needs.

    Share one between components that belong to one factory; a component that is given a spec makes its own.

    `factory` is a spec: as a `Factory`, as plain data, or as it was `configured`. Raises RunError with every finding when it is unfit;
    warnings are logged.
    """

    def __init__(self, factory: Factory | Stack | Mapping[str, Any]) -> None:
        try:
            stack = _stack(factory)
            self.factory = stack.factory
            _judge(stack.place(check(self.factory, datetime.now(UTC))), stack.document.source)
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


def _stack(factory: Factory | Stack | Mapping[str, Any]) -> Stack:
    if isinstance(factory, Stack):
        return factory
    return Stack(factory if isinstance(factory, Factory) else load_object(factory), Document(CONFIG_KEY, {}, {}))


def _judge(findings: Iterable[Finding], source: str) -> None:
    """Raises SpecError with the errors; without one, logs the warnings in one message, since a preview shows each message twice."""
    by_severity = {severity: [finding for finding in findings if finding.severity is severity] for severity in Severity}
    if errors := by_severity[Severity.ERROR]:
        raise SpecError(errors, source)
    if warnings := by_severity[Severity.WARNING]:
        pulumi.log.warn("\n".join([f"{source}: {len(warnings)} warning(s)", *(f"  {finding}" for finding in warnings)]))
