"""`factory audit`: what people and alerting see of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from factory.errors import Severity
from factory.load import Stack, load_stack
from factory.plan import Plan, plan_factory
from factory.plan.auditor import DEFINITIONS

from .audit import find_drift, find_kinds
from .default import Defaults, read_schemas
from .drift import Drift
from .live import Cluster, ClusterError, connect
from .repair import Step, Verb, find_steps, repair

CLEAN, FAILED, USAGE, DRIFT = 0, 1, 2, 3
WIDTH = 120
"""Characters of a value that are shown."""


def run(options: argparse.Namespace) -> int:
    """Runs the command and returns its exit code. Raises ClusterError where the cluster cannot be audited, SpecError for the stack."""
    if complaint := _complaint(options):
        print(f"factory audit: {complaint}", file=sys.stderr)
        return USAGE
    stack = load_stack(options.stack)
    audit = Audit(stack, plan_factory(stack.factory), options)
    with connect(options.context or stack.factory.cluster.context) as cluster:
        if options.watch is not None:
            return audit.watch(cluster)
        drift = audit.look(cluster)
        if options.repair:
            return audit.repair(cluster, drift)
        audit.show(drift)
        return DRIFT if drift else CLEAN


def _complaint(options: argparse.Namespace) -> str | None:
    for flag in ("prune", "dry_run", "yes"):
        if getattr(options, flag) and not options.repair:
            return f"--{flag.replace('_', '-')} says how to repair: add --repair"
    if options.repair and options.watch is not None:
        return "--watch only looks: leave out --repair, or --watch"
    if options.repair and not (options.yes or options.dry_run) and not sys.stdin.isatty():
        return "--repair asks before it writes, and nobody can be asked here: add --yes, or --dry-run to see what it would do"
    return None


class Audit:
    """One stack, looked at in one cluster, once or again and again."""

    def __init__(self, stack: Stack, plan: Plan, options: argparse.Namespace) -> None:
        self.stack = stack
        self.plan = plan
        self.options = options
        self.counted = ""
        self.excepted = 0
        self.schemas: dict[tuple[str, str], Defaults] = {}

    def look(self, cluster: Cluster) -> list[Drift]:
        """Lists everything once and compares it. Raises ClusterError."""
        live = cluster.list_all(find_kinds(self.plan, cluster.preferred))
        self.schemas = read_schemas(live.get(DEFINITIONS, []))
        drift = find_drift(self.stack.factory, self.plan, live, datetime.now(UTC))
        kept = [found for found in drift if found.manifest is not None or found.reference not in self.options.known]
        self.excepted = len({found.reference for found in drift} - {found.reference for found in kept})
        planned = len(self.plan.manifests) + len(self.plan.bootstrap)
        self.counted = f"{planned} planned objects, {sum(map(len, live.values()))} live ones of {len(live)} kinds in {cluster.context}"
        return self._placed(kept)

    def show(self, drift: Sequence[Drift]) -> None:
        """Prints all of it."""
        if self.options.format == "json":
            print(json.dumps({"stack": str(self.options.stack), "drift": [as_json(found) for found in drift]}, indent=2))
            return
        for line in self._lines(drift):
            print(line)
        print(self._summary(drift))

    def watch(self, cluster: Cluster) -> int:
        """Looks again and again, and prints what appears and what goes. Ends when interrupted."""
        before: dict[str, Drift] = {}
        trouble = ""
        first = True
        try:
            while True:
                try:
                    drift = self.look(cluster)
                except ClusterError as error:
                    if first:
                        raise
                    if str(error) != trouble:
                        trouble = str(error)
                        print(f"{_now()} factory: {trouble}", file=sys.stderr, flush=True)
                else:
                    trouble = ""
                    now = {_key(found): found for found in drift}
                    self._report([now[key] for key in now if key not in before], [before[key] for key in before if key not in now])
                    if self.options.format == "text" and (first or now.keys() != before.keys()):
                        print(f"{_now()} {self._summary(drift)}", flush=True)
                    before, first = now, False
                time.sleep(self.options.watch)
        except KeyboardInterrupt:
            return DRIFT if before else CLEAN

    def repair(self, cluster: Cluster, drift: Sequence[Drift]) -> int:
        """Shows the steps, asks, does them, and looks again."""
        steps = find_steps(self.plan, drift, prune=self.options.prune)
        text = self.options.format == "text"
        if text:
            self.show(drift)
            for step in steps:
                print(f"would {step.verb.value + ':':9}{step.reference}: {step.why}" if step.verb is not Verb.LEAVE else _left(step))
        todo = [step for step in steps if step.verb is not Verb.LEAVE]
        if todo and not (self.options.yes or self.options.dry_run) and not _agreed(len(todo)):
            print("factory audit: nothing was changed", file=sys.stderr)
            return DRIFT
        results = list(repair(cluster, todo, self.schemas, dry_run=self.options.dry_run))
        again = list(drift) if self.options.dry_run else self.look(cluster) if todo else list(drift)
        if text:
            for step, error in results:
                done = "could" if self.options.dry_run else "did"
                print(
                    f"{done} {step.verb.value}: {step.reference}"
                    if error is None
                    else f"failed to {step.verb.value} {step.reference}: {error}"
                )
            if todo and not self.options.dry_run:
                print("audit after the repair:")
                self.show(again)
        else:
            errors = {step.reference: error for step, error in results}
            shown = [
                {"verb": step.verb.value, "object": step.reference, "why": step.why, "error": errors.get(step.reference)} for step in steps
            ]
            content = {"stack": str(self.options.stack), "dryRun": self.options.dry_run, "steps": shown}
            content["drift"] = [as_json(found) for found in again]
            print(json.dumps(content, indent=2))
        return DRIFT if again else CLEAN

    def _placed(self, drift: Sequence[Drift]) -> list[Drift]:
        """The drift with the lines of the stack file that want it otherwise."""
        return [replace(found, line=self.stack.line(found.path) if found.path else None) for found in drift]

    def _report(self, appeared: Sequence[Drift], gone: Sequence[Drift]) -> None:
        if self.options.format == "json":
            for event, found in (*(("appeared", found) for found in appeared), *(("gone", found) for found in gone)):
                print(json.dumps({"time": _now(), "event": event, "drift": as_json(found)}), flush=True)
            return
        for line in self._lines(appeared):
            print(line)
        for found in gone:
            print(f"{_now()} gone: {found.change.value} {found.reference} {found.field}".rstrip())

    def _lines(self, drift: Sequence[Drift]) -> Iterator[str]:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        for found in drift:
            place = f"{self.options.stack}:{found.line}: " if found.line else ""
            severity = found.severity.value.lower()
            if colour:
                severity = f"\033[{31 if found.severity is Severity.ERROR else 33}m{severity}\033[0m"
            what = f"{found.reference} {found.field}".rstrip()
            yield f"{place}{severity} {found.change.value}: {what}: {found.meaning}"
            if found.field and found.manifest is not None:
                yield f"    planned: {shorten(found.planned, found.live)}"
            if found.field:
                yield f"    live:    {shorten(found.live, found.planned)}"
            if found.path:
                yield f"    because: {found.path}"
            if found.author:
                yield f"    written: by {found.author}"

    def _summary(self, drift: Sequence[Drift]) -> str:
        errors = sum(found.severity is Severity.ERROR for found in drift)
        words = [
            f"{count} {word}{'s' if count != 1 else ''}" for count, word in ((errors, "error"), (len(drift) - errors, "warning")) if count
        ]
        excepted = f"; {self.excepted} excepted" if self.excepted else ""
        return f"{self.options.stack}: {', '.join(words) or 'as planned'} ({self.counted}{excepted})"


def as_json(drift: Drift) -> dict[str, Any]:
    """One difference for alerting: camelCase keys, absent ones null."""
    return {
        "change": drift.change.value,
        "severity": drift.severity.value,
        "object": drift.reference,
        "field": drift.field or None,
        "planned": drift.planned,
        "live": drift.live,
        "meaning": drift.meaning,
        "because": drift.path or None,
        "line": drift.line,
        "author": drift.author._asdict() if drift.author else None,
    }


def shorten(value: Any, other: Any = None) -> str:
    """A value in one line, cut to where it begins to differ from another."""
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    if len(text) <= WIDTH:
        return text
    pairs = enumerate(zip(text, json.dumps(other, ensure_ascii=False), strict=False))
    same = next((position for position, (mine, its) in pairs if mine != its), 0)
    start = max(0, min(same - WIDTH // 4, len(text) - WIDTH))
    return f"{'…' if start else ''}{text[start : start + WIDTH]}{'…' if start + WIDTH < len(text) else ''}"


def _key(drift: Drift) -> str:
    return json.dumps([drift.change.value, drift.reference, drift.field, drift.live], sort_keys=True)


def _left(step: Step) -> str:
    return f"leaves:        {step.reference}: {step.why}"


def _agreed(count: int) -> bool:
    try:
        return input(f"Do {count} step{'s' if count != 1 else ''}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
