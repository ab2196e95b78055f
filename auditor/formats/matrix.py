"""Output of `podfit matrix`: workloads by node pools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.audit.report import Report
from auditor.checks.assessment import Cell
from auditor.formats import layout
from auditor.formats.catalog import Style
from auditor.formats.escape import json_text, log, markdown
from auditor.formats.terminal import Look, Pen, width_of
from auditor.formats.wording import workload_names

LEGEND: Final[Mapping[Cell, str]] = {
    Cell.RUNS: "runs",
    Cell.FAILS: "lands but cannot run",
    Cell.COULD_RUN: "kept off, could run",
    Cell.KEPT_OFF: "kept off",
    Cell.UNDECIDED: "undecided",
}
SIGNS: Final[Mapping[Cell, tuple[str, Look]]] = {
    Cell.RUNS: ("✓", Look.GOOD),
    Cell.FAILS: ("✗", Look.BAD),
    Cell.COULD_RUN: ("○", Look.NOTE),
    Cell.KEPT_OFF: ("·", Look.FAINT),
    Cell.UNDECIDED: ("?", Look.CAUTION),
}

_LEAST: Final = 12
"""Minimum width of workload names."""


def write_matrix_text(report: Report, style: Style) -> str:
    """Write the matrix for a terminal, with node pools as columns."""
    if not report.assessments:
        return "no workloads\n"
    pen = Pen(style)
    pools = _pools(report)
    names = [layout.workload(name, pen) for name in workload_names(report)]
    natural = max(width_of(name(style.width)) for name in names)
    width = max(min(natural, style.width - 2 * len(pools) - 1), _LEAST)
    lines = []
    for index, pool in enumerate(pools):
        lines.append(f"{'':{width}}  {pen.glyph('│ ' * index + '┌ ')}{pen.text(pool)}")
    for name, assessment in zip(names, report.assessments, strict=True):
        shown = name(width)
        marks = " ".join(_painted(fit.cell, pen) for fit in assessment.fits)
        lines.append(f"{shown}{' ' * (width - width_of(shown))}  {marks}")
    return log("\n".join([*lines, "", *_legend(pen, style.width)]) + "\n")


def write_matrix_markdown(report: Report, style: Style) -> str:
    """Write the matrix as a GitHub Markdown table."""
    del style
    pools = _pools(report)
    lines = [
        f"| Workload | {' | '.join(map(markdown, pools))} |",
        f"|---|{':-:|' * len(pools)}",
    ]
    lines += [
        f"| {markdown(name)} | {' | '.join(SIGNS[fit.cell][0] for fit in item.fits)} |"
        for name, item in zip(workload_names(report), report.assessments, strict=True)
    ]
    legend = ", ".join(f"{SIGNS[item][0]} {text}" for item, text in LEGEND.items())
    return "\n".join([*lines, "", legend]) + "\n"


def write_matrix_json(report: Report, style: Style) -> str:
    """Write `{"schema_version": 1, "workloads": [{..., "pools": [...]}]}`.

    A pool has `cluster`, `pool`, `outcome`, and `runnable`: whether the pod would run there.
    """
    del style
    workloads = [
        {
            "kind": item.workload.ref.kind,
            "namespace": item.workload.ref.namespace,
            "name": item.workload.ref.name,
            "location": str(item.workload.location),
            "pools": [
                {
                    "cluster": fit.cluster.name,
                    "pool": fit.name,
                    "outcome": fit.cell.value.partition(",")[0],
                    "runnable": fit.runnable.value,
                }
                for fit in item.fits
            ],
        }
        for item in report.assessments
    ]
    return json_text({"schema_version": 1, "workloads": workloads}) + "\n"


def _pools(report: Report) -> list[str]:
    several = len(report.clusters) > 1
    return [
        f"{cluster.name}/{pool.name}" if several else pool.name
        for cluster in report.clusters
        for pool in cluster.pools
    ]


def _legend(pen: Pen, width: int) -> list[str]:
    lines: list[str] = []
    used = 0
    for kind, text in LEGEND.items():
        needed = len(f"? {text}")
        entry = f"{_painted(kind, pen)} {text}"
        if lines and used + 3 + needed <= width:
            lines[-1] += f"   {entry}"
            used += 3 + needed
        else:
            lines.append(entry)
            used = needed
    return lines


def _painted(kind: Cell, pen: Pen) -> str:
    sign, look = SIGNS[kind]
    return pen.paint(pen.glyph(sign), look)
