"""Whether Kyverno is asked at all: its policies are only as good as the webhooks that it has registered for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from factory.errors import Severity
from factory.plan import Body, Manifest, Plan

from .drift import Change, Drift
from .selector import may_match

WEBHOOKS = "kyverno-resource-validating-webhook-cfg"
"""What Kyverno registers its validating webhooks in (its `pkg/config`)."""
PATH = "/ivpol/validate/"
"""How the path of a webhook that verifies images begins; the names of its policies follow."""

MENDED = "Kyverno registers it by itself, and mends it within seconds: see that it runs"


def is_kyvernos(configuration: Body, all_of_them: Iterable[Body]) -> bool:
    """Whether a webhook configuration is one that Kyverno registers by itself: what it may change is then what Kyverno's policies say. All
    that call themselves so must call one server, or none is believed."""
    claimed = [body for body in all_of_them if _claims(body)]
    servers = {_server(webhook) for body in claimed for webhook in body.get("webhooks") or ()}
    return _claims(configuration) and len(servers) <= 1


def _claims(configuration: Body) -> bool:
    labels = configuration["metadata"].get("labels") or {}
    return configuration["metadata"]["name"].startswith("kyverno-") and labels.get("webhook.kyverno.io/managed-by") == "kyverno"


def _server(webhook: Mapping[str, Any]) -> tuple[str, str]:
    """Who answers, and by which authority they are known."""
    client = webhook.get("clientConfig") or {}
    service = client.get("service") or {}
    host = str(client.get("url") or "").partition("://")[2].partition("/")[0]
    return host or f"{service.get('namespace')}/{service.get('name')}:{service.get('port', 443)}", str(client.get("caBundle"))


def find_unverified(plan: Plan, configurations: Sequence[Body], segments: Mapping[str, Mapping[str, str]]) -> Iterator[Drift]:
    """Planned policies for which no webhook stops a pod: none is registered, or it is passed over in a segment or when Kyverno is down."""
    policies = [manifest for manifest in plan.manifests if manifest.body["kind"] == "ImageValidatingPolicy"]
    found = [body for body in configurations if body["metadata"]["name"] == WEBHOOKS]
    webhooks = [webhook for body in found for webhook in body.get("webhooks") or ()]
    for policy in policies:
        asked = [webhook for webhook in webhooks if policy.body["metadata"]["name"] in _policies(webhook)]
        flaw = _flaw(policy, asked, segments.values())
        if flaw is not None:
            yield Drift(
                Change.MISSING,
                f"ValidatingWebhookConfiguration {WEBHOOKS}",
                flaw,
                Severity.ERROR,
                policy.reference,
                path=policy.because.path,
            )


def find_exceptions(plan: Plan, exceptions: Iterable[Body]) -> Iterator[tuple[Body, str]]:
    """What excepts something from a planned policy, and why that matters."""
    planned = {manifest.body["metadata"]["name"] for manifest in plan.manifests if manifest.body["kind"] == "ImageValidatingPolicy"}
    for body in exceptions:
        named = sorted(planned & {reference.get("name") for reference in body["spec"].get("policyRefs") or ()})
        if named:
            yield body, f"excepts resources from {', '.join(named)}: nobody verifies their signatures"


def _policies(webhook: Mapping[str, Any]) -> set[str]:
    """Names of the policies that a webhook asks about, as its path lists them."""
    client = webhook.get("clientConfig") or {}
    path = str(client.get("url") or (client.get("service") or {}).get("path") or "")
    return set(path.partition(PATH)[2].split("/"))


def _requests(rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return product(rule.get("operations") or (), rule.get("resources") or ())


def _flaw(policy: Manifest, webhooks: Sequence[Mapping[str, Any]], segments: Iterable[Mapping[str, str]]) -> str | None:
    spec = policy.body["spec"]
    if not webhooks:
        return "no webhook of Kyverno asks for it: what it should verify is admitted unseen"
    failing = [webhook for webhook in webhooks if webhook.get("failurePolicy") != "Ignore"]
    if not failing:
        return "what it should verify is admitted whenever Kyverno does not answer"
    asked = {(operation, resource) for webhook in failing for rule in webhook.get("rules") or () for operation, resource in _requests(rule)}
    if not {request for rule in spec["matchConstraints"]["resourceRules"] for request in _requests(rule)} <= asked:
        return "Kyverno is not asked about pods"
    if not all(any(may_match(webhook.get("namespaceSelector"), labels) for webhook in failing) for labels in segments):
        return "Kyverno is not asked in every segment"
    planned = [condition["expression"] for condition in spec["matchConditions"]]
    conditions = [str(condition.get("expression")) for webhook in failing for condition in webhook.get("matchConditions") or ()]
    if not all(any(expression in condition for expression in planned) for condition in conditions):
        return "Kyverno is asked only under a condition that nobody planned"
    return None
