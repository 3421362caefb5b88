"""From a stack file to a factory: every problem at once."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import Finding, SpecError
from factory.load import load_object, load_text

STACK = """\
config:
  ai-factory:spec:
    name: helix
    posture: Development
    cluster: {distribution: SelfManaged, version: "1.36", context: lab}
    trustDomain: helix.example
    images: {registries: [registry.helix.example/]}
    segments:
      - {name: ingestion, stage: Ingestion, owner: data-platform}
      - {name: training, stage: Training, owner: ml-research, quota: {gpu: 16, cpu: "256", memory: 2Ti}}
    datasets:
      - {name: claims, classification: Internal, segment: training}
    workloads:
      - {name: loader, segment: ingestion}
      - {name: store, segment: training, reads: [claims], listens: [{name: features, port: 9000}]}
    flows:
      - {from: ingestion/loader, to: training/store, port: features, because: nightly feature build}
    pools:
      - {name: h100, provisioner: Static, segments: [training], nodes: {names: ["gpu-[0-3]"]}}
"""

# What a person types wrong, the finding that it must give: id, path, line, value, and words of the fix.
MISTAKES: dict[str, tuple[str, str, tuple[str, str, int, str | None, str]]] = {
    "misspelt key": ("quota: {gpu", "qouta: {gpu", ("ZT005", "segments[training].qouta", 10, None, 'Did you mean "quota"?')),
    "misspelt key of one kind of pool": ("nodes: {names", "node: {names", ("ZT005", "pools[h100].node", 19, None, 'Did you mean "nodes"?')),
    "wrong unit": ("2Ti", "2TB", ("ZT007", "segments[training].quota.memory", 10, '"2TB"', 'Did you mean "2Ti"?')),
    "number for text": ('"1.36"', "1.36", ("ZT007", "cluster.version", 5, "1.36", "Put it in quotes.")),
    "text for number": ("gpu: 16", 'gpu: "16"', ("ZT007", "segments[training].quota.gpu", 10, '"16"', "Write a number.")),
    "wrong case": ("SelfManaged", "selfmanaged", ("ZT007", "cluster.distribution", 5, "selfmanaged", 'Did you mean "SelfManaged"?')),
    "upper-case name": ("name: helix\n", "name: Helix_1\n", ("ZT007", "name", 3, "Helix_1", 'Did you mean "helix-1"?')),
    "misspelt provisioner": ("Static", "Sttic", ("ZT007", "pools[h100].provisioner", 19, "Sttic", 'Did you mean "Static"?')),
    "no provisioner": ("provisioner: Static, ", "", ("ZT006", "pools[h100].provisioner", 19, None, 'Add "provisioner:".')),
    "missing reason": (
        ", because: nightly feature build",
        "",
        ("ZT006", "flows[ingestion/loader -> training/store:features].because", 17, None, 'Add "because:".'),
    ),
    "port out of range": (
        "port: 9000",
        "port: 90000",
        ("ZT007", "workloads[training/store].listens[features].port", 15, "90000", "Change the number."),
    ),
    "list for a mapping": (
        '{gpu: 16, cpu: "256", memory: 2Ti}',
        "[1]",
        ("ZT007", "segments[training].quota", 10, None, "Write keys and values."),
    ),
    "word for a list": (
        "reads: [claims]",
        "reads: claims",
        ("ZT007", "workloads[training/store].reads", 15, "claims", 'Write it in brackets, or behind "- " on a line of its own.'),
    ),
    "misspelt stack key": ("config:\n", "confg:\n", ("ZT005", "confg", 1, None, 'Did you mean "config"?')),
    "misspelt spec key": (
        "ai-factory:spec",
        "ai-factory:spek",
        ("ZT005", "config.ai-factory:spek", 2, None, 'Did you mean "ai-factory:spec"?'),
    ),
    "the Python spelling of a key": ("trustDomain", "trust_domain", ("ZT005", "trust_domain", 6, None, 'Did you mean "trustDomain"?')),
    "dangling segment": (
        "segment: training, reads",
        "segment: trainig, reads",
        ("ZT011", "workloads[trainig/store].segment", 15, "trainig", 'Did you mean "training"?'),
    ),
}


def mistakes_in(text: str) -> tuple[Finding, ...]:
    with pytest.raises(SpecError) as refused:
        load_text(text, "stack.yaml")
    return refused.value.findings


def test_the_stack_without_mistakes_loads() -> None:
    """So that each mistake below is the only one."""
    stack = load_text(STACK, "stack.yaml")
    assert stack.factory.workload["training/store"].reads == ("claims",)


@pytest.mark.parametrize(("right", "wrong", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_each_mistake_is_named_with_place_value_and_fix(right: str, wrong: str, expected: tuple[str, str, int, str | None, str]) -> None:
    """A person who reads the finding can mend the file without reading anything else."""
    assert right in STACK
    id, path, line, value, fix = expected
    found = {finding.path: finding for finding in mistakes_in(STACK.replace(right, wrong, 1))}
    finding = found[path]
    assert (finding.line, finding.value, finding.fix) == (line, value, fix)
    assert finding.id == id or id == "ZT011"  # reference rules number themselves


@pytest.mark.parametrize(
    ("right", "wrong", "path"),
    [
        ("trustDomain", "trustdomain", "trustdomain"),
        ("because", "becuase", "flows[ingestion/loader -> training/store:features].becuase"),
        ("stage: Ingestion", "stge: Ingestion", "segments[ingestion].stge"),
    ],
)
def test_a_misspelt_required_key_is_one_mistake(right: str, wrong: str, path: str) -> None:
    """Nobody is told to add what stands there already, one letter off."""
    assert [finding.path for finding in mistakes_in(STACK.replace(right, wrong, 1))] == [path]


def test_a_key_that_is_given_is_not_what_was_meant() -> None:
    """A second "stage" beside the first would be the next mistake."""
    (finding,) = mistakes_in(STACK.replace("stage: Ingestion", "stage: Ingestion, stages: Ingestion", 1))
    assert finding.fix == "Remove it."


def test_all_mistakes_are_found_in_one_run() -> None:
    """Mistakes of form do not hide one another, nor dangling names elsewhere."""
    text = STACK
    for right, wrong in (
        ("quota: {gpu", "qouta: {gpu"),
        ("port: 9000", "port: 90000"),
        ("Development", "Developement"),
        ("from: ingestion/loader", "from: ingestion/loadr"),
        ("segments: [training]", "segments: [trainnig]"),
    ):
        text = text.replace(right, wrong, 1)
    paths = [finding.path for finding in mistakes_in(text)]
    assert {
        "posture",
        "segments[training].qouta",
        "workloads[training/store].listens[features].port",
        "flows[ingestion/loadr -> training/store:features].from",
    } <= set(paths)
    assert any(path.startswith("pools[h100].segments") for path in paths)


def test_what_was_dropped_for_a_mistake_is_not_called_dangling() -> None:
    """A workload with a typing error is still declared: its flows are not wrong."""
    findings = mistakes_in(STACK.replace("segment: training, reads: [claims], listens", "segment: training, raeds: [claims], listens", 1))
    assert [finding.path for finding in findings] == ["workloads[training/store].raeds"]
    findings = mistakes_in(STACK.replace("stage: Ingestion", "stage: Ingest", 1))
    assert [finding.path for finding in findings] == ["segments[ingestion].stage"]


@pytest.mark.parametrize(
    "secret",
    ["-----BEGIN PRIVATE KEY-----", "eyJhbGciOiJIUzI1NiJ9.e30.x", "ghp_0123456789abcdef0123456789abcdef0123", "A" * 20 + "b9/+" * 6],
)
def test_a_value_that_could_be_a_secret_is_never_shown(secret: str) -> None:
    """Someone will paste a token into the wrong line."""
    with pytest.raises(SpecError) as refused:
        load_text(STACK.replace("name: helix\n", f"name: {json.dumps(secret)}\n", 1), "stack.yaml")
    assert letters(secret) not in letters(str(refused.value))  # nor does a fix offer it as a better name


def letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def test_a_key_that_could_be_a_secret_is_never_shown() -> None:
    """Someone will paste a token without a key."""
    secret = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
    with pytest.raises(SpecError) as refused:
        load_text(STACK.replace("name: helix\n", f"name: helix\n    {secret}: {secret}\n", 1), "stack.yaml")
    assert secret not in str(refused.value)
    assert "(hidden)" in str(refused.value)


def test_a_value_below_an_unknown_key_is_never_shown() -> None:
    """Nothing is known of it, so nothing of it is printed."""
    with pytest.raises(SpecError) as refused:
        load_text(STACK.replace("name: helix\n", "name: helix\n    pasword: hunter2\n", 1), "stack.yaml")
    assert "hunter2" not in str(refused.value)


def test_a_parsed_spec_gives_the_same_findings_without_lines() -> None:
    """Pulumi hands the program parsed configuration, not the file."""
    with pytest.raises(SpecError) as refused:
        load_object({"name": "helix"})
    assert {finding.path for finding in refused.value.findings} == {"posture", "cluster", "trustDomain", "images", "segments"}


@pytest.mark.parametrize("data", [None, [], "helix", 3, {"segments": None}, {"segments": {"a": 1}}, {"pools": [None, 3, []]}])
def test_any_shape_ends_in_findings(data: Any) -> None:
    """Whatever was parsed, the answer names what is wrong with it."""
    with pytest.raises(SpecError) as refused:
        load_object(data)
    assert refused.value.findings


def corruptions() -> st.SearchStrategy[str]:
    """The stack with a piece of it cut out, doubled or replaced."""
    places = st.integers(0, len(STACK))
    junk = st.sampled_from(["", "{", "}", "[", ":", "- ", "\n", "  ", '"', "null", "-1", "0", "é", "&a", "*a", "true", "a" * 300])
    return st.tuples(places, st.integers(0, 40), junk).map(lambda cut: STACK[: cut[0]] + cut[2] + STACK[cut[0] + cut[1] :])


@given(corruptions())
def test_any_corrupted_stack_loads_or_ends_in_findings(text: str) -> None:
    """No input crashes the loader; every finding names a place and a fix."""
    try:
        load_text(text, "stack.yaml")
    except SpecError as refused:
        assert refused.findings
        assert all(finding.path and finding.fix for finding in refused.findings)
