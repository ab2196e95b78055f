"""Audits of charts that look for remedies, with a fake registry and a real Helm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from auditor.audit.audit import Auditor
from auditor.audit.report import Report
from auditor.checks.findings import Finding
from auditor.checks.rulebook import load_builtin_rules
from auditor.fixes.finder import RemedyFinder
from auditor.fixes.renderings import Budget
from auditor.scheduling.nodes import ClusterProfile, parse_taint
from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions
from tests.support.charts import CHARTS, make_renderer
from tests.support.reports import HYBRID, IMAGES, LINUX, WINDOWS_2022, FakeInspector

KNOBS = CHARTS / "knobs"

TAINTED = ClusterProfile(
    "tainted", (LINUX, replace(WINDOWS_2022, taints=(parse_taint("os=windows:NoSchedule"),)))
)

DISKS = ClusterProfile(
    "disks",
    tuple(replace(item, labels={**item.labels, "disk": "ssd"}) for item in (LINUX, WINDOWS_2022)),
)


def chart_source(path: Path, helm: str = "embedded", *values: Path) -> ChartSource:
    """A chart called by the name of its folder. values: files, as of `-f`."""
    options = HelmOptions(values_files=tuple(map(str, values)))
    return ChartSource(path, path.name, options, make_renderer(helm))


def remedied(
    *sources: ChartSource,
    cluster: ClusterProfile = HYBRID,
    budget: Callable[[], Budget] = Budget,
) -> Report:
    """The report on some charts, with remedies; the rules are those that are on by default."""
    return _auditor(cluster, RemedyFinder(lambda: sources, budget=budget)).audit(sources)


def unremedied(source: ChartSource, cluster: ClusterProfile = HYBRID) -> Report:
    """The same without looking for remedies."""
    return _auditor(cluster, None).audit([source])


def _auditor(cluster: ClusterProfile, finder: RemedyFinder | None) -> Auditor:
    rules = tuple(rule for rule in load_builtin_rules() if not rule.pedantic)
    return Auditor(FakeInspector(IMAGES), (cluster,), rules, remedies=finder)


def fixes(report: Report, rule: str = "missing-os-selector") -> dict[str, str]:
    """What to do about the findings of a rule, by workload."""
    return {str(item.observation.workload): item.observation.fix for item in of(report, rule)}


def of(report: Report, rule: str) -> tuple[Finding, ...]:
    return tuple(item for item in report.findings if item.rule == rule)
