"""A queue, as a resource."""

from ._part import Part


class Queue(Part):
    """One Kueue queue over pools, with its way in from each of its segments."""
