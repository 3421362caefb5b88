"""Two sites that federate, each a real SPIRE set up from what its own spec renders: their workloads recognise each other, and nobody else.

Values of the chart become the server's configuration, a ClusterFederatedTrustDomain becomes a federation relationship, as
spire-controller-manager makes it, and `spire/entries.json` is loaded with selectors of processes in place of a pod's.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from factory.load import load_object
from factory.plan import plan_factory
from factory.render import render
from lab.console import Console
from lab.toolchain import provide

SITES = {"helix": "helix.example", "partner": "partner.example"}
WORKLOAD = "serving.server"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def spec(name: str, other: str, port: int) -> dict[str, Any]:
    """A site of one workload that federates with the other one, whose bundle endpoint listens on a port."""
    federation = {
        "trustDomain": SITES[other],
        "bundleEndpoint": f"https://127.0.0.1:{port}",
        "spiffeId": f"spiffe://{SITES[other]}/spire/server",
    }
    return {
        "name": name,
        "posture": "Development",
        "trustDomain": SITES[name],
        "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": name},
        "images": {"registries": ["registry.example/apps/"]},
        "segments": [{"name": "serving", "stage": "Inference", "owner": "serving"}],
        "workloads": [{"name": "server", "segment": "serving"}],
        "identity": {"workloads": {"spire": {"svidLife": "10m", "federations": [federation]}}},
    }


class Site:
    """A SPIRE server and its agent, on the files of one rendered stack."""

    def __init__(self, name: str, other: str, ports: dict[str, int], folder: Path, programs: dict[str, Path]) -> None:
        self.domain, self.folder, self.programs = SITES[name], folder, programs
        plan = plan_factory(load_object(spec(name, other, ports[other])))
        render(plan, folder / "rendered")
        self.values = yaml.safe_load((folder / "rendered" / "spire" / "values.yaml").read_text())
        self.entries = json.loads((folder / "rendered" / "spire" / "entries.json").read_text())["entries"]
        (self.trusted,) = (m.body["spec"] for m in plan.manifests if m.body["kind"] == "ClusterFederatedTrustDomain")
        self.api, self.bundle_port = free_port(), ports[name]
        self._running: list[subprocess.Popen[bytes]] = []

    def start_server(self) -> None:
        server = self.values["spire-server"]
        settings = {
            "trust_domain": self.values["global"]["spire"]["trustDomain"],
            "bind_address": "127.0.0.1",
            "bind_port": self.api,
            "socket_path": str(self.folder / "server.sock"),
            "data_dir": str(self.folder / "server"),
            "ca_ttl": server["caTTL"],
            "ca_key_type": server["caKeyType"],
            "default_x509_svid_ttl": server["defaultX509SvidTTL"],
            "default_jwt_svid_ttl": server["defaultJwtSvidTTL"],
            "experimental": [{"cache_reload_interval": "1s"}],
        }
        if server["federation"]["enabled"]:
            endpoint = {"address": "127.0.0.1", "port": self.bundle_port, "refresh_hint": "1s"}
            settings["federation"] = [{"bundle_endpoint": [endpoint]}]
        plugins = {
            "DataStore": [{"sql": plugin(database_type="sqlite3", connection_string=str(self.folder / "entries.sqlite3"))}],
            "KeyManager": [{"memory": plugin()}],
            "NodeAttestor": [{"join_token": plugin()}],
        }
        self._start("spire-server", {"server": [settings], "plugins": plugins})
        eventually(lambda: self.server("healthcheck", check=False).startswith("Server is healthy"), f"{self.domain} is healthy")

    def start_agent(self) -> None:
        nodes, *workloads = self.entries
        token = json.loads(self.server("token", "generate", "-spiffeID", nodes["spiffe_id"], "-output", "json"))["value"]
        (self.folder / "bundle.pem").write_text(self.server("bundle", "show"))
        settings = {
            "trust_domain": self.domain,
            "server_address": "127.0.0.1",
            "server_port": self.api,
            "socket_path": str(self.folder / "agent.sock"),
            "data_dir": str(self.folder / "agent"),
            "trust_bundle_path": str(self.folder / "bundle.pem"),
            "join_token": token,
            "experimental": [{"sync_interval": "1s"}],
        }
        plugins = {
            "KeyManager": [{"memory": plugin()}],
            "NodeAttestor": [{"join_token": plugin()}],
            "WorkloadAttestor": [{"unix": plugin(discover_workload_path=True)}],
        }
        self._start("spire-agent", {"agent": [settings], "plugins": plugins})
        (entry,) = workloads
        shutil.copy(self.programs["spire-agent"].resolve(), self.folder / WORKLOAD)
        entry["selectors"] = [{"type": "unix", "value": f"path:{self.folder / WORKLOAD}"}, {"type": "unix", "value": f"uid:{os.getuid()}"}]
        (self.folder / "entry.json").write_text(json.dumps({"entries": [entry]}))
        made = json.loads(self.server("entry", "create", "-data", str(self.folder / "entry.json"), "-output", "json"))
        assert [result["status"]["message"] for result in made["results"]] == ["OK"], made

    def trust(self, first_bundle: str) -> None:
        """Makes the relationship that the ClusterFederatedTrustDomain stands for. The first bundle comes by hand, as the docs say."""
        profile = self.trusted["bundleEndpointProfile"]
        assert profile["type"] == "https_spiffe"
        (self.folder / "first.json").write_text(first_bundle)
        self.server(
            *("federation", "create", "-trustDomain", self.trusted["trustDomain"]),
            *("-bundleEndpointURL", self.trusted["bundleEndpointURL"], "-bundleEndpointProfile", profile["type"]),
            *("-endpointSpiffeID", profile["endpointSPIFFEID"]),
            *("-trustDomainBundlePath", str(self.folder / "first.json"), "-trustDomainBundleFormat", "spiffe"),
        )

    def server(self, *arguments: str, check: bool = True) -> str:
        command = [str(self.programs["spire-server"]), *arguments, "-socketPath", str(self.folder / "server.sock")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout

    def fetch(self) -> Path | None:
        """The folder with what the workload gets: its SVID, its own site's bundle, that of the other. None where it gets none yet."""
        target = self.folder / "svid"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        command = [str(self.folder / WORKLOAD), "api", "fetch", "x509", "-socketPath", str(self.folder / "agent.sock")]
        subprocess.run([*command, "-timeout", "3s", "-write", str(target)], capture_output=True, check=False)
        return target if (target / "svid.0.pem").exists() else None

    def federated(self) -> set[bytes]:
        """The other site's authorities, as the workload knows them."""
        target = self.fetch()
        file = target / "federated_bundle.0.0.pem" if target else None
        return authorities(file.read_bytes()) if file and file.exists() else set()

    def roots(self) -> set[bytes]:
        return authorities(self.server("bundle", "show").encode())

    def mint(self, path: str) -> Path:
        """Another certificate of this site's authority."""
        target = self.folder / "minted"
        target.mkdir(exist_ok=True)
        self.server("x509", "mint", "-spiffeID", f"spiffe://{self.domain}{path}", "-write", str(target))
        return target

    def stop(self) -> None:
        for process in reversed(self._running):
            process.terminate()
            process.wait(20)

    def _start(self, program: str, configuration: dict[str, Any]) -> None:
        file, log = self.folder / f"{program}.json", self.folder / f"{program}.log"
        file.write_text(json.dumps(configuration))
        with log.open("wb") as out:
            command = [str(self.programs[program]), "run", "-config", str(file)]
            self._running.append(subprocess.Popen(command, stdout=out, stderr=out))


def plugin(**settings: Any) -> dict[str, Any]:
    return {"plugin_data": settings}


def authorities(pem: bytes) -> set[bytes]:
    return {certificate.tbs_certificate_bytes for certificate in x509.load_pem_x509_certificates(pem)}


def eventually(true: Callable[[], object], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"after {seconds:g} s still not: {what}"
        time.sleep(0.5)


def context(purpose: int, certificate: Path, key: Path, roots: Path) -> ssl.SSLContext:
    """Mutual TLS as SPIFFE has it: the other's certificate must be of these roots; a name is not asked for, the SPIFFE ID is read after."""
    made = ssl.SSLContext(purpose)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_cert_chain(certificate, key)
    made.load_verify_locations(roots)
    return made


def greet(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str, str]:
    """Whom the client and the server see at the other end of a connection. Raises ssl.SSLError where the server refuses the client."""
    seen: list[str | ssl.SSLError] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            try:
                with server.wrap_socket(connection, server_side=True) as secured:
                    seen.append(spiffe_id(secured))
                    secured.sendall(b"!")
            except ssl.SSLError as error:
                seen.append(error)
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with client.wrap_socket(socket.create_connection(listening.getsockname())) as secured:
                server_seen = spiffe_id(secured)
                secured.recv(1)
        finally:
            thread.join(20)
    (client_seen,) = seen
    if isinstance(client_seen, ssl.SSLError):
        raise client_seen
    return server_seen, client_seen


def spiffe_id(connection: ssl.SSLSocket) -> str:
    certificate = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (found,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    return found


@pytest.fixture(scope="module")
def sites() -> Iterator[dict[str, Site]]:
    """Both sites up, each trusting the other, their workloads registered."""
    programs = provide(Console.silent(), {"spire-server", "spire-agent"})
    ports = {name: free_port() for name in SITES}
    with ExitStack() as stack:
        found: dict[str, Site] = {}
        for name, other in zip(SITES, reversed(SITES), strict=True):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fed-")))  # short: a socket's path holds 107 bytes
            found[name] = site = Site(name, other, ports, folder, programs)
            stack.callback(site.stop)
            site.start_server()
        for name, other in zip(SITES, reversed(SITES), strict=True):
            found[name].trust(found[other].server("bundle", "show", "-format", "spiffe"))
            found[name].start_agent()
        for name, site in found.items():
            eventually(site.federated, f"the workload of {name} knows the other site's authorities")
        yield found


def test_workloads_of_two_sites_recognise_each_other(sites: dict[str, Site]) -> None:
    """Each gets the other site's authorities with its own identity, and a connection between them shows either's SPIFFE ID to the other."""
    for name, other in zip(SITES, reversed(SITES), strict=True):
        assert sites[name].federated() == sites[other].roots()
        assert sites[name].federated() & sites[name].roots() == set()
    ours, theirs = (sites[name].fetch() for name in SITES)
    assert ours
    assert theirs
    server = context(ssl.PROTOCOL_TLS_SERVER, ours / "svid.0.pem", ours / "svid.0.key", ours / "federated_bundle.0.0.pem")
    client = context(ssl.PROTOCOL_TLS_CLIENT, theirs / "svid.0.pem", theirs / "svid.0.key", theirs / "federated_bundle.0.0.pem")
    assert greet(server, client) == tuple(f"spiffe://{SITES[name]}/segment/serving/workload/server" for name in ("helix", "partner"))


def test_who_is_of_neither_site_is_refused(sites: dict[str, Site]) -> None:
    """Federation names one other authority: an identity of our own site does not pass for the partner's, though SPIRE signed it."""
    ours = sites["helix"].fetch()
    assert ours
    impostor = sites["helix"].mint("/segment/serving/workload/other")
    server = context(ssl.PROTOCOL_TLS_SERVER, ours / "svid.0.pem", ours / "svid.0.key", ours / "federated_bundle.0.0.pem")
    client = context(ssl.PROTOCOL_TLS_CLIENT, impostor / "svid.pem", impostor / "key.pem", ours / "bundle.0.pem")
    with pytest.raises(ssl.SSLError):
        greet(server, client)


def test_a_new_authority_of_the_other_site_is_learnt_by_itself(sites: dict[str, Site]) -> None:
    """The bundle endpoint that the spec names is really asked: what the partner prepares as its next authority, our workload knows soon."""
    partner = sites["partner"]
    before = partner.roots()
    partner.server("localauthority", "x509", "prepare")
    after = partner.roots()
    assert before < after
    eventually(lambda: sites["helix"].federated() == after, "our workload knows the partner's next authority")
