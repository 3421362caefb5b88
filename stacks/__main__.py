"""The Pulumi program: the stack's spec becomes a factory."""

from pathlib import Path

import pulumi

from components import AiFactory, Build, configured, connect, reach

build = Build(configured(Path(__file__).parent))
reach(build)
factory = AiFactory(build.factory.name, build, pulumi.ResourceOptions(provider=connect(build)))

pulumi.export("factory", build.factory.name)
pulumi.export("namespaces", factory.namespaces)
