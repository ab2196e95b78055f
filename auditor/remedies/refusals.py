"""Which keys Helm complains of when it does not render a chart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from auditor.remedies.keys import Key
from auditor.sources.chart import SUBCHARTS

_BROKEN: Final = re.compile(
    r"^(?P<chart>[\w.-]+):$|^- (?:at '/(?P<pointer>[^']*)'|(?P<dotted>[\w.-]+)): ", re.MULTILINE
)
"""Where values break a schema: the chart on a line of its own, then a line for each place, as a
JSON pointer (from Helm 3.18 on) or with dots."""
_EXECUTING: Final = re.compile(r'executing "(?P<template>[^"]+)" at <(?P<at>[^>]*)>')
_VALUES: Final = re.compile(r"(?:^|[\s($])\.Values\.([\w.]+)")
_WANTS_TEXT: Final = "wrong type for value; expected string"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a message of Helm's says of keys.

    chart: the name of the chart itself. broken: places that break a schema: the name of their
    chart, and the path in its values. named: keys that the failing expression names. below: where
    the values of the chart stand whose template fails; None where none does. wants_text: it wants
    text, and got something else.
    """

    chart: str = ""
    broken: tuple[tuple[str, tuple[str, ...]], ...] = ()
    named: frozenset[Key] = frozenset()
    below: Key | None = None
    wants_text: bool = False

    def names(self, key: Key) -> bool:
        """Whether it is this key, or something within it, that Helm complains of."""
        parts = tuple(map(str, key))
        return key in self.named or any(
            path[: len(parts) - start] == parts[start:]
            for chart, path in self.broken
            for start in range(len(parts))
            if chart == (parts[start - 1] if start else self.chart)
        )


def read_refusal(message: str, chart: str) -> Refusal:
    """What can be read from a message on a chart; nothing, where it is of another kind."""
    broken = tuple(_broken(message))
    match = _EXECUTING.search(message)
    if match is None:
        return Refusal(chart, broken)
    below = _values_of(match["template"])
    named = (tuple(path.split(".")) for path in _VALUES.findall(match["at"]))
    return Refusal(
        chart, broken, frozenset((*below, *path) for path in named), below, _WANTS_TEXT in message
    )


def _broken(message: str) -> list[tuple[str, tuple[str, ...]]]:
    chart = ""
    places: list[tuple[str, tuple[str, ...]]] = []
    for match in _BROKEN.finditer(message):
        if match["chart"]:
            chart = match["chart"]
        else:
            path = match["dotted"] or match["pointer"].replace("/", ".")
            places.append((chart, tuple(path.split("."))))
    return places


def _values_of(template: str) -> Key:
    """Where the values of a template's chart stand: Helm calls it `parent/charts/alias/...`."""
    parts = PurePosixPath(template).parts[1:]
    key: Key = ()
    while len(parts) > 1 and parts[0] == SUBCHARTS:
        key, parts = (*key, parts[1]), parts[2:]
    return key
