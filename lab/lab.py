"""One lab: its life, its users, its environment."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lab import realm as realms
from lab import spire, tls
from lab import vault as vaults
from lab.api import ask
from lab.certificate import KeyPair
from lab.console import Console
from lab.control_plane_files import ControlPlaneFiles, install
from lab.credentials import WRITER, Credentials
from lab.errors import LabError
from lab.kubeconfig import ADMIN
from lab.lock import locked
from lab.node import apply_nodes, read_nodes
from lab.process import recorded
from lab.server import SERVERS, Plane, Server
from lab.state import State
from lab.supervisor import Supervisor, stop_all
from lab.toolchain import PROGRAMS, names_with, program, provide, source


@dataclass(frozen=True)
class ServerStatus:
    """`state` is `running`, `unwell` (alive, but its health check fails: `detail` says how), `dead` or `stopped` (never started)."""

    program: str
    version: str
    pid: int | None
    port: int | None
    state: str
    log: str
    detail: str = ""


class Lab:
    """The lab called *name*.

    >>> lab = Lab("demo")
    >>> lab.up(nodes=Path("nodes.yaml"))  # doctest: +SKIP
    >>> lab.environment()["KUBECONFIG"]  # doctest: +SKIP
    """

    def __init__(self, name: str = "default", console: Console | None = None) -> None:
        self.name = name
        self.state = State.of(name)
        self.console = console or Console.silent()

    @property
    def exists(self) -> bool:
        return self.state.exists

    @property
    def kubeconfig(self) -> Path:
        return self.state.kubeconfig

    @property
    def authority(self) -> Path:
        """Certificate of the authority that vouches for everything that serves in the lab."""
        return self.state.pki / "cluster.crt"

    @property
    def openbao(self) -> str:
        """OpenBao's address. Raises LabError: the lab has none."""
        return f"https://127.0.0.1:{self._port('openbao', 'keys')}"

    @property
    def registry_write(self) -> str:
        """What a reference to the registry's write door begins with, `127.0.0.1:PORT`. Raises LabError: the lab has none."""
        return f"127.0.0.1:{self._port('registry-write', 'models')}"

    @property
    def registry_read(self) -> str:
        """What a reference to its read door begins with. Raises LabError: the lab has none."""
        return f"127.0.0.1:{self._port('registry-read', 'models')}"

    @property
    def writer(self) -> KeyPair:
        """Certificate and key of one who may write to the registry. The write door's authority is `Credentials(lab.state).writers`."""
        return KeyPair.at(self.state.pki, WRITER)

    def executable(self, name: str) -> Path:
        """A program of the toolchain, such as `cosign`. Raises LabError: this lab was never up with it."""
        found = self.state.bin / name
        if not found.exists():
            sets = " or ".join(f"`lab up --with {extra}`" for each in PROGRAMS if each.name == name for extra in each.extras)
            raise LabError(f"lab {self.name!r} has no {name}: " + (f"run {sets}" if sets else "no program of the toolchain is called that"))
        return found

    def up(
        self,
        nodes: Path | None = None,
        control_plane: Path | None = None,
        extras: Collection[str] = (),
        realm: Path | None = None,
        trust_domain: str | None = None,
        vault: Path | None = None,
    ) -> list[str]:
        """Build what is not built, start what does not run, restart what has changed. Safe to interrupt and to repeat.

        *nodes*: a nodes file (`lab.node.read_nodes`). *control_plane*: a folder of API-server files
        (`lab.control_plane_files.install`); without it the API server runs on the lab's flags alone. *extras*: sets of programs beside
        the control plane, such as `identity`; a lab that has one keeps it. *realm*: a folder with realms
        (`lab.realm.install`), for a lab with Keycloak. *trust_domain*: what SPIRE serves, for a lab with SPIRE. *vault*: a folder with
        OpenBao's configuration (`lab.vault.install`), for a lab with OpenBao.

        Returns: the programs that were started. Raises LabError.
        """
        if not Path("/proc/self/stat").exists():
            raise LabError("the lab runs on Linux only: it knows its own processes by /proc")
        declared = read_nodes(nodes) if nodes else []
        given = {"keycloak": realm, "spire": trust_domain, "keys": vault}
        names = set(names_with({*extras, *(extra for extra, value in given.items() if value)}))
        names |= {server.executable for server in SERVERS if recorded(self.state.processes, server.program)}
        if "keycloak" in names and not realm:
            realms.home(self.state)
        if "bao" in names and not vault:
            vaults.home(self.state)
        programs = provide(self.console, names)
        with self._locked():
            self.state.create()
            self._link(programs)
            if "bao" in names and tls.install(self.state.pulumi / "home", programs["pulumi"]):
                self.console.say(f"pulumi-tls {tls.VERSION}: the official plugin cannot be had; a stand-in takes its place")
            if realm:
                realms.install(realm, self.state)
            if vault:
                vaults.install(vault, self.state)
            if trust_domain:
                spire.install(trust_domain, self.state)
            files = install(control_plane, self.state) if control_plane else ControlPlaneFiles()
            plane = Plane(self.state, Credentials(self.state), files.flags)
            supervisor = Supervisor(plane, programs, self.console)
            supervisor.bring_up_all()
            files.forget_others(self.state)
            if declared:
                with plane.api() as api:
                    changed = apply_nodes(api, declared)
                self.console.say(f"nodes: {len(declared)} declared, {changed} written")
            return supervisor.started

    def down(self, keep: bool = False) -> list[str]:
        """End what the lab started, and remove its state unless *keep*. Returns the programs that were running."""
        if not self.exists:
            return []
        with self._locked():
            stopped = stop_all(self.state.processes)
            if not keep:
                shutil.rmtree(self.state.folder)
                self.state.lock.unlink()
        return stopped

    def status(self) -> list[ServerStatus]:
        """How each program is, in the order in which they start."""
        return [self._status(server) for server in SERVERS if not server.optional or recorded(self.state.processes, server.program)]

    def user(self, name: str, groups: Sequence[str] = (), context: str | None = None) -> str:
        """Give user *name* in *groups* a client certificate and a context (default *name*) in the lab's kubeconfig.

        Returns: the context. Repeating changes nothing. Raises LabError: no such lab, or a name that fits no certificate.
        """
        self._require()
        context = context or name
        if context == ADMIN:
            raise LabError(f"the context {ADMIN} is the lab administrator's: choose another with --context")
        with self._locked():
            process = recorded(self.state.processes, "kube-apiserver")
            if process is None:
                raise LabError(f"lab {self.name!r} has no API server yet: run `lab up`")
            Credentials(self.state).add_user(f"https://127.0.0.1:{process.ports['https']}", name, groups, context)
        return context

    def environment(self) -> dict[str, str]:
        """The variables with which `kubectl` and `pulumi` work on this lab, PATH included.

        Raises LabError: no such lab.
        """
        self._require()
        pulumi = self.state.pulumi
        path = [str(Path(sys.executable).parent), str(self.state.bin), *os.environ.get("PATH", os.defpath).split(os.pathsep)]
        return {
            "KUBECONFIG": str(self.state.kubeconfig),
            "KUBECACHEDIR": str(self.state.folder / "kubectl"),  # by default all clusters that ever had this port share one
            "PATH": os.pathsep.join(dict.fromkeys(path)),
            "PULUMI_HOME": str(pulumi / "home"),
            # Without the metadata that a kill can leave empty, so that the state would not load any more.
            "PULUMI_BACKEND_URL": f"file://{quote(str(pulumi / 'state'))}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "",  # a lab has no secret to keep; only its user can read its state
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_K8S_CLIENT_QPS": "400",
            "PULUMI_K8S_CLIENT_BURST": "800",
            **self._keys_and_models(),
        }

    def log(self, program: str) -> Path:
        """The file that *program* logs to. Raises LabError: the lab runs no such program."""
        names = [server.program for server in SERVERS]
        if program not in names:
            raise LabError(f"the lab runs no {program!r}: choose one of {', '.join(names)}")
        return self.state.logs / f"{program}.log"

    def _keys_and_models(self) -> dict[str, str]:
        """How OpenBao's clients (`bao`, and whoever speaks of Vault) find it, and what the registry's doors are."""
        found: dict[str, str] = {}
        if recorded(self.state.processes, "openbao"):
            for product in ("BAO", "VAULT"):
                found |= {f"{product}_ADDR": self.openbao, f"{product}_CACERT": str(self.authority)}
        if recorded(self.state.processes, "registry-read"):
            found |= {
                "LAB_AUTHORITY": str(self.authority),
                "LAB_REGISTRY_READ": self.registry_read,
                "LAB_REGISTRY_WRITE": self.registry_write,
                "LAB_REGISTRY_CERTIFICATE": str(self.writer.certificate),
                "LAB_REGISTRY_KEY": str(self.writer.key),
            }
        return found

    def _port(self, program: str, extra: str) -> int:
        process = recorded(self.state.processes, program)
        if process is None:
            raise LabError(f"lab {self.name!r} has no {program}: run `lab up --with {extra}`")
        return process.ports["https"]

    def _status(self, server: Server) -> ServerStatus:
        process = recorded(self.state.processes, server.program)
        if process is None:
            return ServerStatus(server.program, program(server.executable).version, None, None, "stopped", str(self.log(server.program)))
        port = process.ports[server.ports[0]]
        known = (server.program, process.version)
        if not process.alive:
            return ServerStatus(*known, None, port, "dead", process.log, process.tail(5))
        answer = ask(port, server.health_path(self.state), server.context(Credentials(self.state)))
        return ServerStatus(
            *known, process.pid, port, "running" if answer == "ok" else "unwell", process.log, "" if answer == "ok" else answer
        )

    def _link(self, programs: dict[str, Path]) -> None:
        """One folder with the programs for PATH, and the provider where the Pulumi CLI looks for plugins."""
        provider = program("pulumi-resource-kubernetes")
        plugin = self.state.pulumi / "home" / "plugins" / f"resource-{provider.plugin}-v{provider.version}"
        plugin.mkdir(exist_ok=True)
        link(plugin / provider.name, programs[provider.name])
        for name, executable in programs.items():
            if name != provider.name:  # on PATH the CLI would take it with a warning, whatever version is asked for
                link(self.state.bin / name, executable)
        script = f"{source.LANGUAGE_HOST}-exec"
        link(self.state.bin / script, programs[source.LANGUAGE_HOST].with_name(script))

    def _require(self) -> None:
        if not self.exists:
            raise LabError(f"there is no lab {self.name!r}: run `lab up`" + (f" with --name {self.name}" if self.name != "default" else ""))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(self.state.lock, lambda: self.console.update(f"waiting for another command on lab {self.name}")):
            yield


def environment(name: str = "default") -> dict[str, str]:
    """`Lab(name).environment()`."""
    return Lab(name).environment()


def link(path: Path, target: Path) -> None:
    """Make *path* a symbolic link to *target*, whatever it was."""
    if not (path.is_symlink() and path.readlink() == target):
        path.unlink(missing_ok=True)
        path.symlink_to(target)
