"""The format `github`: annotations as GitHub workflow commands.

A step shows at most ten errors, ten warnings and ten notices (actions/runner `ExecutionContext`
`_maxCountPerIssueType`) and truncates messages at 4096 characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from auditor.audit.report import Report
from auditor.checks.findings import Finding, Severity
from auditor.checks.wording import count
from auditor.errors import Problem
from auditor.formats import escape
from auditor.formats.catalog import Style
from auditor.formats.excerpt import repository_path, split_place

MAX_PER_LEVEL: Final = 10
MAX_MESSAGE: Final = 4000
_LEVELS: Final = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "notice",
}


class Annotation(Struct, frozen=True):
    """A workflow command.

    Attributes:
        properties: Ordered; empty values are omitted.
    """

    level: str
    message: str
    properties: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        written = ",".join(
            f"{key}={escape.workflow_property(escape.terminal(value))}"
            for key, value in self.properties
            if value
        )
        message = escape.workflow_data(self.message[:MAX_MESSAGE])
        return f"::{self.level}{' ' if written else ''}{written}::{message}\n"


def write_github(report: Report, style: Style) -> str:
    """Write annotations, most severe first, with a final notice about omitted ones."""
    del style
    findings = sorted(report.findings, key=lambda finding: -finding.severity)
    annotations = [*map(_of_problem, report.problems), *map(_of_finding, findings)]
    return "".join(map(str, _bounded(annotations)))


def _bounded(annotations: list[Annotation]) -> Iterator[Annotation]:
    """Yield the first ten annotations of each level and, if any are omitted, a notice."""
    often = Counter(annotation.level for annotation in annotations)
    overflow = any(number > MAX_PER_LEVEL for number in often.values())
    limits = dict.fromkeys(_LEVELS.values(), MAX_PER_LEVEL)
    if overflow:
        limits["notice"] -= 1
    shown: Counter[str] = Counter()
    for annotation in annotations:
        if shown[annotation.level] < limits[annotation.level]:
            shown[annotation.level] += 1
            yield annotation
    if left := len(annotations) - shown.total():
        text = f"{count(left, 'more annotation')} of podfit: see the job summary or the report"
        yield Annotation("notice", text, (("title", "podfit"),))


def _of_finding(finding: Finding) -> Annotation:
    seen = finding.observation
    location = seen.location
    parts = [f"{location}: {seen.message}"]
    parts += [f"{label}: {text}" for label, text in (("why", seen.why), ("fix", seen.fix)) if text]
    parts += [f"note: {item.observation.message} [{item.rule}]" for item in finding.explanations]
    if location.note:
        parts.append(location.note)
    return Annotation(
        _LEVELS[finding.severity],
        "\n".join(map(escape.terminal, parts)),
        (
            ("title", f"podfit: {finding.rule}"),
            ("file", repository_path(seen)),
            ("line", str(location.file_line)),
            ("col", "" if location.rendered else str(location.column)),
        ),
    )


def _of_problem(problem: Problem) -> Annotation:
    path, line = split_place(problem.where)
    parts = [f"{problem.where}: {problem.what}" if problem.where else problem.what]
    parts += [*escape.lines(problem.why), *((f"help: {problem.hint}",) if problem.hint else ())]
    return Annotation(
        "error",
        "\n".join(map(escape.terminal, parts)),
        (
            ("title", "podfit: not audited"),
            ("file", path),
            ("line", str(line) if path else ""),
        ),
    )
