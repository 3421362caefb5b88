"""A Keycloak realm as data: one document a concern, so that a change reads as one. It holds no user, no password and no client secret.

Keycloak imports one file a realm, and replaces `${NAME}` in it by the variable of that name: so the file holds the realm's own settings,
and names the documents that hold the rest. Fields are those of Keycloak's *RealmRepresentation* (Server Administration Guide 26.7).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from factory.spec import Factory, KeycloakProvider, Strength, seconds

from . import names
from .manifest import Body
from .vault import AUDIENCE, find_administrators, find_openbao

LEVELS = {names.SECOND_FACTOR: 2, names.PHISHING_RESISTANT: 3}
"""Keycloak's levels of authentication, by `acr`. A password alone is level 1, which no contract takes."""

STEP_UP = 900
"""Seconds for which a phishing-resistant sign-in counts as one: after that the key is asked for again, while the session goes on."""

LOOPBACK = ("http://127.0.0.1", "http://127.0.0.1/")
"""Where kubectl's sign-in listens. Keycloak takes any port of it, as RFC 8252 section 7.3 asks for."""

FLOW, CLAIMS = "factory-browser", "factory-claims"
BUILT_IN = ("account", "account-console", "admin-cli", "security-admin-console")
"""Clients that Keycloak gives to every realm. By each one could sign in with a password alone and then register a key of one's own."""


class Document(NamedTuple):
    """One concern of a realm."""

    name: str
    """`STAFF_CLIENTS`: the variable, and the key of the ConfigMap."""
    field: str
    """Its field in the realm's file."""
    content: Any
    """What it says: plain data."""


def realm_name(provider: KeycloakProvider) -> str:
    """The last part of its issuer: `staff` of `https://login.helix.example/realms/staff`."""
    return provider.issuer.rstrip("/").rpartition("/")[2]


def realm_files(factory: Factory, provider: KeycloakProvider) -> dict[str, str]:
    """The realm's file `staff-realm.json`, and the documents that it names, each as indented JSON."""
    found = list(documents(factory, provider))
    settings = _text(_settings(provider)).removesuffix("\n}")
    rest = "".join(f',\n  "{document.field}": ${{{document.name}}}' for document in found)
    return {realm_file(provider): f"{settings}{rest}\n}}"} | {document.name: _text(document.content) for document in found}


def realm_file(provider: KeycloakProvider) -> str:
    """Its name, as Keycloak wants it: `staff-realm.json`."""
    return f"{realm_name(provider)}-realm.json"


def documents(factory: Factory, provider: KeycloakProvider) -> Iterator[Document]:
    """All concerns of a realm but its own settings."""
    prefix = "".join(letter if letter.isalnum() else "_" for letter in realm_name(provider)).upper()
    for name, field, content in (
        ("CLIENTS", "clients", list(_clients(factory, provider))),
        ("CLIENT_SCOPES", "clientScopes", [_claims(provider)]),
        ("DEFAULT_SCOPES", "defaultDefaultClientScopes", [CLAIMS]),
        ("FLOWS", "authenticationFlows", list(_flows())),
        ("FLOW_SETTINGS", "authenticatorConfig", list(_flow_settings(provider))),
        ("REQUIRED_ACTIONS", "requiredActions", _required_actions()),
        ("GROUPS", "groups", [{"name": group} for group in groups(factory, provider)]),
        ("USER_PROFILE", "components", _user_profile(provider)),
    ):
        yield Document(f"{prefix}_{name}", field, content)


def groups(factory: Factory, provider: KeycloakProvider) -> list[str]:
    """Every group of the provider that the spec grants something to, without the prefix, sorted."""
    granted = [access.group for access in factory.access]
    granted += [group for eligibility in factory.eligibility for group in (eligibility.group, eligibility.approvers)]
    granted += [vault.administrators] if (vault := find_openbao(factory)) else []
    return sorted({group.removeprefix(provider.prefix) for group in granted if group is not None and group.startswith(provider.prefix)})


def attributes(provider: KeycloakProvider) -> dict[str, str]:
    """Claims that are attributes of a person, with their JSON type. An administrator writes them, or whoever judges devices and risk."""
    terms = provider.terms
    found = {terms.device: "boolean", terms.contract_end: "long"}
    found[terms.risk.claim if terms.risk else None] = "int"
    for where in (terms.networks, terms.countries):
        found[where.claim if where else None] = "String"
    if provider.user_claim not in ("preferred_username", "email", "sub"):
        found[provider.user_claim] = "String"
    return {claim: kind for claim, kind in found.items() if claim is not None}


def _settings(provider: KeycloakProvider) -> Body:
    """The realm's own: who may do what without signing in (nothing), brute force, ages of tokens and sessions, events, passwords, keys."""
    token, session = seconds(provider.terms.token_age or ""), seconds(provider.terms.session_age or "")
    return {
        "realm": realm_name(provider),
        "enabled": True,
        "sslRequired": "all",
        "registrationAllowed": False,
        "resetPasswordAllowed": False,
        "editUsernameAllowed": False,
        "rememberMe": False,
        "loginWithEmailAllowed": False,
        "duplicateEmailsAllowed": False,
        # NIST SP 800-63B-4 section 3.2.2: at most 100 failures in a row; each third adds a minute of waiting, up to a quarter of an hour.
        "bruteForceProtected": True,
        "permanentLockout": False,
        "failureFactor": 3,
        "bruteForceStrategy": "MULTIPLE",
        "waitIncrementSeconds": 60,
        "maxFailureWaitSeconds": 900,
        "minimumQuickLoginWaitSeconds": 60,
        "quickLoginCheckMilliSeconds": 1000,
        "maxDeltaTimeSeconds": 43200,
        "accessTokenLifespan": token,
        "accessTokenLifespanForImplicitFlow": token,
        "accessCodeLifespan": 60,
        "accessCodeLifespanUserAction": 300,
        "accessCodeLifespanLogin": 600,
        "actionTokenGeneratedByAdminLifespan": 3600,
        "ssoSessionIdleTimeout": min(session, 3600),
        "ssoSessionMaxLifespan": session,
        "clientSessionMaxLifespan": session,
        "offlineSessionMaxLifespanEnabled": True,
        "offlineSessionMaxLifespan": session,
        "revokeRefreshToken": True,
        "refreshTokenMaxReuse": 0,
        "defaultSignatureAlgorithm": "RS256",
        "eventsEnabled": True,
        "eventsExpiration": 7776000,
        "adminEventsEnabled": True,
        "adminEventsDetailsEnabled": True,
        # NIST SP 800-63B-4 section 3.1.1.2: length, and nothing about characters.
        "passwordPolicy": "length(15) and notUsername and passwordHistory(1)",
        "otpPolicyType": "totp",
        "otpPolicyAlgorithm": "HmacSHA1",
        "otpPolicyDigits": 6,
        "otpPolicyPeriod": 30,
        "otpPolicyLookAheadWindow": 1,
        "otpPolicyCodeReusable": False,
        "webAuthnPolicyRpEntityName": f"{provider.name} sign-in",
        "webAuthnPolicySignatureAlgorithms": ["ES256", "EdDSA", "RS256"],
        "webAuthnPolicyAttestationConveyancePreference": "none",
        "webAuthnPolicyUserVerificationRequirement": "required",
        "webAuthnPolicyAvoidSameAuthenticatorRegister": True,
        "browserFlow": FLOW,
        "attributes": {"acr.loa.map": json.dumps(LEVELS)},
    }


def _clients(factory: Factory, provider: KeycloakProvider) -> Iterator[Body]:
    """kubectl and, where administrators of keys sign in, OpenBao's; nobody else: what comes with a realm is off."""
    yield _client(provider, provider.audience, "kubectl", provider.contract.mfa)
    if _administers_keys(factory, provider):
        yield _client(provider, AUDIENCE, "OpenBao", factory.step_up)
    yield from ({"clientId": name, "enabled": False, "directAccessGrantsEnabled": False} for name in BUILT_IN)


def _administers_keys(factory: Factory, provider: KeycloakProvider) -> bool:
    return find_openbao(factory) is not None and provider == find_administrators(factory)


def _client(provider: KeycloakProvider, audience: str, name: str, strength: Strength) -> Body:
    strongest = strength is Strength.PHISHING_RESISTANT
    return {
        "clientId": audience,
        "name": name,
        "publicClient": True,
        "standardFlowEnabled": True,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "serviceAccountsEnabled": False,
        "fullScopeAllowed": False,
        "consentRequired": False,
        "redirectUris": list(LOOPBACK),
        "webOrigins": [],
        "defaultClientScopes": [CLAIMS],
        "optionalClientScopes": [],
        "attributes": {
            "pkce.code.challenge.method": "S256",
            "access.token.lifespan": str(seconds(provider.terms.token_age or "")),
            "acr.loa.map": json.dumps(LEVELS),
            "minimum.acr.value": names.PHISHING_RESISTANT if strongest else names.SECOND_FACTOR,
        },
    }


def _claims(provider: KeycloakProvider) -> Body:
    """The one client scope: what a token says."""
    mappers = [
        _mapper("sub", "oidc-sub-mapper"),
        _mapper("acr", "oidc-acr-mapper"),
        _mapper("amr", "oidc-amr-mapper"),
        _mapper("auth_time", "oidc-usersessionmodel-note-mapper", "long", **{"user.session.note": "AUTH_TIME"}),
        _mapper(provider.groups, "oidc-group-membership-mapper", **{"full.path": "false"}),
        _mapper("preferred_username", "oidc-usermodel-attribute-mapper", "String", **{"user.attribute": "username"}),
    ]
    if provider.user_claim == "email":
        mappers.append(_mapper("email", "oidc-usermodel-attribute-mapper", "String", **{"user.attribute": "email"}))
        mappers.append(_mapper("email_verified", "oidc-usermodel-property-mapper", "boolean", **{"user.attribute": "emailVerified"}))
    for claim, kind in attributes(provider).items():
        mappers.append(_mapper(claim, "oidc-usermodel-attribute-mapper", kind, **{"user.attribute": claim}))
    return {
        "name": CLAIMS,
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "false", "display.on.consent.screen": "false"},
        "protocolMappers": sorted(mappers, key=lambda mapper: str(mapper["name"])),
    }


def _mapper(claim: str, kind: str, type_: str | None = None, **config: str) -> Body:
    # Keycloak splits claim names at dots, unless they are escaped.
    named = {"claim.name": claim.replace(".", "\\.")} | ({"jsonType.label": type_} if type_ else {})
    in_tokens = {
        "id.token.claim": "true",
        "access.token.claim": "true",
        "introspection.token.claim": "true",
        "userinfo.token.claim": "false",
    }
    return {"name": claim, "protocol": "openid-connect", "protocolMapper": kind, "config": named | in_tokens | config}


def _flows() -> Iterator[Body]:
    """A session that goes on, or a sign-in by levels: password; then a key or a one-time code; then, where it is asked for, a key."""
    yield _flow(FLOW, [_step("auth-cookie", "ALTERNATIVE"), _below(f"{FLOW}-forms", "ALTERNATIVE")], top=True)
    yield _flow(f"{FLOW}-forms", [_below(f"{FLOW}-{level}", "CONDITIONAL") for level in ("password", "second-factor", "key")])
    for level, steps in {
        "password": [_step("auth-username-password-form", "REQUIRED", "password")],
        "second-factor": [_below(f"{FLOW}-any-second-factor", "REQUIRED")],
        "key": [_step("webauthn-authenticator", "REQUIRED", "key")],
    }.items():
        yield _flow(f"{FLOW}-{level}", [_step("conditional-level-of-authentication", "REQUIRED", f"{level}-level"), *steps])
    alternatives = [_step("webauthn-authenticator", "ALTERNATIVE", "any-key"), _step("auth-otp-form", "ALTERNATIVE", "code")]
    yield _flow(f"{FLOW}-any-second-factor", alternatives)


def _flow(alias: str, executions: list[Body], top: bool = False) -> Body:
    numbered = [execution | {"priority": 10 * number} for number, execution in enumerate(executions, 1)]
    return {"alias": alias, "providerId": "basic-flow", "topLevel": top, "builtIn": False, "authenticationExecutions": numbered}


def _step(authenticator: str, requirement: str, settings: str | None = None) -> Body:
    named = {} if settings is None else {"authenticatorConfig": f"{FLOW}-{settings}"}
    return {"authenticator": authenticator, "requirement": requirement, "authenticatorFlow": False, "userSetupAllowed": False, **named}


def _below(alias: str, requirement: str) -> Body:
    return {"flowAlias": alias, "requirement": requirement, "authenticatorFlow": True, "userSetupAllowed": False}


def _flow_settings(provider: KeycloakProvider) -> Iterator[Body]:
    """How long each level counts, and what each step is called in `amr` (RFC 8176)."""
    session = seconds(provider.terms.session_age or "")
    for level, number, age in (("password", 1, session), ("second-factor", 2, session), ("key", 3, min(session, STEP_UP))):
        yield {"alias": f"{FLOW}-{level}-level", "config": {"loa-condition-level": str(number), "loa-max-age": str(age)}}
    for step, reference in (("password", "pwd"), ("any-key", "hwk"), ("code", "otp"), ("key", "hwk")):
        config = {"default.reference.value": reference, "default.reference.maxAge": str(session)}
        yield {"alias": f"{FLOW}-{step}", "config": config}


def _required_actions() -> list[Body]:
    """With step-up, Keycloak offers to enrol a code as soon as the password is right, to whoever has stolen it too: off. A key is offered
    after two factors only, the most that the person then has (NIST SP 800-63B-4 section 4.1.2)."""
    actions = (
        ("CONFIGURE_TOTP", "Configure OTP", False),
        ("webauthn-register", "Register a key", True),
        ("UPDATE_PASSWORD", "Update password", True),
    )
    return [
        {"alias": alias, "name": name, "providerId": alias, "enabled": enabled, "defaultAction": False, "priority": number}
        for number, (alias, name, enabled) in enumerate(actions, 1)
    ]


def _user_profile(provider: KeycloakProvider) -> Body:
    """Attributes that prove something are an administrator's to read and to write; any other attribute is refused."""
    known: list[Body] = [
        {"name": name, "permissions": {"view": ["admin", "user"], "edit": ["admin"]}}
        for name in ("username", "email", "firstName", "lastName")
    ]
    known += [{"name": claim, "permissions": {"view": ["admin"], "edit": ["admin"]}} for claim in sorted(attributes(provider))]
    profile = {"providerId": "declarative-user-profile", "config": {"kc.user.profile.config": [json.dumps({"attributes": known})]}}
    return {"org.keycloak.userprofile.UserProfileProvider": [profile]}


def _text(content: Any) -> str:
    """JSON without a dollar sign, which Keycloak would read as the beginning of a variable."""
    return json.dumps(content, indent=2, ensure_ascii=False).replace("$", "\\u0024")
