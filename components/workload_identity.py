"""Workload identity, as a resource."""

from ._part import Part


class WorkloadIdentity(Part):
    """Which pods SPIRE may give which SPIFFE ID, and whose identities are recognised beside. Its name is the factory's. SPIRE itself, with
    its CRDs, must be in the cluster: `factory render` writes the values for its Helm chart.

    Alone, in a program of your own:

    >>> import pulumi
    >>> from components import Build, WorkloadIdentity, connect
    >>> build = Build({
    ...     "name": "helix",
    ...     "posture": "Development",
    ...     "trustDomain": "helix.example",
    ...     "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    ...     "images": {"registries": ["registry.helix.example/"]},
    ...     "segments": [{"name": "training", "stage": "Training", "owner": "ml-research"}],
    ...     "workloads": [{"name": "trainer", "segment": "training"}],
    ...     "identity": {"workloads": {"spire": {"svidLife": "30m"}}},
    ... })
    >>> identity = WorkloadIdentity("helix", build, pulumi.ResourceOptions(provider=connect(build)))
    """
