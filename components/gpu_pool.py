"""A GPU pool, as a resource."""

from ._part import Part


class GpuPool(Part):
    """The nodes of one GPU pool: labels and taints of nodes that somebody else owns, or the objects that make nodes."""
