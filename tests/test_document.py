"""Reading YAML strictly."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.document import MAX_BYTES, read_file, read_text, steps
from factory.errors import SpecError

REFUSED = {
    "tab": ("a:\n\tb: 1\n", 2, "is indented with a tab"),
    "empty": ("", None, "is empty"),
    "comment only": ("# nothing\n", None, "is empty"),
    "alias": ("a: &x [1]\nb: *x\n", 2, "uses the alias *x"),
    "alias bomb": ("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", 2, "uses the alias *a"),
    "merge key": ("a: &x {b: 1}\nc: {<<: *x}\n", 2, "uses the alias *x"),
    "python tag": ("a: !!python/object/apply:os.system [x]\n", 1, "uses the tag tag:yaml.org,2002:python/object/apply:os.system"),
    "own tag": ("a: !Ref x\n", 1, "uses the tag !Ref"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, "holds more than one document"),
    "list as key": ("? [a]\n: 1\n", 1, "has a key that is not a word"),
    "syntax": ("a: b: c\n", 1, "is not YAML: mapping values are not allowed in this context"),
    "unclosed": ("a: [1, 2\n", 2, "is not YAML: did not find expected ',' or ']'"),
}


@pytest.mark.parametrize(("text", "line", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_plain_yaml_is_refused_with_its_line(text: str, line: int | None, problem: str) -> None:
    """One clear finding, on the line where it stands."""
    with pytest.raises(SpecError) as refused:
        read_text(text, "stack.yaml")
    (finding,) = refused.value.findings
    assert (finding.line, finding.problem) == (line, problem)
    assert finding.fix


def test_every_duplicate_key_is_reported() -> None:
    """PyYAML would keep the last and say nothing."""
    with pytest.raises(SpecError) as refused:
        read_text("a: 1\nb:\n  - {c: 1, c: 2}\na: 3\n", "stack.yaml")
    assert [(finding.path, finding.line, finding.problem) for finding in refused.value.findings] == [
        ("b[0].c", 3, "is set twice, first on line 3"),
        ("a", 4, "is set twice, first on line 1"),
    ]


def test_deep_nesting_ends_in_a_finding_not_in_a_crash() -> None:
    """A hundred thousand brackets would overflow the stack of a recursive reader."""
    for text in ("[" * 100_000, "[" * 60 + "]" * 60, "{a: " * 60 + "1" + "}" * 60):
        with pytest.raises(SpecError, match="nest"):
            read_text(text, "stack.yaml")


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"\xff\xfe\x00binary\x80", "is not UTF-8 text"), (b"a: \x00\x01", "control"), (b"x" * (MAX_BYTES + 1), "is larger than 16 MiB")],
    ids=["binary", "control", "large"],
)
def test_files_that_are_no_text_are_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    """Nothing is parsed that cannot be a stack file."""
    path = tmp_path / "Pulumi.x.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=problem):
        read_file(path)


def test_missing_file_and_folder_are_said(tmp_path: Path) -> None:
    """A wrong path is the most common mistake."""
    with pytest.raises(SpecError, match="does not exist"):
        read_file(tmp_path / "no.yaml")
    with pytest.raises(SpecError, match="cannot be read"):
        read_file(tmp_path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("1.36", 1.36),
        ("true", True),
        ("no", "no"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("010", "010"),
        ("2027-03-31", "2027-03-31"),
        ("'1'", "1"),
        ("~", None),
        (".inf", ".inf"),
        ("1" * 5000, "1" * 5000),
    ],
)
def test_scalars_are_what_they_look_like(text: str, value: object) -> None:
    """The YAML 1.2 core schema, as Pulumi reads it; none of YAML 1.1's surprises."""
    assert read_text(f"a: {text}", "stack.yaml").data == {"a": value}


def test_lines_are_known() -> None:
    """The deepest part of a location that exists gives the line."""
    document = read_text("a:\n  - b: 1\n    c: 2\n  - d\n", "stack.yaml")
    assert document.line(("a", 0, "c")) == 3
    assert document.line(("a", 1)) == 4
    assert document.line(("a", 0, "missing")) == 2
    assert document.line(("missing",)) is None


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("segments[training].quota.memory", ["segments", "training", "quota", "memory"]),
        ("workloads[a/b].egress[10.0.0.0/8:443].cidr", ["workloads", "a/b", "egress", "10.0.0.0/8:443", "cidr"]),
        ("waivers[ZT101 flows[a/b -> c/d:e]]", ["waivers", "ZT101 flows[a/b -> c/d:e]"]),
    ],
)
def test_paths_in_names_are_taken_apart(path: str, parts: list[str]) -> None:
    """Names may hold dots, slashes and brackets."""
    assert list(steps(path)) == parts


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever the text, the answer is a document or findings."""
    try:
        read_text(text, "stack.yaml")
    except SpecError as refused:
        assert refused.findings
