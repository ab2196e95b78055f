"""What a chart makes up anew each time it is rendered, and a mask over it.

160 of 506 charts of a survey never render twice alike: passwords, certificates, names of test pods.
None of that may reach a report, or no two reports would be the same.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.sources.chart import ArchiveError
from auditor.sources.chart_safety import chart_files
from auditor.sources.rendering import Rendered, RenderError

MASK: Final = "RANDOM"
"""Stands for what is made up: `web-test-RANDOM`."""
_DIGITS: Final = "1"
"""The same for a number, so that it stays one."""

Templates = frozenset[str]

_ACTION: Final = re.compile(rb"\{\{-?(?!\s*/\*)[^{}]+")
_LITERAL: Final = re.compile(rb'"(?:[^"\\\n]|\\.)*"|`[^`]*`')
_MAKES_UP: Final = re.compile(
    rb"\b(?:rand(?:Alpha|AlphaNum|Ascii|Bytes|Int|Numeric)|uuidv4|shuffle"
    rb"|gen(?:CA|PrivateKey|SelfSignedCert|SignedCert)(?:WithKey)?|bcrypt|htpasswd|encryptAES|now)\b"
)
"""The functions of templates whose result is another each time."""
_CLOCK: Final = b"now"
_DEFINES: Final = re.compile(rb"\{\{-?\s*define\b")
_KEPT: Final = re.compile(r"\bkind\b(?!:\s*(?:Secret|ConfigMap)\s*$)", re.MULTILINE)
"""An object of whose text a report may show something."""
_TICK: Final = 1.05
"""Seconds after which what a template makes of `now` differs; most charts write down seconds."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9+/=]+|[^A-Za-z0-9+/=]")
"""Names are cut at their hyphens; what is in base64 stays in one piece."""
_JOINTS: Final = frozenset("-_.:")
"""A part of a name or of a UUID has only digits now and then: it is no number for that."""
_BEFORE_VALUE: Final = re.compile(r"\s*(?:- )*(?:[\w./-]+:\s+)?")


class Chances(Struct, frozen=True):
    """Where a chart makes something up, and where it asks for the time.

    Each: templates, by their path from `templates/` on; None where what they make may come out
    anywhere.
    """

    made_up: Templates | None = frozenset()
    timed: Templates | None = frozenset()


def find_chances(chart: Path) -> Chances:
    """What a chart, its subcharts and its values make up."""
    try:
        found = dict(chart_files(chart, _may_act))
    except (ArchiveError, OSError):
        return Chances()
    calls = {path: names for path, content in found.items() if (names := _calls(content))}
    timed = [path for path, names in calls.items() if _CLOCK in names]
    return Chances(_coming_out(calls, found), _coming_out(timed, found))


def may_show(templates: Templates | None, rendered: Rendered) -> bool:
    """Whether a report may show something of what these templates make."""
    if templates is None:
        return True
    return any(
        _below_templates(name) in templates and _KEPT.search(text)
        for name, text in rendered.templates.items()
    )


def masked(
    first: Rendered, again: Callable[[], Rendered], chances: Chances, finished: float
) -> Rendered:
    """What was rendered, with a mask over whatever differs when it is rendered again.

    It is not rendered again where no report could tell. finished: when it had been rendered first
    (`time.monotonic`). Where it cannot be rendered again it stays as it is.
    """
    if not first.templates or not may_show(chances.made_up, first):
        return first
    if may_show(chances.timed, first):
        time.sleep(max(finished + _TICK - time.monotonic(), 0))
    try:
        second = again().templates
    except RenderError:
        return first
    texts = {name: mask(text, second.get(name, text)) for name, text in first.templates.items()}
    return replace(first, templates=texts)


def mask(text: str, other: str) -> str:
    """A text with a mask over each word that is not the same in the other; lines stay lines.

    Texts of different lengths are too different to tell: the text itself is given.
    """
    if text == other:
        return text
    lines, others = text.split("\n"), other.split("\n")
    if len(lines) != len(others):
        return text
    return "\n".join(_masked_line(*pair) for pair in zip(lines, others, strict=True))


def _masked_line(line: str, other: str) -> str:
    if line == other:
        return line
    tokens, others = _TOKEN.findall(line), _TOKEN.findall(other)
    if len(tokens) == len(others):
        return "".join(_masked_tokens(tokens, others))
    start = _BEFORE_VALUE.match(line)
    return f"{start[0] if start else ''}{MASK}"


def _masked_tokens(tokens: list[str], others: list[str]) -> Iterator[str]:
    around = zip(["", *tokens[:-1]], [*tokens[1:], ""], strict=True)
    for token, other, neighbours in zip(tokens, others, around, strict=True):
        if token == other:
            yield token
        elif token.isdecimal() and other.isdecimal() and _JOINTS.isdisjoint(neighbours):
            yield _DIGITS
        else:
            yield MASK


def _may_act(path: str) -> bool:
    return "templates/" in path or path.endswith("values.yaml")


def _calls(content: bytes) -> frozenset[bytes]:
    """The functions of chance that the actions of a file call."""
    if not _MAKES_UP.search(content):
        return frozenset()
    actions = (_LITERAL.sub(b"", action[0]) for action in _ACTION.finditer(content))
    return frozenset(found for action in actions for found in _MAKES_UP.findall(action))


def _coming_out(paths: Collection[str], found: Mapping[str, bytes]) -> Templates | None:
    """The templates alone in whose output it is what some files make; None where there are none."""
    names = [path.rpartition("/")[2].encode() for path in paths]
    for path, content in found.items():
        if path in paths:
            if "templates/" not in path or _DEFINES.search(content):
                return None
        elif any(name in content for name in names):  # included as a whole, mostly for a checksum
            return None
    return frozenset(map(_below_templates, paths))


def _below_templates(path: str) -> str:
    return path.partition("templates/")[2]
