"""The lab's long-running programs: one table of how each is started, what it needs and how it says that it is well.

Adding a program is an entry in `toolchain.PROGRAMS` and an entry here.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab import kyverno, realm, registry, spire, vault
from lab.api import Api
from lab.control_plane_files import Flags
from lab.credentials import Credentials
from lab.state import State
from lab.toolchain import HERE, program


@dataclass
class Plane:
    """What the flags of a program may refer to: the lab's files and everybody's ports (by program, then purpose)."""

    state: State
    credentials: Credentials
    control_plane: Flags = field(default_factory=dict)
    ports: dict[str, dict[str, int]] = field(default_factory=dict)

    def url(self, program: str, port: str = "https") -> str:
        return f"https://127.0.0.1:{self.ports[program][port]}"

    def kubeconfig(self, program: str) -> Path:
        return self.state.pki / f"{program}.kubeconfig"

    def api(self) -> Api:
        """The API server, as its administrator."""
        return Api(self.ports["kube-apiserver"]["https"], self.credentials.cluster.context(self.credentials.admin))


@dataclass(frozen=True)
class Server:
    """`ports` are asked from the kernel; `health` is asked for on the first of them, and says 200 when the program is ready.

    `grace` is how many seconds it has to end before it is killed. `once_well` runs when it is ready, before what needs the program starts.
    `runs` is the program of the toolchain, where that is called something else. `first` runs before it is started; `environment` is what it
    needs beside its flags, and `arguments` stand before those. `context` is as whom it is asked for its health; None means without TLS.
    `restarts_with` names programs whose restart it survives only to look well and do nothing.
    """

    program: str
    flags: Callable[[Plane], Mapping[str, object]]
    health: str | Callable[[State], str]
    needs: tuple[str, ...] = ()
    restarts_with: tuple[str, ...] = ()
    ports: tuple[str, ...] = ("https",)
    grace: float = 10.0
    once_well: Callable[[Plane], None] = lambda plane: None
    runs: str | None = None
    first: Callable[[Plane], None] = lambda plane: None
    environment: Callable[[Plane], Mapping[str, str]] = lambda plane: {}
    context: Callable[[Credentials], ssl.SSLContext | None] = lambda credentials: credentials.cluster.context(credentials.admin)
    arguments: Callable[[Plane], Sequence[str]] = lambda plane: ()

    @property
    def executable(self) -> str:
        """The toolchain's name of what it runs."""
        return self.runs or self.program

    @property
    def optional(self) -> bool:
        """Whether a lab has it only when asked."""
        return bool(program(self.executable).extras)

    def health_path(self, state: State) -> str:
        """What is asked for to know whether it is well."""
        return self.health if isinstance(self.health, str) else self.health(state)


def etcd(plane: Plane) -> Flags:
    pair, authority = plane.credentials.etcd_server, plane.credentials.etcd.pair.certificate
    client, peer = plane.url("etcd", "client"), plane.url("etcd", "peer")
    return {
        "name": "lab",
        "data-dir": plane.state.folder / "etcd",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"lab={peer}",
        "client-cert-auth": "true",
        "cert-file": pair.certificate,
        "key-file": pair.key,
        "trusted-ca-file": authority,
        "peer-client-cert-auth": "true",
        "peer-cert-file": pair.certificate,
        "peer-key-file": pair.key,
        "peer-trusted-ca-file": authority,
        "unsafe-no-fsync": "true",  # a laboratory: a power cut may cost its data, never a kill
        "log-level": "warn",
    }


def kube_apiserver(plane: Plane) -> Flags:
    credentials = plane.credentials
    private, public = credentials.service_account
    own = {
        "etcd-servers": plane.url("etcd", "client"),
        "etcd-cafile": credentials.etcd.pair.certificate,
        "etcd-certfile": credentials.etcd_client.certificate,
        "etcd-keyfile": credentials.etcd_client.key,
        "bind-address": "127.0.0.1",
        "secure-port": plane.ports["kube-apiserver"]["https"],
        "tls-cert-file": credentials.servers["kube-apiserver"].certificate,
        "tls-private-key-file": credentials.servers["kube-apiserver"].key,
        "client-ca-file": credentials.cluster.pair.certificate,
        "requestheader-client-ca-file": credentials.front_proxy.pair.certificate,
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": credentials.proxy_client.certificate,
        "proxy-client-key-file": credentials.proxy_client.key,
        "service-account-key-file": public,
        "service-account-signing-key-file": private,
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "endpoint-reconciler-type": "none",  # a loopback address is no valid endpoint of the Service `kubernetes`
    }
    defaults = {
        "authorization-mode": "Node,RBAC",
        "anonymous-auth": "false",
        "enable-admission-plugins": "NodeRestriction",
        "service-cluster-ip-range": "10.96.0.0/16",
        "allow-privileged": "true",  # as on real clusters, where Pod Security is what refuses
        "max-requests-inflight": 1600,
        "max-mutating-requests-inflight": 800,
        "profiling": "false",
    }
    # Files that take the place of flags: the API server refuses to have both.
    if "authorization-config" in plane.control_plane:
        del defaults["authorization-mode"]
    if "authentication-config" in plane.control_plane:
        del defaults["anonymous-auth"]
    if "audit-policy-file" in plane.control_plane:
        own["audit-log-path"] = plane.state.logs / "audit.log"  # the product's own place for it may not be ours to write
    return defaults | plane.control_plane | own


def admit_clients(plane: Plane) -> None:
    """Tell the programs and people where the API server is, and let kwok do its work."""
    plane.credentials.write_kubeconfigs(plane.url("kube-apiserver"))
    with plane.api() as api:
        api.apply_all(HERE / "kwok" / "role.yaml")


def kube_controller_manager(plane: Plane) -> Flags:
    authority = plane.credentials.cluster.pair
    return serving(plane, "kube-controller-manager") | {
        "use-service-account-credentials": "true",
        "service-account-private-key-file": plane.credentials.service_account[0],
        "root-ca-file": authority.certificate,
        "cluster-signing-cert-file": authority.certificate,
        "cluster-signing-key-file": authority.key,
        "cluster-name": "lab",
        "kube-api-qps": 200,
        "kube-api-burst": 400,
    }


def kube_scheduler(plane: Plane) -> Flags:
    return serving(plane, "kube-scheduler") | {"kube-api-qps": 200, "kube-api-burst": 400}


def serving(plane: Plane, program: str) -> Flags:
    """The flags that controller manager and scheduler share."""
    kubeconfig, pair = plane.kubeconfig(program), plane.credentials.servers[program]
    return {
        "master": plane.url("kube-apiserver"),
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "client-ca-file": plane.credentials.cluster.pair.certificate,
        "bind-address": "127.0.0.1",
        "secure-port": plane.ports[program]["https"],
        "tls-cert-file": pair.certificate,
        "tls-private-key-file": pair.key,
        "leader-elect": "false",
        "profiling": "false",
    }


def kwok(plane: Plane) -> Flags:
    pair = plane.credentials.servers["kwok"]
    return {
        "master": plane.url("kube-apiserver"),
        "kubeconfig": plane.kubeconfig("kwok"),
        "config": HERE / "kwok" / "stages.yaml",
        "manage-all-nodes": "false",
        "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
        "node-ip": "127.0.0.1",
        "node-lease-duration-seconds": 40,
        "server-address": f"127.0.0.1:{plane.ports['kwok']['https']}",
        "tls-cert-file": pair.certificate,
        "tls-private-key-file": pair.key,
    }


def cleanup_controller(plane: Plane) -> Flags:
    port = plane.ports["cleanup-controller"]["https"]
    return _kyverno(plane, "cleanup-controller") | {
        "cleanupServerHost": "127.0.0.1",
        "cleanupServerPort": port,
        "caSecretName": "kyverno-cleanup-controller-ca",
        "tlsSecretName": "kyverno-cleanup-controller-tls",
        "ttlReconciliationInterval": "10s",  # until it knows of a kind; each object then goes at its own time
        "enableConfigMapCaching": "false",  # or it wants to read those of every namespace
    }


def admission_controller(plane: Plane) -> Flags:
    return _kyverno(plane, "kyverno") | {
        "webhookServerHost": "127.0.0.1",
        "webhookServerPort": plane.ports["kyverno"]["https"],
        "caSecretName": "kyverno-admission-controller-ca",
        "tlsSecretName": "kyverno-admission-controller-tls",
        "controllerRuntimeMetricsAddress": "0",
        "admissionReports": "false",
        "backgroundServiceAccountName": "system:serviceaccount:kyverno:kyverno-background-controller",
        "reportsServiceAccountName": "system:serviceaccount:kyverno:kyverno-reports-controller",
        "imageVerifyCacheEnabled": "false",  # or a signature that is gone from the registry would count for another hour
    }


def _kyverno(plane: Plane, program: str) -> Flags:
    return {
        "kubeconfig": plane.kubeconfig(program),
        "serverIP": f"127.0.0.1:{plane.ports[program]['https']}",
        "metricsHost": "127.0.0.1",
        "metricsPort": plane.ports[program]["metrics"],
        "autoMemLimitEnabled": "false",
        "disableLogColor": "true",
    }


def install_kyverno(plane: Plane, controller: str) -> None:
    with plane.api() as api:
        kyverno.install(api, controller)


def kyverno_environment(plane: Plane, controller: str) -> Mapping[str, str]:
    return kyverno.environment(controller, plane.state.folder, plane.credentials.cluster.pair.certificate)


def configure_openbao(plane: Plane) -> None:
    vault.write_configuration(plane.state, plane.ports["openbao"], plane.credentials.servers["openbao"])


def openbao_environment(plane: Plane) -> Mapping[str, str]:
    with plane.api() as api:
        authority = plane.credentials.cluster.pair.certificate
        return vault.environment(api, plane.ports["openbao"], plane.url("kube-apiserver"), authority)


def registry_door(name: str, *, writes: bool) -> Server:
    """One door of the model registry."""

    def configure(plane: Plane) -> None:
        writers = plane.credentials.writers if writes else None
        registry.write_configuration(plane.state, name, plane.ports[name]["https"], plane.credentials.servers[name], writers)

    return Server(
        name,
        lambda plane: {},
        "/v2/",
        runs="registry",
        first=configure,
        arguments=lambda plane: ("serve", str(registry.configuration(plane.state, name))),
        environment=lambda plane: {"OTEL_TRACES_EXPORTER": "none"},
        context=lambda credentials: credentials.cluster.context(credentials.writer if writes else None),
    )


def kyverno_controller(
    name: str, flags: Callable[[Plane], Mapping[str, object]], controller: str, restarts_with: tuple[str, ...] = ()
) -> Server:
    """One of Kyverno's controllers: `cleanup-controller` or `admission-controller`."""
    return Server(
        name,
        flags,
        "/health/readiness",
        needs=("kube-apiserver",),
        restarts_with=restarts_with,
        ports=("https", "metrics"),
        first=lambda plane: install_kyverno(plane, controller),
        environment=lambda plane: kyverno_environment(plane, controller),
        context=lambda credentials: of_unknown_authority(),
    )


def of_unknown_authority() -> ssl.SSLContext:
    """For those who serve a certificate that they made for themselves."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def keycloak(plane: Plane) -> Flags:
    pair, home = plane.credentials.servers["keycloak"], realm.home(plane.state)
    return {
        "cache": "local",
        "http-host": "127.0.0.1",
        "https-port": plane.ports["keycloak"]["https"],
        "http-management-port": plane.ports["keycloak"]["management"],
        "hostname": plane.url("keycloak"),
        "https-certificate-file": pair.certificate,
        "https-certificate-key-file": pair.key,
        "db-url": f"jdbc:h2:file:{home}/data/h2;NON_KEYWORDS=VALUE",
    }


def spire_server(plane: Plane) -> Flags:
    return _spire(plane, "spire-server") | {"bindAddress": "127.0.0.1", "serverPort": plane.ports["spire-server"]["api"]}


def spire_agent(plane: Plane) -> Flags:
    return _spire(plane, "spire-agent") | {
        "serverAddress": "127.0.0.1",
        "serverPort": plane.ports["spire-server"]["api"],
        "trustBundle": spire.bundle(plane.state),
    }


def _spire(plane: Plane, program: str) -> Flags:
    return {
        "config": spire.configuration(plane.state, program),
        "trustDomain": spire.trust_domain(plane.state),
        "dataDir": spire.data(plane.state, program),
        "socketPath": spire.socket(plane.state, program),
    }


SERVERS = (
    Server(
        "etcd",
        etcd,
        "/health",
        ports=("client", "peer"),
        context=lambda credentials: credentials.etcd.context(credentials.etcd_client),
    ),
    # Ended politely, the API server waits a minute for everybody's watches; killed, it loses nothing, for all it knows is in etcd.
    Server("kube-apiserver", kube_apiserver, "/readyz", needs=("etcd",), grace=3.0, once_well=admit_clients),
    Server("kube-controller-manager", kube_controller_manager, "/healthz", needs=("kube-apiserver",)),
    Server("kube-scheduler", kube_scheduler, "/healthz", needs=("kube-apiserver",)),
    Server("kwok", kwok, "/healthz", needs=("kube-apiserver",)),
    # What takes objects away at their end gives up for good when it looks for kinds while nobody answers (pkg/controllers/ttl/manager.go).
    kyverno_controller("cleanup-controller", cleanup_controller, "cleanup-controller", restarts_with=("kube-apiserver",)),
    kyverno_controller("kyverno", admission_controller, "admission-controller"),
    registry_door("registry-write", writes=True),
    registry_door("registry-read", writes=False),
    Server(
        "keycloak",
        keycloak,
        # It says that it has started before it has its realms.
        lambda state: f"/realms/{realm.first_realm(state)}/.well-known/openid-configuration",
        ports=("https", "management"),
        arguments=lambda plane: (str(realm.home(plane.state)), "start", "--optimized", "--import-realm"),
    ),
    Server(
        "spire-server",
        spire_server,
        "/ready",
        ports=("health", "api"),
        arguments=lambda plane: ("run",),
        first=lambda plane: spire.write_server(plane.state, plane.ports["spire-server"]["health"], plane.credentials.nodes),
        once_well=lambda plane: spire.write_bundle(plane.state),
        context=lambda credentials: None,
    ),
    Server(
        "spire-agent",
        spire_agent,
        "/ready",
        needs=("spire-server",),
        ports=("health",),
        arguments=lambda plane: ("run",),
        first=lambda plane: spire.write_agent(plane.state, plane.ports["spire-agent"]["health"], plane.credentials.nodes),
        context=lambda credentials: None,
    ),
    Server(
        "openbao",
        lambda plane: {},
        "/v1/sys/health",
        # It asks those who sign people and workloads in for their keys when it initialises itself.
        needs=("kube-apiserver", "keycloak", "spire-server"),
        ports=("https", "cluster"),
        runs="bao",
        first=configure_openbao,
        once_well=lambda plane: vault.initialised(plane.state).touch(),
        arguments=lambda plane: vault.arguments(plane.state),
        environment=openbao_environment,
    ),
)
