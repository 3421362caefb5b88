"""What an audit costs beside the bare LISTs of the same kinds, on a cluster of 1,000 segments.

    python bench/audit.py [--segments N] [--json]

The API server is a stand-in of this process's own machine, in a process of its own: it answers the requests that an audit sends, in pages,
with the plan's objects as a real API server sends them (server metadata, managed fields, defaults). A bare LIST fetches the same pages over
the same connections and decodes them. Exits 1 when the audit takes more than twice as long.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from factory.load import load_object
from factory.plan import Body, Plan, names, plan_factory
from factory.plan.deployer import Resource
from factory.review.audit import find_drift, find_kinds
from factory.review.audit.live import PAGE, Cluster
from factory.spec import Factory

ROUNDS = 5
WORKLOADS = 2


def spec(segments: int) -> Factory:
    """A factory of that many segments in a chain of flows."""
    listens = [{"name": "api", "port": 8080}]
    return load_object(
        {
            "name": "bench",
            "posture": "Development",
            "trustDomain": "bench.example",
            "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "bench"},
            "images": {"registries": ["registry.bench.example/apps/"]},
            "segments": [
                {"name": f"s{n}", "stage": "Training", "owner": "team", "quota": {"cpu": "64", "memory": "1024Gi", "pods": 50}}
                for n in range(segments)
            ],
            "workloads": [{"name": f"w{w}", "segment": f"s{n}", "listens": listens} for n in range(segments) for w in range(WORKLOADS)],
            "flows": [
                {"from": f"s{n}/w0", "to": f"s{(n + 1) % segments}/w1", "port": "api", "because": "the next step of the chain"}
                for n in range(segments)
            ],
            "access": [
                {"group": "bench:team", "role": "viewer", "segments": [f"s{n}" for n in range(segments)], "because": "they look after it"}
            ],
        }
    )


def live(body: Body, number: int) -> Body:
    """An object as the API server sends it: with its own metadata, and without empty lists."""
    fields = {"f:metadata": {"f:labels": {f"f:{names.FACTORY}": {}}}, "f:spec": {f"f:{key}": {} for key in body.get("spec", {})}}
    owner = {
        "manager": "pulumi-kubernetes",
        "operation": "Apply",
        "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    own = {"uid": f"{number:032x}", "resourceVersion": str(number), "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [owner]}
    seen: Body = _without_empty_lists(body) | {"metadata": {**body["metadata"], **own}}
    if body["kind"] == "Namespace":
        seen["metadata"]["labels"] = {**seen["metadata"]["labels"], names.NAMESPACE_NAME: body["metadata"]["name"]}
        seen |= {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    if body["kind"] == "ResourceQuota":
        seen["status"] = {"hard": body["spec"]["hard"], "used": dict.fromkeys(body["spec"]["hard"], "0")}
    if body["kind"] == "PriorityClass":
        seen.pop("globalDefault", None)
    return seen


def _without_empty_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_empty_lists(inner) for key, inner in value.items() if inner != []}
    return [_without_empty_lists(inner) for inner in value] if isinstance(value, list) else value


def serve(plan: Plan, port: Connection) -> None:
    """Answers discovery and LISTs until the process ends."""
    found: dict[str, list[Body]] = defaultdict(list)
    kinds: dict[tuple[str, str], dict[str, Any]] = {}
    for number, manifest in enumerate((*plan.bootstrap, *plan.manifests), 1):
        body = manifest.body
        resource, version = Resource.of(body), body["apiVersion"]
        found[f"{'/apis' if '/' in version else '/api'}/{version}/{resource.plural}"].append(live(body, number))
        scope = "Namespaced" if "namespace" in body["metadata"] else "Cluster"
        kinds[version, body["kind"]] = {"resource": resource.plural, "responseKind": {"kind": body["kind"]}, "scope": scope}
    pages = {
        path: [
            json.dumps(
                {
                    "metadata": {"continue": str(start + PAGE)} if start + PAGE < len(objects) else {},
                    "items": [
                        {key: value for key, value in each.items() if key not in ("apiVersion", "kind")}
                        for each in objects[start : start + PAGE]
                    ],
                }
            ).encode()
            for start in range(0, len(objects), PAGE)
        ]
        for path, objects in found.items()
    }
    groups = [
        {"metadata": {"name": version.rpartition("/")[0]}, "versions": [{"version": version.rpartition("/")[2], "resources": [resource]}]}
        for (version, _), resource in kinds.items()
    ]
    discovery = {
        "/api": {"items": [group for group in groups if not group["metadata"]["name"]]},
        "/apis": {"items": [group for group in groups if group["metadata"]["name"]]},
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path in discovery:
                content = json.dumps(discovery[url.path]).encode()
            else:
                content = pages[url.path][int(parse_qs(url.query).get("continue", ["0"])[0]) // PAGE]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.send(server.server_address[1])
    server.serve_forever()


def measure(segments: int) -> dict[str, Any]:
    """Medians of seconds, taken in turns."""
    factory = spec(segments)
    plan = plan_factory(factory)
    near, far = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(plan, far), daemon=True)
    process.start()
    lists, audits = [], []
    try:
        with Cluster(httpx2.Client(base_url=f"http://127.0.0.1:{near.recv()}", timeout=60), "bench") as cluster:
            cluster.discover()
            kinds = find_kinds(plan, cluster.preferred)
            for _ in range(ROUNDS):
                start = time.perf_counter()
                count = sum(map(len, cluster.list_all(kinds).values()))
                middle = time.perf_counter()
                drift = find_drift(factory, plan, cluster.list_all(kinds), datetime.now(UTC))
                lists.append(middle - start)
                audits.append(time.perf_counter() - middle)
                assert not drift, drift[:3]
    finally:
        process.terminate()
        process.join()
    bare, audit = statistics.median(lists), statistics.median(audits)
    return {"segments": segments, "objects": count, "list": bare, "audit": audit, "ratio": audit / bare}


def main() -> int:
    """Prints the ratio; exits 1 above 2."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.segments)
    if options.json:
        print(json.dumps(result))
    else:
        print("audit of {segments} segments, {objects} objects: {ratio:.2f} times the bare LISTs".format_map(result))
    return 0 if result["ratio"] <= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
