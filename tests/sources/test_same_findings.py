"""The library and the program are two ways to one report."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from auditor.audit.audit import Auditor
from auditor.audit.report import Report
from auditor.checks.rulebook import load_builtin_rules
from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions
from tests.support.charts import CHARTS, RENDERERS, make_renderer
from tests.support.reports import HYBRID, FakeInspector

LINUX_ONLY: Mapping[str, tuple[str, ...]] = {
    f"registry.example/{name}": ("linux/amd64",)
    for name in (
        *("web:1.0.0", "store:7", "exporter:2", "agent:1", "agent:ltsc2022", "migrate:3"),
        *("app:3", "index:3", "cleanup:1", "curl:8"),
    )
}
SETS = ("sessions.enabled=true", "metrics.enabled=true")


def _audit(chart: Path, name: str) -> Report:
    options = HelmOptions(set_values=SETS)
    source = ChartSource(chart, chart.name, options, make_renderer(name))
    return Auditor(FakeInspector(LINUX_ONLY), (HYBRID,), load_builtin_rules()).audit([source])


@pytest.mark.parametrize(
    ("chart", "workloads"),
    [
        (
            "umbrella",
            {
                ("StatefulSet", "release-name-cache"),
                ("StatefulSet", "release-name-sessions"),
                ("DaemonSet", "release-name-metrics"),
                ("Deployment", "release-name-web"),
            },
        ),
        (
            "lifecycle",
            {
                ("Job", "release-name-migrate"),
                ("Job", "release-name-index"),
                ("Deployment", "release-name-app"),
                ("Pod", "release-name-cleanup"),
                ("Pod", "release-name-test"),
            },
        ),
        ("fleet", {("DaemonSet", "release-name-windows")}),
    ],
)
def test_both_renderers_give_the_same_findings(chart: str, workloads: set[tuple[str, str]]) -> None:
    one, other = (_audit(CHARTS / chart, name) for name in RENDERERS)

    assert one.findings == other.findings
    assert one.assessments == other.assessments
    assert one.problems == other.problems == ()
    refs = [finding.observation.workload.ref for finding in one.findings]
    assert {(ref.kind, ref.name) for ref in refs} == workloads
