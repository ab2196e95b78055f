"""The format `markdown`, for GitHub job summaries, pull request comments and wikis.

GitHub rejects a summary above 1 MiB (actions/runner `AttachmentSizeLimit`), so long sections are
truncated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from auditor.audit.report import Report
from auditor.checks.findings import Finding, Observation
from auditor.checks.wording import count, unique
from auditor.errors import Problem
from auditor.formats.catalog import Style
from auditor.formats.escape import lines, markdown, markdown_code, markdown_prose
from auditor.formats.excerpt import excerpt, source_link
from auditor.formats.summary import MARKS, reservations, results, scope, verdict
from auditor.formats.table import REASONABLE
from auditor.formats.wording import (
    explained,
    may_land,
    notes_of,
    rule_urls,
    runs_on_use,
    workload_names,
)
from auditor.kubernetes.source_lines import Precision

MAX_BYTES: Final = 900 * 1024
_SHARES: Final = (0.5, 0.3)
"""Shares of `MAX_BYTES` for the findings and for the table."""


def write_markdown(report: Report, style: Style) -> str:
    """Write verdict, findings, problems and workloads, at most `MAX_BYTES`."""
    findings, table = (int(MAX_BYTES * share) for share in _SHARES)
    rest = MAX_BYTES - findings - table - 1024
    sections = [
        _head(report),
        _bounded(_findings(report, style), findings, "finding"),
        _bounded(map(_problem, report.problems), rest // 2, "part not audited"),
        _bounded((f"> note: {markdown(note)}\n" for note in report.notices), rest // 2, "note"),
        _table(report, table) if len(report.assessments) > 1 or report.findings else "",
    ]
    return "\n".join(filter(None, sections))


def _head(report: Report) -> str:
    failed = bool(report.findings) or report.incomplete
    details = " · ".join((scope(report), *reservations(report)))
    mark = "✗" if failed else "?" if report.partial else "✓"
    return f"### {mark} podfit: {verdict(report)}\n\n{details}\n"


def _bounded(parts: Iterable[str], limit: int, noun: str, between: str = "\n") -> str:
    """Join the parts that fit, and count the others."""
    kept: list[str] = []
    omitted = used = 0
    for part in parts:
        size = len(part.encode(errors="replace"))
        if omitted or used + size > limit:
            omitted += 1
            continue
        used += size
        kept.append(part)
    if omitted:
        kept.append(f"\n{count(omitted, f'more {noun}')} omitted; see the full report.\n")
    return between.join(kept)


def _findings(report: Report, style: Style) -> Iterator[str]:
    urls = rule_urls(report)
    for finding in report.findings:
        yield "\n".join(_finding(finding, report, style, urls.get(finding.rule, ""))) + "\n"


def _finding(finding: Finding, report: Report, style: Style, url: str) -> Iterator[str]:
    seen = finding.observation
    rule = markdown_code(finding.rule)
    yield "<details>"
    yield f"<summary><b>{finding.severity}</b> {rule}: {markdown_prose(seen.message)}</summary>\n"
    yield f"{_where(seen, style)}\n"
    yield from _source(finding)
    for label, text in notes_of(finding, report):
        yield f"- **{label.capitalize()}:** {markdown_prose(text)}"
    for item in finding.explanations:
        yield f"- **Note:** {markdown_prose(explained(item))} ({markdown_code(item.rule)})"
    if url:
        yield f"- **See:** [{markdown(finding.rule)}](<{markdown(url)}>)"
    yield "\n</details>"


def _where(seen: Observation, style: Style) -> str:
    location = seen.location
    line = f":{location.file_line}" if location.precision is not Precision.FILE else ""
    text = markdown_code(f"{location.path}{line}")
    url = source_link(seen, style)
    linked = f"[{text}](<{markdown(url)}>)" if url else text
    return f"{linked} ({location.note})" if location.note else linked


def _source(finding: Finding) -> Iterator[str]:
    """Yield the source as HTML, because the source could close a Markdown code fence."""
    source = excerpt(finding.observation)
    if not source:
        return
    yield "<pre>"
    for line in source:
        if line.number is None:
            yield "…"
            continue
        text = markdown(line.text.replace("\t", "    "))
        shown = f"{line.number:>5}  {text}"
        yield f"<b>{shown}</b>" if any(mark.primary for mark in line.marks) else shown
    yield "</pre>\n"


def _problem(problem: Problem) -> str:
    where = f" at {markdown_code(problem.where)}" if problem.where else ""
    parts = [f"- **not audited:** {markdown_prose(problem.what)}{where}"]
    parts += [markdown(line) for line in lines(problem.why)]
    parts += [markdown_prose(problem.hint)] if problem.hint else []
    return "<br>".join(parts) + "\n"


def _table(report: Report, limit: int) -> str:
    body = _bounded(_rows(report), limit, "workload", between="")
    header = "| | Workload | Image | Runs on | May land on | Result |\n|---|---|---|---|---|---|\n"
    table = f"{header}{body}"
    if len(report.assessments) <= REASONABLE:
        return table
    summary = f"<summary>{count(len(report.assessments), 'workload')}</summary>"
    return f"<details>{summary}\n\n{table}\n</details>\n"


def _rows(report: Report) -> Iterator[str]:
    """Yield a row for each workload, most severe first."""
    entries = zip(report.assessments, workload_names(report), results(report), strict=True)
    order = list(MARKS)
    for assessment, name, result in sorted(entries, key=lambda item: order.index(item[2].outcome)):
        uses = {use.container.image: use for use in reversed(assessment.uses)}
        images = unique(use.container.image for use in assessment.uses)
        cells = (
            MARKS[result.outcome][0],
            markdown_code(name),
            "<br>".join(markdown_code(image) for image in images),
            "<br>".join(markdown(runs_on_use(uses[image])) for image in images),
            markdown(may_land(assessment)),
            markdown(str(result)),
        )
        yield f"| {' | '.join(cells)} |\n"
