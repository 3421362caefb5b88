"""The deployer: the one identity that may change what the factory has built."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from .concept import Concept


class Deployer(Concept):
    """The identity that `pulumi up` runs as. Guardrails let nobody else change segments, policies, quotas or access."""

    user: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:@._/-]*$", max_length=253)] = "factory-deployer"
    """Its user name as the API server sees it: a certificate's common name, an OIDC user, or `system:serviceaccount:<namespace>:<name>`."""
