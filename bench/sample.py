"""The factory that is measured: alike segments, each with four workloads and eight flows."""

from __future__ import annotations

from typing import Any

WORKLOADS = 4


def sample(segments: int, name: str = "bench") -> dict[str, Any]:
    """A spec of that many segments: about 26 objects each. Four flows stay within a segment, four lead to the next one."""
    numbers = range(segments)
    return {
        "name": name,
        "posture": "Development",
        "trustDomain": "bench.example",
        "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": f"{name}-deployer"},
        "deployer": {"user": f"{name}-deployer"},
        "images": {"registries": ["registry.bench.example/apps/"]},
        "segments": [
            {"name": f"s{n}", "stage": "Training", "owner": "research", "quota": {"cpu": "64", "memory": "256Gi", "pods": 50}}
            for n in numbers
        ],
        "workloads": [
            {"name": f"w{w}", "segment": f"s{n}", "listens": [{"name": "api", "port": 8080 + w}]} for n in numbers for w in range(WORKLOADS)
        ],
        "flows": [
            {"from": f"s{n}/w{w}", "to": to, "port": "api", "because": because}
            for n in numbers
            for w in range(WORKLOADS)
            for to, because in (
                (f"s{n}/w{(w + 1) % WORKLOADS}", "it hands its batch on"),
                (f"s{(n + 1) % segments}/w{(w + 2) % WORKLOADS}", "its results go to the next"),
            )
        ],
    }
