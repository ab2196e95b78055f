"""A chart as Helm may read it: nothing in it leads out of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from auditor.errors import Problem, SourceError
from auditor.sources.archives import ArchiveError
from auditor.sources.chart import Chart
from auditor.sources.contents.hazards import Hazard, find_hazards
from auditor.sources.contents.staging import without_files


@contextlib.contextmanager
def made_safe(chart: Chart) -> Iterator[tuple[Chart, tuple[Problem, ...]]]:
    """The chart, and what was left out of it because it leads out: links, schema references.

    The chart itself where nothing does; else a copy, whose `path` lives as long as the context.
    Raises SourceError where it cannot be read whole, or not be copied.
    """
    hazards = _hazards(chart)
    if not hazards:
        yield chart, ()
        return
    problems = tuple(_problem(hazard, chart) for hazard in hazards)
    with without_files(chart.path, {hazard.path for hazard in hazards}) as copy:
        yield replace(chart, path=copy), problems


@contextlib.contextmanager
def safe_copy(chart: Chart) -> Iterator[Path]:
    """A copy of the chart's folder without what leads out. Raises SourceError."""
    with without_files(chart.path, {hazard.path for hazard in _hazards(chart)}) as copy:
        yield copy


def _hazards(chart: Chart) -> tuple[Hazard, ...]:
    try:
        return find_hazards(chart.path)
    except (OSError, ArchiveError) as error:
        raise SourceError(
            f"chart {chart.name} cannot be read",
            where=chart.shown,
            why=str(error),
            hint="`helm lint` may say more; leave the chart out if it is not yours",
        ) from error


def _problem(hazard: Hazard, chart: Chart) -> Problem:
    where = f"{chart.shown}/{hazard.path}"
    if hazard.is_schema:
        return SourceError(
            f"the values of chart {chart.name} were not checked against a schema",
            where=where,
            why=f"the schema refers to {hazard.target}, which podfit does not read",
            hint="`helm lint` checks it; what the chart renders was audited",
        ).problem
    return SourceError(
        f"a link leads out of chart {chart.name}, and was left out",
        where=where,
        why=f"it leads to {hazard.target}",
        hint="put a copy of the file into the chart",
    ).problem
