"""The words of `factory`: what each command takes."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path


def parse(arguments: Sequence[str], description: str) -> argparse.Namespace:
    """What somebody asked for; `command` is its name. Exits with 2 and says why where that is no command, or has wrong words."""
    parser = argparse.ArgumentParser(prog="factory", description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command", prog="factory")
    named = arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS  # nobody pays for the words of another command
    for name in named:
        help, add = COMMANDS[name]
        add(commands.add_parser(name, help=help, description=help))
    return parser.parse_args(arguments)


def _validate(parser: argparse.ArgumentParser) -> None:
    _format(parser)
    parser.add_argument("stack", type=Path, nargs="+", help=STACK)


def _render(parser: argparse.ArgumentParser) -> None:
    _stack(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to write")


def _diff(parser: argparse.ArgumentParser) -> None:
    _format(parser, "text", "markdown", "json")
    for side in ("old", "new"):
        parser.add_argument(side, help="a stack file, REVISION:PATH of one, a rendered folder, or /dev/null")
    parser.add_argument("--fail-on", choices=("widen",), help="exit 1 if trust widens, or if a change is not understood")
    parser.add_argument("--limit", type=int, default=60_000, metavar="N", help="characters of Markdown (default: 60000)")


def _report(parser: argparse.ArgumentParser) -> None:
    _stack(parser, "html", "json")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="file to write (default: standard output)")


def _explain(parser: argparse.ArgumentParser) -> None:
    _format(parser, "text", "json", "mermaid", "svg")
    parser.add_argument("stack", nargs="?", help="a stack file, or REVISION:PATH of one")
    parser.add_argument("--manifests", type=Path, metavar="DIR", help="a folder of Kubernetes YAML instead of a stack file")
    parser.add_argument("--from", dest="source", metavar="A", help="segment/workload, a peer, an address, a CIDR or a host name")
    parser.add_argument("--to", dest="destination", metavar="B", help="the same; with --from: may A reach B?")
    parser.add_argument("--port", metavar="P", help='a number, "53/UDP" or the name of a listener')
    parser.add_argument("--who", metavar="NAME", help="only this group, user or workload: its rights and grants")
    in_group = "with --who PERSON: a group that they are in; repeat for each"
    parser.add_argument("--group", metavar="NAME", action="append", default=[], dest="groups", help=in_group)


def _audit(parser: argparse.ArgumentParser) -> None:
    _stack(parser)
    _context(parser)
    known = 'an unplanned object that is meant: "KIND [NAMESPACE/]NAME"'
    parser.add_argument("--except", dest="known", action="append", default=[], metavar="OBJECT", help=known)
    parser.add_argument("--watch", type=_seconds, metavar="SECONDS", help="go on, and print what changes")
    parser.add_argument("--repair", action="store_true", help="put it right, as the deployer: shows what it would do, and asks")
    parser.add_argument("--prune", action="store_true", help="with --repair: also delete unplanned objects")
    parser.add_argument("--dry-run", action="store_true", help="with --repair: let the API server check each step, change nothing")
    parser.add_argument("--yes", action="store_true", help="with --repair: do not ask")


def _drill(parser: argparse.ArgumentParser) -> None:
    _stack(parser, "text", "json", "junit")
    _context(parser, "of the driller ")
    parser.add_argument("--only", action="append", default=[], metavar="TACTIC", help='only these attacks: "pool hopping"')
    parser.add_argument("--list", action="store_true", help="say what would be tried, without the cluster")


def _grant(parser: argparse.ArgumentParser) -> None:
    _role(parser)
    parser.add_argument("--for", dest="span", type=_duration, required=True, metavar="DURATION", help="how long: 30m, 2h")
    parser.add_argument("--reason", required=True, type=_reason, help="what for, in words that an approver understands")
    parser.add_argument("--ticket", help="where that is written down, if the eligibility asks for it")
    parser.add_argument("--no-wait", dest="wait", action="store_false", help="do not wait until somebody agrees")


def _approve(parser: argparse.ArgumentParser) -> None:
    _role(parser)
    parser.add_argument("--user", required=True, help="who asked, as the API server names them: staff:alice")


def _revoke(parser: argparse.ArgumentParser) -> None:
    _stack(parser)
    _context(parser, "of your own ")
    parser.add_argument("--role", help="the role")
    parser.add_argument("--segment", help="where")
    parser.add_argument("--user", help="who holds it (default: you)")
    parser.add_argument("--overdue", action="store_true", help="instead: everything that is past its end")


def _grants(parser: argparse.ArgumentParser) -> None:
    _stack(parser)
    _context(parser, "of your own ")
    parser.add_argument("--watch", type=_seconds, metavar="SECONDS", help="go on, and count down")


def _model(parser: argparse.ArgumentParser) -> None:
    from .model.arguments import add

    add(parser)


STACK = "a stack file, such as stacks/Pulumi.dev.yaml"
COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "validate": ("every problem of stack files at once", _validate),
    "render": ("manifests as YAML, and control-plane files", _render),
    "schema": ("the JSON Schema of a stack file", lambda parser: _format(parser)),
    "diff": ("what changes in trust between two stack files", _diff),
    "report": ("a map and tables for people, as one self-contained page", _report),
    "explain": ("who may reach whom, do what, touch which asset, and what causes it", _explain),
    "audit": ("live objects against the plan, whole; needs the cluster", _audit),
    "drill": ("a battery of attacks that change nothing; needs the cluster", _drill),
    "grant": ("ask for a role for a while, as yourself; needs the cluster", _grant),
    "approve": ("agree that somebody holds a role for a while; needs the cluster", _approve),
    "revoke": ("take a grant away; needs the cluster", _revoke),
    "grants": ("who holds, or asks for, a role until when; needs the cluster", _grants),
    "model": ("push, sign, verify and promote versions of models; needs the registry", _model),
}
"""What each command does, and how it gets its words."""


def _format(parser: argparse.ArgumentParser, *formats: str) -> None:
    formats = formats or ("text", "json")
    parser.add_argument("--format", choices=formats, default=formats[0], help=f"how to print (default: {formats[0]})")


def _stack(parser: argparse.ArgumentParser, *formats: str) -> None:
    _format(parser, *formats)
    parser.add_argument("stack", type=Path, help=STACK)


def _context(parser: argparse.ArgumentParser, whose: str = "") -> None:
    parser.add_argument("--context", metavar="NAME", help=f"kubeconfig context {whose}(default: the spec's cluster.context)")


def _role(parser: argparse.ArgumentParser) -> None:
    _stack(parser)
    _context(parser, "of your own ")
    parser.add_argument("--role", required=True, help="the role")
    parser.add_argument("--segment", required=True, help="where")


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
