"""What a chart makes up anew each time it is rendered, and a mask over it.

160 of 506 charts of a survey never render twice alike: passwords, certificates, names of test pods.
None of that may reach a report, or no two reports would be the same.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from auditor.sources.archives import ArchiveError
from auditor.sources.contents.chart_files import chart_files
from auditor.sources.rendering import Rendered, RenderError

MASK: Final = "RANDOM"
"""Stands for what is made up: `web-test-RANDOM`."""
_DIGITS: Final = "1"
"""The same for a number, so that it stays one."""

_MAKES_UP: Final = re.compile(
    rb"\{\{-?[^/{}][^{}]*?\b(?P<what>rand(?:Alpha|AlphaNum|Ascii|Bytes|Int|Numeric)|uuidv4|shuffle"
    rb"|gen(?:CA|PrivateKey|SelfSignedCert|SignedCert)(?:WithKey)?|bcrypt|htpasswd|encryptAES|now)\b"
)
"""The functions of templates whose result is another each time."""
_TICK: Final = 1.05
"""Seconds after which what a template makes of `now` differs; most charts write down seconds."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9+/=]+|[^A-Za-z0-9+/=]")
"""Names are cut at their hyphens; what is in base64 stays in one piece."""
_JOINTS: Final = frozenset("-_.:")
"""A part of a name or of a UUID has only digits now and then: it is no number for that."""
_BEFORE_VALUE: Final = re.compile(r"\s*(?:- )*(?:[\w./-]+:\s+)?")


def makes_up(chart: Path) -> frozenset[str]:
    """The functions in a chart, its subcharts and its values whose result is another each time."""
    try:
        found = chart_files(chart, _may_act)
        return frozenset(
            match["what"].decode() for _, content in found for match in _MAKES_UP.finditer(content)
        )
    except (ArchiveError, OSError):
        return frozenset()


def masked(
    first: Rendered, again: Callable[[], Rendered], functions: frozenset[str], finished: float
) -> Rendered:
    """What was rendered, with a mask over whatever differs when it is rendered again.

    functions: as `makes_up` says; without any it is not rendered again. finished: when it had been
    rendered first (`time.monotonic`). Where it cannot be rendered again it stays as it is.
    """
    if not functions or not first.templates:
        return first
    if "now" in functions:
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
