"""The `lab` command."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lab.console import Console, Stopwatch, clock
from lab.errors import LabError
from lab.lab import Lab
from lab.toolchain import EXTRAS, names_with, provide

DONE, FAILED, USAGE, NOT_RUNNING, INTERRUPTED = 0, 1, 2, 3, 130
EXIT_CODES = """\
exit codes:
  0    done (`status`: every program runs and is well)
  1    failed; the message says what and where
  2    wrong usage
  3    `status`: a program does not run or is not well
  130  interrupted; run the command again
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a build, or a half-written file, is cleared up as on Ctrl-C
    try:
        return int(options.command(options))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\nlab: interrupted; run the command again to go on, or `lab down` to clear up", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="lab", description="A Kubernetes control plane of plain processes on this machine.", epilog=EXIT_CODES, formatter_class=form
    )
    name = argparse.ArgumentParser(add_help=False)
    for each, default in ((top, os.environ.get("LAB_NAME") or "default"), (name, argparse.SUPPRESS)):
        each.add_argument("--name", metavar="NAME", default=default, help="which lab (default: $LAB_NAME or `default`)")
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def command(function, summary: str) -> argparse.ArgumentParser:  # type: ignore[no-untyped-def]
        added = commands.add_parser(
            function.__name__, help=summary, description=summary, parents=[name], epilog=EXIT_CODES, formatter_class=form
        )
        added.set_defaults(command=function)
        return added

    added = command(up, "start the lab, or repair it; builds its programs first where needed")
    added.add_argument(
        "--nodes", type=Path, metavar="FILE", help="fake nodes to have: a list of {name, count, labels, capacity, taints, zones}"
    )
    added.add_argument("--control-plane", type=Path, metavar="DIR", help="rendered control-plane files to run the API server on")
    with_sets(added, "programs beside the control plane")
    added.add_argument("--realm", type=Path, metavar="DIR", help="run Keycloak, with the realms of this folder")
    added.add_argument("--vault", type=Path, metavar="DIR", help="run OpenBao, on the configuration of this folder")
    added.add_argument("--trust-domain", metavar="DOMAIN", help="run SPIRE, for this trust domain")
    added = command(down, "end what the lab started and remove its state")
    added.add_argument("--keep", action="store_true", help="keep the state: certificates, data, logs")
    added = command(status, "show each program")
    added.add_argument("--format", choices=("text", "json"), default="text")
    added = command(env, 'print the environment for kubectl and pulumi: eval "$(lab env)"')
    added.add_argument("--format", choices=("text", "json"), default="text")
    added = command(logs, "show what the programs logged")
    added.add_argument("program", nargs="?", metavar="PROGRAM")
    added.add_argument("-f", "--follow", action="store_true", help="go on until interrupted")
    added.add_argument("-n", "--lines", type=int, default=20, metavar="N", help="how many lines of each program (default 20)")
    added = command(user, "issue a client certificate and add a context for a user")
    added.add_argument("user", metavar="USER")
    added.add_argument("--group", action="append", default=[], metavar="GROUP", help="a group of the user (repeat for more)")
    added.add_argument("--context", metavar="CONTEXT", help="name of the context (default: the user's)")
    with_sets(command(build, "only build the programs"), "these too")
    return top


def with_sets(added: argparse.ArgumentParser, what: str) -> None:
    added.add_argument(
        "--with", dest="extras", type=sets, action="extend", default=[], metavar="SET[,SET]", help=f"{what}: {', '.join(EXTRAS)}"
    )


def sets(text: str) -> list[str]:
    """The sets of programs that `--with keys,models` asks for."""
    names = text.split(",")
    for name in names:
        if name not in EXTRAS:
            raise argparse.ArgumentTypeError(f"{name!r} is no set of programs: choose from {', '.join(EXTRAS)}")
    return names


def up(options: argparse.Namespace) -> int:
    lab, watch = Lab(options.name, Console.standard()), Stopwatch()
    started = lab.up(options.nodes, options.control_plane, options.extras, options.realm, options.trust_domain, options.vault)
    what = f"started {', '.join(started)}" if started else "everything ran already"
    lab.console.say(f"lab {lab.name} is up after {clock(watch.seconds)}: {what}")
    lab.console.say(f"kubeconfig: {lab.kubeconfig}")
    lab.console.say(
        'next: eval "$(lab env)" && kubectl get nodes' if lab.name == "default" else f'next: eval "$(lab --name {lab.name} env)"'
    )
    return DONE


def down(options: argparse.Namespace) -> int:
    lab = Lab(options.name)
    if not lab.exists:
        print(f"lab {lab.name} is not there: nothing to do")
        return DONE
    stopped = lab.down(keep=options.keep)
    print(f"lab {lab.name} is down" + (f": ended {', '.join(stopped)}" if stopped else "; nothing ran"))
    return DONE


def status(options: argparse.Namespace) -> int:
    lab = Lab(options.name)
    rows = lab.status()
    if options.format == "json":
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        table = [("PROGRAM", "VERSION", "PID", "PORT", "STATE", "LOG")]
        table += [(row.program, row.version, str(row.pid or "-"), str(row.port or "-"), row.state, row.log) for row in rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for line in table:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        for row in rows:
            if row.detail:
                print(f"\n{row.program} is {row.state}:\n{row.detail}")
    return DONE if all(row.state == "running" for row in rows) else NOT_RUNNING


def env(options: argparse.Namespace) -> int:
    variables = Lab(options.name).environment()
    if options.format == "json":
        print(json.dumps(variables, indent=2))
    else:
        for name, value in variables.items():
            print(f"export {name}={shlex.quote(value)}")
    return DONE


def logs(options: argparse.Namespace) -> int:
    lab = Lab(options.name)
    names = [options.program] if options.program else [row.program for row in lab.status()]
    paths = {name: path for name in names if (path := lab.log(name)).exists()}
    if not paths:
        raise LabError(f"lab {lab.name} has no logs of {', '.join(names)}: it never ran")
    seen = {}
    for name, path in paths.items():
        content = path.read_bytes()
        show(name, content.splitlines()[-options.lines :] if options.lines > 0 else [], prefix=len(paths) > 1)
        seen[name] = len(content)
    while options.follow:
        time.sleep(0.5)
        for name, path in paths.items():
            content = path.read_bytes()[seen[name] :]
            content = content[: content.rfind(b"\n") + 1]
            show(name, content.splitlines(), prefix=len(paths) > 1)
            seen[name] += len(content)
    return DONE


def show(name: str, lines: list[bytes], *, prefix: bool) -> None:
    for line in lines:
        print(f"{name}: " * prefix + line.decode(errors="replace"), flush=True)


def user(options: argparse.Namespace) -> int:
    context = Lab(options.name).user(options.user, options.group, options.context)
    groups = f" in {', '.join(options.group)}" if options.group else ""
    print(f"context {context}: user {options.user}{groups}")
    return DONE


def build(options: argparse.Namespace) -> int:
    programs = provide(Console.standard(), names_with(options.extras))
    for name, path in programs.items():
        print(f"{name}: {path}")
    return DONE
