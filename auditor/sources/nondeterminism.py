"""Mask random and time-dependent text in rendered charts, so that reports are reproducible.

160 of 506 surveyed charts render differently each time: passwords, certificates, names of test
pods.
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
from auditor.sources.template_graph import below_templates, random_calls

MASK: Final = "RANDOM"
"""Replaces random text: `web-test-RANDOM`."""
_DIGITS: Final = "1"
"""Replaces random numbers."""

Templates = frozenset[str]

_CLOCK: Final = b"now"
_DEFINES: Final = re.compile(rb"\{\{-?\s*define\b")
_KEPT: Final = re.compile(r"\bkind\b(?!:\s*(?:Secret|ConfigMap)\s*$)", re.MULTILINE)
"""An object whose text may appear in a report."""
_TICK: Final = 1.05
"""Seconds after which the result of `now` differs; most charts print it with seconds."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9+/=]+|[^A-Za-z0-9+/=]")
"""Names are split at their hyphens; base64 stays in one piece."""
_JOINTS: Final = frozenset("-_.:")
"""Digits next to one of these are part of a name or UUID, not a number."""
_BEFORE_VALUE: Final = re.compile(r"\s*(?:- )*(?:[\w./-]+:\s+)?")


class RandomTemplates(Struct, frozen=True):
    """The templates of a chart whose output differs each time.

    Templates are paths below `templates/`; None means that any template may be affected.

    Attributes:
        changing: Templates that call a random function or `now`.
        timed: Templates that call `now`.
    """

    changing: Templates | None = frozenset()
    timed: Templates | None = frozenset()


def find_random_templates(chart: Path) -> RandomTemplates:
    """Find calls of random functions and `now` in a chart, its subcharts and its values."""
    try:
        found = dict(chart_files(chart, _may_call))
    except (ArchiveError, OSError):
        return RandomTemplates()
    calls = {path: names for path, content in found.items() if (names := random_calls(content))}
    timed = [path for path, names in calls.items() if _CLOCK in names]
    return RandomTemplates(_affected(calls, found), _affected(timed, found))


def may_show(templates: Templates | None, rendered: Rendered) -> bool:
    """Whether a report may show output of these templates."""
    if templates is None:
        return True
    return any(
        below_templates(name) in templates and _KEPT.search(text)
        for name, text in rendered.templates.items()
    )


def masked(
    first: Rendered, again: Callable[[], Rendered], random: RandomTemplates, finished: float
) -> Rendered:
    """Return the rendered chart with all text masked that differs when it is rendered again.

    The chart is rendered again only if a report may show the difference. If that fails, the first
    result is returned.

    Args:
        finished: The time of the first rendering (`time.monotonic`).
    """
    if not first.templates or not may_show(random.changing, first):
        return first
    if may_show(random.timed, first):
        time.sleep(max(finished + _TICK - time.monotonic(), 0))
    try:
        second = again().templates
    except RenderError:
        return first
    texts = {name: mask(text, second.get(name, text)) for name, text in first.templates.items()}
    return replace(first, templates=texts)


def mask(text: str, other: str) -> str:
    """Mask each word of a text that differs in the other; the number of lines does not change.

    If the numbers of lines differ, the text is returned unchanged.
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


def _may_call(path: str) -> bool:
    return "templates/" in path or path.endswith("values.yaml")


def _affected(paths: Collection[str], found: Mapping[str, bytes]) -> Templates | None:
    """Return the templates whose output depends on these files; None if it may be any template."""
    names = [path.rpartition("/")[2].encode() for path in paths]
    for path, content in found.items():
        if path in paths:
            if "templates/" not in path or _DEFINES.search(content):
                return None
        elif any(name in content for name in names):  # included by path, mostly for a checksum
            return None
    return frozenset(map(below_templates, paths))
