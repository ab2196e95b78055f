"""The lists of the HTML page: findings, what was not audited, and what was suppressed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.errors import Problem
from auditor.findings import Finding, Observation
from auditor.formats.escape import html, html_prose, lines
from auditor.formats.excerpt import Line, excerpt
from auditor.formats.interface import Style
from auditor.formats.outcomes import workload_key
from auditor.formats.paths import source_link
from auditor.formats.repetition import gathered, other_than
from auditor.formats.words import explained, notes_of, rule_urls
from auditor.manifests import Location
from auditor.report import Report


def findings_section(report: Report, style: Style) -> Iterator[str]:
    """Every finding, the first unfolded."""
    urls = rule_urls(report)
    numbers = {workload_key(item.workload): n for n, item in enumerate(report.assessments)}
    yield f'<section id="findings">\n<h2>Findings <small>{len(report.findings)}</small></h2>\n'
    if not report.findings:
        yield '<p class="card">None.</p>\n'
    for index, finding in enumerate(report.findings):
        number = numbers.get(workload_key(finding.observation.workload), "")
        opened = " open" if not index else ""
        yield (
            f'<details class="finding {finding.severity}" id="finding-{index + 1}" '
            f'data-w="{number}"{opened}>\n'
        )
        yield from _summary(finding)
        yield from _body(finding, report, style, urls.get(finding.rule, ""))
        yield "</details>\n"
    yield "</section>\n"


def problems_section(report: Report) -> Iterator[str]:
    """What could not be audited; nothing where there is nothing."""
    if not report.problems:
        return
    yield f'<section id="errors">\n<h2>Not audited <small>{len(report.problems)}</small></h2>\n'
    yield from map(_problem, gathered(report.problems))
    yield "</section>\n"


def suppressed_section(report: Report) -> Iterator[str]:
    """Findings that somebody silenced, each with the reason."""
    if not report.suppressed:
        return
    yield '<section id="suppressed">\n<h2>Suppressed '
    yield f"<small>{len(report.suppressed)}</small></h2>\n"
    for item in report.suppressed:
        seen = item.finding.observation
        yield f'<div class="card"><p><code>{html(item.finding.rule)}</code> '
        yield f"{html_prose(seen.message)}</p>\n<p>By {html(str(item))} "
        yield f"({_where(seen.location, '')})</p></div>\n"
    yield "</section>\n"


def _summary(finding: Finding) -> Iterator[str]:
    yield f'<summary><span class="badge {finding.severity}">{finding.severity}</span>'
    yield f'<span class="message">{html_prose(finding.observation.message)}</span>'
    yield f'<code class="rule">{html(finding.rule)}</code></summary>\n'


def _body(finding: Finding, report: Report, style: Style, url: str) -> Iterator[str]:
    seen = finding.observation
    yield f'<div class="body">\n<p>{_where(seen.location, source_link(seen, style))}</p>\n'
    yield from _source(seen)
    yield "<dl>\n"
    for label, text in notes_of(finding, report):
        yield f"<dt>{label.capitalize()}</dt><dd>{html_prose(text)}</dd>\n"
    for item in finding.explanations:
        rule = f"<code>{html(item.rule)}</code>"
        yield f"<dt>Note</dt><dd>{html_prose(explained(item))} {rule}</dd>\n"
    if url.startswith("https://"):
        yield f'<dt>See</dt><dd><a href="{html(url)}" rel="noreferrer">{html(url)}</a></dd>\n'
    yield "</dl>\n</div>\n"


def _where(location: Location, url: str) -> str:
    text = f'<span class="mono">{html(str(location))}</span>'
    linked = f'<a href="{html(url)}" rel="noreferrer">{text}</a>' if url else text
    return f"{linked} ({html(location.note)})" if location.note else linked


def _source(seen: Observation) -> Iterator[str]:
    if source := excerpt(seen):
        yield f"<pre>{''.join(map(_line, source))}</pre>\n"


def _line(line: Line) -> str:
    if line.number is None:
        return '<span class="line" data-n="">…</span>'
    text, labels = "", ""
    place = 0
    for mark in line.marks:
        end = mark.start + mark.length
        text += f"{html(line.text[place : mark.start])}<mark>{html(line.text[mark.start : end])}"
        text += "</mark>"
        labels += f'<span class="label">{html(mark.label)}</span>' if mark.label else ""
        place = end
    guilty = " guilty" if any(mark.primary for mark in line.marks) else ""
    rest = html(line.text[place:])
    return f'<span class="line{guilty}" data-n="{line.number}">{text}{rest}{labels}</span>'


def _problem(problems: Sequence[Problem]) -> str:
    """What failed for one and the same reason."""
    problem, *others = problems
    where = f'<p class="mono">{html(problem.where)}</p>\n' if problem.where else ""
    why = "".join(f"<p>{html(line)}</p>\n" for line in lines(problem.why))
    hint = f"<p>{html_prose(problem.hint)}</p>\n" if problem.hint else ""
    items = "".join(f"<li>{html_prose(other_than(problem, other))}</li>\n" for other in others)
    also = f"<p>Also:</p>\n<ul>{items}</ul>\n" if others else ""
    what = f"<p><b>{html_prose(problem.what)}</b></p>\n"
    return f'<div class="problem">{what}{where}{why}{hint}{also}</div>\n'
