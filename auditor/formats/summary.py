"""The result of each workload, and the totals of a report."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Final

from msgspec import Struct

from auditor.audit.report import Report
from auditor.checks.assessment import Assessment, same_place
from auditor.checks.findings import Finding, Severity
from auditor.checks.wording import count, unique
from auditor.formats.terminal import TIE, Look, Pen
from auditor.kubernetes.workloads import Workload
from auditor.policy.ignores import Layer
from auditor.scheduling.placement import Verdict


class Outcome(Enum):
    """Outcome of a workload, most severe first."""

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
"""Most severe first."""

LOOKS: Final[Mapping[Severity, Look]] = {
    Severity.ERROR: Look.BAD,
    Severity.WARNING: Look.CAUTION,
    Severity.INFO: Look.NOTE,
}


class Result(Struct, frozen=True):
    """Result of a workload.

    Attributes:
        outcome: The outcome.
        rules: The rules that cause an error, warning, info or ignored outcome.
        text: Shown instead of the rules.
    """

    outcome: Outcome
    rules: tuple[str, ...] = ()
    text: str = ""

    def __str__(self) -> str:
        return self.text or ", ".join(self.rules)


def results(report: Report) -> tuple[Result, ...]:
    """Return the result of each assessment, in the order of the report."""
    found = _by_workload(report.findings)
    suppressed = _by_workload(item.finding for item in report.suppressed)
    return tuple(
        _result(assessment, _of(assessment.workload, found), _of(assessment.workload, suppressed))
        for assessment in report.assessments
    )


_ByWorkload = Mapping[tuple[Hashable, str], Sequence[Finding]]
"""Findings by the place of their workload and by variant."""


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
    """Return a key that is unique for each workload of a report."""
    return same_place(workload), workload.variants


def _result(
    assessment: Assessment, found: Sequence[Finding], suppressed: Sequence[Finding]
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
    if suppressed:
        rules = unique(sorted(finding.rule for finding in suppressed))
        return Result(Outcome.IGNORED, rules, f"ignored: {', '.join(rules)}")
    if assessment.failing:
        return Result(Outcome.IGNORED, text="cannot run, no rule applied")
    return Result(Outcome.OK, text="ok")


def totals_lines(report: Report, pen: Pen) -> Iterator[str]:
    """Yield the line of totals, wrapped between its parts."""
    mark, look = MARKS[overall(report)]
    clean = overall(report) is Outcome.OK
    start = f"{verdict(report)} in {scope(report)}" if clean else verdict(report)
    parts = [start, *(() if clean else (scope(report),)), *reservations(report)]
    dot = pen.glyph("·")
    whole = f" {dot} ".join(pen.glyph(part).replace(" ", TIE) for part in parts)
    yield from (pen.paint(line, look) for line in pen.wrap(whole, f"{pen.glyph(mark)} "))


def overall(report: Report) -> Outcome:
    """Return the outcome of the audit: that of its most severe finding."""
    if report.findings:
        return Outcome(str(max(finding.severity for finding in report.findings)))
    return Outcome.UNKNOWN if report.incomplete or report.partial else Outcome.OK


def verdict(report: Report) -> str:
    """Return the number of findings, such as `2 errors, 1 warning`, or `No problems`."""
    totals = report.totals
    parts = ((totals.errors, "error"), (totals.warnings, "warning"), (totals.infos, "info"))
    if report.findings:
        return ", ".join(count(number, noun) for number, noun in parts if number)
    if report.incomplete:
        return "No findings, but the audit is incomplete"
    return "No problems in what was audited" if report.partial else "No problems"


def scope(report: Report) -> str:
    """Return what was audited, such as `12 workloads, 9 images`."""
    totals = report.totals
    return f"{count(totals.workloads, 'workload')}, {count(totals.images, 'image')}"


def reservations(report: Report) -> tuple[str, ...]:
    """Return the limitations of the verdict, such as suppressed findings or unresolved images."""
    totals = report.totals
    parts = (
        (totals.suppressed, _suppressed(report)),
        (totals.unresolved, f"{count(totals.unresolved, 'image')} unresolved"),
        (totals.unstated, f"{count(totals.unstated, 'workload')} without a stated image"),
        (totals.undecided, f"{count(totals.undecided, 'placement')} undecided"),
        (totals.problems, f"{count(totals.problems, 'part')} not audited"),
        (totals.unaudited, f"{count(totals.unaudited, 'object')} not audited"),
        (totals.accepted, f"{count(totals.accepted, 'part')} not audited (accepted)"),
        (report.incomplete and bool(report.findings), "audit incomplete"),
    )
    return tuple(text for number, text in parts if number)


def _suppressed(report: Report) -> str:
    """Return the number of suppressed findings, with those of the baseline."""
    baselined = sum(item.by == Layer.BASELINE.value for item in report.suppressed)
    known = f" ({baselined} by the baseline)" if baselined else ""
    return f"{len(report.suppressed)} suppressed{known}"
