"""Texts that were to be replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .text import texts

_PLACEHOLDER = re.compile(
    r"(?i:change[-_ ]?me|replace[-_]?me|fill[-_]me|\byour[-_]\w|placeholder)"
    r"|\b(?:TODO|FIXME|TBD|XXX+|xxx+)\b"
    r"|<[A-Za-z][\w .-]*>|\$\{\w+\}|\{\{"
)
_HINTS = ("change", "replace", "fill", "your", "placeholder", "todo", "fixme", "tbd", "xxx", "<", "${", "{{")
"""Each placeholder has one of these: a look at the whole spec spares most specs the walk."""


@rule(
    "ZT501",
    "No placeholder is left",
    why="A copied file that was not finished deploys somebody's example: a registry that anyone may register, a context that is not yours.",
    fix="Write the real value.",
    references=(controls.TENET_1,),
    waivable=False,
)
def find_placeholders(factory: Factory) -> Iterator[Problem]:
    whole = factory.model_dump_json().lower()
    if not any(hint in whole for hint in _HINTS):
        return
    found: dict[str, str] = {}
    for path, text in texts(factory):
        if match := _PLACEHOLDER.search(text):
            found.setdefault(path, match.group())
    for path, word in found.items():
        yield Problem(path, "is still a placeholder", word)
