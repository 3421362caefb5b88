"""The `factory` command: instant, and without a cluster unless it says so.

Exit codes: 0 clean, 1 findings or a file that cannot be used, 2 wrong usage, 3 drift (audit) or an attack that was let through (drill).
"""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from .arguments import parse
from .errors import Finding, Severity, SpecError
from .process import begin, end

if TYPE_CHECKING:
    from .spec import Factory

CLEAN, FINDINGS, USAGE, DRIFT = 0, 1, 2, 3


def entry() -> NoReturn:
    """The process `factory`: one command."""
    begin()
    end(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments, __doc__ or "")
    try:
        code = _RUN[options.command](options)
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


def _validate(options: Namespace) -> int:
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


def _render(options: Namespace) -> int:
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


def _explain(options: Namespace) -> int:
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


def _report(options: Namespace) -> int:
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


def _audit(options: Namespace) -> int:
    from .review.audit.command import run

    return run(options)


def _drill(options: Namespace) -> int:
    from .review.drill.command import run

    return run(options)


def _grant(options: Namespace) -> int:
    from .review.grants.command import grant

    return grant(options)


def _approve(options: Namespace) -> int:
    from .review.grants.command import approve

    return approve(options)


def _revoke(options: Namespace) -> int:
    from .review.grants.command import revoke

    one, others = options.role and options.segment, options.role or options.segment or options.user
    if others if options.overdue else not one:
        print("factory revoke: name --role and --segment (and --user), or --overdue", file=sys.stderr)
        return USAGE
    return revoke(options)


def _grants(options: Namespace) -> int:
    from .review.grants.command import grants

    return grants(options)


def _diff(options: Namespace) -> int:
    from .review.diff import diff
    from .review.objects import read_objects
    from .review.present.diff import as_json, as_markdown, as_text

    found = diff(read_objects(options.old), read_objects(options.new), datetime.now(UTC))
    if options.format == "json":
        print(as_json(found))
    else:
        print("\n".join(as_markdown(found, options.limit) if options.format == "markdown" else as_text(found)))
    return FINDINGS if options.fail_on and found.widens else CLEAN


def _schema(options: Namespace) -> int:
    from .schema import stack_schema

    print(json.dumps(stack_schema(), indent=2))
    return CLEAN


def _model(options: Namespace) -> int:
    run: Callable[[Namespace], int] = options.run
    return run(options)


_RUN: dict[str, Callable[[Namespace], int]] = {
    "validate": _validate,
    "render": _render,
    "schema": _schema,
    "diff": _diff,
    "report": _report,
    "explain": _explain,
    "audit": _audit,
    "drill": _drill,
    "grant": _grant,
    "approve": _approve,
    "revoke": _revoke,
    "grants": _grants,
    "model": _model,
}


def _summary(factory: Any) -> str:
    parts = ((len(getattr(factory, name)), name) for name in ("segments", "workloads", "flows", "datasets", "models", "pools"))
    return ", ".join(f"{count} {name if count != 1 else name[:-1]}" for count, name in parts if count)


def _print_findings(source: str, findings: Sequence[Finding], options: Namespace) -> None:
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
