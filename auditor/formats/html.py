"""The format `html`: a self-contained page. Also rule documentation for terminals.

The page is complete without JavaScript; the script only filters, searches and unfolds. A content
security policy allows only the script and the style sheet, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from auditor import __version__
from auditor.audit.report import ImageEntry, Report
from auditor.checks.assessment import Cell, PoolFit
from auditor.checks.findings import Finding, Observation
from auditor.checks.wording import count, listed
from auditor.errors import Problem
from auditor.formats import escape
from auditor.formats.catalog import Style
from auditor.formats.escape import html, html_prose, lines, script_json, visible
from auditor.formats.excerpt import Line, excerpt, source_link
from auditor.formats.grouping import gathered, other_than
from auditor.formats.layout import Entry, entries
from auditor.formats.matrix import LEGEND, SIGNS
from auditor.formats.summary import (
    MARKS,
    Outcome,
    overall,
    reservations,
    scope,
    verdict,
    workload_key,
)
from auditor.formats.terminal import Look, Pen
from auditor.formats.wording import explained, notes_of, rule_urls, runs_on, runs_on_use
from auditor.images.images import KnownPlatforms
from auditor.kubernetes.manifests import Location
from auditor.scheduling.compatibility import Runnable
from auditor.scheduling.nodes import ClusterProfile, NodePool


def findings_section(report: Report, style: Style) -> Iterator[str]:
    """Yield the findings; the first one is unfolded."""
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
        yield from _findings_body(finding, report, style, urls.get(finding.rule, ""))
        yield "</details>\n"
    yield "</section>\n"


def problems_section(report: Report) -> Iterator[str]:
    """Yield the problems, if any."""
    if not report.problems:
        return
    yield f'<section id="errors">\n<h2>Not audited <small>{len(report.problems)}</small></h2>\n'
    yield from map(_problem, gathered(report.problems))
    yield "</section>\n"


def suppressed_section(report: Report) -> Iterator[str]:
    """Yield the suppressed findings with their reasons, if any."""
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


def _findings_body(finding: Finding, report: Report, style: Style, url: str) -> Iterator[str]:
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
    primary = " primary" if any(mark.primary for mark in line.marks) else ""
    rest = html(line.text[place:])
    return f'<span class="line{primary}" data-n="{line.number}">{text}{rest}{labels}</span>'


def _problem(problems: Sequence[Problem]) -> str:
    """Return the block of problems with the same cause."""
    problem, *others = problems
    where = f'<p class="mono">{html(problem.where)}</p>\n' if problem.where else ""
    why = "".join(f"<p>{html(line)}</p>\n" for line in lines(problem.why))
    hint = f"<p>{html_prose(problem.hint)}</p>\n" if problem.hint else ""
    items = "".join(f"<li>{html_prose(other_than(problem, other))}</li>\n" for other in others)
    also = f"<p>Also:</p>\n<ul>{items}</ul>\n" if others else ""
    what = f"<p><b>{html_prose(problem.what)}</b></p>\n"
    return f'<div class="problem">{what}{where}{why}{hint}{also}</div>\n'


def images_section(report: Report) -> Iterator[str]:
    """Yield the table of images, if any."""
    if not report.images:
        return
    yield f'<section id="images">\n<h2>Images <small>{len(report.images)}</small></h2>\n'
    yield '<div class="scroll" tabindex="0"><table>\n<thead><tr><th scope="col">Image</th>'
    yield '<th scope="col">Runs on</th><th scope="col">Used by</th></tr></thead>\n<tbody>\n'
    yield from map(_image_row, report.images)
    yield "</tbody>\n</table></div>\n</section>\n"


def _image_row(entry: ImageEntry) -> str:
    users = "".join(f"<li>{html(user)}</li>" for user in entry.users)
    used = f"<details><summary>{count(len(entry.users), 'workload')}</summary><ul>{users}</ul>"
    image = f'<td class="mono">{html(entry.name)}</td>'
    return f"<tr>{image}<td>{_platforms(entry)}</td><td>{used}</details></td></tr>\n"


def _platforms(entry: ImageEntry) -> str:
    known = entry.platforms
    if not isinstance(known, KnownPlatforms):
        hint = f"<br>{html_prose(known.hint)}" if known.hint else ""
        why = html_prose(known.message)
        return f'<span class="unknown-platforms">unknown</span>: {why}{hint}'
    rows = "".join(f"<li>{html(str(platform))}</li>" for platform in known.platforms)
    notes = "".join(f"<li>{html(note)}</li>" for note in known.notes)
    source = f'<li class="mono">{html(known.digest)}</li><li>from the {html(known.source)}</li>'
    short = html(runs_on(known.platforms))
    return f"<details><summary>{short}</summary><ul>{rows}{notes}{source}</ul></details>"


_STATES: Final = {
    Cell.RUNS: ("r", "runs"),
    Cell.FAILS: ("f", "fails"),
    Cell.COULD_RUN: ("o", ""),
    Cell.KEPT_OFF: ("k", ""),
    Cell.UNDECIDED: ("u", "undecided"),
}
"""Letter in the data and style sheet of the page, and class of the badge."""
_BREAKS: Final = re.compile(r"(?=[(/])")
"""Line break opportunities of a platform: `windows`, `(10.0.20348)`, `/amd64`."""
_MANY: Final = 8
"""From this number of pools on, their names are vertical."""


def map_section(report: Report) -> Iterator[str]:
    """Yield the table of workloads and node pools, most severe first."""
    pools = [(cluster, pool) for cluster in report.clusters for pool in cluster.pools]
    many = " class=many" if len(pools) >= _MANY else ""
    yield f'<section id="map"{many}>\n<h2>Workloads and node pools</h2>\n{_legend()}'
    yield '<div class="scroll" tabindex="0"><table>\n<thead>\n'
    yield from _head(report, pools)
    yield "</thead>\n<tbody>\n"
    order = list(MARKS)
    numbered = sorted(
        enumerate(entries(report)), key=lambda item: order.index(item[1].result.outcome)
    )
    for number, entry in numbered:
        yield _map_row(number, entry)
    yield "</tbody>\n</table>\n"
    empty = "No workloads." if not report.assessments else "No workload matches."
    hidden = " hidden" if report.assessments else ""
    yield f'<p class="empty" id="nothing"{hidden}>{empty}</p></div>\n</section>\n'


def map_data(report: Report) -> dict[str, Any]:
    """Return the data that the script shows on demand; each text of a reason is stored once."""
    reasons: dict[str, int] = {}
    several = len(report.clusters) > 1
    return {
        "pools": [
            visible(f"{cluster.name}/{pool.name}" if several else pool.name)
            for cluster in report.clusters
            for pool in cluster.pools
        ],
        "states": {letter: [LEGEND[kind], style] for kind, (letter, style) in _STATES.items()},
        "workloads": [_workload_data(entry, reasons) for entry in entries(report)],
        "reasons": list(reasons),
    }


def _workload_data(entry: Entry, reasons: dict[str, int]) -> dict[str, Any]:
    workload = entry.assessment.workload
    return {
        "place": visible(str(workload.location)),
        "images": [
            [visible(use.container.name), visible(use.container.image), runs_on_use(use)]
            for use in entry.assessment.uses
        ],
        "pools": [
            [
                _STATES[fit.cell][0],
                [reasons.setdefault(visible(text), len(reasons)) for text in _reasons(fit)],
            ]
            for fit in entry.assessment.fits
        ],
    }


def _reasons(fit: PoolFit) -> Sequence[str]:
    if fit.reasons or fit.runnable is not Runnable.YES:
        return fit.reasons
    return ("the pod can be scheduled here, and every image supports these nodes",)


def _legend() -> str:
    parts = (
        f'<span><b class="{letter}">{SIGNS[kind][0]}</b>{LEGEND[kind]}</span>'
        for kind, (letter, _) in _STATES.items()
    )
    return f'<p class="legend">{"".join(parts)}</p>\n'


def _head(report: Report, pools: Sequence[tuple[ClusterProfile, NodePool]]) -> Iterator[str]:
    corner = '<th scope="col"{0}>Workload</th><th scope="col" class="result"{0}>Result</th>'
    if len(report.clusters) > 1:
        yield "<tr>" + corner.format(' rowspan="2"')
        for cluster in report.clusters:
            span = len(cluster.pools)
            yield f'<th scope="colgroup" colspan="{span}">{html(cluster.name)}</th>'
        yield "</tr>\n<tr>"
    else:
        yield "<tr>" + corner.format("")
    for index, (_, pool) in enumerate(pools):
        fails = sum(item.fits[index].cell is Cell.FAILS for item in report.assessments)
        failing = f"{fails} ✗" if fails else ""
        yield (
            f'<th scope="col" class="pool"><button type="button"><span>{html(pool.name)}</span>'
            f"</button><small>{_BREAKS.sub('<wbr>', html(str(pool.platform)))}</small>"
            f'<small class="fails">{failing}</small></th>'
        )
    yield "</tr>\n"


def _map_row(number: int, entry: Entry) -> str:
    outcome = entry.result.outcome
    kinds = [fit.cell for fit in entry.assessment.fits]
    letters = [_STATES[kind][0] for kind in kinds]
    cells = "".join(
        f'<td class="c {letter}" title="{html(fit.name)}: {LEGEND[kind]}">{SIGNS[kind][0]}</td>'
        for fit, kind, letter in zip(entry.assessment.fits, kinds, letters, strict=True)
    )
    return (
        f'<tr data-w="{number}" data-outcome="{outcome.value}" '
        f'data-c="{"".join(letters)}" '
        f'data-rules="{html(" ".join(entry.result.rules))}">'
        f'<th scope="row"><span class="name"><span class="sign {outcome.value}">'
        f"{MARKS[outcome][0]}</span>"
        f'<button type="button">{html(entry.name)}</button></span></th>'
        f'<td class="result">{html(str(entry.result))}</td>{cells}</tr>\n'
    )


_INDENT: Final = " " * 4
_BLANK: Final = re.compile(r"\n[ \t]*\n")
_FENCED: Final = re.compile(r"^```[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"<(https?://[^\s<>]+)>")
_ITEM: Final = ("* ", "- ")
_RULED: Final = re.compile(r"\|[-| ]+\|")


def write_page(markdown: str, style: Style) -> str:
    """Format Markdown for a terminal, with tables as `name: value`."""
    pen = Pen(style)
    blocks = ("\n".join(_block(block, pen)) for block in _blocks(markdown))
    return escape.log("\n\n".join(blocks) + "\n")


def write_source(markdown: str) -> str:
    """Escape Markdown for a terminal or a build log."""
    return escape.log("\n".join(map(escape.terminal, markdown.split("\n"))))


def _blocks(markdown: str) -> Iterator[str]:
    """Split Markdown into blocks; fenced code becomes one indented block."""
    for index, part in enumerate(_FENCED.split(markdown)):
        if index % 2:
            yield "\n".join(f"{_INDENT}{line}".rstrip() for line in part.splitlines())
            continue
        yield from (block.strip("\n") for block in _BLANK.split(part) if block.strip())


def _block(block: str, pen: Pen) -> Iterator[str]:
    lines = block.split("\n")
    first = lines[0]
    if first.startswith(_INDENT):
        yield from (f"{_INDENT}{pen.text(line[len(_INDENT) :])}".rstrip() for line in lines)
    elif first.startswith("#"):
        yield pen.paint(pen.text(first.lstrip("# ")), Look.STRONG)
    elif first.startswith("|"):
        yield from _table(lines, pen)
    elif first.startswith(_ITEM):
        for item in _items(lines):
            yield from _wrapped(item, pen, "* ", "  ")
    else:
        yield from _wrapped(" ".join(lines), pen)


def _table(lines: Sequence[str], pen: Pen) -> Iterator[str]:
    """Yield each row as `title: cell` pairs."""
    titles, *rows = (_cells(line) for line in lines if not _RULED.fullmatch(line.strip()))
    for row in rows:
        named = (f"{title}: {cell}" for title, cell in zip(titles, row, strict=False))
        yield from _wrapped(f" {pen.glyph('·')} ".join(named), pen)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))


def _items(lines: Sequence[str]) -> Iterator[str]:
    """Join each list item with its continuation lines."""
    number = 0

    def numbered(line: str) -> int:
        nonlocal number
        number += line.startswith(_ITEM)
        return number

    for _, group in groupby(lines, numbered):
        yield " ".join(line.strip() for line in group).removeprefix("* ").removeprefix("- ")


def _wrapped(text: str, pen: Pen, first: str = "", following: str = "") -> Iterator[str]:
    plain = _LINK.sub(r"\1", text).replace("**", "")
    for line in pen.wrap(pen.text(plain), first, following):
        yield re.sub(r"https?://\S+", lambda match: pen.link(match[0], match[0]), line)


_CHIPS: Final = {
    Outcome.ERROR: "with errors",
    Outcome.WARNING: "with warnings",
    Outcome.INFO: "with infos",
    Outcome.UNKNOWN: "undecided",
    Outcome.IGNORED: "ignored",
    Outcome.OK: "passed",
}


def write_html(report: Report, style: Style) -> str:
    """Write the page; its colors follow the system of the reader, not the style."""
    css, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(css)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{html(policy)}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f"<title>podfit: {html(verdict(report))}</title>\n<style>{css}</style>\n</head>\n",
            f"<body>\n{''.join(_body(report, style))}",
            f'<script type="application/json" id="data">{script_json(map_data(report))}</script>\n',
            f"<script>{script}</script>\n</body>\n</html>\n",
        )
    )


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _body(report: Report, style: Style) -> Iterator[str]:
    yield '<a class="skip" href="#findings">Skip to the findings</a>\n'
    yield "".join(_header(report))
    yield "<main>\n"
    yield _toolbar(report)
    yield from problems_section(report)
    yield from map_section(report)
    yield from findings_section(report, style)
    yield from images_section(report)
    yield from suppressed_section(report)
    yield "</main>\n"
    yield (
        f"<footer>podfit {html(__version__)}. "
        "Press / to search, the arrow keys to move between workloads.</footer>\n"
    )


def _header(report: Report) -> Iterator[str]:
    facts = " · ".join((scope(report), *reservations(report)))
    clusters = listed(cluster.name for cluster in report.clusters) if report.clusters else "none"
    noun = "cluster" if len(report.clusters) == 1 else "clusters"
    yield "<header>\n<h1>podfit report</h1>\n"
    yield f'<p class="verdict {overall(report).value}">{html(verdict(report))}</p>\n'
    yield f'<p class="facts">{html(facts)} · {noun} {html(clusters)}</p>\n'
    yield from (f"<p>Note: {html(notice)}</p>\n" for notice in report.notices)
    yield f"{_bar(report)}{_navigation(report)}</header>\n"


def _navigation(report: Report) -> str:
    sections = (
        ("errors", "Not audited", len(report.problems)),
        ("map", "Workloads", len(report.assessments)),
        ("findings", "Findings", len(report.findings)),
        ("images", "Images", len(report.images)),
        ("suppressed", "Suppressed", len(report.suppressed)),
    )
    links = (f'<a href="#{name}">{title} {size}</a>' for name, title, size in sections if size)
    return f"<nav>{''.join(links)}</nav>\n"


def _bar(report: Report) -> str:
    """Return the bar of outcomes; it is hidden from screen readers, which have the buttons."""
    often = Counter(entry.result.outcome for entry in entries(report))
    if not often:
        return ""
    x, parts = 0, []
    for outcome in MARKS:
        if number := often[outcome]:
            rect = f'<rect x="{x}" y="0" width="{number}" height="1" '
            parts.append(f'{rect}class="fill-{outcome.value}"/>')
            x += number
    box = f'viewBox="0 0 {x} 1" preserveAspectRatio="none"'
    return f'<div class="bar" aria-hidden="true"><svg {box}>{"".join(parts)}</svg></div>\n'


def _toolbar(report: Report) -> str:
    often = Counter(entry.result.outcome for entry in entries(report))
    chips = "".join(
        f'<button class="chip" type="button" aria-pressed="false" data-outcome="{outcome.value}">'
        f"{html(mark)} <b>{often[outcome]}</b> {_CHIPS[outcome]}</button>\n"
        for outcome, (mark, _) in MARKS.items()
        if often[outcome]
    )
    return (
        '<div class="toolbar" role="search">\n<input id="search" type="search" '
        'placeholder="Search workloads, images, rules, files" '
        'aria-label="Search workloads, images, rules and files">\n'
        f'{chips}<span class="count" id="count" role="status"></span>\n</div>\n'
    )
