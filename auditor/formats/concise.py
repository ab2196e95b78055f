"""The format `concise`: one line per finding, in the style of compilers."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.audit.report import Report
from auditor.checks.wording import count
from auditor.formats import escape
from auditor.formats.catalog import Style
from auditor.formats.summary import LOOKS
from auditor.formats.terminal import Look, Pen
from auditor.formats.wording import rule_urls


def write_concise(report: Report, style: Style) -> str:
    """Write `path:line:column: severity[rule] message (fix)` for each finding."""
    return escape.log("".join(f"{line}\n" for line in _lines(report, Pen(style))))


def _lines(report: Report, pen: Pen) -> Iterator[str]:
    urls = rule_urls(report)
    for finding in report.findings:
        seen = finding.observation
        rule = pen.link(pen.text(finding.rule), urls.get(finding.rule, ""))
        severity = pen.paint(f"{finding.severity}[{rule}]", LOOKS[finding.severity])
        fix = f" ({pen.text(seen.fix)})" if seen.fix else ""
        place = f"{seen.location.path}:{seen.location.file_line}:{seen.location.file_column}"
        yield f"{pen.text(place)}: {severity} {pen.text(seen.message)}{fix}"
    for problem in report.problems:
        where = pen.text(problem.where) or "podfit"
        why = f" ({pen.text(' '.join(escape.lines(problem.why)))})" if problem.why else ""
        yield f"{where}: {pen.paint('not audited:', Look.BAD)} {pen.text(problem.what)}{why}"
    for item in report.accepted:
        yield f"podfit: {pen.paint('not audited:', Look.CAUTION)} {pen.text(item.note)}"
    if report.unaudited:
        text = f"{count(report.unaudited, 'object')} that may make pods"
        yield f"podfit: {pen.paint('not audited:', Look.BAD)} {text}"
