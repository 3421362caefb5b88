"""The registry of models, as a resource."""

from ._part import Part


class ModelRegistry(Part):
    """The registry of models: doors and store of one that the factory runs, or the row of somebody else's. Its name is the factory's.

    The Secret that the spec names, with the certificate, must be there already. Alone, in a program of your own, where its segment is there
    too:

    >>> import pulumi
    >>> from components import Build, ModelRegistry, connect
    >>> build = Build({
    ...     "name": "helix",
    ...     "posture": "Development",
    ...     "trustDomain": "helix.example",
    ...     "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    ...     "images": {"registries": ["registry.example/"]},
    ...     "segments": [
    ...         {"name": "training", "stage": "Training", "owner": "ml-research"},
    ...         {"name": "models", "stage": "Platform", "owner": "ml-platform"},
    ...     ],
    ...     "models": [{"name": "fraud", "repository": "models.helix.example/fraud"}],
    ...     "workloads": [
    ...         {"name": "trainer", "segment": "training", "produces": ["fraud"]},
    ...         {"name": "registry-write", "segment": "models", "listens": [{"name": "https", "port": 5443}]},
    ...         {"name": "registry-read", "segment": "models", "listens": [{"name": "https", "port": 5443}]},
    ...     ],
    ...     "peers": [{"name": "nodes", "cidr": "10.0.0.0/16"}],
    ...     "flows": [
    ...         {"from": "training/trainer", "to": "models/registry-write", "port": "https", "because": "it pushes what it trained"},
    ...         {"from": "nodes", "to": "models/registry-read", "port": "https", "because": "kubelets pull models"},
    ...     ],
    ...     "registry": {
    ...         "kind": "Distribution",
    ...         "host": "models.helix.example",
    ...         "segment": "models",
    ...         "image": "registry.example/distribution:3.1.2",
    ...         "certificate": "registry-tls",
    ...         "storage": "500Gi",
    ...     },
    ... })
    >>> registry = ModelRegistry("helix", build, pulumi.ResourceOptions(provider=connect(build)))
    """
