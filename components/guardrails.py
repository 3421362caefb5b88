"""Guardrails, as a resource."""

from ._part import Part


class Guardrails(Part):
    """The admission policies that hold a factory's segments to its spec, each with its binding. They match nothing but namespaces that bear
    the factory's label. Its name is the factory's.

    Alone, in a program of your own:

    >>> import pulumi
    >>> from components import Build, Guardrails, connect
    >>> build = Build({
    ...     "name": "helix",
    ...     "posture": "Development",
    ...     "trustDomain": "helix.example",
    ...     "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    ...     "images": {"registries": ["registry.helix.example/"]},
    ...     "segments": [{"name": "training", "stage": "Training", "owner": "ml-research"}],
    ...     "workloads": [{"name": "trainer", "segment": "training"}],
    ... })
    >>> guardrails = Guardrails("helix", build, pulumi.ResourceOptions(provider=connect(build)))
    """
