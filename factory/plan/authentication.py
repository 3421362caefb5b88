"""Sign-in, checked by the API server at every request: AuthenticationConfiguration (apiserver.config.k8s.io, KEP-3331).

A *demand* is one thing that a token must prove. It is CEL where the control plane takes CEL, and an exact value of one claim where that is
all that it takes (`distribution.py`). Each has an id, which the API server logs when it refuses a token for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from factory.spec import Factory, Provider, RequiredClaim, seconds

from . import controls, names
from .guardrail.guardrail import text, texts
from .manifest import Because, Body, File

AUTHENTICATION = "authentication.yaml"

HEALTH = ("/healthz", "/livez", "/readyz")
"""What may be asked without a name: load balancers and kubelets do."""

SKEW = 60
"""Seconds by which two clocks of one provider may differ."""

RESERVED = ("admin", "administrator", "cluster-admin", "kubernetes-admin", "kubernetes-super-admin", "root", "system")
"""Names that a person who reads an audit log would take for somebody else."""

_NAME = "^[A-Za-z0-9][A-Za-z0-9._@+|-]{0,200}$"
"""Nothing that could look like another prefix, another line or another letter."""

CONTROLS = (controls.TENET_4, controls.TENET_6, controls.AUTHORIZATION)
_BECAUSE = Because("identity.people", "who may be anybody, and what a token must prove", CONTROLS)


class Demand(NamedTuple):
    """One thing that a token must prove."""

    id: str
    """`ZA05`: what the API server logs beside the message."""
    message: str
    """What must be, in words."""
    expression: str
    """CEL over `claims` that is true when it is so."""
    field: str | None = None
    """Field of the contract that asks for it; None for what is always asked."""
    exact: RequiredClaim | None = None
    """The same as one claim with some values, where it can be said so."""


def authentication_flags(factory: Factory) -> dict[str, Any]:
    """Flags of kube-apiserver that put the file in force; `--oidc-*` and `--anonymous-auth` cannot stand beside it."""
    return {"authentication-config": f"{names.INSTALL_PREFIX}/{AUTHENTICATION}"}


def plan_authentication(factory: Factory) -> Iterator[File]:
    """One authenticator a provider. Certificates and ServiceAccount tokens are not its business; anonymous requests are, and end here."""
    version = "v1" if factory.cluster.minor >= 34 else "v1beta1"
    yield File(
        AUTHENTICATION,
        {
            "apiVersion": f"apiserver.config.k8s.io/{version}",
            "kind": "AuthenticationConfiguration",
            "jwt": [authenticator(factory, each, each.prefix) for each in sorted(factory.providers, key=lambda each: each.name)],
            "anonymous": {"enabled": True, "conditions": [{"path": path} for path in HEALTH]},
        },
        _BECAUSE,
    )


def authenticator(factory: Factory, provider: Provider, prefix: str) -> Body:
    """The `jwt` entry of a provider whose names begin with `prefix`."""
    authority = {} if provider.certificate_authority is None else {"certificateAuthority": provider.certificate_authority}
    # The API server refuses a file that asks the same twice, as where one claim answers for two demands: the first of them names it.
    asked = {demand.expression: demand for demand in reversed([*demands(factory, provider)])}
    return {
        "issuer": {"url": provider.issuer, "audiences": [provider.audience], **authority},
        "claimValidationRules": [
            {"expression": demand.expression, "message": f"{demand.id}: {demand.message}"} for demand in reversed(asked.values())
        ],
        "claimMappings": {
            "username": {"expression": f"{text(prefix)} + {_text(provider.user_claim)}"},
            "groups": {"expression": f"{_groups(provider)}.map(g, {text(prefix)} + string(g))"},
            "uid": {"expression": _text("sub")},
            "extra": extra(provider),
        },
        "userValidationRules": [
            {
                "expression": f"user.username.startsWith({text(prefix)})",
                "message": f"ZA14: the user's name must begin with {prefix}",
            },
            {
                "expression": f"user.groups.all(g, g.startsWith({text(prefix)}) && !g.startsWith({text(prefix + 'system:')}))",
                "message": f"ZA15: every group must begin with {prefix} and be none of Kubernetes' own",
            },
        ],
    }


def demands(factory: Factory, provider: Provider) -> Iterator[Demand]:
    """What a token of a provider must prove, by id."""
    terms, audience = provider.terms, text(provider.audience)
    token, session = seconds(terms.token_age or ""), seconds(terms.session_age or "")
    yield Demand(
        "ZA01",
        "the token must be for this cluster alone (aud)",
        f"[dyn({_claim('aud')})].all(a, type(a) == list ? size(a) == 1 && a[0] == {audience} : a == {audience})",
    )
    yield Demand("ZA02", "the token must have been issued to this cluster's client (azp)", f"!{_has('azp')} || claims.azp == {audience}")
    yield Demand(
        "ZA03",
        f"the token must live for {terms.token_age} at most (exp - iat)",
        f"{_has('exp')} && {_has('iat')} && int(claims.exp) - int(claims.iat) <= {token} && int(claims.iat) < int(claims.exp)",
        "tokenAge",
    )
    yield Demand(
        "ZA04",
        f"the sign-in must be {terms.session_age} ago at most (iat - auth_time)",
        f"{_has('auth_time')} && {_has('iat')} && int(claims.iat) - int(claims.auth_time) <= {session}"
        f" && int(claims.auth_time) <= int(claims.iat) + {SKEW}",
        "sessionAge",
    )
    proof = mfa_proof(provider)
    yield Demand("ZA05", f"the sign-in must prove {terms.mfa} ({_said(proof)})", _holds(proof), "mfa", proof)
    if terms.device is not None:
        managed = RequiredClaim(claim=terms.device, values=("true",))
        yield Demand("ZA06", f"the device must be managed ({_said(managed)})", _holds(managed), "device", managed)
    if terms.risk is not None:
        risk, highest = terms.risk.claim, terms.risk.highest
        yield Demand(
            "ZA07",
            f"the session's risk must be {highest} at most ({risk})",
            f"{_has(risk)} && double({_claim(risk)}) <= {highest}.0 && double({_claim(risk)}) >= 0.0",
            "risk",
        )
    for id, field, where in (("ZA08", "networks", terms.networks), ("ZA09", "countries", terms.countries)):
        if where is not None:
            yield Demand(id, f"the session must come from one of the accepted {field} ({_said(where)})", _holds(where), field, where)
    if terms.contract_end is not None:
        end = terms.contract_end
        yield Demand(
            "ZA10",
            f"the person's contract must outlast the token ({end})",
            f"{_has(end)} && int({_claim(end)}) >= int(claims.exp)",
            "contractEnd",
        )
    user, reserved = provider.user_claim, tuple(sorted({*RESERVED, factory.deployer.user}))
    yield Demand(
        "ZA11",
        f"the name must be an ordinary one, and none that is reserved ({user})",
        f"{_text(user)}.matches({text(_NAME)}) && !({_text(user)}.lowerAscii() in {texts(reserved)})",
    )
    yield Demand(
        "ZA12",
        f"no group may be one of Kubernetes' own ({provider.groups})",
        f"{_groups(provider)}.all(g, !string(g).startsWith('system:'))",
    )
    if user == "email":
        yield Demand("ZA13", "the address must be verified (email_verified)", f"{_has('email_verified')} && claims.email_verified == true")


def mfa_proof(provider: Provider) -> RequiredClaim:
    """The claim that proves the strength that the contract asks for. Where nobody has named one, it is `mfa` in `amr` (RFC 8176)."""
    terms = provider.terms
    named = terms.phishing_resistant_claim if terms.mfa == "PhishingResistant" else terms.mfa_claim
    return named or RequiredClaim(claim="amr", values=("mfa",))


def extra(provider: Provider) -> list[dict[str, str]]:
    """What admission and the audit log learn of the session. The API server drops an attribute whose value is empty."""
    terms = provider.terms
    strong = terms.phishing_resistant_claim
    weak = text(names.SECOND_FACTOR)
    attributes = {names.ACR: weak if strong is None else f"{_holds(strong)} ? {text(names.PHISHING_RESISTANT)} : {weak}"}
    if terms.device is not None:
        attributes[names.DEVICE] = text("managed")
    for key, claim in ((names.SIGN_IN, "sid"), (names.TOKEN, "jti")):
        attributes[key] = _text(claim)
    return [{"key": key, "valueExpression": expression} for key, expression in attributes.items()]


def _has(claim: str) -> str:
    """CEL: the token has the claim. `'x' in claims` compiles, and fails on every token: the API server's claims answer no `in`."""
    return f"claims[?{text(claim)}].hasValue()"


def _claim(claim: str) -> str:
    return f"claims[{text(claim)}]"


def _text(claim: str) -> str:
    """CEL: the claim as text, empty where the token has none. Names are mapped before demands are checked, and must not fail first."""
    return f"string(claims[?{text(claim)}].orValue(''))"


def _holds(required: RequiredClaim) -> str:
    """CEL: the claim, or one item of it, is one of the values. `dyn`, since the API server knows claims as *any*, which has no macros."""
    values = texts(tuple(sorted(required.values)))
    listed = f"[dyn({_claim(required.claim)})].exists(c, (type(c) == list ? c : [c]).exists(v, string(v) in {values}))"
    return f"{_has(required.claim)} && {listed}"


def _groups(provider: Provider) -> str:
    """CEL: the list of a person's groups as the provider names them."""
    groups = f"dyn(claims[?{text(provider.groups)}].orValue([]))"
    return f"(type({groups}) == list ? {groups} : [{groups}])"


def _said(required: RequiredClaim) -> str:
    return f"{required.claim}: {' or '.join(sorted(required.values))}"
