"""The format `values`: for each chart, the values that resolve its findings.

It has one YAML document for each chart and for each variant with findings of its own. Helm reads
only the first document of a file, so audit a single chart to use the output with `helm -f`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.audit.report import Overlay, Report
from auditor.checks.wording import count, listed
from auditor.formats import escape
from auditor.formats.catalog import Style

_NOTHING: Final = "# no chart needs values to resolve a finding\n{}\n"


def write_values(report: Report, style: Style) -> str:
    """Write the values, or an empty mapping if no chart needs any."""
    del style
    return "---\n".join(map(_document, report.overlays)) or _NOTHING


def _document(overlay: Overlay) -> str:
    notes = "".join(f"# {escape.visible(note)}\n" for note in _notes(overlay))
    return notes + (overlay.text or "{}\n")


def _notes(overlay: Overlay) -> Iterator[str]:
    shown = f"{overlay.chart} with {overlay.variant}" if overlay.variant else overlay.chart
    yield f"{shown}: resolves {overlay.resolved} of {count(overlay.findings, 'finding')}"
    if overlay.unreached:
        yield f"podfit found no value that sets {listed(overlay.unreached)}"
    yield from overlay.objections
