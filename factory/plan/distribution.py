"""Sign-in by distribution: files where the control plane is ours, its own form where it is somebody else's, and what that form cannot say.

A managed control plane takes no AuthenticationConfiguration. EKS and OpenShift compare single claims with single values; AKS takes the
same CEL, as a preview; GKE lets Google's token service judge the sign-in, by CEL of its own, and shows the API server the outcome only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from factory.spec import Distribution, Factory, Provider, RequiredClaim

from . import controls
from .audit_policy import audit_flags, plan_audit_policy
from .authentication import Demand, authentication_flags, authenticator, demands, extra, plan_authentication
from .authorization import authorization_flags, plan_authorization
from .guardrail.guardrail import text
from .manifest import Because, Body, File
from .people import carries_extra, pool_name, prefixes

ENFORCEMENT = "sign-in.md"

_CLAIMS = re.compile(r"claims\[\?(?P<has>'(?:\\.|[^'\\])*')\]\.hasValue\(\)|(?P<text>'(?:\\.|[^'\\])*')|\bclaims\b")
"""Whether the token has a claim, in words that Google's CEL lacks; a text, which stays; the token, which Google calls `assertion`."""

_FORM = {
    Distribution.EKS: (
        "an OIDC identity provider configuration: one issuer, claims that equal one text each",
        "`aws eks associate-identity-provider-config --cluster-name NAME --cli-input-yaml file://{file}`",
    ),
    Distribution.AKS: (
        "JWT authenticators (preview): the CEL of Kubernetes, for issuers other than Entra ID",
        "`yq -o json {file} > a.json; az aks jwtauthenticator add --config-file a.json --name NAME --cluster-name C --resource-group G`",
    ),
    Distribution.GKE: (
        "workforce identity federation: Google's token service judges the sign-in, the API server sees its outcome",
        "`gcloud iam workforce-pools providers create-oidc --flags-file={file}`",
    ),
    Distribution.OPENSHIFT: (
        "the cluster's Authentication object: one issuer, claims that equal one text each",
        "`oc apply --server-side -f {file}`",
    ),
}
_AUDIT = {
    Distribution.EKS: "its own policy; turn on the `audit` and `authenticator` logs of the control plane",
    Distribution.AKS: "its own policy; send `kube-audit` and `guard` to a Log Analytics workspace by diagnostic settings",
    Distribution.GKE: "its own policy; turn on Data Access audit logs for the Kubernetes Engine API",
    Distribution.OPENSHIFT: "profile `WriteRequestBodies`, rendered below",
}
_COVER = {
    "tokenAge": "the client's token lifetime at the provider",
    "sessionAge": "the provider's session lifetime",
    "mfa": 'the provider\'s sign-in policy for this client, and a flat claim such as `mfa: "true"` that it emits only then',
    "device": "the provider's device policy for this client",
    "risk": "the provider's risk policy for this client, and its session revocation",
    "networks": "the provider's network policy for this client, and the control plane's authorized networks",
    "countries": "the provider's location policy for this client",
    "contractEnd": "an end date on the account at the provider",
}
"""What stands in for a demand that a control plane cannot make, by field of the contract."""
_ALWAYS = {
    "ZA01": "one client for each cluster at the provider, with no other audience",
    "ZA02": "one client for each cluster at the provider",
    "ZA11": "the prefix, which keeps every name apart from those of Kubernetes",
    "ZA12": "the prefix, which keeps every group apart from those of Kubernetes",
    "ZA13": "a user claim that is not an address",
}
"""The same for what is always asked, by id."""


def sign_in_flags(factory: Factory) -> dict[str, Any]:
    """Flags of kube-apiserver that put the files in force; none for a control plane that is not ours."""
    if factory.cluster.distribution is not Distribution.SELF_MANAGED:
        return {}
    return authentication_flags(factory) | authorization_flags(factory) | audit_flags(factory)


def plan_sign_in(factory: Factory) -> Iterator[File]:
    """What the control plane must be told about people."""
    distribution = factory.cluster.distribution
    if distribution is Distribution.SELF_MANAGED:
        yield from plan_authentication(factory)
        yield from plan_authorization(factory)
        yield from plan_audit_policy(factory)
        return
    because = Because("identity.people", f"what {distribution} takes for sign-in", (controls.TENET_6, controls.AUTHORIZATION))
    for provider in sorted(factory.providers, key=lambda provider: provider.name):
        yield File(form_file(factory, provider), _form(factory, provider), because)
    if distribution is Distribution.OPENSHIFT:
        audit = {"apiVersion": "config.openshift.io/v1", "kind": "APIServer", "metadata": {"name": "cluster"}}
        yield File("openshift-apiserver.yaml", audit | {"spec": {"audit": {"profile": "WriteRequestBodies"}}}, because)
    yield File(ENFORCEMENT, "\n".join(_table(factory)) + "\n", because)


def unenforced(factory: Factory, provider: Provider) -> Iterator[Demand]:
    """Demands of a provider's tokens that the distribution's API server does not make."""
    match factory.cluster.distribution:
        case Distribution.SELF_MANAGED | Distribution.AKS:
            return
        case Distribution.GKE:
            yield from (demand for demand in demands(factory, provider) if demand.id in ("ZA11", "ZA12"))
        case _:
            yield from (demand for demand in demands(factory, provider) if not _is_text(demand.exact))


def form_file(factory: Factory, provider: Provider) -> str:
    """The file with the distribution's own form of a provider."""
    word = {
        Distribution.EKS: "eks-identity-provider",
        Distribution.AKS: "aks-jwt-authenticator",
        Distribution.GKE: "gke-workforce-provider",
        Distribution.OPENSHIFT: "openshift-authentication",
    }[factory.cluster.distribution]
    return f"{word}-{provider.name}.yaml"


def _is_text(required: RequiredClaim | None) -> bool:
    """Whether a claim can be compared with one text: `amr` (RFC 8176) and `acrs` are lists, which equal none."""
    return required is not None and len(required.values) == 1 and required.claim not in ("amr", "acrs")


def _form(factory: Factory, provider: Provider) -> Body:
    match factory.cluster.distribution:
        case Distribution.EKS:
            return _eks(factory, provider)
        case Distribution.AKS:
            return authenticator(factory, provider, prefixes(factory, provider)[0])
        case Distribution.GKE:
            return _gke(factory, provider)
        case _:
            return _openshift(factory, provider)


def _exact(factory: Factory, provider: Provider) -> dict[str, str]:
    open_ = {demand.id for demand in unenforced(factory, provider)}
    return {demand.exact.claim: demand.exact.values[0] for demand in demands(factory, provider) if demand.exact and demand.id not in open_}


def _eks(factory: Factory, provider: Provider) -> Body:
    """API `AssociateIdentityProviderConfig`. Claims are compared as text: the provider must emit `"true"`, not `true`."""
    return {
        "oidc": {
            "identityProviderConfigName": provider.name,
            "issuerUrl": provider.issuer,
            "clientId": provider.audience,
            "usernameClaim": provider.user_claim,
            "usernamePrefix": provider.prefix,
            "groupsClaim": provider.groups,
            "groupsPrefix": provider.prefix,
            "requiredClaims": _exact(factory, provider),
        }
    }


def _gke(factory: Factory, provider: Provider) -> Body:
    """Flags of `gcloud iam workforce-pools providers create-oidc`. A session of the pool lives for `--session-duration` of the pool."""
    asked = [demand.expression for demand in demands(factory, provider) if demand not in tuple(unenforced(factory, provider))]
    condition = " && ".join(f"({expression})" for expression in asked)
    return {
        "--location": "global",
        "--workforce-pool": pool_name(factory, provider),
        "--issuer-uri": provider.issuer,
        "--client-id": provider.audience,
        "--web-sso-response-type": "id-token",
        "--web-sso-assertion-claims-behavior": "only-id-token-claims",
        "--attribute-mapping": {
            "google.subject": f"assertion[{text(provider.user_claim)}]",
            "google.groups": f"assertion[{text(provider.groups)}]",
        },
        "--attribute-condition": _CLAIMS.sub(_assertion, condition),
    }


def _assertion(match: re.Match[str]) -> str:
    return f"({match['has']} in assertion)" if match["has"] else match["text"] or "assertion"


def _openshift(factory: Factory, provider: Provider) -> Body:
    """config.openshift.io/v1 Authentication, from OpenShift 4.20 on with `uid` and `extra`."""
    authority = {"issuerCertificateAuthority": {"name": f"{provider.name}-ca"}} if provider.certificate_authority else {}
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": "Authentication",
        "metadata": {"name": "cluster"},
        "spec": {
            "type": "OIDC",
            "webhookTokenAuthenticator": None,
            "oidcProviders": [
                {
                    "name": provider.name,
                    "issuer": {"issuerURL": provider.issuer, "audiences": [provider.audience], **authority},
                    "claimMappings": {
                        "username": {
                            "claim": provider.user_claim,
                            "prefixPolicy": "Prefix",
                            "prefix": {"prefixString": provider.prefix},
                        },
                        "groups": {"claim": provider.groups, "prefix": provider.prefix},
                        "uid": {"claim": "sub"},
                        "extra": extra(provider),
                    },
                    "claimValidationRules": [
                        {"type": "RequiredClaim", "requiredClaim": {"claim": claim, "requiredValue": value}}
                        for claim, value in _exact(factory, provider).items()
                    ],
                }
            ],
        },
    }


def _table(factory: Factory) -> Iterator[str]:
    distribution = factory.cluster.distribution
    form, command = _FORM[distribution]
    yield f"{distribution} takes {form}."
    for provider in sorted(factory.providers, key=lambda provider: provider.name):
        open_ = {demand.id for demand in unenforced(factory, provider)}
        yield from ("", f"## {provider.name}", "", command.format(file=form_file(factory, provider)), "")
        yield from ("| id | what a token must prove | enforced by the control plane | what covers the rest |", "| --- | --- | --- | --- |")
        for demand in demands(factory, provider):
            cover = (_COVER[demand.field] if demand.field else _ALWAYS[demand.id]) if demand.id in open_ else ""
            message = demand.message.replace("|", "\\|")
            yield f"| {demand.id} | {message} | {'no' if demand.id in open_ else _enforced(distribution)} | {cover} |"
    step_up = _enforced(distribution) if carries_extra(factory) else "no"
    cover = "" if carries_extra(factory) else "the provider's sign-in policy asks everybody for the stronger sign-in; grants that end"
    yield from ("", "## Beside the token", "", "| what | enforced by the control plane | what covers the rest |", "| --- | --- | --- |")
    yield f"| step-up for sessions, Secrets and grants | {step_up} | {cover} |"
    yield "| anonymous requests reach health paths only | no | RBAC: bind nothing to `system:unauthenticated` |"
    yield f"| who did what, and why | yes | {_AUDIT[distribution]} |"


def _enforced(distribution: Distribution) -> str:
    return "yes, at sign-in" if distribution is Distribution.GKE else "yes"
