"""Access of people and delivery tools, as a resource."""

from ._part import Part


class Access(Part):
    """Standing grants: the Roles and RoleBindings of one role."""
