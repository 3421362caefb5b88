"""`pulumi up` of our program against a bare Pulumi program with the same objects, and against raw server-side apply.

All on one lab of its own, with the settings that the project recommends: 32 resources at a time, the provider's client at 400 requests a
second, state written once. Compared with the bare program are the clock, which is what a person waits for, and time of the processor of
engine, provider, language host and program, which a busy machine hardly changes. Each contender builds a factory of its own name, so that
all do the same work on the same API server, in turns, every second round in the other order: the API server is a little fuller each time.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count, groupby
from pathlib import Path
from threading import local

import httpx2
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig

from factory.load import load_object
from factory.plan import Body, Plan, names, plan_factory
from factory.plan.deployer import Resource
from lab import Lab

from .figure import Figure, Time, run
from .sample import sample

SEGMENTS = 100
FEWER = 10
"""Segments with a checkpoint at every step: the time that these take grows with the square of the objects."""
ROUNDS = 2
PAUSE = 3
"""Seconds before each turn, in which the controllers catch up with the one before."""
CONNECTIONS = 8
UP = ["pulumi", "up", "--stack", "bench", "--yes", "--skip-preview", "--parallel", "32", "--suppress-outputs", "--suppress-progress"]
SKIP = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""State is written once, at the end, instead of at every step."""
ROOT = Path(__file__).parent.parent

Contender = Callable[[int], tuple[Time, Time]]
"""Builds that many segments; the time of the first run and of one with nothing to do."""


def measure(segments: int = SEGMENTS) -> list[Figure]:
    """Ratios of the least time of each."""
    lab = Lab(f"bench-{os.getpid()}")
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the lab goes down whatever ends this
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            lab.up()
            return _compare(segments, Site(lab, Path(folder)))
    finally:
        lab.down()
        signal.signal(signal.SIGTERM, before)


def _compare(segments: int, site: Site) -> list[Figure]:
    """With the settings that we recommend; and, of fewer segments, with Pulumi's own, which write the state at every step."""
    contenders: dict[str, Contender] = {"ours": partial(site.ours, skip=True), "bare": partial(site.bare, skip=True), "raw": site.raw}
    figures = list(_figures(segments, "", *_measure(contenders, segments, ROUNDS)))
    fewer = min(segments, FEWER)
    stepwise: dict[str, Contender] = {"ours": site.ours, "bare": site.bare, "raw": site.raw, "skipping": contenders["ours"]}
    first, again = _measure(stepwise, fewer, ROUNDS)
    figures += _figures(fewer, ", with checkpoints", first, again)
    figures.append(Figure("first `pulumi up` with checkpoints / the same without", first["ours"].cpu / first["skipping"].cpu))
    return figures


def _measure(contenders: Mapping[str, Contender], segments: int, rounds: int) -> tuple[dict[str, Time], dict[str, Time]]:
    """The least time of each, in turns: of the first run, and of one with nothing to do."""
    first: dict[str, Time] = {}
    again: dict[str, Time] = {}
    order = [*contenders]
    for _ in range(rounds):
        for name in order:
            time.sleep(PAUSE)
            for least, took in zip((first, again), contenders[name](segments), strict=True):
                least[name] = Time(*map(min, least.get(name, took), took))
                print(f"  {name}: {took.wall:.1f} s, {took.cpu:.1f} s of the processor", file=sys.stderr)
        order.reverse()
    return first, again


def _figures(segments: int, setting: str, first: Mapping[str, Time], again: Mapping[str, Time]) -> Iterator[Figure]:
    for what, times in (("first", first), ("no-op", again)):
        ours, bare = times["ours"], times["bare"]
        yield Figure(f"{what} `pulumi up` of {segments} segments{setting} / bare program", ours.cpu / bare.cpu, at_most=1.2)
        yield Figure("the same by the clock", ours.wall / bare.wall, at_most=1.2)
    raw = f"raw server-side apply over {CONNECTIONS} connections"
    yield Figure(f"first `pulumi up` of {segments} segments{setting} / {raw}, by the clock", first["ours"].wall / first["raw"].wall)


class Site:
    """A lab, and a folder for the projects that are deployed on it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.names = (f"bench{number}" for number in count())
        self.environment = os.environ | lab.environment()

    def ours(self, segments: int, skip: bool = False) -> tuple[Time, Time]:
        """The program of stacks/, on a spec."""
        spec, _ = self._prepare(segments)
        project = self._project(spec["name"], {"ai-factory:specFile": "spec.yaml"})
        (project / "spec.yaml").write_text(json.dumps(spec))
        shutil.copy(ROOT / "stacks/__main__.py", project)
        return self._up(project, skip)

    def bare(self, segments: int, skip: bool = False) -> tuple[Time, Time]:
        """The bare program, on the objects."""
        spec, plan = self._prepare(segments)
        project = self._project(spec["name"], {"ai-factory:context": spec["cluster"]["context"]})
        shutil.copy(ROOT / "bench/bare_program.py", project / "__main__.py")
        (project / "objects.json").write_text(json.dumps([manifest.body for manifest in plan.manifests]))
        return self._up(project, skip)

    def raw(self, segments: int) -> tuple[Time, Time]:
        """This module as a program of its own: `python -m bench.up OBJECTS KUBECONFIG CONTEXT`."""
        spec, plan = self._prepare(segments)
        objects = self.folder / f"{spec['name']}.json"
        objects.write_text(json.dumps([manifest.body for manifest in plan.manifests]))
        command = [sys.executable, "-m", "bench.up", str(objects), str(self.lab.kubeconfig), spec["cluster"]["context"]]
        return run(command, cwd=ROOT), run(command, cwd=ROOT)

    def _prepare(self, segments: int) -> tuple[Body, Plan]:
        """A factory with a name of its own, ready to be built by its deployer."""
        spec = sample(segments, next(self.names))
        plan = plan_factory(load_object(spec))
        self.lab.user(spec["deployer"]["user"])
        bootstrap = json.dumps({"apiVersion": "v1", "kind": "List", "items": [manifest.body for manifest in plan.bootstrap]})
        command = ["kubectl", "--context", "lab-admin", "apply", "--server-side", "--field-manager", "bench", "-f", "-"]
        subprocess.run(command, input=bootstrap, text=True, check=True, env=self.environment, stdout=subprocess.DEVNULL)
        return spec, plan

    def _project(self, name: str, config: Body) -> Path:
        project = self.folder / name
        project.mkdir()
        (project / "Pulumi.yaml").write_text(json.dumps({"name": "ai-factory", "runtime": "python"}))
        (project / "Pulumi.bench.yaml").write_text(json.dumps({"config": config}))
        return project

    def _up(self, project: Path, skip: bool) -> tuple[Time, Time]:
        """The first `pulumi up` and the one after it."""
        environment = self.environment | (SKIP if skip else {}) | {"PULUMI_BACKEND_URL": f"file://{project}?metadata=skip"}
        subprocess.run(["pulumi", "stack", "select", "--create", "bench"], cwd=project, env=environment, check=True, capture_output=True)
        try:
            first, again = (run(UP if not ended else [*UP, "--expect-no-changes"], cwd=project, env=environment) for ended in (False, True))
        except subprocess.CalledProcessError as error:
            sys.exit(f"bench: pulumi up failed:\n{error.stdout}{error.stderr}")
        return first, again


def apply_all(bodies: list[Body], kubeconfig: Path, context: str) -> None:
    """Server-side apply of everything, eight at a time."""
    config = KubeConfig.from_file(kubeconfig).get(context_name=context)
    assert config is not None
    connection = local()

    def apply(body: Body) -> None:
        if not hasattr(connection, "client"):
            connection.client = Client(config, ConnectionParams(timeout=httpx2.Timeout(60), trust_env=False))
        metadata, version = body["metadata"], body["apiVersion"]
        place = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
        path = f"/{'apis' if '/' in version else 'api'}/{version}{place}/{Resource.of(body).plural}/{metadata['name']}"
        headers = {"Content-Type": "application/apply-patch+yaml"}
        answer = connection.client.patch(path, content=json.dumps(body), headers=headers, params={"fieldManager": names.FIELD_MANAGER})
        answer.raise_for_status()

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for _, alike in groupby(sorted(bodies, key=_turn), key=_turn):
            list(pool.map(apply, alike))


def _turn(body: Body) -> int:
    """What others need goes first: a policy before its binding, a namespace before what lives in it."""
    kinds = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "Namespace")
    return kinds.index(body["kind"]) if body["kind"] in kinds else len(kinds)


if __name__ == "__main__":
    apply_all(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]), sys.argv[3])
