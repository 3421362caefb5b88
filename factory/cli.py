"""The `factory` command: instant, and without a cluster unless it says so.

Exit codes: 0 clean, 1 findings or a file that cannot be used, 2 wrong usage, 3 drift (audit) or an attack that was let through (drill).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from .errors import Finding, Severity, SpecError

if TYPE_CHECKING:
    from .spec import Factory

CLEAN, FINDINGS, USAGE, DRIFT = 0, 1, 2, 3


def entry() -> NoReturn:
    """The process `factory`: one command, then out at once.

    A third less time for a `validate`: what is imported and planned is no garbage, and is not looked through for any again and again; no
    plugin of somebody else's is searched for, which could also change how a spec is read; and what the system takes back with the process
    is not taken apart before.
    """
    gc.set_threshold(1_000_000)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Told so, pydantic still imports what it would search with, `importlib.metadata` and half of `email`: a fifteenth of a `validate`.
    loader = ModuleType("pydantic.plugin._loader")
    loader.__dict__["get_plugins"] = tuple
    sys.modules.setdefault(loader.__name__, loader)
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser(arguments).parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        code = run(options)
        sys.stdout.flush()
        return code
    except SpecError as error:
        _print_findings(error.source, error.findings, options)
        return FINDINGS
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the reader has gone; nothing is left to say
        return CLEAN
    except KeyboardInterrupt:
        print("factory: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("FACTORY_DEBUG"):
            raise
        known = type(error).__module__.startswith("factory.")
        hint = "" if known else " This is a fault of factory's own: set FACTORY_DEBUG=1 and report the trace."
        print(f"factory: {error if known else f'{type(error).__name__}: {error}'}{hint}", file=sys.stderr)
        return FINDINGS


def _parser(arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="factory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(
        name: str,
        run: Callable[[argparse.Namespace], int],
        help: str,
        stacks: str | None = None,
        formats: Sequence[str] = ("text", "json"),
    ) -> argparse.ArgumentParser:
        child = commands.add_parser(name, help=help, description=help)
        child.set_defaults(run=run)
        child.add_argument("--format", choices=formats, default=formats[0], help=f"how to print (default: {formats[0]})")
        if stacks:
            child.add_argument(
                "stack", type=Path, nargs=stacks if stacks == "+" else None, help="a stack file, such as stacks/Pulumi.dev.yaml"
            )
        return child

    command("validate", _validate, "every problem of stack files at once", stacks="+")
    rendering = command("render", _render, "manifests as YAML, and control-plane files", stacks="1")
    rendering.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to write")
    command("schema", _schema, "the JSON Schema of a stack file")
    diffing = command("diff", _diff, "what changes in trust between two stack files", formats=("text", "markdown", "json"))
    for side in ("old", "new"):
        diffing.add_argument(side, help="a stack file, REVISION:PATH of one, a rendered folder, or /dev/null")
    diffing.add_argument("--fail-on", choices=("widen",), help="exit 1 if trust widens, or if a change is not understood")
    diffing.add_argument("--limit", type=int, default=60_000, metavar="N", help="characters of Markdown (default: 60000)")
    reporting = command("report", _report, "a map and tables for people, as one self-contained page", "1", ("html", "json"))
    reporting.add_argument("-o", "--output", type=Path, metavar="FILE", help="file to write (default: standard output)")
    formats = ("text", "json", "mermaid", "svg")
    explaining = command("explain", _explain, "who may reach whom, do what, touch which asset, and what causes it", formats=formats)
    explaining.add_argument("stack", nargs="?", help="a stack file, or REVISION:PATH of one")
    explaining.add_argument("--manifests", type=Path, metavar="DIR", help="a folder of Kubernetes YAML instead of a stack file")
    explaining.add_argument("--from", dest="source", metavar="A", help="segment/workload, a peer, an address, a CIDR or a host name")
    explaining.add_argument("--to", dest="destination", metavar="B", help="the same; with --from: may A reach B?")
    explaining.add_argument("--port", metavar="P", help='a number, "53/UDP" or the name of a listener')
    explaining.add_argument("--who", metavar="NAME", help="only this group, user or workload: its rights and grants")
    explaining.add_argument(
        "--group",
        metavar="NAME",
        action="append",
        default=[],
        dest="groups",
        help="with --who PERSON: a group that they are in; repeat for each",
    )
    auditing = command("audit", _audit, "live objects against the plan, whole; needs the cluster", stacks="1")
    auditing.add_argument("--context", metavar="NAME", help="kubeconfig context (default: the spec's cluster.context)")
    auditing.add_argument(
        "--except",
        dest="known",
        action="append",
        default=[],
        metavar="OBJECT",
        help='an unplanned object that is meant: "KIND [NAMESPACE/]NAME"',
    )
    auditing.add_argument("--watch", type=_seconds, metavar="SECONDS", help="go on, and print what changes")
    auditing.add_argument("--repair", action="store_true", help="put it right, as the deployer: shows what it would do, and asks")
    auditing.add_argument("--prune", action="store_true", help="with --repair: also delete unplanned objects")
    auditing.add_argument("--dry-run", action="store_true", help="with --repair: let the API server check each step, change nothing")
    auditing.add_argument("--yes", action="store_true", help="with --repair: do not ask")
    drilling = command("drill", _drill, "a battery of attacks that change nothing; needs the cluster", "1", ("text", "json", "junit"))
    drilling.add_argument("--context", metavar="NAME", help="kubeconfig context of the driller (default: the spec's cluster.context)")
    drilling.add_argument("--only", action="append", default=[], metavar="TACTIC", help='only these attacks: "pool hopping"')
    drilling.add_argument("--list", action="store_true", help="say what would be tried, without the cluster")
    granting = command("grant", _grant, "ask for a role for a while, as yourself; needs the cluster", stacks="1")
    approving = command("approve", _approve, "agree that somebody holds a role for a while; needs the cluster", stacks="1")
    revoking = command("revoke", _revoke, "take a grant away; needs the cluster", stacks="1")
    listing = command("grants", _grants, "who holds, or asks for, a role until when; needs the cluster", stacks="1")
    for child in (granting, approving, revoking, listing):
        child.add_argument("--context", metavar="NAME", help="kubeconfig context of your own (default: the spec's cluster.context)")
    for child in (granting, approving):
        child.add_argument("--role", required=True, help="the role")
        child.add_argument("--segment", required=True, help="where")
    granting.add_argument("--for", dest="span", type=_duration, required=True, metavar="DURATION", help="how long: 30m, 2h")
    granting.add_argument("--reason", required=True, type=_reason, help="what for, in words that an approver understands")
    granting.add_argument("--ticket", help="where that is written down, if the eligibility asks for it")
    granting.add_argument("--no-wait", dest="wait", action="store_false", help="do not wait until somebody agrees")
    approving.add_argument("--user", required=True, help="who asked, as the API server names them: staff:alice")
    revoking.add_argument("--role", help="the role")
    revoking.add_argument("--segment", help="where")
    revoking.add_argument("--user", help="who holds it (default: you)")
    revoking.add_argument("--overdue", action="store_true", help="instead: everything that is past its end")
    listing.add_argument("--watch", type=_seconds, metavar="SECONDS", help="go on, and count down")
    text = "push, sign, verify and promote versions of models; needs the registry"
    modelling = commands.add_parser("model", help=text, description=text)
    if "model" in arguments:  # nobody else pays for its words
        from .model.arguments import add

        add(modelling)
    return parser


def _duration(text: str) -> int:
    from .spec import seconds

    if not re.fullmatch(r"[1-9][0-9]{0,4}(m|h)", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not minutes or hours, such as 30m or 2h")
    return seconds(text)


def _reason(text: str) -> str:
    if not 3 <= len(text) <= 256:
        raise argparse.ArgumentTypeError("a reason has 3 to 256 characters")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 to 86400")
    return seconds


def _validate(options: argparse.Namespace) -> int:
    from .load import load_stack

    code = CLEAN
    results: list[dict[str, Any]] = []
    for path in options.stack:
        try:
            stack = load_stack(path)
            findings = stack.place((*_check(stack.factory), *stack.find_oversize()))
            file, summary = stack.document.source, _summary(stack.factory)
        except SpecError as error:
            findings, file, summary = error.findings, error.source, ""
        if any(finding.severity is Severity.ERROR for finding in findings):
            code = FINDINGS
        results.append({"stack": str(path), "file": file, "findings": [asdict(finding) for finding in findings]})
        if options.format == "text":
            _print_text(str(path), findings, summary, file)
    if options.format == "json":
        print(json.dumps(results, indent=2))
    return code


def _check(factory: Factory) -> tuple[Finding, ...]:
    """What the rules find in the spec and, where nothing forbids to plan it, what the proof finds in the plan."""
    from .plan import plan_factory
    from .review.proof import prove
    from .rules import check

    findings = check(factory, datetime.now(UTC))
    if any(finding.severity is Severity.ERROR for finding in findings):
        return findings
    return prove(factory, plan_factory(factory)) + findings


def _render(options: argparse.Namespace) -> int:
    from .load import load_stack
    from .plan import plan_factory
    from .render import render

    stack = load_stack(options.stack)
    findings = stack.place(_check(stack.factory))
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        raise SpecError(errors, stack.document.source)
    plan = plan_factory(stack.factory)
    count = render(plan, options.output)
    if options.format == "json":
        print(json.dumps({"stack": str(options.stack), "output": str(options.output), "files": count}))
    else:
        print(f"{options.output}: {count} files, {len(plan.manifests)} objects")
    return CLEAN


def _explain(options: argparse.Namespace) -> int:
    from .review.objects import read_folder, read_objects
    from .review.present.explain import explain

    if (options.stack is None) == (options.manifests is None):
        print("factory explain: name either a stack file or --manifests DIR", file=sys.stderr)
        return USAGE
    objects = read_folder(options.manifests) if options.manifests else read_objects(options.stack)
    question = {"source": options.source, "destination": options.destination, "port": options.port, "who": options.who}
    if options.groups and not options.who:
        print("factory explain: --group says what somebody is in: name them by --who", file=sys.stderr)
        return USAGE
    if options.format == "svg":
        from .review.report import draw

        if any(question.values()):
            print("factory explain: --format svg draws the whole factory; leave out --from, --to, --port and --who", file=sys.stderr)
            return USAGE
        print(draw(objects), end="")
        return CLEAN
    for line in explain(objects, **question, groups=options.groups, format=options.format):
        print(line)
    return CLEAN


def _report(options: argparse.Namespace) -> int:
    from .load import load_stack
    from .review.report import as_json, page, report_stack

    report = report_stack(load_stack(options.stack), date.today())
    written = as_json(report) if options.format == "json" else page(report)
    if options.output is None:
        print(written, end="")
    else:
        try:
            options.output.write_text(written, encoding="utf-8", newline="\n")
        except OSError as error:
            print(
                f"factory report: {options.output} cannot be written: {error.strerror}. Name a file in a folder of yours.", file=sys.stderr
            )
            return USAGE
        print(f"{options.output}: {len(report.segments)} segments, {len(report.ways)} ways", file=sys.stderr)
    return FINDINGS if any(finding.severity is Severity.ERROR for finding in report.findings) else CLEAN


def _audit(options: argparse.Namespace) -> int:
    from .review.audit.command import run

    return run(options)


def _drill(options: argparse.Namespace) -> int:
    from .review.drill.command import run

    return run(options)


def _grant(options: argparse.Namespace) -> int:
    from .review.grants.command import grant

    return grant(options)


def _approve(options: argparse.Namespace) -> int:
    from .review.grants.command import approve

    return approve(options)


def _revoke(options: argparse.Namespace) -> int:
    from .review.grants.command import revoke

    one, others = options.role and options.segment, options.role or options.segment or options.user
    if others if options.overdue else not one:
        print("factory revoke: name --role and --segment (and --user), or --overdue", file=sys.stderr)
        return USAGE
    return revoke(options)


def _grants(options: argparse.Namespace) -> int:
    from .review.grants.command import grants

    return grants(options)


def _diff(options: argparse.Namespace) -> int:
    from .review.diff import diff
    from .review.objects import read_objects
    from .review.present.diff import as_json, as_markdown, as_text

    found = diff(read_objects(options.old), read_objects(options.new))
    if options.format == "json":
        print(as_json(found))
    else:
        print("\n".join(as_markdown(found, options.limit) if options.format == "markdown" else as_text(found)))
    return FINDINGS if options.fail_on and found.widens else CLEAN


def _schema(options: argparse.Namespace) -> int:
    from .schema import stack_schema

    print(json.dumps(stack_schema(), indent=2))
    return CLEAN


def _summary(factory: Any) -> str:
    parts = ((len(getattr(factory, name)), name) for name in ("segments", "workloads", "flows", "datasets", "models", "pools"))
    return ", ".join(f"{count} {name if count != 1 else name[:-1]}" for count, name in parts if count)


def _print_findings(source: str, findings: Sequence[Finding], options: argparse.Namespace) -> None:
    if options.format == "json":
        print(json.dumps([{"stack": source, "file": source, "findings": [asdict(finding) for finding in findings]}], indent=2))
    else:
        _print_text(source, findings, "", source)


def _print_text(source: str, findings: Sequence[Finding], summary: str, file: str) -> None:
    """Findings for people: the place first, so that an editor can jump to it."""
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for finding in findings:
        place = f"{file}:{finding.line}" if finding.line else file
        severity = finding.severity.value.lower()
        if colour:
            severity = f"\033[{31 if finding.severity is Severity.ERROR else 33}m{severity}\033[0m"
        subject = "" if finding.path == file else f"{finding.path} "
        print(f"{place}: {severity} {finding.id}: {subject}{finding.problem}")
        for label, text in (("value", finding.value), ("allowed", finding.allowed), ("fix", finding.fix)):
            if text:
                print(f"    {label + ':':9}{text}")
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    warnings = len(findings) - errors
    counts = ", ".join(f"{count} {word}{'s' if count != 1 else ''}" for count, word in ((errors, "error"), (warnings, "warning")) if count)
    print(f"{source}: {counts or 'clean'}" + (f" ({summary})" if summary else ""))


if __name__ == "__main__":
    entry()
