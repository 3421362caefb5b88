"""The Pulumi program of a root: the factory whose root it is, which roots there are, and what they have to sign.

Checkpoints are never skipped here: a root that exists and that no state knows of is a key that is lost.
"""

from pathlib import Path

import pulumi

from components import Request, RootAuthority
from factory.errors import SpecError
from factory.load import load_stack

config = pulumi.Config("ai-factory-root")
try:
    spec = load_stack(Path(config.require("spec"))).factory
    requests = {name: Request(**request) for name, request in (config.get_object("requests") or {}).items()}
except SpecError as error:
    raise pulumi.RunError(str(error)) from None
except (TypeError, AttributeError) as error:
    raise pulumi.RunError(f"ai-factory-root:requests: {error}; allowed: for each name, intermediate, pem and generation") from None
root = RootAuthority(spec.name, spec, config.get_object("generations") or [1], requests)

pulumi.export("certificates", root.certificates)
pulumi.export("chains", root.chains)
