"""ZG19 and ZG20: what is signed. Kyverno verifies it, since the API server itself verifies no signatures.

One `ImageValidatingPolicy` (policies.kyverno.io/v1) for each model with signers, and one for container images. What one of them does not
match is admitted by it: that a pod mounts and runs nothing else is ZG03 and ZG04, which need no webhook. Only pods are looked at: a
Deployment whose model is unsigned is accepted, its pods are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from factory.plan import controls, names
from factory.plan.body import body
from factory.plan.manifest import Because, Body, Component, Manifest
from factory.plan.public_key import fingerprint
from factory.spec import ExternalRegistry, Factory, Model, RegistryProduct, Signer, Stage

from .guardrail import text

API = "policies.kyverno.io/v1"
KIND = "ImageValidatingPolicy"

SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
"""Predicate type of a signature in a Sigstore bundle. Without it every attestation by the same key would count as a signature."""
VALIDATION = "https://in-toto.io/attestation/test-result/v0.1"
"""Predicate type of a validation: in-toto's Test Result."""
PROMOTION = "https://slsa.dev/verification_summary/v1"
"""Predicate type of a promotion: SLSA's Verification Summary."""

ATTESTATIONS = {"signature": SIGNATURE, "validation": VALIDATION, "promotion": PROMOTION}
"""Predicate types by the names that policies have for them."""

SERVING = "STAGE_INFERENCE"
"""Verified level that a promotion must name."""

CONTROLS = (controls.TENET_5, controls.TENET_6, controls.SUPPLY_CHAIN, controls.CIS_ADMISSION)

PATIENCE = 30
"""Seconds that the API server waits for a verdict, the most that it can: several round trips to a registry."""

PROVIDERS = {RegistryProduct.ECR: "amazon", RegistryProduct.ARTIFACT_REGISTRY: "google"}
"""By whose identity Kyverno reads a cloud's registry."""


def plan_signatures(factory: Factory) -> Iterator[Manifest]:
    """A policy for each model that needs a signature, and one for images where these need one."""
    for model in _signed(factory):
        yield _model(factory, model)
    if factory.images.signers:
        yield _images(factory)


def describe_signatures(factory: Factory) -> dict[str, str]:
    """What their preview row shows: whose signature each needs."""
    found = {f"ZG19 {model.name}": _needs(model) for model in _signed(factory)}
    return found | ({"ZG20": f"signed by {' or '.join(sorted(factory.images.signers))}"} if factory.images.signers else {})


def is_signed(factory: Factory) -> bool:
    """Whether anything needs a signature: then the cluster needs Kyverno."""
    return bool(factory.images.signers) or any(model.signers for model in factory.models)


def _signed(factory: Factory) -> list[Model]:
    """Models that need a signature, in the order of their names: what waits for their policies does not change with the spec's order."""
    return sorted((model for model in factory.models if model.signers), key=lambda model: model.name)


def model_policy(factory: str, model: str) -> str:
    """Name of a model's policy: `helix-zg19-fraud`."""
    return names.cluster_wide(factory, f"zg19-{model}")


def image_policy(factory: str) -> str:
    """Name of the policy of container images: `helix-zg20-image`."""
    return names.cluster_wide(factory, "zg20-image")


def attestor(signer: str, key: str) -> str:
    """How a policy calls one key of a signer: `release-1a2b3c4d`. The same key has the same name, wherever it stands in a list."""
    return f"{signer}-{fingerprint(key)}"


PASSED = {
    "validation": "p.?result.orValue('') == 'PASSED'",
    "promotion": "p.?verificationResult.orValue('') == 'PASSED' && p.?verifier.?id.orValue('') != ''"
    f" && {text(SERVING)} in p.?verifiedLevels.orValue([]) && p.?resourceUri.orValue('') == i",
}
"""CEL: what must be in an attestation `p` of a model's image `i`."""


def demand(kind: str, attestors: str) -> str:
    """CEL: every model that a pod mounts has an attestation of a kind by one of some attestors, which are a CEL list."""
    signed = f"verifyAttestationSignatures(i, attestations.{kind}, {attestors}) > 0"
    if kind not in PASSED:
        return f"images.models.all(i, {signed})"
    content = f"[extractPayload(i, attestations.{kind}).?predicate.orValue({{}})].all(p, {PASSED[kind]})"
    return f"!variables.serving || images.models.all(i, {signed} && {content})"


def image_demand(attestors: str) -> str:
    """CEL: every container's image is signed by one of some attestors, which are a CEL list."""
    every = "(images.containers + images.initContainers + images.ephemeralContainers)"
    return f"{every}.all(i, verifyAttestationSignatures(i, attestations.signature, {attestors}) > 0)"


def _model(factory: Factory, model: Model) -> Manifest:
    """Signed wherever it is mounted. In Inference also found good by a validator, and let through by a signer who has seen that.

    A signature is a digest's, wherever that lies; a promotion names the repository too. A namespace without a stage is taken for one of
    Inference. Of several attestations of one kind by one signer Kyverno reads one, in the order of their digests: whoever promotes looks at
    all of them, and what was promoted is withdrawn by deleting its attestations.
    """
    signers, validators = _of(factory, model.signers), _of(factory, model.validators)
    serving = f"namespaceObject.metadata.labels[?{text(names.STAGE)}].orValue({text(Stage.INFERENCE)}) == {text(Stage.INFERENCE)}"
    by, approved = _names(model.signers), _names(model.validators)
    validations = [(demand("signature", _attestors(signers)), f"model {model.name} needs a signature by {by}.")]
    if validators:
        validations.append(
            (demand("validation", _attestors(validators)), f"model {model.name} needs a validation that PASSED, signed by {approved}.")
        )
    validations.append((demand("promotion", _attestors(signers)), f"model {model.name} needs a promotion that PASSED, signed by {by}."))
    repository = model.repository
    return _policy(
        factory,
        "ZG19",
        model.name,
        Because(f"models[{model.name}].signers", _needs(model), CONTROLS),
        rules=[_rule("CREATE", "pods")],
        conditions={
            "mounts-model": "object.spec.?volumes.orValue([])"
            f".exists(v, has(v.image) && v.image.?reference.orValue('').startsWith({text(repository)}))"
        },
        references=[{"expression": " || ".join(f"ref.startsWith({text(repository + end)})" for end in ("@", ":"))}],
        images=[
            {
                "name": "models",
                "expression": "object.spec.?volumes.orValue([]).filter(v, has(v.image)).map(v, v.image.?reference.orValue(''))",
            }
        ],
        signers=(*signers, *(signer for signer in validators if signer not in signers)),
        attestations=ATTESTATIONS if validators else {kind: ATTESTATIONS[kind] for kind in ("signature", "promotion")},
        variables={"serving": serving},
        validations=validations,
    )


def _images(factory: Factory) -> Manifest:
    """Every container, those of an update and of a debug session too. An update that leaves the images alone passes: a running pod whose
    signature was taken back can still be deleted."""
    signers = _of(factory, factory.images.signers)
    written = "(o.spec.containers + o.spec.?initContainers.orValue([]) + o.spec.?ephemeralContainers.orValue([])).map(c, c.image)"
    wanted = _names(factory.images.signers)
    return _policy(
        factory,
        "ZG20",
        "image",
        Because("images.signers", f"containers run images signed by {wanted}", CONTROLS),
        rules=[_rule("CREATE", "pods"), _rule("UPDATE", "pods", "pods/ephemeralcontainers")],
        conditions={"image-changed": f"request.operation == 'CREATE' || [object].map(o, {written}) != [oldObject].map(o, {written})"},
        references=[],
        images=[],
        signers=signers,
        attestations={"signature": SIGNATURE},
        variables={},
        validations=[
            (image_demand(_attestors(signers)), f"every image needs a signature by {wanted}."),
        ],
    )


def _policy(
    factory: Factory,
    id: str,
    name: str,
    because: Because,
    *,
    rules: list[Body],
    conditions: dict[str, str],
    references: list[Body],
    images: list[Body],
    signers: tuple[Signer, ...],
    attestations: dict[str, str],
    variables: dict[str, str],
    validations: list[tuple[str, str]],
) -> Manifest:
    """Keys that could loosen it are set even where they say what is the default. Conditions are asked by the API server before it calls
    Kyverno, so that no other pod waits for a webhook. `autogen` is off: it rewrites no extractor of one's own."""
    registry = factory.registry
    provider = PROVIDERS.get(registry.product) if isinstance(registry, ExternalRegistry) else None
    spec: Body = {
        "failurePolicy": "Fail",
        "validationActions": ["Deny"],
        "evaluation": {"mode": "Kubernetes", "admission": {"enabled": True}, "background": {"enabled": False}},
        "autogen": {"podControllers": {"controllers": []}},
        "webhookConfiguration": {"timeoutSeconds": PATIENCE},
        "matchConstraints": {
            "matchPolicy": "Equivalent",
            "namespaceSelector": {"matchLabels": {names.FACTORY: factory.name}},
            "objectSelector": {},
            "resourceRules": rules,
            "excludeResourceRules": [],
        },
        "matchConditions": [{"name": key, "expression": expression} for key, expression in conditions.items()],
        "validationConfigurations": {"mutateDigest": False, "verifyDigest": True, "required": True},
        "matchImageReferences": references,
        "images": images,
        "attestors": [attests for signer in signers for attests in _trusted(signer)],
        "attestations": [{"name": key, "intoto": {"type": kind}} for key, kind in attestations.items()],
        "variables": [{"name": key, "expression": expression} for key, expression in variables.items()],
        "validations": [{"expression": expression, "message": f"{id}: {message}"} for expression, message in validations],
    }
    if provider:
        spec["credentials"] = {"allowInsecureRegistry": False, "providers": [provider]}
    content = body(API, KIND, names.cluster_wide(factory.name, f"{id.lower()}-{name}"), because, factory=factory.name, spec=spec)
    return Manifest(Component("Guardrails", factory.name), f"{id.lower()}-{name}", content, because)


def _rule(operation: str, *resources: str) -> Body:
    return {"apiGroups": [""], "apiVersions": ["v1"], "operations": [operation], "resources": list(resources), "scope": "Namespaced"}


def _trusted(signer: Signer) -> Iterator[Body]:
    """Who may have signed, as Kyverno knows them: one attestor for each key. A key is known to the organisation, so no log has to show it;
    a certificate that lives for minutes is proven by the organisation's log."""
    for key in sorted(signer.public_keys, key=fingerprint):
        unlogged = {"insecureIgnoreTlog": True, "insecureIgnoreSCT": True}
        yield {"name": attestor(signer.name, key), "cosign": {"key": {"data": key}, "ctlog": unlogged}}
    if (keyless := signer.keyless) is not None:
        identity = {"issuer": keyless.issuer, "subject": keyless.subject}
        # Its Fulcio, unlike the public one, writes its certificates into no log (SCT); what was signed is in its Rekor.
        log = {"url": keyless.rekor, "rekorPubKey": keyless.rekor_key, "insecureIgnoreTlog": False, "insecureIgnoreSCT": True}
        trust = {"mirror": keyless.tuf, "root": {"data": keyless.tuf_root}}
        yield {"name": signer.name, "cosign": {"keyless": {"identities": [identity], "roots": keyless.roots}, "tuf": trust, "ctlog": log}}


def _attestors(signers: Iterable[Signer]) -> str:
    """CEL: any of these."""
    trusted = (text(trusted["name"]) for signer in signers for trusted in _trusted(signer))
    return f"[{', '.join(f'attestors[{name}]' for name in trusted)}]"


def _of(factory: Factory, signers: Iterable[str]) -> tuple[Signer, ...]:
    return tuple(factory.signer[name] for name in sorted(set(signers)))


def _names(signers: Iterable[str]) -> str:
    return " or ".join(sorted(set(signers)))


def _needs(model: Model) -> str:
    validated = f"validated by {_names(model.validators)} and " if model.validators else ""
    return f"signed by {_names(model.signers)}; in Inference {validated}promoted"
