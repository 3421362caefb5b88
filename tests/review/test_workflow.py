"""The workflow that says on a pull request what it changes in trust."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
TRUST = WORKFLOWS / "trust.yaml"
JOBS: dict[str, Any] = yaml.safe_load(TRUST.read_text())["jobs"]
FLOW = ("    flows:\n", "    flows:\n      - {from: training/notebook, to: platform/tracking, port: https, because: notebooks log runs}\n")


def step(job: str, name: str) -> str:
    return next(str(step["run"]) for step in JOBS[job]["steps"] if step.get("name") == name)


def test_actions_are_pinned() -> None:
    """Every action of every workflow is one commit, with its version said."""
    for workflow in WORKFLOWS.glob("*.yaml"):
        for line in workflow.read_text().splitlines():
            if "uses:" in line:
                assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_only_the_comment_may_write_and_it_runs_no_code_of_the_repository() -> None:
    """No permission by default, one that writes in one job, which checks nothing out."""
    assert yaml.safe_load(TRUST.read_text())["permissions"] == {}
    for name, job in JOBS.items():
        writes = [scope for scope, level in job["permissions"].items() if level != "read"]
        assert writes == (["pull-requests"] if name == "comment" else []), name
    assert [set(step) for step in JOBS["comment"]["steps"]] == [{"name", "env", "run"}]


def test_no_script_holds_an_expression() -> None:
    """What a pull request is called, or says, reaches a script only as an environment variable."""
    for workflow in WORKFLOWS.glob("*.yaml"):
        for job in yaml.safe_load(workflow.read_text())["jobs"].values():
            for one in job["steps"]:
                assert "${{" not in one.get("run", "")
                for value in one.get("env", {}).values():
                    assert not re.search(r"title|\.body(?!\s*}})|head_ref|label", str(value)) or "outputs.body" in str(value)


def test_no_code_of_the_pull_request_judges_it() -> None:
    """Python is told to look for modules in the base alone."""
    assert 'PYTHONPATH="$RUNNER_TEMP/base" python -P -m factory diff' in step("diff", "Compare each changed stack")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments], cwd=folder, check=True, capture_output=True)


def merged(folder: Path, changes: dict[str, str | None], base: dict[str, str] | None = None) -> dict[str, str]:
    """What the diff's script puts out on a pull request that changes the dev stack so, or what is in `base` beside it; the working tree's
    code is the base's."""
    repository, temporary = folder / "repository", folder / "temporary"
    (repository / "stacks").mkdir(parents=True)
    temporary.mkdir()
    (temporary / "base").symlink_to(ROOT)
    git(folder, "init", "-q", "-b", "main", str(repository))
    shutil.copy(ROOT / "stacks" / "Pulumi.dev.yaml", repository / "stacks")
    for name, text in (base or {}).items():
        (repository / name).write_text(text)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "base")
    git(repository, "checkout", "-qb", "change")
    for name, text in changes.items():
        if text is None:
            (repository / name).unlink()
        else:
            (repository / name).parent.mkdir(exist_ok=True)
            (repository / name).write_text(text)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "$(touch /tmp/owned) `id`")
    git(repository, "checkout", "-q", "main")
    git(repository, "merge", "-q", "--no-ff", "-m", "merge", "change")
    binaries = folder / "bin"
    binaries.mkdir()
    (binaries / "python").symlink_to(sys.executable)
    environment = {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(temporary),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "VIRTUAL_ENV": sys.prefix,
    }
    script = step("diff", "Compare each changed stack").replace("python -P", f"{sys.executable} -P")
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=repository, env=environment, check=True)
    output = (folder / "output").read_text()
    changed, body = re.fullmatch(r"changed=(\d+)\nbody<<(\w+)\n(.*)\n\2\n", output, re.DOTALL).group(1, 3)  # type: ignore[union-attr]
    assert (folder / "summary").read_text() == body
    return {"changed": changed, "body": body}


def dev() -> str:
    return (ROOT / "stacks" / "Pulumi.dev.yaml").read_text()


def test_changed_stack(tmp_path: Path) -> None:
    """The comment names the stack, the verdict, the way that opens and why."""
    out = merged(tmp_path, {"stacks/Pulumi.dev.yaml": dev().replace(*FLOW)})
    assert out["changed"] == "1"
    assert "### stacks/Pulumi.dev.yaml\n\n**widens trust** (1 widen)" in out["body"]
    assert "| training/notebook may reach platform/tracking on TCP 8443 | notebooks log runs" in out["body"]


def test_new_and_removed_stack(tmp_path: Path) -> None:
    """A stack that is added is compared with nothing, and one that is removed too."""
    out = merged(tmp_path, {"stacks/Pulumi.dev.yaml": None, "stacks/Pulumi.new.yaml": dev()})
    assert out["changed"] == "2"
    assert "/dev/null → HEAD:stacks/Pulumi.new.yaml" in out["body"]
    assert "HEAD^1:stacks/Pulumi.dev.yaml → /dev/null" in out["body"]
    assert len(out["body"]) < 11_000


def test_a_spec_in_a_file_of_its_own(tmp_path: Path) -> None:
    """Where only that file changes, the stack that names it is compared, once; files of the same ending that no stack names are not."""
    stack, spec = "stacks/Pulumi.large.yaml", "stacks/large.spec.yaml"
    before, after = (yaml.safe_load(text)["config"]["ai-factory:spec"] for text in (dev(), dev().replace(*FLOW)))
    base = {stack: "config:\n  ai-factory:specFile: large.spec.yaml\n", spec: yaml.safe_dump(before)}
    out = merged(tmp_path, {spec: yaml.safe_dump(after), "stacks/other.yaml": "a: 1\n"}, base)
    assert out["changed"] == "1"
    assert f"### {stack}\n\n**widens trust** (1 widen)" in out["body"]


def test_other_files(tmp_path: Path) -> None:
    """A pull request that changes no stack says so, and nothing is compared."""
    assert merged(tmp_path, {"README.md": "x"}) == {"changed": "0", "body": "No stack changes.\n"}


def test_broken_stack_cannot_break_the_comment(tmp_path: Path) -> None:
    """What cannot be read is told with its findings, in a block that it cannot end, and the job goes on."""
    evil = dev().replace("posture: Development", 'posture: "~~~ @octo/team | x"\n    "a b": 1')
    names = {"stacks/Pulumi.dev.yaml": evil, "stacks/Pulumi.$(id).yaml": dev(), "stacks/Pulumi.z.yaml": dev()}
    body = merged(tmp_path, names)["body"]
    assert "**not judged**" in body
    assert body.count("~~~") == 2
    assert "ZT007" in body
    assert "### stacks/Pulumi.__id_.yaml\n\nNot compared" in body
    assert "### stacks/Pulumi.z.yaml\n\n**widens" in body


PREVIEW = """\x1b[1mPreviewing update (dev):\x1b[0m
Loading policy packs...

    pulumi:pulumi:Stack ai-factory-dev running warning: ai-factory:spec: 2 warning(s)
 ~   Segment training update [diff: ~flows]
 +   kubernetes:core/v1:Namespace research.namespace create\x20
 +   kubernetes:core/v1:Namespace research.namespace create
    /home/runner/work/ai-factory/stacks/__main__.py:3: warning: see /tmp/xyz/log.txt for more
View in Browser (Ctrl+O): https://app.pulumi.com/acme/ai-factory/dev/previews/1
~~~
Diagnostics:
  pulumi:pulumi:Stack (ai-factory-dev):
    warning: ai-factory:spec: 2 warning(s)
      ZT402 access[research: operator].role: lets people change what runs.
      ZT760 models[fraud]: needs nobody's signature.
    error: ai-factory:spec: 1 problem(s)
      ZT109 workloads[alerts].egress: is as good as anywhere.
    [Pulumi Neo] Would you like help with these diagnostics?
    ?explainFailure
    Or run `pulumi neo --debug-preview` for an interactive agent in your terminal.

Resources:
    ~ 1 to update
    212 unchanged

Duration: 12s
Permalink: file:///root/state/dev.json
"""


def test_preview_is_stripped() -> None:
    """Colours, blank lines, links, times, offers, warnings and the machine's folders go; what changes stays, and what is wrong."""
    assert shutil.which("sed")
    script = WORKFLOWS / "preview.sed"
    shown = subprocess.run(["sed", "-E", "-f", script], input=PREVIEW, capture_output=True, text=True, check=True).stdout
    assert shown == (
        " ~   Segment training update [diff: ~flows]\n"
        " +   kubernetes:core/v1:Namespace research.namespace create\n"
        "    __main__.py:3: warning: see log.txt for more\n"
        "---\n"
        "    error: ai-factory:spec: 1 problem(s)\n"
        "      ZT109 workloads[alerts].egress: is as good as anywhere.\n"
        "Resources:\n"
        "    ~ 1 to update\n"
        "    212 unchanged\n"
    )


@pytest.mark.lab
def test_actionlint() -> None:
    """actionlint, built from its pinned module, finds nothing."""
    go = shutil.which("go")
    assert go, "actionlint is built with go: install Go or leave the lab tests out (-m 'not lab')"
    here = Path(__file__).parent / "actionlint"
    files = sorted(map(str, WORKFLOWS.glob("*.yaml")))
    command = [go, "tool", "-modfile", "go.mod", "actionlint", "-no-color", "-shellcheck=", "-pyflakes=", *files]
    found = subprocess.run(command, cwd=here, capture_output=True, text=True, env=os.environ | {"GOFLAGS": "-mod=readonly"})
    assert found.returncode == 0, found.stdout + found.stderr
