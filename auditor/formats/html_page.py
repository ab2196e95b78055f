"""`html`: one page that needs no network, for people who would rather look than read.

Everything is there without JavaScript; the script only filters, searches and unfolds. A content
security policy names it and the style sheet by their hashes, so that nothing else could ever run.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from auditor import __version__
from auditor.formats.escape import html, script_json
from auditor.formats.html_findings import (
    findings_section,
    problems_section,
    suppressed_section,
)
from auditor.formats.html_images import images_section
from auditor.formats.html_map import map_data, map_section
from auditor.formats.interface import Style
from auditor.formats.layout import entries
from auditor.formats.outcomes import MARKS, Outcome
from auditor.formats.totals import overall, reservations, scope, verdict
from auditor.phrases import listed
from auditor.report import Report

_CHIPS: Final = {
    Outcome.ERROR: "with errors",
    Outcome.WARNING: "with warnings",
    Outcome.INFO: "with infos",
    Outcome.UNKNOWN: "undecided",
    Outcome.IGNORED: "ignored",
    Outcome.OK: "in order",
}


def write_html(report: Report, style: Style) -> str:
    """The page. Colours follow the reader's system, whatever the style."""
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
    return files("auditor.formats").joinpath(name).read_text(encoding="utf-8")


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
    yield "<header>\n<h1>podfit: may any pod land where its images cannot run?</h1>\n"
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
    """The shares of the outcomes. For those who see; the numbers stand in the buttons below."""
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
