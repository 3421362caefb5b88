"""The evaluator against the conformance suite of ClusterNetworkPolicy, as its authors wrote it: their manifests, their expectations."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.review.reachability import Endpoint, Network, find_endpoints

MODULE = "sigs.k8s.io/network-policy-api@v0.2.0"

# What stands in the suite's Go code before the first change that a test makes to a policy; what comes after needs a cluster to change.
CHANGE = re.compile(r"PatchClusterNetworkPolicy|s\.Client\.(?:Delete|Create|Update)")
POD = re.compile(r'(\w+)\s*:?= kubernetes\.GetPod\(t, s\.Client, "([\w-]+)", "([\w-]+)"')
POKE = re.compile(
    r'PokeServer\([^"]*"([\w-]+)", "([\w-]+)", "(tcp|udp|sctp)",\s*(\w+)\.Status\.PodIP, int32\((\d+)\), [\w.]+, (true|false)\)'
)

LEFT_OUT = {
    "experimental-egress-rules.go": "the peers are nodes and their host network ports, which are unknown by design",
    "standard-egress-inline-cidr-rules.go": "the CIDRs are the addresses of running pods, patched in by the test",
}


@cache
def suite() -> Path:
    """The folder of the suite in the module cache."""
    found = subprocess.run(["go", "mod", "download", "-json", MODULE], capture_output=True, text=True, check=True)
    return Path(json.loads(found.stdout)["Dir"]) / "conformance"


def manifests(path: Path) -> list[dict[str, Any]]:
    """Its objects, the places for ports of the host network filled with one that is never asked."""
    return [o for o in yaml.safe_load_all(re.sub(r"\{\{.*?\}\}", "65000", path.read_text())) if o]


def pods(objects: list[dict[str, Any]]) -> Iterator[Endpoint]:
    """The two pods of every StatefulSet."""
    for workload in find_endpoints(objects):
        for i in (0, 1):
            yield replace(workload, name=f"{workload.name}-{i}", kind="Pod")


@pytest.mark.lab
def test_every_expectation_of_the_conformance_suite_holds() -> None:
    """Each poke of one pod at another that the suite does on its manifests as they stand gets the verdict that it expects."""
    base, held, wrong = manifests(suite() / "base" / "manifests.yaml"), 0, []
    sources = sorted((suite() / "tests").glob("*-network-policy-*.go"))
    for end in LEFT_OUT:
        assert any(source.name.endswith(end) for source in sources), f"{end} is gone: nothing is left out silently"
    for source in sources:
        if source.name.endswith(tuple(LEFT_OUT)):
            continue
        code = CHANGE.split(source.read_text())[0]
        (listed,) = re.findall(r'Manifests: +\[\]string\{"([^"]+)"\}', code)
        objects = base + manifests(suite() / listed)
        endpoints = {(e.namespace, e.name): e for e in pods(base)}
        network, servers = Network(objects, endpoints.values()), {}
        for found in sorted((*POD.finditer(code), *POKE.finditer(code)), key=lambda match: match.start()):
            if found.re is POD:
                servers[found[1]] = endpoints[found[2], found[3]]
                continue
            namespace, client, protocol, server, port, expected = found.groups()
            verdict = network.may_reach(endpoints[namespace, client], servers[server], int(port), protocol.upper())
            if (verdict.allowed, verdict.denied) == (expected == "true", expected == "false"):
                held += 1
            else:
                wrong.append(f"{source.name}: {client} -> {servers[server]} {port}/{protocol} should be {expected}; {verdict}")
    assert not wrong, "\n".join(wrong)
    assert held >= 90
