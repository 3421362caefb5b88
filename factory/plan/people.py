"""How an API server knows people, by distribution: by which names, and whether it learns how they signed in."""

from __future__ import annotations

from factory.spec import Distribution, Factory, Provider

_GKE_POOLS = "iam.googleapis.com/locations/global/workforcePools"


def prefixes(factory: Factory, provider: Provider) -> tuple[str, str]:
    """What the names of a provider's users and groups begin with, as the API server of this distribution has them.

    AKS puts `aks:jwt:` before all that it did not issue itself; GKE has the names of workforce identity federation.
    """
    match factory.cluster.distribution:
        case Distribution.AKS:
            return (f"aks:jwt:{provider.prefix}",) * 2
        case Distribution.GKE:
            pool = f"{_GKE_POOLS}/{pool_name(factory, provider)}"
            return f"principal://{pool}/subject/", f"principalSet://{pool}/group/"
        case _:
            return (provider.prefix,) * 2


def pool_name(factory: Factory, provider: Provider) -> str:
    """GKE's workforce pool of a provider, which holds nobody else: `helix-staff`."""
    return f"{factory.name}-{provider.name}"


def carries_extra(factory: Factory) -> bool:
    """Whether the API server learns how somebody signed in, so that admission can ask for more. OpenShift's does from 4.20 on."""
    return factory.cluster.distribution in (Distribution.SELF_MANAGED, Distribution.AKS, Distribution.OPENSHIFT)
