"""Reachability by sets against all pairs one by one, the same semantics: ratios, and how the time grows with the number of namespaces.

    python bench/reachability.py [--json]

Every namespace holds ten workloads, a default deny both ways and eight flows, each a policy at either end: four within the namespace, three
to the next one, one to the cluster's DNS. All pairs are asked one by one where that takes seconds, and over a sample of them where it would
take hours. Exits 1 if 1,000 namespaces miss 5 s, or sets are not at least ten times faster than pairs.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from factory.review.reachability import Endpoint, Network, Port

WORKLOADS = 10
DNS = Endpoint("kube-system", "dns", {"k8s-app": "kube-dns"}, (Port("dns", 53, "UDP"),), kind="Deployment")


def cluster(namespaces: int) -> tuple[list[dict[str, Any]], list[Endpoint]]:
    """The objects and endpoints of a cluster of that many namespaces."""
    objects: list[dict[str, Any]] = [namespace("kube-system")]
    endpoints = [DNS]
    for n in range(namespaces):
        here, there = f"segment-{n}", f"segment-{(n + 1) % namespaces}"
        objects += [namespace(here), policy(here, "default-deny", {}, {}, ["Ingress", "Egress"])]
        endpoints += (
            Endpoint(here, f"w{w}", {"workload": f"w{w}", "stage": "Training"}, (Port("api", 8080),), kind="Deployment")
            for w in range(WORKLOADS)
        )
        for w in range(4):
            objects += flow(here, f"w{w}", here, f"w{w + 1}")
        for w in range(3):
            objects += flow(here, f"w{w + 5}", there, f"w{w}")
        to_dns = {"to": [peer("kube-system", {"k8s-app": "kube-dns"})], "ports": [{"protocol": "UDP", "port": 53}]}
        objects.append(policy(here, "dns", {}, {"egress": [to_dns]}, ["Egress"]))
    return objects, endpoints


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}}


def policy(here: str, name: str, pods: dict[str, Any], rules: dict[str, Any], types: list[str]) -> dict[str, Any]:
    spec = {"podSelector": pods, "policyTypes": types, **rules}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": here, "name": name}, "spec": spec}


def peer(where: str, labels: dict[str, str]) -> dict[str, Any]:
    of_namespace = {"matchLabels": {"kubernetes.io/metadata.name": where}}
    return {"namespaceSelector": of_namespace, "podSelector": {"matchLabels": labels}}


def flow(source: str, sender: str, destination: str, listener: str) -> Iterator[dict[str, Any]]:
    """A flow's policies, one at either end."""
    name, ports = f"{sender}-to-{listener}", [{"protocol": "TCP", "port": "api"}]
    out = {"egress": [{"to": [peer(destination, {"workload": listener})], "ports": ports}]}
    into = {"ingress": [{"from": [peer(source, {"workload": sender})], "ports": ports}]}
    yield policy(source, f"{name}-egress", {"matchLabels": {"workload": sender}}, out, ["Egress"])
    yield policy(destination, f"{name}-from-{source}", {"matchLabels": {"workload": listener}}, into, ["Ingress"])


def seconds(of: Callable[[], Any]) -> float:
    """Of processor time, so that a busy machine does not count: everything here is one thread that never waits."""
    start = time.process_time()
    of()
    return time.process_time() - start


def by_sets(namespaces: int) -> float:
    """Everything, from plain objects to the list of flows."""
    objects, endpoints = cluster(namespaces)
    return seconds(lambda: Network(objects, endpoints).flows())


def by_pairs(namespaces: int, at_most: int = 100_000) -> float:
    """The same from the same objects by one question a pair, on the one port that is used; extrapolated beyond `at_most` pairs."""
    objects, endpoints = cluster(namespaces)
    networks: list[Network] = []
    compile_once = seconds(lambda: networks.append(Network(objects, endpoints)))
    pairs = len(endpoints) ** 2
    asked = [(a, b) for a in endpoints for b in endpoints] if pairs <= at_most else sample(endpoints, at_most)
    ask = seconds(lambda: [networks[0].may_reach(a, b, 8080) for a, b in asked])
    return compile_once + ask * pairs / len(asked)


def sample(endpoints: list[Endpoint], size: int) -> list[tuple[Endpoint, Endpoint]]:
    dice = random.Random(4)
    return [(dice.choice(endpoints), dice.choice(endpoints)) for _ in range(size)]


def measure() -> dict[str, float]:
    sizes = (10, 100, 1000)
    sets = {n: min(by_sets(n) for _ in range(3)) for n in sizes}
    figures = {f"seconds for {n} namespaces": round(sets[n], 3) for n in sizes}
    figures |= {f"pairs / sets at {n} namespaces": round(by_pairs(n) / sets[n], 1) for n in sizes}
    figures["growth exponent from 100 to 1000 namespaces"] = round(math.log10(sets[1000] / sets[100]), 2)
    return figures


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print JSON")
    as_json = arguments.parse_args().json
    figures = measure()
    if as_json:
        print(json.dumps(figures, indent=2))
    else:
        for what, figure in figures.items():
            print(f"{figure:12,.2f}  {what}")
    return 0 if figures["seconds for 1000 namespaces"] <= 5 and figures["pairs / sets at 1000 namespaces"] >= 10 else 1


if __name__ == "__main__":
    sys.exit(main())
