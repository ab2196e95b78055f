"""Signs and looks of outcomes and severities, all one column wide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.findings import Severity
from auditor.formats.pen import Look
from auditor.formats.words import Outcome

MARKS: Final[Mapping[Outcome, tuple[str, Look]]] = {
    Outcome.ERROR: ("✗", Look.BAD),
    Outcome.WARNING: ("!", Look.CAUTION),
    Outcome.INFO: ("i", Look.NOTE),
    Outcome.UNKNOWN: ("?", Look.CAUTION),
    Outcome.IGNORED: ("-", Look.FAINT),
    Outcome.OK: ("✓", Look.GOOD),
}
"""The worst first."""

LOOKS: Final[Mapping[Severity, Look]] = {
    Severity.ERROR: Look.BAD,
    Severity.WARNING: Look.CAUTION,
    Severity.INFO: Look.NOTE,
}
