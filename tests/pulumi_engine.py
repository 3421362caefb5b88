"""A stand-in for the Pulumi engine that remembers what a program registers: no CLI, no plugin, no cluster."""

from __future__ import annotations

import asyncio
import contextvars
import json
import runpy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi.runtime import mocks, rpc, set_all_config, settings, stack

SECRET = "4dabf18193072939515e22adb298388d"
"""The key by which Pulumi marks a secret value."""


@dataclass(frozen=True)
class Registration:
    """One resource, as the engine sees it."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    provider: str
    depends_on: frozenset[str]
    deleted_with: str
    protect: bool
    delete_before_replace: bool


@dataclass
class Engine:
    """Runs a program once and holds what it registered, by URN, in order; its exported outputs; and what it logged."""

    config: dict[str, str] = field(default_factory=dict)
    registered: dict[str, Registration] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def run(self, program: Callable[[], Any]) -> Engine:
        contextvars.Context().run(self._run, program)
        return self

    def _run(self, program: Callable[[], Any]) -> None:
        monitor = _Monitor(self)
        features = set(monitor.GetDeploymentInfo(None).supportedFeatures)
        names = {"project": "ai-factory", "stack": "test", "dry_run": False}
        settings.configure(mocks.MockSettings(monitor=monitor, monitor_features=features, engine=_Log(self), callbacks=None, **names))
        set_all_config(self.config)
        with _loop() as loop:
            loop.run_until_complete(stack.run_in_stack(lambda: (program(), None)[1]))

    def run_file(self, path: Path) -> Engine:
        """Runs a program as Pulumi's language host does."""
        return self.run(lambda: runpy.run_path(str(path), run_name="__main__"))

    @property
    def objects(self) -> list[Registration]:
        """The Kubernetes objects."""
        return [resource for resource in self.registered.values() if resource.type.startswith("kubernetes:")]

    @property
    def components(self) -> list[Registration]:
        """The components."""
        return [resource for resource in self.registered.values() if resource.type.startswith("ai-factory:")]

    def urn(self, kind: str, name: str) -> str:
        """The URN of the one resource with this type and name."""
        (urn,) = [urn for urn, resource in self.registered.items() if (resource.type, resource.name) == (kind, name)]
        return urn


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A fresh event loop for this thread, closed afterwards: Pulumi makes one in each thread and leaves it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        loop.close()
        asyncio.set_event_loop(None)


class _Echo(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return args.inputs.get("metadata", {}).get("name", f"{args.name}-id"), args.inputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the program called {args.token}")


class _Monitor(mocks.MockMonitor):
    def __init__(self, engine: Engine) -> None:
        super().__init__(_Echo())
        self.engine = engine

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        with _loop():
            response = super().RegisterResource(request)
        if request.type == "pulumi:pulumi:Stack":
            return response
        assert response.urn not in self.engine.registered, f"duplicate URN {response.urn}"
        self.engine.registered[response.urn] = Registration(
            type=request.type,
            name=request.name,
            inputs=_whole(rpc.deserialize_properties(request.object, keep_unknowns=True)),
            parent=request.parent,
            provider=request.provider,
            depends_on=frozenset(request.dependencies),
            deleted_with=request.deletedWith,
            protect=request.protect,
            delete_before_replace=request.deleteBeforeReplace,
        )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if "pulumi:pulumi:Stack" in request.urn:
            self.engine.outputs.update(_whole(rpc.deserialize_properties(request.outputs)))
        return super().RegisterResourceOutputs(request)


class _Log(mocks.MockEngine):
    def __init__(self, engine: Engine) -> None:
        super().__init__(None)
        self.engine = engine

    def Log(self, request: Any) -> Any:  # noqa: N802
        if request.severity >= 2:
            self.engine.warnings.append(request.message)
        return super().Log(request)


def _whole(value: Any) -> Any:
    """Numbers travel as floats; whole ones are shown as the integers that they were."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def plain(engine: Engine) -> str:
    """Everything that was registered, as one text."""
    return json.dumps([[resource.name, resource.inputs] for resource in engine.registered.values()])
