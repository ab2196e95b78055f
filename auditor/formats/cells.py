"""Cells of a terminal's table: each says as much as the given number of columns holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from auditor.assessment import ImageUse
from auditor.formats.outcomes import Result
from auditor.formats.pen import Pen, cut, width_of
from auditor.formats.words import runs_on_use

Cell = Callable[[int], str]
"""The text for a number of columns, never wider."""

_DIGEST: Final = re.compile(r"@(sha\d+:)([0-9a-f]{7})[0-9a-f]+$")
_SHORT_KINDS: Final = {
    "CronJob": "cj",
    "DaemonSet": "ds",
    "Deployment": "deploy",
    "Pod": "po",
    "ReplicaSet": "rs",
    "ReplicationController": "rc",
    "StatefulSet": "sts",
}
"""As `kubectl api-resources` abbreviates them."""
_DETAILS: Final = (3, 2, 0)
"""Words for each system of an image, from the most to none."""


def empty(width: int) -> str:
    del width
    return ""


def plain(text: str, pen: Pen) -> Cell:
    """Beginning and end of a text."""
    return lambda width: cut(pen.text(text), width, pen.glyph("…"))


def beside(left: Cell, right: Cell, widths: tuple[int, int], gap: int) -> Cell:
    """Two cells as one. widths: what each may take; the left one gives where there is no room."""

    def both(width: int) -> str:
        room = max(min(widths[0], width - gap - widths[1]), 0)
        text = left(room)
        return f"{text}{' ' * (room - width_of(text) + gap)}{right(widths[1])}"

    return both


def workload(text: str, pen: Pen) -> Cell:
    """A workload's name: its kind is abbreviated before the middle goes."""
    return partial(_workload, pen.text(text), pen=pen)


def image(text: str, pen: Pen, *, lead: str = "") -> Cell:
    """An image's name: the digest is shortened first, then the host goes, then the middle."""
    return partial(_image, pen.text(text) or "(none)", lead=pen.glyph(lead), pen=pen)


def platforms(use: ImageUse, pen: Pen) -> Cell:
    """What an image runs on."""
    return partial(_platforms, use, pen=pen)


def result(item: Result, pen: Pen) -> Cell:
    """All rules, else the first of them and the number of the others."""
    return partial(_result, item, pen=pen)


def _workload(text: str, width: int, *, pen: Pen) -> str:
    kind, slash, name = text.partition("/")
    if width_of(text) > width and kind in _SHORT_KINDS:
        text = f"{_SHORT_KINDS[kind]}{slash}{name}"
    return cut(text, width, pen.glyph("…"))


def _image(text: str, width: int, *, lead: str, pen: Pen) -> str:
    dots = pen.glyph("…")
    room = width - width_of(lead)
    short = _DIGEST.sub(rf"@\2{dots}", text)
    parts = short.split("/")
    candidates = [_DIGEST.sub(rf"@\1\2{dots}", text), short]
    candidates += ["/".join((dots, *parts[index:])) for index in range(1, len(parts))]
    fitting = (candidate for candidate in candidates if width_of(candidate) <= room)
    return cut(lead + next(fitting, cut(candidates[-1], room, dots)), width, dots)


def _platforms(use: ImageUse, width: int, *, pen: Pen) -> str:
    texts = [pen.text(runs_on_use(use, limit)) for limit in _DETAILS]
    fitting = (text for text in texts if width_of(text) <= width)
    return next(fitting, cut(texts[-1], width, pen.glyph("…")))


def _result(item: Result, width: int, *, pen: Pen) -> str:
    text = pen.text(str(item))
    if width_of(text) > width and len(item.rules) > 1 and not item.text:
        more = f" +{len(item.rules) - 1}"
        return cut(pen.text(item.rules[0]), width - len(more), pen.glyph("…")) + more
    return cut(text, width, pen.glyph("…"))
