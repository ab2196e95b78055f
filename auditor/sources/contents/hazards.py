"""What in a chart would make Helm read something outside of it: links and schema references."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.sources.contents.chart_files import chart_files, walk_chart

SCHEMA_FILE: Final = "values.schema.json"
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef", "$schema")
_BUILT_IN: Final = ("http://json-schema.org/", "https://json-schema.org/")
"""The drafts themselves, which Helm's validator carries with it."""
_MAX_SCHEMA: Final = 5 << 20
"""Bytes: Helm's own bound on a file of a chart."""


@dataclass(frozen=True, slots=True, order=True)
class Hazard:
    """A file of a chart that leads out of it.

    path: below the chart; into the archive of a subchart as if that were a folder. target: where it
    leads. is_schema: by a reference in a values schema, not by a link.
    """

    path: str
    target: str
    is_schema: bool = False


def find_hazards(chart: Path) -> tuple[Hazard, ...]:
    """Everything in a chart's folder or archive that leads out of it, sorted.

    Raises ArchiveError where that cannot be told, and OSError.
    """
    found = {
        Hazard(entry.path, str(entry.file.readlink()))
        for entry in (() if chart.is_file() else walk_chart(chart))
        if entry.leads_out
    }
    for path, content in chart_files(chart, _is_schema):
        found |= {Hazard(path, name, is_schema=True) for name in external_references(content)}
    return tuple(sorted(found))


def external_references(schema: bytes) -> frozenset[str]:
    """The references of a JSON schema that lead out of it.

    All but `#...` count, whatever `$id` says: each draft ignores it in other places, and a schema
    that names the network twice must not get there once. What is no JSON counts as leading out.
    """
    if len(schema) > _MAX_SCHEMA:
        return frozenset(("what cannot be read",))
    try:
        pending = [json.loads(schema.decode("utf-8", "replace"))]
    except (ValueError, RecursionError):
        return frozenset(("what cannot be read",))
    found: set[str] = set()
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            named = [value.get(key) for key in _REFERENCES]
            found.update(name for name in named if isinstance(name, str))
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return frozenset(name for name in found if not name.startswith(("#", *_BUILT_IN)))


def _is_schema(path: str) -> bool:
    return path.rpartition("/")[2] == SCHEMA_FILE
