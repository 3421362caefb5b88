"""The Pulumi program: the stack's spec becomes a factory."""

import pulumi

from components import AiFactory, Build, connect, reach

build = Build(pulumi.Config("ai-factory").require_object("spec"))
reach(build)
factory = AiFactory(build.factory.name, build, pulumi.ResourceOptions(provider=connect(build)))

pulumi.export("factory", build.factory.name)
pulumi.export("namespaces", factory.namespaces)
