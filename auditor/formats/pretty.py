"""The format `pretty` for terminals: findings, problems, workloads and totals.

A finding or problem is a frame with headline, location, source and notes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final

from auditor.audit.report import Report
from auditor.errors import Problem
from auditor.formats import escape
from auditor.formats.catalog import Style
from auditor.formats.excerpt import Line, Mark, excerpt
from auditor.formats.grouping import Block, blocks, gathered, other_than
from auditor.formats.summary import LOOKS, totals_lines
from auditor.formats.table import workload_table
from auditor.formats.terminal import TIE, Look, Pen, cut, head, width_of
from auditor.formats.wording import explained, notes_of, rule_urls

_LABELS: Final = len("note: ")
_HANGING: Final = " " * 2
_FRAME: Final = len(" │ ")
_MINIMUM: Final = 20
"""Minimum width of source lines."""


def finding_frame(block: Block, report: Report, pen: Pen, url: str = "") -> Iterator[str]:
    """Yield the lines of a finding; `url` is that of its rule."""
    finding, shared = block.finding, block.shared
    seen = finding.observation
    look = LOOKS[finding.severity]
    rule = pen.text(finding.rule)
    kind = f"{finding.severity}[{rule}]:"
    first, *rest = pen.wrap(f"{kind} {pen.text(seen.message)}")
    painted = f"{pen.paint(f'{finding.severity}[', look)}{pen.link(pen.paint(rule, look), url)}"
    yield f"{painted}{pen.paint(']:', look)}{pen.paint(first.removeprefix(kind), Look.STRONG)}"
    yield from (pen.paint(line, Look.STRONG) for line in rest)
    lines = excerpt(seen)
    gutter = max((len(str(line.number)) for line in lines if line.number), default=1) + 1
    note = f"({seen.location.note})" if seen.location.note else ""
    yield from _arrow(str(seen.location), note, gutter, pen)
    yield from _source(lines, gutter, look, pen)
    for label, text in notes_of(finding, report):
        yield from _note(label, shared.get(label, text), gutter, pen)
    yield from _lines("also", block.also, gutter, pen)
    for explanation in finding.explanations:
        yield from _note("note", f"{explained(explanation)} [{explanation.rule}]", gutter, pen)


def problem_frame(problems: Sequence[Problem], pen: Pen) -> Iterator[str]:
    """Yield the lines of problems with the same cause."""
    problem, *others = problems
    kind = "not audited:"
    first, *rest = pen.wrap(f"{kind} {pen.text(problem.what)}")
    yield pen.paint(kind, Look.BAD) + pen.paint(first.removeprefix(kind), Look.STRONG)
    yield from (pen.paint(line, Look.STRONG) for line in rest)
    gutter = 3
    if problem.where:
        yield from _arrow(problem.where, "", gutter, pen)
    yield from _note("why", problem.why, gutter, pen)
    yield from _note("help", problem.hint, gutter, pen)
    yield from _lines(
        "also", [pen.text(other_than(problem, other)) for other in others], gutter, pen
    )


def _arrow(where: str, note: str, gutter: int, pen: Pen) -> Iterator[str]:
    """Yield the location without a line break in it, so that terminals recognize it as a link."""
    lead = f"{' ' * (gutter - 1)}--> "
    place = pen.text(where).replace(" ", TIE)
    first, *rest = pen.wrap(f"{place} {note}".strip(), lead, " " * len(lead))
    yield first.replace("-->", pen.paint("-->", Look.FRAME), 1)
    yield from rest


def _note(label: str, text: str, gutter: int, pen: Pen) -> Iterator[str]:
    """Yield `= why:  text`."""
    yield from _lines(label, [pen.text(line) for line in escape.lines(text)], gutter, pen)


def _lines(label: str, lines: Sequence[str], gutter: int, pen: Pen) -> Iterator[str]:
    """Yield escaped lines after a label; several lines are wrapped with a hanging indent."""
    if not lines:
        return
    lead = f"{' ' * (gutter + 1)}= {f'{label}:':<{_LABELS}}"
    following = " " * len(lead)
    hanging = following + (_HANGING if len(lines) > 1 else "")
    wrapped = [part for line in lines for part in pen.wrap(line, following, hanging)]
    painted = lead.replace(f"{label}:", pen.paint(f"{label}:", Look.STRONG))
    yield painted.replace("=", pen.paint("=", Look.FRAME), 1) + wrapped[0].removeprefix(following)
    yield from wrapped[1:]


def _source(lines: Sequence[Line], gutter: int, look: Look, pen: Pen) -> Iterator[str]:
    if not lines:
        return
    bar = pen.paint(pen.glyph("│"), Look.FRAME)
    empty = f"{' ' * gutter} {bar}"
    yield empty
    for line in lines:
        if line.number is None:
            yield f"{pen.paint('...', Look.FRAME)}"
            continue
        number = pen.paint(f"{line.number:>{gutter}}", Look.FRAME)
        room = max(pen.style.width - gutter - _FRAME, _MINIMUM)
        shown, offsets = _fitted(line, room, pen)
        yield f"{number} {bar} {shown}".rstrip()
        for mark, offset in zip(line.marks, offsets, strict=True):
            pointer = pen.paint(
                _pointer(mark, shown, offset, room, pen), look if mark.primary else Look.FRAME
            )
            yield f"{empty} {' ' * offset}{pointer}"
    yield empty


def _fitted(line: Line, width: int, pen: Pen) -> tuple[str, list[int]]:
    """Cut a line to the width and return it with the offsets of its marks.

    The beginning of the line is omitted if a mark would be outside of the width.
    """
    skip = 0
    dots = pen.glyph("…")
    furthest = max((mark.start for mark in line.marks), default=0)
    if width_of(pen.text(line.text[:furthest])) > width // 2:
        skip = max(furthest - width // 4, 0)
    lead = dots if skip else ""
    shown = lead + pen.text(line.text[skip : skip + width])
    offsets = [width_of(lead + pen.text(line.text[skip : mark.start])) for mark in line.marks]
    if width_of(shown) > width or len(line.text) > skip + width:
        shown = head(shown, width - len(dots)) + dots
    return shown, offsets


def _pointer(mark: Mark, shown: str, offset: int, room: int, pen: Pen) -> str:
    """Return carets or dashes below the marked text, shortened to fit the label."""
    label = f" {cut(pen.text(mark.label), room // 2, pen.glyph('…'))}" if mark.label else ""
    length = min(mark.length, width_of(shown) - offset, room - offset - width_of(label))
    return ("^" if mark.primary else "-") * max(length, 1) + label


def write_pretty(report: Report, style: Style) -> str:
    """Write the report for a terminal; it may be empty with --quiet."""
    pen = Pen(style)
    parts = ["\n".join(lines) for lines in _parts(report, pen)]
    return escape.log("".join(f"{part}\n\n" for part in parts if part).removesuffix("\n"))


def _parts(report: Report, pen: Pen) -> Iterator[Iterator[str]]:
    urls = rule_urls(report)
    for block in blocks(report.findings, pen):
        yield finding_frame(block, report, pen, urls.get(block.finding.rule, ""))
    for problems in gathered(report.problems):
        yield problem_frame(problems, pen)
    if pen.style.quiet:
        if report.findings or report.incomplete:
            yield totals_lines(report, pen)
        return
    for notice in report.notices:
        yield pen.wrap(f"note: {pen.text(notice)}")
    if len(report.assessments) > 1 or report.findings:
        yield workload_table(report, pen)
    yield _end(report, pen)


def _end(report: Report, pen: Pen) -> Iterator[str]:
    yield from totals_lines(report, pen)
    if report.findings:
        rule = pen.text(max(report.findings, key=attrgetter("severity")).rule)
        yield pen.paint(f"  Explain a rule: podfit rules {rule}", Look.FAINT)
