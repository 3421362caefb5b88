"""Planning against `json.dumps` of the same objects, `kubectl kustomize` and cdk8s.

The floor is asked within one process: from a spec that was read to a plan, against writing the plan's objects as JSON. The peers are asked
as whole processes: each reads the same objects (we: the spec that implies them), builds them, and writes them out. Of a peer counts the
time of the processor or of the clock, whichever is less; of ours, that of the processor.
"""

from __future__ import annotations

import gc
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import linear_regression

import yaml

from factory.load import load_object
from factory.plan import Plan, plan_factory
from lab.console import Console
from lab.toolchain import provide

from .figure import Figure, best, run
from .sample import sample

SIZES = (10, 100, 1000)
CDK8S = Path(__file__).parent / "cdk8s"
WRITE = """
import json, sys
from factory.process import begin, end
begin()
from pathlib import Path
from factory.load import load_object
from factory.plan import plan_factory
for manifest in plan_factory(load_object(json.loads(Path(sys.argv[1]).read_text()))).manifests:
    print(json.dumps(manifest.body))
end(0)
"""
"""From a spec to every object as a line of JSON: the whole of what the peers are asked for."""
PATIENCE = 120
"""Seconds after which a peer is stopped: it is then at least so slow."""


def measure() -> list[Figure]:
    """Ratios at each size."""
    found = {size: _alone(size) for size in SIZES}
    figures = [
        Figure(f"plan / `json.dumps` of its {found[size]['objects']:,.0f} objects, {size:,} segments", found[size]["ratio"], at_most=5)
        for size in SIZES
    ]
    growth = linear_regression([math.log(size) for size in SIZES], [math.log(found[size]["plan"]) for size in SIZES]).slope
    figures.append(Figure("growth exponent of the plan from 10 to 1,000 segments", growth, at_most=1.1))
    figures.append(Figure("MB of memory to plan 1,000 segments, whole process", found[1000]["megabytes"], at_most=500))
    kubectl, cdk8s = str(provide(Console.silent(), ("kubectl",))["kubectl"]), _cdk8s()
    for size in SIZES:
        figures += _against_peers(size, kubectl, cdk8s)
    return figures


def _alone(segments: int) -> dict[str, float]:
    """What a process of its own measures: `python -m bench.plan SEGMENTS`."""
    command = [sys.executable, "-m", "bench.plan", str(segments)]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return answer


def _against_peers(segments: int, kubectl: str, cdk8s: Path) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        spec, objects, all_yaml = (Path(folder) / name for name in ("spec.json", "objects.json", "objects.yaml"))
        plan = _plan(segments)
        bodies = [manifest.body for manifest in plan.manifests]
        spec.write_text(json.dumps(sample(segments)))
        objects.write_text(json.dumps(bodies))
        # One file, which suits kustomize better than one an object; JSON documents, which it reads faster than block style.
        all_yaml.write_text("\n---\n".join(map(json.dumps, bodies)))
        Path(folder, "kustomization.yaml").write_text(yaml.safe_dump({"resources": [all_yaml.name]}))
        commands = {
            "factory": [sys.executable, "-c", WRITE, str(spec)],
            "kubectl kustomize": [kubectl, "kustomize", folder],
            "cdk8s synth": ["node", str(cdk8s / "synth.js"), str(objects), folder],
        }
        seconds = best({name: _patiently(command) for name, command in commands.items()}, rounds=3 if segments < 1000 else 1)
    return [
        Figure(
            f"{peer} / plan and write, {segments:,} segments",
            seconds[peer] / seconds["factory"],
            at_least=1,
            or_more=seconds[peer] == PATIENCE,
        )
        for peer in commands
        if peer != "factory"
    ]


def _patiently(command: list[str]) -> Callable[[], float]:
    def measure() -> float:
        try:
            took = run(command, timeout=PATIENCE)
            return took.cpu if command[0] == sys.executable else min(took)
        except subprocess.TimeoutExpired:
            return PATIENCE

    return measure


def _cdk8s() -> Path:
    """The folder in the user's cache with cdk8s as the lock file beside `synth.js` pins it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ai-factory" / "bench" / "cdk8s"
    if shutil.which("npm") is None or shutil.which("node") is None:
        sys.exit("bench: cdk8s needs node and npm on PATH (on Debian: apt-get install npm); without it planning is not compared with it")
    cache.mkdir(parents=True, exist_ok=True)
    files = [CDK8S / name for name in ("package.json", "package-lock.json", "synth.js")]
    stale = any(not (cache / file.name).exists() or (cache / file.name).read_bytes() != file.read_bytes() for file in files)
    if stale or not (cache / "node_modules").exists():
        for file in files:
            shutil.copy(file, cache)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=cache, check=True)
    return cache


def _plan(segments: int) -> Plan:
    return plan_factory(load_object(sample(segments)))


def _report(segments: int) -> dict[str, float]:
    """Seconds of the processor of plan and floor, the best of some in turns, and the memory before the floor is asked."""
    factory = load_object(sample(segments))
    plan = plan_factory(factory)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    bodies = [manifest.body for manifest in plan.manifests]
    del plan

    def seconds(of: Callable[[], object]) -> Callable[[], float]:
        def measure() -> float:
            start = time.process_time()
            kept = of()
            took = time.process_time() - start
            del kept
            return took

        return measure

    contenders = {"plan": seconds(lambda: plan_factory(factory)), "dumps": seconds(lambda: json.dumps(bodies))}
    least = best(contenders, rounds=max(5, 500 // segments))
    return least | {"ratio": least["plan"] / least["dumps"], "megabytes": megabytes, "objects": len(bodies)}


if __name__ == "__main__":
    gc.set_threshold(1_000_000)  # as the command line does
    print(json.dumps(_report(int(sys.argv[1]))))
