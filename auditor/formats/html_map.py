"""The heat map of the HTML page: a row for each workload, a column for each pool."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from auditor.assessment import PoolFit
from auditor.compatibility import Runnable
from auditor.formats.escape import html, visible
from auditor.formats.layout import Entry, entries
from auditor.formats.matrix import LEGEND, SIGNS, Cell, cell
from auditor.formats.outcomes import MARKS
from auditor.formats.words import runs_on_use
from auditor.nodes import ClusterProfile, NodePool
from auditor.report import Report

_STATES: Final = {
    Cell.RUNS: ("r", "runs"),
    Cell.FAILS: ("f", "fails"),
    Cell.KEPT_OFF: ("k", ""),
    Cell.UNDECIDED: ("u", "undecided"),
}
"""Letter in the page's data and its style, class of the badge."""
_BREAKS: Final = re.compile(r"(?=[(/])")
"""Where the name of a platform may be broken: `windows`, `(10.0.20348)`, `/amd64`."""
_MANY: Final = 8
"""From so many pools on their names are written upright."""


def map_section(report: Report) -> Iterator[str]:
    """The table, the worst workloads first."""
    pools = [(cluster, pool) for cluster in report.clusters for pool in cluster.pools]
    many = " class=many" if len(pools) >= _MANY else ""
    yield f'<section id="map"{many}>\n<h2>Where each workload may land</h2>\n{_legend()}'
    yield '<div class="scroll" tabindex="0"><table>\n<thead>\n'
    yield from _head(report, pools)
    yield "</thead>\n<tbody>\n"
    order = list(MARKS)
    numbered = sorted(
        enumerate(entries(report)), key=lambda item: order.index(item[1].result.outcome)
    )
    for number, entry in numbered:
        yield _row(number, entry)
    yield "</tbody>\n</table>\n"
    empty = "No workloads." if not report.assessments else "No workload matches."
    hidden = " hidden" if report.assessments else ""
    yield f'<p class="empty" id="nothing"{hidden}>{empty}</p></div>\n</section>\n'


def map_data(report: Report) -> dict[str, Any]:
    """What the page shows on demand: images and reasons, each text of a reason held once."""
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
            [_STATES[cell(fit)][0], [_numbered(text, reasons) for text in _reasons(fit)]]
            for fit in entry.assessment.fits
        ],
    }


def _reasons(fit: PoolFit) -> Sequence[str]:
    if fit.reasons or fit.runnable is not Runnable.YES:
        return fit.reasons
    return ("nothing keeps it off, and every image has a platform for these nodes",)


def _numbered(text: str, reasons: dict[str, int]) -> int:
    return reasons.setdefault(visible(text), len(reasons))


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
        fails = sum(cell(item.fits[index]) is Cell.FAILS for item in report.assessments)
        failing = f"{fails} ✗" if fails else ""
        yield (
            f'<th scope="col" class="pool"><button type="button"><span>{html(pool.name)}</span>'
            f"</button><small>{_BREAKS.sub('<wbr>', html(str(pool.platform)))}</small>"
            f'<small class="fails">{failing}</small></th>'
        )
    yield "</tr>\n"


def _row(number: int, entry: Entry) -> str:
    outcome = entry.result.outcome
    kinds = [cell(fit) for fit in entry.assessment.fits]
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
