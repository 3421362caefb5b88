"""What a guardrail is: one ValidatingAdmissionPolicy and its binding (admissionregistration.k8s.io/v1, KEP-3488), said shortly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from factory.plan import names
from factory.plan.body import body
from factory.plan.manifest import Because, Body, Component, Manifest
from factory.spec import Factory

GRANTS = "guardrails"
"""Name of the ConfigMap in every segment that says what the segment's workloads are granted."""

STATIC = ".static.k8s.io"
"""Suffix that KEP-5793 demands of policies on the API server's disk."""


class Rule(NamedTuple):
    """Requests that a guardrail looks at."""

    group: str
    """API group; the core group is `""`."""
    version: str
    """API version."""
    resources: tuple[str, ...]
    """Resources and subresources."""
    operations: tuple[str, ...] = ("CREATE", "UPDATE")
    """Admission operations."""
    scope: str = "Namespaced"
    """`Namespaced`, or `Cluster` (where Namespaces are)."""

    def body(self) -> Body:
        """As `matchConstraints` has it."""
        return {
            "apiGroups": [self.group],
            "apiVersions": [self.version],
            "operations": list(self.operations),
            "resources": list(self.resources),
            "scope": self.scope,
        }


class Validation(NamedTuple):
    """One thing that must be true of a request."""

    expression: str
    """CEL that is true when the request may pass."""
    message: str
    """What a refused user reads: what must be, so that they know the fix."""
    shown: str | None = None
    """CEL of a list of strings that is put behind the message, so that the user sees what is allowed."""


@dataclass(frozen=True)
class Guardrail:
    """One control at admission. Its id is stable, and stands in its object's name and in every message."""

    id: str
    """`ZG01`."""
    name: str
    """What it guards, in one word: the end of its object's name."""
    title: str
    """What holds while it stands, in one sentence."""
    controls: tuple[str, ...]
    """Ids of `factory.plan.controls`."""
    rules: tuple[Rule, ...]
    """Requests that it looks at."""
    validations: tuple[Validation, ...]
    """What must be true of them."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """CEL by name, each may use those before it."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """CEL by name: requests for which one is false pass unseen."""
    granted: bool = False
    """Whether it reads the segment's grants, as `variables.grants`."""
    where: Literal["Segments", "Elsewhere", "Everywhere"] = "Segments"
    """`Segments`: only namespaces with the factory's label. `Elsewhere`: only namespaces without it. `Everywhere`: the conditions say which
    objects are the factory's."""

    def object_name(self, factory: str) -> str:
        """Name of its policy and of its binding: `helix-zg01-identity`."""
        return names.cluster_wide(factory, f"{self.id.lower()}-{self.name}")

    def policy(self) -> Body:
        """The policy's `spec`. Keys that could loosen it are set even when empty, so that a change to one is a difference."""
        grants = {"grants": "params.?data.orValue({})"} if self.granted else {}
        spec: Body = {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": {},
                "objectSelector": {},
                "resourceRules": [rule.body() for rule in self.rules],
                "excludeResourceRules": [],
            },
            "matchConditions": [{"name": name, "expression": expression} for name, expression in self.conditions.items()],
            "variables": [{"name": name, "expression": expression} for name, expression in {**grants, **self.variables}.items()],
            "validations": [self._validation(validation) for validation in self.validations],
        }
        return spec | ({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}} if self.granted else {})

    def binding(self, factory: str, policy: str) -> Body:
        """The binding's `spec`: where the policy holds, and with which grants."""
        selector = {
            "Segments": {"matchLabels": {names.FACTORY: factory}},
            "Elsewhere": {"matchExpressions": [{"key": names.FACTORY, "operator": "NotIn", "values": [factory]}]},
            "Everywhere": {},
        }[self.where]
        spec: Body = {
            "policyName": policy,
            "validationActions": ["Deny", "Audit"],
            "matchResources": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": selector,
                "objectSelector": {},
                "resourceRules": [],
                "excludeResourceRules": [],
            },
        }
        return spec | ({"paramRef": {"name": GRANTS, "parameterNotFoundAction": "Deny"}} if self.granted else {})

    def because(self) -> Because:
        """Why its objects are there."""
        return Because("segments", self.title, self.controls)

    def plan(self, factory: Factory) -> Iterator[Manifest]:
        """The policy, and the binding that puts it in force."""
        component, because, name = Component("Guardrails", factory.name), self.because(), self.object_name(factory.name)
        policy = Manifest(component, self.id.lower(), self._body("Policy", name, factory, self.policy()), because)
        yield policy
        binding = self._body("PolicyBinding", name, factory, self.binding(factory.name, name))
        yield Manifest(component, f"{self.id.lower()}-binding", binding, because, after=(policy.id,))

    def static(self, factory: Factory) -> list[Body]:
        """The same two as manifests for the API server's disk. Raises ValueError if it reads grants, which static policies cannot."""
        if self.granted:
            raise ValueError(f"{self.id} reads grants of its segment, and static policies have no parameters (KEP-5793)")
        name = self.object_name(factory.name) + STATIC
        specs: tuple[tuple[str, dict[str, Any]], ...] = (("Policy", self.policy()), ("PolicyBinding", self.binding(factory.name, name)))
        return [self._body(kind, name, factory, spec) for kind, spec in specs]

    def _body(self, kind: str, name: str, factory: Factory, spec: Body) -> Body:
        kind = f"ValidatingAdmission{kind}"
        return body("admissionregistration.k8s.io/v1", kind, name, self.because(), factory=factory.name, spec=spec)

    def _validation(self, validation: Validation) -> Body:
        message = f"{self.id}: {validation.message}"
        content = {"expression": validation.expression, "message": message, "reason": "Forbidden"}
        if validation.shown is not None:
            content["messageExpression"] = f"{text(message + ' Allowed: ')} + ({validation.shown}).join(', ')"
        return content


def text(value: str) -> str:
    """A CEL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def texts(values: tuple[str, ...]) -> str:
    """A CEL list of string literals."""
    return f"[{', '.join(text(value) for value in values)}]"


def granted(key: str) -> str:
    """CEL: the lines of one key of the segment's grants; none where the key is absent."""
    return f"variables.grants[?{key}].orValue('').split('\\n').filter(line, line != '')"
