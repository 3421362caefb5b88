"""The evaluator against others: a plain reading of the API's documentation, and cyclonus' engine where Go is at hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.review.reachability import Network, Reach

from . import generated
from .reference import Cluster, Packet

Question = tuple[dict[str, Any], list[Any], list[tuple[int, int, int]]]


def allowed_cells(objects: list[dict[str, Any]], pods: list[dict[str, Any]]) -> dict[tuple[int, int, int], bool]:
    """What the evaluator says to every source, destination and port, by index; a pod to itself and outside to outside left out."""
    endpoints = [generated.endpoint(p) for p in pods]
    peers = [*endpoints, *map(ip_address, generated.OUTSIDE)]
    network = Network(objects, endpoints)
    cells = {}
    for i, j in pairs(len(pods)):
        for k, (number, protocol) in enumerate(generated.PORTS):
            verdict = network.may_reach(peers[i], peers[j], number, protocol)
            assert verdict.reach is not Reach.Unknown, verdict
            cells[i, j, k] = verdict.allowed
    return cells


def pairs(pods: int) -> Iterator[tuple[int, int]]:
    everyone = range(pods + len(generated.OUTSIDE))
    return ((i, j) for i in everyone for j in everyone if i != j and min(i, j) < pods)


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.booleans())
def test_every_cell_agrees_with_the_plain_reading(dice: Random, with_cluster_policies: bool) -> None:
    """Every source, destination and port of generated clusters gets the verdict that the documentation's wording gives."""
    namespaces, pods = generated.namespaces(dice), generated.pods(dice)
    policies = generated.network_policies(dice)
    if with_cluster_policies:
        policies += generated.cluster_network_policies(dice)
    plain, peers = Cluster(namespaces, policies), [*pods, *generated.OUTSIDE]
    for (i, j, k), verdict in allowed_cells(namespaces + policies, pods).items():
        expected = plain.allows(Packet(peers[i], peers[j], *generated.PORTS[k]))
        assert verdict is expected, (peers[i], peers[j], generated.PORTS[k])


ENGINE = Path(__file__).parent / "engine"
CLUSTERS = 600  # 2,100 policies, 4,200 pods, more than 300,000 cells


@pytest.fixture(scope="session")
def engine() -> Path:
    """Cyclonus' matcher, built into the user's cache by the Go on PATH."""
    assert shutil.which("go"), "the independent engine is built with go: install Go or leave the lab tests out (-m 'not lab')"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "ai-factory" / "toolchain" / "reachability-engine" / "engine"
    built.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "build", "-p", "2", "-o", str(built), "."], cwd=ENGINE, check=True)
    return built


@pytest.mark.lab
def test_every_cell_agrees_with_an_independent_engine(engine: Path) -> None:
    """On thousands of generated policies and pods cyclonus gives the same verdict for every source, destination and port.

    Left out: a pod to itself, which Kubernetes always allows and cyclonus judges like any other pair. What else cyclonus does differently
    is put right in the engine's `main.go`, which names it.
    """
    clusters, questions = [], []
    for seed in range(CLUSTERS):
        dice = Random(seed)
        namespaces, pods, policies = generated.namespaces(dice), generated.pods(dice), generated.network_policies(dice, most=7)
        clusters.append((namespaces + policies, pods))
        ports = [{"number": number, "protocol": protocol} for number, protocol in generated.PORTS]
        asked = {"namespaces": namespaces, "pods": pods, "policies": policies, "outside": generated.OUTSIDE, "ports": ports}
        questions.append(json.dumps(asked))
    answers = subprocess.run([engine], input="\n".join(questions), capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(answers) == CLUSTERS
    judged = {True: 0, False: 0}
    for seed, ((objects, pods), answer) in enumerate(zip(clusters, answers, strict=True)):
        theirs = json.loads(answer)
        for (i, j, k), mine in allowed_cells(objects, pods).items():
            assert mine is (theirs[i][j][k] == "1"), f"seed {seed}: {i} -> {j} on {generated.PORTS[k]}"
            judged[mine] += 1
    assert min(judged.values()) > 50_000, "the generated clusters must not be nearly all open or all closed"
