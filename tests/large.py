"""Factories of any size that look like real ones, the same every time: `large(60)` is the data of a spec with 60 segments."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

STAGES = ("Ingestion", "Training", "Validation", "Inference")
NAMES = ("gateway", "trainer", "store", "worker-with-a-long-name")


def large(segments: int, workloads: int = 4) -> dict[str, Any]:
    """Segments in the order of the pipeline, the last for the platform; each a chain of workloads, its end calling the next segment."""
    last = segments - 1
    names = [f"segment-{number}" for number in range(segments)]
    inhabitants = [NAMES[number % 4] + (str(number // 4) if number > 3 else "") for number in range(workloads)]
    flows = [
        _flow(f"{name}/{one}", f"{name}/{other}", f"step {step} of {name} needs the next")
        for name in names
        for step, (one, other) in enumerate(pairwise(inhabitants))
    ]
    flows += [
        _flow(f"{name}/{inhabitants[-1]}", f"{names[number + 1]}/{inhabitants[0]}", f"results of {name} go on")
        for number, name in enumerate(names[:-2])
    ]
    flows += [_flow(f"{name}/{inhabitants[1]}", f"{names[last]}/{inhabitants[2]}", f"runs of {name} are recorded") for name in names[:-1:5]]
    flows.append(_flow("ingress", f"{names[last - 1]}/{inhabitants[0]}", "customers call the service"))
    return {
        "name": "large",
        "posture": "Development",
        "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "lab"},
        "trustDomain": "large.example",
        "images": {"registries": ["registry.large.example/apps/"]},
        "segments": [
            {"name": name, "stage": "Platform" if number == last else STAGES[number * 4 // last], "owner": f"team-{number % 7}"}
            for number, name in enumerate(names)
        ],
        "datasets": [
            {"name": f"data-{number}", "classification": "Confidential" if number % 2 else "Internal", "segment": name}
            for number, name in enumerate(names)
        ],
        "models": [{"name": "verdict", "repository": "registry.large.example/models/verdict"}],
        "workloads": [
            {"name": who, "segment": name, "listens": [{"name": "api", "port": 8080 + place}]}
            | ({"reads": [f"data-{number}"]} if place == 1 else {"writes": [f"data-{number}"]} if place == 2 else {})
            | ({"produces": ["verdict"]} if place == 1 and number == segments // 3 else {})
            | ({"serves": ["verdict"]} if place == 3 and number == last - 1 else {})
            for number, name in enumerate(names)
            for place, who in enumerate(inhabitants)
        ],
        "peers": [{"name": "ingress", "namespace": "ingress-nginx", "podLabels": {"app": "nginx"}, "internet": True}],
        "flows": flows,
        "access": [{"group": "large:on-call", "role": "viewer", "segments": names, "because": "whoever is woken must see"}],
    }


def _flow(source: str, to: str, because: str) -> dict[str, str]:
    return {"from": source, "to": to, "port": "api", "because": because}
