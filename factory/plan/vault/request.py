"""What a vault is told: the same requests when OpenBao initialises itself, and when somebody applies them to a vault that runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from factory.plan import names
from factory.spec import Factory, Keys, OpenBao, Provider, RequiredClaim, Strength, seconds

from .policy import administration, find_policies
from .use import find_keys, find_uses

AUDIENCE = "openbao"
"""Audience of the tokens that a vault takes, of workloads and of administrators: no token for the API server opens it, nor the other way
round."""

POLICIES = "/etc/openbao/policies"
"""Where policies are mounted, one file each."""

ADMINISTRATOR = "administrator"
"""Role and, behind the factory's name, policy of administrators."""

TOKEN_LIFE = 900
"""Seconds that a workload's token of the vault holds. It signs in again by the token of its ServiceAccount."""


class Variable(NamedTuple):
    """A value that only the place knows where the vault runs: it is in this variable there, perhaps empty."""

    name: str


class Policy(NamedTuple):
    """A policy's text, in a file of its own."""

    name: str


class Request(NamedTuple):
    """One write to a path of the API. Whoever repeats it changes nothing, but for what can be made only once."""

    name: str
    """Unique, in the letters that an `initialize` stanza allows: `key_model-fraud`."""
    path: str
    data: dict[str, Any]
    once: bool = False
    """Whether it makes a mount, which cannot be made again."""


def find_requests(factory: Factory, keys: Keys) -> Iterator[Request]:
    """Every request, in the order in which each finds what it needs. Administrators only where the vault is the factory's own."""
    transit, pki, kubernetes = (names.vault_path(factory.name, engine) for engine in ("transit", "pki", "kubernetes"))
    yield Request("transit", f"sys/mounts/{transit}", {"type": "transit"}, once=True)
    yield Request("pki", f"sys/mounts/{pki}", {"type": "pki", "config": {"max_lease_ttl": keys.intermediate_life}}, once=True)
    yield Request("kubernetes", f"sys/auth/{kubernetes}", {"type": "kubernetes"}, once=True)
    yield Request("kubernetes_config", f"auth/{kubernetes}/config", _cluster())
    for key in find_keys(factory):
        rotated = "0" if key.startswith(names.SIGNER_KEY) else keys.rotation
        kind = "ecdsa-p256" if key.startswith(names.SIGNER_KEY) else "aes256-gcm96"
        made = {"type": kind, "derived": False, "exportable": False, "allow_plaintext_backup": False, "auto_rotate_period": rotated}
        yield Request(f"key_{key}", f"{transit}/keys/{key}", made)
        yield Request(f"config_{key}", f"{transit}/keys/{key}/config", {"deletion_allowed": False, "auto_rotate_period": rotated})
    for name in find_policies(factory):
        yield Request(f"policy_{_word(name)}", f"sys/policies/acl/{name}", {"policy": Policy(name)})
    for workload in sorted({use.workload for use in find_uses(factory)}):
        role = names.vault_role(workload)
        yield Request(f"role_{_word(role)}", f"auth/{kubernetes}/role/{role}", _role(factory, workload))
    if isinstance(keys.vault, OpenBao) and (provider := find_administrators(factory)):
        yield from _administrators(factory, keys.vault, provider)


def policy_files(factory: Factory, keys: Keys) -> dict[str, str]:
    """Every policy as HCL, by the name of its file: `helix.training.trainer.hcl`."""
    policies = find_policies(factory)
    if isinstance(keys.vault, OpenBao) and find_administrators(factory):
        policies |= {names.vault_policy(factory.name, ADMINISTRATOR): administration(factory)}
    return {policy_file(name): text for name, text in sorted(policies.items())}


def policy_file(policy: str) -> str:
    """The file of a policy."""
    return f"{policy}.hcl"


def _word(name: str) -> str:
    """Names of a spec hold no `_`, so that no two meet."""
    return name.replace(".", "_")


def _cluster() -> dict[str, Any]:
    """Whose tokens are taken. Where two variables are empty, a pod's own token and authority serve, fresh from its files
    (*Kubernetes auth method*, local service account token)."""
    return {
        "kubernetes_host": Variable("KUBERNETES_HOST"),
        "kubernetes_ca_cert": Variable("KUBERNETES_CA_CERT"),
        "token_reviewer_jwt": Variable("TOKEN_REVIEWER_JWT"),
    }


def _role(factory: Factory, workload: str) -> dict[str, Any]:
    """A batch token is kept nowhere, cannot be renewed and may do what its policy says alone (*Tokens*, batch tokens)."""
    segment, _, name = workload.partition("/")
    return {
        "bound_service_account_names": [name],
        "bound_service_account_namespaces": [names.namespace(factory.name, segment)],
        "audience": AUDIENCE,
        "token_type": "batch",
        "token_ttl": TOKEN_LIFE,
        "token_max_ttl": TOKEN_LIFE,
        "token_no_default_policy": True,
        "token_policies": [names.vault_policy(factory.name, workload)],
    }


def _administrators(factory: Factory, vault: OpenBao, provider: Provider) -> Iterator[Request]:
    """People of one group, who signed in as strongly as the factory asks for. The provider must run by then: its keys are asked for when
    this is written."""
    mount, policy = names.vault_path(factory.name, "oidc"), names.vault_policy(factory.name, ADMINISTRATOR)
    authority = {"oidc_discovery_ca_pem": provider.certificate_authority} if provider.certificate_authority else {}
    yield Request("oidc", f"sys/auth/{mount}", {"type": "oidc"}, once=True)
    config = {"oidc_discovery_url": provider.issuer, "bound_issuer": provider.issuer, "default_role": ADMINISTRATOR, **authority}
    yield Request("oidc_config", f"auth/{mount}/config", config)
    yield Request("policy_administrator", f"sys/policies/acl/{policy}", {"policy": Policy(policy)})
    proof, group = find_proof(factory, provider), vault.administrators.removeprefix(provider.prefix)
    yield Request(
        "role_administrator",
        f"auth/{mount}/role/{ADMINISTRATOR}",
        {
            "role_type": "jwt",
            "user_claim": provider.user_claim,
            "bound_audiences": [AUDIENCE],
            "bound_claims": {provider.groups: [group]} | ({proof.claim: list(proof.values)} if proof else {}),
            "token_ttl": seconds(provider.terms.token_age or "15m"),
            "token_max_ttl": 3600,
            "token_no_default_policy": True,
            "token_policies": [policy],
        },
    )


def find_administrators(factory: Factory) -> Provider | None:
    """Where administrators of the factory's OpenBao sign in: the provider that their group's name begins with."""
    vault = factory.keys.vault if factory.keys else None
    if not isinstance(vault, OpenBao):
        return None
    return next((provider for provider in factory.providers if vault.administrators.startswith(provider.prefix)), None)


def find_proof(factory: Factory, provider: Provider) -> RequiredClaim | None:
    """The claim that shows a sign-in as strong as `identity.people.stepUp` asks for; None where the provider has none."""
    strongest = factory.step_up is Strength.PHISHING_RESISTANT
    return provider.terms.phishing_resistant_claim if strongest else provider.terms.mfa_claim
