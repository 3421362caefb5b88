"""A GPU pool, as a resource."""

from ._part import Part


class GpuPool(Part):
    """The nodes of one GPU pool: patches of nodes that somebody else owns, or the objects that make nodes; its device class where pods
    claim devices.

    Alone, in a program of your own:

    >>> import pulumi
    >>> from components import Build, GpuPool, connect
    >>> build = Build({
    ...     "name": "helix",
    ...     "posture": "Development",
    ...     "trustDomain": "helix.example",
    ...     "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    ...     "images": {"registries": ["registry.helix.example/"]},
    ...     "segments": [{"name": "training", "stage": "Training", "owner": "ml-research", "quota": {"gpu": 16}}],
    ...     "workloads": [{"name": "trainer", "segment": "training", "pool": "h100"}],
    ...     "pools": [{"name": "h100", "provisioner": "Static", "nodes": {"names": ["gpu-[0-3]"]}, "segments": ["training"]}],
    ... })
    >>> pool = GpuPool("h100", build, pulumi.ResourceOptions(provider=connect(build)))
    """
