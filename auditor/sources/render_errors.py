"""From what Helm says to what the user should know: what failed, where, and what to do."""

from __future__ import annotations

import re
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.sources.chart import Chart
from auditor.sources.rendering import Cause, RenderError

_PLACE: Final = re.compile(
    r"(?P<template>[^\s:()\"']+/(?:templates|charts)/[^\s:()\"']+):(?P<line>\d+)(?::(?P<column>\d+))?"
)
_HINTS: Final = {
    Cause.TIMEOUT: "a template may loop without end; leave the chart out if it is not yours",
    Cause.MEMORY: "a template may repeat something without end; leave the chart out",
    Cause.RECURSION: "look for an include or tpl that leads back to itself",
    Cause.SIZE: "leave the chart out, or set values that make it render less",
    Cause.CRASH: "this may be a bug in Helm; `--renderer cli` uses the helm program instead",
}


def explain(error: RenderError, chart: Chart) -> Problem:
    """A failed rendering as a problem of the chart."""
    if error.cause is Cause.REFUSED:
        return _refusal(error.text, chart)
    return SourceError(
        f"chart {chart.name} could not be rendered: {error.cause.value}",
        where=chart.shown,
        why=_first_lines(error.text),
        hint=_HINTS[error.cause],
    ).problem


def _refusal(text: str, chart: Chart) -> Problem:
    what, hint = _judgement(text)
    return SourceError(
        f"chart {chart.name} {what}", where=_place(text, chart), why=text, hint=hint
    ).problem


def _judgement(text: str) -> tuple[str, str]:
    if text.startswith("execution error at"):
        return "refuses these values", "set the value it asks for with -f or --set"
    if "specifications of the schema" in text:
        return (
            "does not accept these values: its schema forbids them",
            "correct the values given with -f or --set, or the chart's own",
        )
    if "parse error at" in text:
        return "has a template that Helm cannot parse", "mend the template"
    if _PLACE.search(text):
        return "has a template that fails", "set the values it needs, or mend the template"
    return "cannot be loaded", "`helm lint` says more"


def _place(text: str, chart: Chart) -> str:
    match = _PLACE.search(text)
    if match is None:
        return chart.shown
    path = chart.template_path(match["template"])
    return ":".join(filter(None, (path, match["line"], match["column"])))


def _first_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[:3])
