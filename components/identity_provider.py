"""Keycloak, as a resource."""

from ._part import Part


class IdentityProvider(Part):
    """The Keycloak of one Platform segment, with a realm for each provider that lives there. Its name is the segment's.

    The Secrets that the spec names, with the database's password and the certificate, must be there already. Alone, in a program of your
    own, where its segment is there too:

    >>> import pulumi
    >>> from components import Build, IdentityProvider, connect
    >>> build = Build({
    ...     "name": "helix",
    ...     "posture": "Development",
    ...     "trustDomain": "helix.example",
    ...     "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    ...     "images": {"registries": ["registry.helix.example/"]},
    ...     "segments": [{"name": "identity", "stage": "Platform", "owner": "security"}],
    ...     "workloads": [{
    ...         "name": "keycloak",
    ...         "segment": "identity",
    ...         "listens": [{"name": "https", "port": 8443}],
    ...         "egress": [{"cidr": "10.2.0.20/32", "port": 5432, "because": "its PostgreSQL"}],
    ...     }],
    ...     "peers": [{"name": "ingress", "namespace": "ingress", "podLabels": {"app": "ingress"}}],
    ...     "flows": [{"from": "ingress", "to": "identity/keycloak", "port": "https", "because": "people sign in"}],
    ...     "identity": {"people": {"providers": [{
    ...         "kind": "Keycloak",
    ...         "name": "staff",
    ...         "people": "Staff",
    ...         "issuer": "https://login.helix.example/realms/staff",
    ...         "segment": "identity",
    ...         "image": "registry.helix.example/keycloak:26.7.3",
    ...         "database": {"host": "10.2.0.20", "secret": "keycloak-database"},
    ...         "certificate": "keycloak-tls",
    ...     }]}},
    ... })
    >>> keycloak = IdentityProvider("identity", build, pulumi.ResourceOptions(provider=connect(build)))
    """
