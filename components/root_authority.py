"""A root certificate authority, as a resource: for Development, and in a stack of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from factory.errors import did_you_mean, listed
from factory.plan.trust import Intermediate, intermediates
from factory.spec import BootstrapRoot, Factory, seconds

from .build import Build

PATH_LENGTH = 2
"""Below the root stands SPIRE's intermediate, and below that the authority of each SPIRE server."""
USES = {"serverAuth": "server_auth", "clientAuth": "client_auth"}


@dataclass(frozen=True)
class Request:
    """A certificate request for an intermediate, made where its key is."""

    intermediate: str
    """What it is for: `openbao`, `spire`, `webhooks`."""
    pem: str
    """The request. It is public."""
    generation: int = 1
    """Which root signs it."""


class RootAuthority(pulumi.ComponentResource):
    """The root of `keys.root` of kind `Bootstrap`, made by pulumi-tls: its key is a secret in the state of the stack, and nowhere else. Its
    keys and certificates are protected. A root is rotated by a second `generation` beside the first; `requests` are signed by the root that
    each names, with path length, purposes and life of its intermediate. **pulumi-tls sets no name constraints**: an external root does.

    Alone, in a program of your own:

    >>> import pulumi
    >>> from components import RootAuthority
    >>> root = RootAuthority("helix", {
    ...     "name": "helix",
    ...     "posture": "Development",
    ...     "trustDomain": "helix.example",
    ...     "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    ...     "images": {"registries": ["registry.helix.example/"]},
    ...     "segments": [{"name": "training", "stage": "Training", "owner": "ml-research"}],
    ...     "keys": {"root": {"kind": "Bootstrap"}, "vault": {"kind": "External", "address": "https://vault.helix.example"}},
    ... })
    >>> pulumi.export("certificates", root.certificates)

    `name` prefixes the names of its resources. `factory` is a spec. `generations` are the roots that there are, by number; `requests` are
    by a name of their own, such as `openbao-1`: a new request is a new name.

    Raises RunError: the spec is unfit (a root of kind `Bootstrap` in Production is), or its root is another, or a request names an
    intermediate or a root that there is not.
    """

    certificates: dict[str, pulumi.Output[str]]
    """Root certificates by generation, PEM."""
    chains: dict[str, pulumi.Output[str]]
    """By the name of its request: the intermediate's certificate, and behind it its root's, PEM."""

    def __init__(
        self,
        name: str,
        factory: Factory | Mapping[str, Any] | Build,
        generations: Sequence[int] = (1,),
        requests: Mapping[str, Request] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        import pulumi_tls as tls  # only here: whoever deploys a factory does not wait for it

        spec = (factory if isinstance(factory, Build) else Build(factory)).factory
        root, asked = _bootstrap(spec), requests or {}
        below = {request_name: _intermediate(spec, request_name, request, generations) for request_name, request in asked.items()}
        intent = {"generations": list(generations), "life": root.life, "requests": {key: each.intermediate for key, each in asked.items()}}
        super().__init__("ai-factory:index:RootAuthority", name, intent, opts)
        kept, child = pulumi.ResourceOptions(parent=self, protect=True), pulumi.ResourceOptions(parent=self)
        keys, self.certificates, self.chains = {}, {}, {}
        for generation in generations:
            keys[generation] = tls.PrivateKey(f"{name}-{generation}", algorithm="ECDSA", ecdsa_curve="P384", opts=kept)
            certificate = tls.SelfSignedCert(
                f"{name}-{generation}",
                private_key_pem=keys[generation].private_key_pem,
                subject={"organization": spec.name, "common_name": f"{spec.name} root {generation}"},
                validity_period_hours=_hours(root.life),
                is_ca_certificate=True,
                max_path_length=PATH_LENGTH,
                set_authority_key_id=True,
                set_subject_key_id=True,
                allowed_uses=["cert_signing", "crl_signing"],
                opts=kept,
            )
            self.certificates[str(generation)] = certificate.cert_pem
        assert spec.keys is not None
        for request_name, request in asked.items():
            above = self.certificates[str(request.generation)]
            signed = tls.LocallySignedCert(
                f"{name}-{request_name}",
                cert_request_pem=request.pem,
                ca_cert_pem=above,
                ca_private_key_pem=keys[request.generation].private_key_pem,
                validity_period_hours=_hours(spec.keys.intermediate_life),
                is_ca_certificate=True,
                max_path_length=below[request_name].path_length,
                set_subject_key_id=True,
                allowed_uses=["cert_signing", "crl_signing", *(USES[purpose] for purpose in below[request_name].purposes)],
                opts=child,
            )
            self.chains[request_name] = pulumi.Output.concat(signed.cert_pem, above)
        self.register_outputs({"certificates": self.certificates, "chains": self.chains})


def _bootstrap(spec: Factory) -> BootstrapRoot:
    if spec.keys is not None and isinstance(spec.keys.root, BootstrapRoot):
        return spec.keys.root
    kind = "absent" if spec.keys is None else f'"{spec.keys.root.kind}"'
    raise pulumi.RunError(
        f'keys.root.kind is {kind}; allowed: "Bootstrap". Another root is never made here: `factory render` says what it signs.'
    )


def _intermediate(spec: Factory, name: str, request: Request, generations: Sequence[int]) -> Intermediate:
    known = {each.name: each for each in intermediates(spec)}
    if request.intermediate not in known:
        near = did_you_mean(request.intermediate, known) or "Name one of these."
        raise pulumi.RunError(f'request "{name}" is for "{request.intermediate}"; allowed: {listed(known)}. {near}')
    if request.generation not in generations:
        raise pulumi.RunError(
            f'request "{name}" is for root {request.generation}; allowed: {listed(map(str, generations))}. Name one of these.'
        )
    return known[request.intermediate]


def _hours(life: str) -> int:
    """Whole hours, rounded down, one at least."""
    return max(1, seconds(life) // 3600)
