"""Keycloak, the provider that the factory runs itself: one a segment, with a realm for each provider that lives there.

In production mode, from an image that was built for it (`kc.sh build --db=postgres --health-enabled=true …`), so that its file system can
be read-only. It keeps its data in somebody else's PostgreSQL. Its flows and the way to its database are the spec's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec import Factory, KeycloakProvider, Listener

from . import controls, names
from .body import body
from .manifest import Because, Body, Component, Manifest
from .pod_security import RESTRICTED_CONTAINER, restricted_pod
from .realm import documents, realm_file, realm_files

WORKLOAD, PORT = "keycloak", "https"
"""Its workload in its segment, and the listener that people come to."""

MANAGEMENT = 9000
"""Port of health checks (Keycloak, *Configuring the Management Interface*). No flow leads there."""

HOME, CERTIFICATE = "/opt/keycloak", "/etc/keycloak/tls"

CONTROLS = (controls.TENET_4, controls.TENET_6, controls.AUTHORIZATION, controls.PODS)


def keycloaks(factory: Factory) -> dict[str, list[KeycloakProvider]]:
    """Providers that the factory runs, by segment, in the order of names: those of one segment are realms of one Keycloak.

    Those whose workload is missing or does not listen are left out: `factory.rules` finds them.
    """
    found: dict[str, list[KeycloakProvider]] = {}
    for provider in sorted(factory.providers, key=lambda provider: provider.name):
        if isinstance(provider, KeycloakProvider) and _listener(factory, provider.segment):
            found.setdefault(provider.segment, []).append(provider)
    return dict(sorted(found.items()))


def host_url(provider: KeycloakProvider) -> str:
    """The issuer without its realm: `https://login.helix.example`."""
    return provider.issuer.rpartition("/realms/")[0]


def plan_keycloaks(factory: Factory, after: tuple[str, ...] = ()) -> Iterator[Manifest]:
    """Everything of every Keycloak. `after` names the manifests that it waits for: guardrails stand before any pod does."""
    for segment, providers in keycloaks(factory).items():
        yield from _plan_keycloak(factory, segment, providers, after)


def describe_keycloaks(factory: Factory) -> Iterator[tuple[Component, dict[str, Any]]]:
    """What preview rows show: who signs in there, on what terms, and where it runs."""
    for segment, providers in keycloaks(factory).items():
        first = providers[0]
        terms = {
            provider.name: {
                "people": provider.people.value,
                "issuer": provider.issuer,
                "contract": provider.terms.model_dump(mode="json", by_alias=True, exclude_none=True),
            }
            for provider in providers
        }
        database = f"{first.database.host}:{first.database.port}/{first.database.name}"
        yield Component("IdentityProvider", segment), {"image": first.image, "database": database, "providers": terms}


def _plan_keycloak(factory: Factory, segment: str, providers: list[KeycloakProvider], after: tuple[str, ...]) -> Iterator[Manifest]:
    component, namespace = Component("IdentityProvider", segment), names.namespace(factory.name, segment)
    realms = []
    for provider in providers:
        because = Because(f"identity.people.providers[{provider.name}]", f"the realm of {provider.people.value.lower()}", CONTROLS)
        content = body(
            "v1",
            "ConfigMap",
            config_name(provider),
            because,
            factory=factory.name,
            namespace=namespace,
            data=realm_files(factory, provider),
        )
        realms.append(Manifest(component, f"realm-{provider.name}", content, because))
    yield from realms

    first = providers[0]
    because = Because(f"identity.people.providers[{first.name}]", "signs people in", CONTROLS)
    selector = {names.WORKLOAD: WORKLOAD}
    listener = _listener(factory, segment)
    assert listener is not None  # `keycloaks` has looked
    for key, version, kind, spec in (
        ("deployment", "apps/v1", "Deployment", _deployment(factory, providers, listener)),
        ("service", "v1", "Service", _service(listener)),
        # One pod: evicting it ends every sign-in under way, so that somebody decides when.
        ("disruption", "policy/v1", "PodDisruptionBudget", {"minAvailable": 1, "selector": {"matchLabels": selector}}),
    ):
        content = body(version, kind, WORKLOAD, because, factory=factory.name, namespace=namespace, labels=selector, spec=spec)
        first_needs = (
            (*(realm.id for realm in realms), f"Segment {segment}/workload-{WORKLOAD}", names.parameters(segment), *after)
            if key == "deployment"
            else ()
        )
        yield Manifest(component, key, content, because, first_needs)


def _listener(factory: Factory, segment: str) -> Listener | None:
    workload = factory.workload.get(f"{segment}/{WORKLOAD}")
    return next((each for each in workload.listens if each.name == PORT), None) if workload else None


def config_name(provider: KeycloakProvider) -> str:
    """The ConfigMap with its realm: `keycloak-realm-staff`."""
    return f"{WORKLOAD}-realm-{provider.name}"


def _service(listener: Listener) -> Body:
    return {
        "type": "ClusterIP",
        "selector": {names.WORKLOAD: WORKLOAD},
        "ports": [{"name": PORT, "port": listener.port, "targetPort": PORT, "protocol": "TCP"}],
    }


def _deployment(factory: Factory, providers: list[KeycloakProvider], listener: Listener) -> Body:
    labels = {names.WORKLOAD: WORKLOAD}
    pod: Body = {
        "serviceAccountName": WORKLOAD,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": restricted_pod(factory, user=1000, group=1000),
        "containers": [_container(factory, providers, listener)],
        "volumes": [
            {"name": "certificate", "secret": {"secretName": providers[0].certificate, "defaultMode": 0o440}},
            {
                "name": "realms",
                "projected": {
                    "sources": [
                        {
                            "configMap": {
                                "name": config_name(provider),
                                "items": [{"key": realm_file(provider), "path": realm_file(provider)}],
                            }
                        }
                        for provider in providers
                    ]
                },
            },
            {"name": "data", "emptyDir": {"sizeLimit": "256Mi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
        ],
    }
    return {
        # Its caches, failed sign-ins among them, are its own: a second one would count again from nothing.
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def _container(factory: Factory, providers: list[KeycloakProvider], listener: Listener) -> Body:
    first = providers[0]
    database = first.database
    options = {
        "hostname": host_url(first),
        "https-port": listener.port,
        "https-certificate-file": f"{CERTIFICATE}/tls.crt",
        "https-certificate-key-file": f"{CERTIFICATE}/tls.key",
        "http-management-port": MANAGEMENT,
        "cache": "local",
        "db-url-host": database.host,
        "db-url-port": database.port,
        "db-url-database": database.name,
        "db-url-properties": "?sslmode=verify-full&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory",
        "log-console-output": "json",
    }
    secret = [
        {"name": f"KC_DB_{key.upper()}", "valueFrom": {"secretKeyRef": {"name": database.secret, "key": key}}}
        for key in ("username", "password")
    ]
    realms = [
        {"name": document.name, "valueFrom": {"configMapKeyRef": {"name": config_name(provider), "key": document.name}}}
        for provider in providers
        for document in documents(factory, provider)
    ]
    return {
        "name": WORKLOAD,
        "image": first.image,
        "args": ["start", "--optimized", "--import-realm", *(f"--{name}={value}" for name, value in options.items())],
        "env": [*secret, *realms],
        "ports": [{"name": PORT, "containerPort": listener.port}, {"name": "management", "containerPort": MANAGEMENT}],
        "securityContext": RESTRICTED_CONTAINER,
        "resources": {"requests": {"cpu": "500m", "memory": "1536Mi"}, "limits": {"cpu": "2", "memory": "1536Mi"}},
        "startupProbe": _probe("started", failureThreshold=60),
        "livenessProbe": _probe("live"),
        "readinessProbe": _probe("ready"),
        "volumeMounts": [
            {"name": "certificate", "mountPath": CERTIFICATE, "readOnly": True},
            {"name": "data", "mountPath": f"{HOME}/data"},
            {"name": "realms", "mountPath": f"{HOME}/data/import", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # inside the container
        ],
    }


def _probe(state: str, **more: int) -> Body:
    return {"httpGet": {"scheme": "HTTPS", "path": f"/health/{state}", "port": "management"}, "periodSeconds": 5, **more}
