"""Key management, as a resource."""

from ._part import Part


class KeyManagement(Part):
    """Who keeps the keys of models and data: the OpenBao that the factory runs, or the row of somebody else's. Its name is the factory's.

    The Secrets that the spec names, with the certificate and what opens the seal, must be there already. Alone, in a program of your own,
    where its segment is there too:

    >>> import pulumi
    >>> from components import Build, KeyManagement, connect
    >>> build = Build({
    ...     "name": "helix",
    ...     "posture": "Development",
    ...     "trustDomain": "helix.example",
    ...     "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    ...     "images": {"registries": ["registry.helix.example/"]},
    ...     "segments": [
    ...         {"name": "training", "stage": "Training", "owner": "ml-research"},
    ...         {"name": "keys", "stage": "Platform", "owner": "security"},
    ...     ],
    ...     "datasets": [{"name": "claims", "classification": "Confidential", "segment": "training"}],
    ...     "workloads": [
    ...         {"name": "store", "segment": "training", "writes": ["claims"]},
    ...         {"name": "trainer", "segment": "training", "reads": ["claims"]},
    ...         {
    ...             "name": "openbao",
    ...             "segment": "keys",
    ...             "listens": [{"name": "https", "port": 8200}, {"name": "raft", "port": 8201}],
    ...             "egress": [{"cidr": "10.0.0.1/32", "port": 6443, "because": "the API server says whose token it is shown"}],
    ...         },
    ...     ],
    ...     "flows": [
    ...         {"from": "training/store", "to": "keys/openbao", "port": "https", "because": "it seals claims"},
    ...         {"from": "training/trainer", "to": "keys/openbao", "port": "https", "because": "it opens claims"},
    ...     ],
    ...     "keys": {
    ...         "root": {"kind": "Bootstrap"},
    ...         "vault": {
    ...             "kind": "OpenBao",
    ...             "segment": "keys",
    ...             "image": "registry.helix.example/openbao:2.7.2",
    ...             "replicas": 1,
    ...             "certificate": "openbao-tls",
    ...             "seal": {"kind": "Static", "secret": "openbao-seal"},
    ...             "administrators": "staff:key-administrators",
    ...         },
    ...     },
    ... })
    >>> keys = KeyManagement("helix", build, pulumi.ResourceOptions(provider=connect(build)))
    """
