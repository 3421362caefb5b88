"""Trust: which roots the workloads of a segment believe, and what the root's owner signs, within which limits.

Nothing here is secret, and no key comes near it. An intermediate's key is made where it is used and stays there; what travels is its
request, and back the certificate. The owner of the root signs by the limits rendered here, not by those of the request: what a thief of an
intermediate's key can pretend to be is decided by its certificate alone (RFC 5280, sections 4.2.1.9 and 4.2.1.10).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from factory.spec import DistributionRegistry, Factory, seconds

from . import controls, names
from .body import body
from .manifest import Because, Component, File, Manifest

CONTROLS = (controls.TENET_2, controls.TENET_6)
DAY = 86400
NEVER = "invalid"
"""A DNS domain that nothing is in (RFC 6761): whoever may sign names in it may sign none."""
BUNDLE_KEY = "ca.crt"
"""Key of the bundle's ConfigMap: that of `kube-root-ca.crt`."""


@dataclass(frozen=True, slots=True)
class Intermediate:
    """A certificate authority below the root."""

    name: str
    """What it is for: `openbao`."""
    path_length: int
    """How many authorities may stand below it (RFC 5280, section 4.2.1.9)."""
    purposes: tuple[str, ...]
    """What its certificates may be used for, as OpenSSL names it."""
    permitted: tuple[tuple[str, str], ...]
    """Kind (`DNS`, `URI`, `IP`) and name within which the names in its certificates must be (RFC 5280, section 4.2.1.10)."""
    excluded: tuple[tuple[str, str], ...]
    """Kind and name within which they must not be."""


def plan_trust(factory: Factory) -> Iterator[Manifest]:
    """The trust bundle of each segment and, from Kubernetes 1.37 on, that of the cluster. Nothing without `keys`, or without a certificate.

    The ConfigMap stays beside the ClusterTrustBundle: pods that mount it outlive the cluster's upgrade.
    """
    bundle = trust_bundle(factory)
    if not bundle:
        return
    because = Because("keys.root", "the roots that workloads trust", CONTROLS)
    for segment in factory.segments:
        namespace = names.namespace(factory.name, segment.name)
        said = body("v1", "ConfigMap", names.BUNDLE, because, factory=factory.name, namespace=namespace, data={BUNDLE_KEY: bundle})
        yield Manifest(Component("Segment", segment.name), names.BUNDLE, said, because)
    if factory.cluster.minor >= 37:
        name = names.cluster_wide(factory.name, names.BUNDLE)
        spec = {"trustBundle": bundle}
        said = body("certificates.k8s.io/v1", "ClusterTrustBundle", name, because, factory=factory.name, spec=spec)
        yield Manifest(Component("AiFactory", factory.name), names.BUNDLE, said, because)


def trust_bundle(factory: Factory) -> str:
    """The root in use and, while it is rotated, the one that follows, as PEM; empty while there is none."""
    if factory.keys is None:
        return ""
    root = factory.keys.root
    return "".join(f"{certificate.rstrip()}\n" for certificate in (root.certificate, root.next) if certificate)


def intermediates(factory: Factory) -> tuple[Intermediate, ...]:
    """The authorities that the root's owner signs; none without `keys`.

    Only SPIRE's may sign SPIFFE IDs of the trust domain, and nothing but these. Only it may sign one more authority: that of each SPIRE
    server. Webhooks are called by their Service's name, `NAME.NAMESPACE.svc`, and by the API server alone.
    """
    if factory.keys is None:
        return ()
    services = (("DNS", "svc"), ("DNS", "svc.cluster.local"))
    hosts = (("DNS", factory.registry.host),) if isinstance(factory.registry, DistributionRegistry) else ()
    identities = (("URI", factory.trust_domain),)
    loopback, anywhere = (("IP", "127.0.0.1/255.255.255.255"),), (("IP", "0.0.0.0/0.0.0.0"), ("IP", "::/::"))
    both = ("serverAuth", "clientAuth")
    spire = (Intermediate("spire", 1, both, (*identities, ("DNS", NEVER)), anywhere),) if factory.workload_identity else ()
    return (
        Intermediate("openbao", 0, both, (*services, *hosts, *loopback), identities),
        *spire,
        Intermediate("webhooks", 0, ("serverAuth",), services[:1], (*identities, *anywhere)),
    )


def plan_signing(factory: Factory) -> Iterator[File]:
    """What the root's owner needs: the roots, the limits of each intermediate for OpenSSL, and the steps. Nothing without `keys`."""
    if factory.keys is None:
        return
    because = Because("keys.root", "what the root signs", CONTROLS)
    if bundle := trust_bundle(factory):
        yield File("bundle.pem", bundle, because)
    for intermediate in intermediates(factory):
        yield File(f"{intermediate.name}.cnf", _openssl(factory, intermediate), because)
    yield File("README.md", _steps(factory, days(factory.keys.intermediate_life)), because)


def days(life: str) -> int:
    """A life in days, in which OpenSSL counts: rounded down, one at least."""
    return max(1, seconds(life) // DAY)


def subject(factory: Factory, intermediate: Intermediate) -> dict[str, str]:
    """The name of an intermediate."""
    return {"organization": factory.name, "commonName": f"{factory.name} {intermediate.name}"}


def _openssl(factory: Factory, intermediate: Intermediate) -> str:
    named = subject(factory, intermediate)
    said = (
        *(f"permitted;{kind}.{number} = {name}" for number, (kind, name) in enumerate(intermediate.permitted)),
        *(f"excluded;{kind}.{number} = {name}" for number, (kind, name) in enumerate(intermediate.excluded)),
    )
    return "\n".join(
        (
            "# For whoever holds the key: openssl req -new -config",
            "[req]",
            "prompt = no",
            "distinguished_name = subject",
            "",
            "[subject]",
            f"O = {named['organization']}",
            f"CN = {named['commonName']}",
            "",
            "# For the root's owner: openssl x509 -req -extensions intermediate -extfile",
            "[intermediate]",
            f"basicConstraints = critical, CA:TRUE, pathlen:{intermediate.path_length}",
            "keyUsage = critical, keyCertSign, cRLSign",
            f"extendedKeyUsage = {', '.join(intermediate.purposes)}",
            "subjectKeyIdentifier = hash",
            "authorityKeyIdentifier = keyid:always",
            "nameConstraints = critical, @names",
            "",
            "[names]",
            *said,
            "",
        )
    )


def _steps(factory: Factory, life: int) -> str:
    """The steps, in the order of who does them. Shell variables stand for what only the root's owner knows."""
    mount = names.vault_path(factory.name, "pki")
    made = {
        "openbao": f'bao write -field=csr {mount}/intermediate/generate/internal organization="{factory.name}" '
        f'common_name="{factory.name} openbao" key_type=ec key_bits=256 > openbao.csr',
        "spire": "",
        "webhooks": "",
    }
    given = {
        "openbao": f"bao write {mount}/intermediate/set-signed certificate=@openbao.chain.pem",
        "spire": f"kubectl --namespace spire-server create secret generic {names.upstream(factory.name)} "
        "--from-file=tls.crt=spire.crt --from-file=tls.key=spire.key --from-file=bundle.crt=bundle.pem",
        "webhooks": "kubectl --namespace cert-manager create secret tls "
        f"{factory.name}-webhooks --cert=webhooks.crt --key=webhooks.key  # or wherever their issuer reads it",
    }
    asks = [
        made[each.name]
        or f"openssl req -new -config {each.name}.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc "
        f"-keyout {each.name}.key -out {each.name}.csr"
        for each in intermediates(factory)
    ]
    return "\n".join(
        (
            f"# What the root of {factory.name} signs",
            "",
            "1. Whoever holds a key asks for a certificate. The key stays there; what goes to the root's owner is the request.",
            "",
            *(f"       {line}" for line in asks),
            "",
            "2. The root's owner compares what both see of a request, by another way than it came (`openssl req -noout -text`).",
            "   Then, where the root's key is and no network, once for each; limits are those of the `.cnf`, never those of the request:",
            "",
            "       for each in " + " ".join(each.name for each in intermediates(factory)) + "; do",
            f'         openssl x509 -req -in $each.csr -CA "$ROOT" -CAkey "$ROOT_KEY" -days {life} -sha256 \\',
            "           -extfile $each.cnf -extensions intermediate -out $each.crt",
            "       done",
            "",
            "3. What came back is looked at before it is used.",
            "",
            "       openssl verify -x509_strict -CAfile bundle.pem openbao.crt",
            "       openssl x509 -in openbao.crt -noout -enddate -ext basicConstraints,extendedKeyUsage,nameConstraints",
            "",
            "4. It is given to the key's holder. `openbao.chain.pem` is the certificate, and behind it its root.",
            "",
            '       cat openbao.crt "$ROOT" > openbao.chain.pem',
            *(f"       {given[each.name]}" for each in intermediates(factory)),
            "",
            f"   OpenBao signs by it once it is the default: `bao write {mount}/config/issuers default=ISSUER`, the one with a key in the",
            "   answer's `mapping`. SPIRE reads its Secret when it starts. To rotate an intermediate is to begin again at 1.",
            "",
        )
    )
