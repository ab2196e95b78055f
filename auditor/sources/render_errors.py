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
_JUDGEMENTS: Final = {
    r"^execution error at": ("refuses its values", "set what it asks for with -f or --set"),
    r"specifications of the schema": (
        "does not accept its values: they break its schema",
        "give other values with -f or --set",
    ),
    r"^chart requires kubeVersion": (
        "does not support this version of Kubernetes",
        "say the version of your clusters with --kube-version",
    ),
    r"invalid (kube|semantic) version": (
        "was not rendered: --kube-version is no version",
        "write it as 1.31 or v1.31.2",
    ),
    r"release name": (
        "was not rendered: Helm does not accept --release-name",
        "use at most 53 lower-case letters, digits and hyphens",
    ),
    r"failed parsing --set": (
        "was not rendered: Helm cannot read a --set",
        "write it as key.path=value",
    ),
    r"^parse error at": ("has a template that Helm cannot parse", "mend the template"),
    _PLACE.pattern: ("has a template that fails", "set the values it needs, or mend the template"),
    r"": ("cannot be rendered", "`helm lint` and `helm template` say more"),
}
"""What a refusal amounts to, as the end of a sentence on the chart, and what to do; first match."""
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
    what, hint = next(said for key, said in _JUDGEMENTS.items() if re.search(key, text))
    return SourceError(
        f"chart {chart.name} {what}", where=_place(text, chart), why=text, hint=hint
    ).problem


def _place(text: str, chart: Chart) -> str:
    match = _PLACE.search(text)
    if match is None:
        return chart.shown
    path = chart.template_path(match["template"])
    return ":".join(filter(None, (path, match["line"], match["column"])))


def _first_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[:3])
