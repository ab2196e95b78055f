"""How each workload came out: the last column of its row, with the sign before it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from auditor.assessment import Assessment
from auditor.findings import Finding, Severity
from auditor.formats.pen import Look
from auditor.phrases import unique
from auditor.placement import Verdict
from auditor.report import Report
from auditor.variants import same_place
from auditor.workloads import Workload


class Outcome(Enum):
    """How a workload came out, the worst first."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    UNKNOWN = "unknown"
    IGNORED = "ignored"
    OK = "ok"


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


@dataclass(frozen=True, slots=True)
class Result:
    """The last column of a workload's row. rules: behind an error, warning, info or ignored."""

    outcome: Outcome
    rules: tuple[str, ...] = ()
    text: str = ""

    def __str__(self) -> str:
        return self.text or ", ".join(self.rules)


def results(report: Report) -> tuple[Result, ...]:
    """How each workload came out, in the order of the report's assessments."""
    found = _by_workload(report.findings)
    silenced = _by_workload(item.finding for item in report.suppressed)
    return tuple(
        _result(assessment, _of(assessment.workload, found), _of(assessment.workload, silenced))
        for assessment in report.assessments
    )


_ByWorkload = Mapping[tuple[Hashable, str], Sequence[Finding]]
"""Findings by the place of their workload, and by each variant that shows them."""


def _by_workload(findings: Iterable[Finding]) -> _ByWorkload:
    found: dict[tuple[Hashable, str], list[Finding]] = {}
    for finding in findings:
        place = same_place(finding.observation.workload)
        for variant in finding.variants or ("",):
            found.setdefault((place, variant), []).append(finding)
    return found


def _of(workload: Workload, findings: _ByWorkload) -> tuple[Finding, ...]:
    place = same_place(workload)
    found = {
        id(finding): finding
        for variant in workload.variants or ("",)
        for finding in findings.get((place, variant), ())
    }
    return tuple(found.values())


def workload_key(workload: Workload) -> Hashable:
    """Tells a workload from every other of a report."""
    return same_place(workload), workload.variants


def _result(
    assessment: Assessment, found: Sequence[Finding], silenced: Sequence[Finding]
) -> Result:
    if found:
        ordered = sorted(found, key=lambda finding: (-finding.severity, finding.rule))
        outcome = Outcome(str(ordered[0].severity))
        return Result(outcome, unique(finding.rule for finding in ordered))
    if assessment.unresolved:
        return Result(Outcome.UNKNOWN, text="image unresolved")
    if any(fit.placement.verdict is Verdict.UNDECIDED for fit in assessment.fits):
        return Result(Outcome.UNKNOWN, text="undecided")
    if not assessment.uses:
        return Result(Outcome.UNKNOWN, text="image not stated")
    if silenced:
        rules = unique(sorted(finding.rule for finding in silenced))
        return Result(Outcome.IGNORED, rules, f"ignored: {', '.join(rules)}")
    if assessment.failing:
        return Result(Outcome.IGNORED, text="cannot run, no rule applied")
    return Result(Outcome.OK, text="ok")
