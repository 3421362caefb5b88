"""Access of people and delivery tools, as a resource."""

from ._part import Part


class Access(Part):
    """One grant: a RoleBinding in each of its segments. The Role that it binds belongs to the segment. It stands, or is held for a while,
    or lets its holder ask for a role (`staff:ml.operator:ask`) or agree (`staff:leads.operator:approve`).

    Its name is its holder and role, as the plan names it: `ml-research.viewer`. Alone, in a program of your own, where its segments are
    there already:

    >>> import pulumi
    >>> from components import Access, Build, connect
    >>> build = Build({
    ...     "name": "helix",
    ...     "posture": "Development",
    ...     "trustDomain": "helix.example",
    ...     "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    ...     "images": {"registries": ["registry.helix.example/"]},
    ...     "segments": [{"name": "training", "stage": "Training", "owner": "ml-research", "quota": {"cpu": "16"}}],
    ...     "workloads": [{"name": "trainer", "segment": "training"}],
    ...     "access": [{"group": "ml-research", "role": "viewer", "segments": ["training"], "because": "they watch their jobs"}],
    ... })
    >>> access = Access("ml-research.viewer", build, pulumi.ResourceOptions(provider=connect(build)))
    """
