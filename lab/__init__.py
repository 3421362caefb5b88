"""An embedded Kubernetes control plane: real programs, plain processes, loopback only, no container engine."""

from lab.errors import LabError
from lab.lab import Lab, environment

__all__ = ["Lab", "LabError", "environment"]
