"""A queue, as a resource."""

from ._part import Part


class Queue(Part):
    """One Kueue queue over pools, with its way in from each of its segments. Kueue itself, with its CRDs, must be in the cluster.

    Alone, in a program of your own, where the queue's segments are there already:

    >>> import pulumi
    >>> from components import Build, Queue, connect
    >>> build = Build({
    ...     "name": "helix",
    ...     "posture": "Development",
    ...     "trustDomain": "helix.example",
    ...     "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    ...     "images": {"registries": ["registry.helix.example/"]},
    ...     "segments": [{"name": "training", "stage": "Training", "owner": "ml-research", "quota": {"gpu": 16}}],
    ...     "workloads": [{"name": "trainer", "segment": "training", "pool": "h100"}],
    ...     "pools": [{"name": "h100", "provisioner": "Static", "nodes": {"names": ["gpu-[0-3]"]}, "segments": ["training"]}],
    ...     "queues": [{
    ...         "name": "batch",
    ...         "segments": ["training"],
    ...         "shares": [{"pool": "h100", "gpu": 16, "cpu": "128", "memory": "1Ti"}],
    ...     }],
    ... })
    >>> queue = Queue("batch", build, pulumi.ResourceOptions(provider=connect(build)))
    """
