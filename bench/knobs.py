"""For how many workloads of some charts a value is found that keeps them off foreign nodes.

    python -m bench.knobs [--cli] [--apply] FOLDER...

Every chart below the folders is audited against the cluster `hybrid` without a network: images are
taken for Linux on amd64 and arm64, or for Windows where their name says so. With `--apply` what is
proposed is given to the program helm, all of it together and each remedy alone, and what is left of
the findings is counted. With `--cli` the program helm renders, not the library. Prints a line for
each folder, tests left out; cut short are the charts for which the budget did not suffice, ms is
the time of the audit. The charts themselves are yours to fetch.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from auditor.audit.audit import Auditor
from auditor.audit.report import Report
from auditor.checks.findings import Finding, RemedyKind
from auditor.checks.rulebook import load_builtin_rules
from auditor.clusters.profiles import load_cluster
from auditor.fixes.finder import RemedyFinder
from auditor.fixes.renderings import Budget
from auditor.images.images import ImageReference, KnownPlatforms, Platforms
from auditor.images.platforms import parse_platform
from auditor.registry.interface import Progress, no_progress
from auditor.sources.chart import CHART_FILE
from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions
from auditor.sources.renderers import CliRenderer, choose_renderer, find_helm
from auditor.sources.rendering import Renderer

LINUX: Final = ("linux/amd64", "linux/arm64")
WINDOWS: Final = ("windows(10.0.20348)/amd64", "windows(10.0.26100)/amd64")
COLUMNS: Final = (
    "charts",
    "workloads",
    "need a guard",
    "have a value",
    "keys",
    "renders",
    "cut short",
    "ms",
    "ms without",
    "applied",
    "left",
    "applied alone",
    "left alone",
)


class NamedInspector:
    """Judges images by their name."""

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        del progress
        return {image: _platforms(image) for image in images}


def _platforms(image: ImageReference) -> Platforms:
    rows = WINDOWS if "windows" in str(image) else LINUX
    return KnownPlatforms(tuple(map(parse_platform, rows)), "index", "sha256:0")


def main(arguments: list[str]) -> int:
    apply = "--apply" in arguments
    renderer = choose_renderer(HelmOptions(renderer="cli" if "--cli" in arguments else "auto"))
    folders = [Path(item) for item in arguments if not item.startswith("--")]
    print("folder", *COLUMNS, sep="\t")
    total: Counter[str] = Counter()
    for folder in folders:
        counted: Counter[str] = Counter()
        for chart in charts_below(folder):
            counted += measure(chart, renderer, apply=apply)
        total += counted
        print_line(folder.name, counted)
    print_line("all", total)
    return 1 if total["left"] or total["left alone"] else 0


def print_line(name: str, counted: Counter[str]) -> None:
    print(name, *(f"{counted[column]}" for column in COLUMNS), sep="\t", flush=True)


def charts_below(folder: Path) -> Iterator[Path]:
    """The charts in a folder that are no part of another."""
    for path in sorted(folder.rglob(CHART_FILE)):
        above = path.parent.relative_to(folder).parents
        if not any((folder / item / CHART_FILE).exists() for item in above):
            yield path.parent


def measure(chart: Path, renderer: Renderer, *, apply: bool) -> Counter[str]:
    """What comes of one chart; Helm tests are left out."""
    source = ChartSource(chart, str(chart), HelmOptions(), renderer)
    budgets: list[Budget] = []
    started = time.monotonic()
    before = _audit(source, None)
    middle = time.monotonic()
    report = _audit(source, RemedyFinder(lambda: (source,), budget=lambda: _noted(budgets)))
    ended = time.monotonic()
    counted: Counter[str] = Counter()
    needing = [item for item in report.findings if _counts(item)]
    counted["charts"] = bool(report.assessments)
    counted["workloads"] = sum(not item.workload.is_test for item in report.assessments)
    counted["need a guard"] = len(needing)
    counted["have a value"] = sum(bool(_values(item)) for item in needing)
    counted["keys"] = len(set().union(*(item[1] for f in needing for item in _values(f))))
    counted["renders"] = sum(budget.spent for budget in budgets)
    counted["cut short"] = sum(bool(budget.shortage) for budget in budgets)
    counted["ms without"] = round(1000 * (middle - started))
    counted["ms"] = round(1000 * (ended - middle))
    if apply:
        counted += _applied(source, report, {_key(item) for item in before.findings})
    return counted


def _audit(source: ChartSource, finder: RemedyFinder | None) -> Report:
    rules = tuple(rule for rule in load_builtin_rules() if not rule.pedantic)
    auditor = Auditor(NamedInspector(), (load_cluster("hybrid"),), rules, remedies=finder)
    return auditor.audit([source])


def _noted(budgets: list[Budget]) -> Budget:
    budgets.append(Budget())
    return budgets[-1]


def _counts(finding: Finding) -> bool:
    seen = finding.observation
    return bool(seen.guard.requirements) and not seen.workload.is_test


def _values(finding: Finding) -> list[tuple[str, tuple[str, ...]]]:
    remedies = finding.observation.remedies
    return [(item.text, item.keys) for item in remedies if item.kind is RemedyKind.VALUES]


def _key(finding: Finding) -> tuple[str, ...]:
    workload = finding.observation.workload
    named = (workload.document.template, workload.ref.kind, str(workload.nth), workload.component)
    return (finding.rule, *named)


def _applied(source: ChartSource, report: Report, known: set[tuple[str, ...]]) -> Counter[str]:
    """What the program helm makes of the values; new findings count as left."""
    promised = {_key(item) for item in report.findings if _counts(item) and _values(item)}
    alone: dict[str, set[tuple[str, ...]]] = {}
    for finding in filter(_counts, report.findings):
        for text, _ in _values(finding):
            alone.setdefault(text, set()).add(_key(finding))
    counted: Counter[str] = Counter()
    for overlay in report.overlays:
        after = _found_with(source, overlay.text)
        counted["applied"] += len(promised)
        counted["left"] += len(promised & after) + len(after - known)
    for text, keys in alone.items():
        counted["applied alone"] += len(keys)
        counted["left alone"] += len(keys & _found_with(source, text))
    return counted


def _found_with(source: ChartSource, values: str) -> set[tuple[str, ...]]:
    program = find_helm()
    if program is None:
        raise SystemExit("--apply needs the program helm on PATH")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "values.yaml")
        file.write_text(values or "{}\n", encoding="utf-8")
        options = replace(source.options, values_files=(str(file),))
        changed = dataclasses.replace(source, options=options, renderer=CliRenderer(program))
        return {_key(item) for item in _audit(changed, None).findings}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
