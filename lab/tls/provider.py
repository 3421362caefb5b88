# ruff: noqa: N802 - the names are the protocol's
"""The gRPC side: what Pulumi's engine asks a provider (`pulumirpc.ResourceProvider`), answered from the table of resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from lab.tls.install import NAME, VERSION
from lab.tls.resource import RESOURCES, UNKNOWN, Resource, ready_for_renewal

SAID = f"{NAME} {VERSION} is a stand-in of the lab's, not Pulumi's plugin: for Development only"
SPECIAL, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""The key, and the value at it, by which Pulumi marks a secret."""
UPDATED = frozenset({"earlyRenewalHours"})
"""Inputs that change without a new certificate."""


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """No state: all that it knows comes with each request. Private keys go back as secrets, whether or not they came as such."""

    def __init__(self, engine: str | None = None) -> None:
        self._engine = engine

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        failures = [
            provider_pb2.CheckFailure(property=name, reason=f"{name} is not served by the stand-in")
            for name in plain(request.news)
            if name != "version"
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        if self._engine:
            # What a plugin prints, Pulumi keeps to itself.
            with grpc.insecure_channel(self._engine) as channel:
                engine_pb2_grpc.EngineStub(channel).Log(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=SAID))
        return provider_pb2.ConfigureResponse(acceptSecrets=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        problems = self._resource(request.urn, context).problems(plain(request.news))
        failures = [provider_pb2.CheckFailure(property=name, reason=f"{name} {problem}") for name, problem in problems]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        resource, old, new = self._resource(request.urn, context), plain(request.old_inputs), plain(request.news)
        changed = resource.changed(old, new)
        replaces = [name for name in changed if name not in UPDATED]
        if ready_for_renewal({**plain(request.olds), "earlyRenewalHours": _known(new.get("earlyRenewalHours"))}):
            changed, replaces = [*changed, "readyForRenewal"], [*replaces, "readyForRenewal"]
        some = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some, diffs=changed, replaces=replaces)

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        resource = self._resource(request.urn, context)
        try:
            identifier, properties = resource.create(plain(request.properties))
        except (ValueError, OverflowError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{request.urn.rpartition('::')[2]}: {error}")
        return provider_pb2.CreateResponse(id=identifier, properties=sealed(properties, resource.secrets))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        resource, properties = self._resource(request.urn, context), plain(request.properties)
        if not properties:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "keys and certificates cannot be imported: they are nowhere but in the state")
        if "readyForRenewal" in properties:
            properties["readyForRenewal"] = ready_for_renewal(properties)
        return provider_pb2.ReadResponse(id=request.id, properties=sealed(properties, resource.secrets), inputs=request.inputs)

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        resource, new = self._resource(request.urn, context), plain(request.news)
        properties = {**plain(request.olds), "earlyRenewalHours": new.get("earlyRenewalHours") or 0}
        properties["readyForRenewal"] = ready_for_renewal(properties)
        return provider_pb2.UpdateResponse(properties=sealed(properties, resource.secrets))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def _resource(self, urn: str, context: grpc.ServicerContext) -> Resource:
        token = urn.split("::")[2].rpartition("$")[2]
        if token not in RESOURCES:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{token} is not served by the stand-in; it serves {', '.join(RESOURCES)}")
        return RESOURCES[token]

    def _refuse(self, request: Any, context: grpc.ServicerContext) -> NoReturn:
        what = getattr(request, "tok", "") or "this"
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{what} is not served: {NAME} is a stand-in for resources only")

    Invoke = Call = Construct = GetSchema = GetMapping = GetMappings = Parameterize = Handshake = List = _refuse


def plain(properties: struct_pb2.Struct) -> dict[str, Any]:
    """Properties without the marks of what is secret."""
    opened = _open(json_format.MessageToDict(properties))
    return dict(opened)


def sealed(properties: Mapping[str, Any], secrets: frozenset[str]) -> struct_pb2.Struct:
    """Properties as Pulumi takes them, secret ones marked."""
    message = struct_pb2.Struct()
    message.update({name: {SPECIAL: SECRET, "value": value} if name in secrets else value for name, value in properties.items()})
    return message


def _open(value: Any) -> Any:
    if isinstance(value, dict):
        return _open(value["value"]) if value.get(SPECIAL) == SECRET else {name: _open(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_open(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _known(value: Any) -> Any:
    return 0 if value == UNKNOWN else value
