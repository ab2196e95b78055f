"""Remedies for real charts, found and tried with real Helm: the patterns of community charts.

The charts are in `tests/charts/knobs`. Whatever is proposed is given to Helm as a values file, and
the finding must be gone.
"""

import dataclasses
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from auditor.audit.report import Report
from auditor.checks.findings import RemedyKind, Severity
from auditor.fixes.renderings import Budget
from auditor.scheduling.nodes import ClusterProfile
from tests.support.charts import CHARTS, RENDERERS, write_chart
from tests.support.remedies import (
    DISKS,
    KNOBS,
    TAINTED,
    chart_source,
    fixes,
    of,
    remedied,
    unremedied,
)
from tests.support.reports import HYBRID

OS = "missing-os-selector"
SET = "set nodeSelector: {kubernetes.io/os: linux}"
COPY = "(Helm replaces lists: copy all of ingester.zones)"
UNREACHED = (
    "podfit found no value that reaches the pod: change the template, or patch the rendered "
    "manifest"
)


@dataclass(frozen=True)
class Pattern:
    """A chart, what to do about its findings, and the values that resolve them."""

    chart: str
    fixes: dict[str, str]
    values: str
    cluster: ClusterProfile = HYBRID


PATTERNS = [
    Pattern(
        "root-selector",
        {"Deployment/web": "values: nodeSelector: {kubernetes.io/os: linux}"},
        "nodeSelector:\n  kubernetes.io/os: linux\n",
    ),
    Pattern(
        "global-and-component",
        {
            "Deployment/controller": "values: global.nodeSelector: {kubernetes.io/os: linux}",
            "Deployment/server": "values: global.nodeSelector: {kubernetes.io/os: linux}",
        },
        "global:\n  nodeSelector:\n    kubernetes.io/os: linux\n",
    ),
    Pattern(
        "unwritten-key",
        {"StatefulSet/store": "values: server.nodeSelector: {kubernetes.io/os: linux}"},
        "server:\n  nodeSelector:\n    kubernetes.io/os: linux\n",
    ),
    Pattern(
        "replaced-default",
        {"DaemonSet/agent": "values: agent.nodeSelector: {disk: ssd, kubernetes.io/os: linux}"},
        "agent:\n  nodeSelector:\n    disk: ssd\n    kubernetes.io/os: linux\n",
        DISKS,
    ),
    Pattern(
        "strict-schema",
        {"Deployment/web": "values: nodeSelector: {kubernetes.io/os: linux}"},
        "nodeSelector:\n  kubernetes.io/os: linux\n",
    ),
    Pattern(
        "failing-probe",
        {
            "Deployment/api": "values: api.nodeSelector: {kubernetes.io/os: linux}",
            "Deployment/text": 'values: text.nodeSelector: "kubernetes.io/os: linux"',
        },
        "api:\n  nodeSelector:\n    kubernetes.io/os: linux\n"
        'text:\n  nodeSelector: "kubernetes.io/os: linux"\n',
    ),
    Pattern(
        "zones",
        {
            "StatefulSet/ingester-a": "values: ingester.zones[0].nodeSelector: "
            f"{{kubernetes.io/os: linux}} {COPY}",
            "StatefulSet/ingester-b": "values: ingester.zones[1].nodeSelector: "
            f"{{disk: ssd, kubernetes.io/os: linux}} {COPY}",
        },
        "ingester:\n"
        "  zones:\n"
        "    - name: a\n"
        "      nodeSelector:\n"
        "        kubernetes.io/os: linux\n"
        "    - name: b\n"
        "      nodeSelector:\n"
        "        disk: ssd\n"
        "        kubernetes.io/os: linux\n",
        DISKS,
    ),
    Pattern(
        "aliased",
        {"DaemonSet/linux": "values: linux.nodeSelector: {kubernetes.io/os: linux}"},
        "linux:\n  nodeSelector:\n    kubernetes.io/os: linux\n",
    ),
    Pattern(
        "affinity-only",
        {
            "Deployment/web": "values: affinity: {nodeAffinity: "
            "{requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: "
            "[{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [linux]}]}]}}}"
        },
        "affinity:\n"
        "  nodeAffinity:\n"
        "    requiredDuringSchedulingIgnoredDuringExecution:\n"
        "      nodeSelectorTerms:\n"
        "        - matchExpressions:\n"
        "            - key: kubernetes.io/os\n"
        "              operator: In\n"
        "              values:\n"
        "                - linux\n",
    ),
    Pattern(
        "tolerant",
        {
            "DaemonSet/agent": "values: tolerations: "
            "[{effect: NoSchedule, key: dedicated, operator: Equal, value: logs}]"
        },
        "tolerations:\n"
        "  - effect: NoSchedule\n"
        "    key: dedicated\n"
        "    operator: Equal\n"
        "    value: logs\n",
        TAINTED,
    ),
    Pattern(
        "no-knob",
        {
            "Deployment/web": "values: nodeSelector: {kubernetes.io/os: linux}",
            "Job/migrate": f"{SET}; {UNREACHED}",
        },
        "nodeSelector:\n  kubernetes.io/os: linux\n",
    ),
    Pattern(
        "shared-with-windows",
        {
            "DaemonSet/node": f"{SET}; not by node.nodeSelector: it also affects "
            "DaemonSet/node-windows and would keep it off windows-2022 and windows-2025, "
            "which may run it"
        },
        "",
    ),
    Pattern(
        "shared-with-constrained",
        {
            "Deployment/web": f"{SET}; not by nodeSelector: it also affects DaemonSet/agent, "
            "which already selects its nodes"
        },
        "",
    ),
    Pattern(
        "default-affinity",
        {
            "Deployment/web": f"{SET}; not by affinity: with it, Deployment/web no longer has "
            "the affinity of its template"
        },
        "",
    ),
    Pattern(
        "twice",
        {
            "Deployment/web": f"{SET}; not by nodeSelector: with it, Deployment/web has a "
            "duplicate key in its manifest"
        },
        "",
        DISKS,
    ),
    Pattern(
        "added-object",
        {"Deployment/web": "values: nodeSelector: {kubernetes.io/os: linux}"},
        "nodeSelector:\n  kubernetes.io/os: linux\n",
    ),
    Pattern(
        "added-workload",
        {
            "Deployment/web": f"{SET}; not by nodeSelector: the chart renders other "
            "workloads with it"
        },
        "",
    ),
]
BOTH = pytest.mark.parametrize("helm", RENDERERS)
ALL = pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.chart)


@cache
def report_on(chart: str, helm: str) -> Report:
    """The report on a pattern's chart: three tests look at it, and it takes many renders."""
    (pattern,) = (item for item in PATTERNS if item.chart == chart)
    return remedied(chart_source(KNOBS / chart, helm), cluster=pattern.cluster)


@BOTH
@ALL
def test_the_fix_says_which_value_to_set(pattern: Pattern, helm: str) -> None:
    report = report_on(pattern.chart, helm)

    assert (report.problems, report.notices) == ((), ())
    assert fixes(report) == pattern.fixes
    assert [overlay.text for overlay in report.overlays] == [pattern.values]


@ALL
def test_the_values_remove_the_findings_when_helm_gets_them(
    pattern: Pattern, tmp_path: Path
) -> None:
    report = report_on(pattern.chart, "cli")
    values = tmp_path / "values.yaml"
    values.write_text(report.overlays[0].text, encoding="utf-8")

    after = unremedied(chart_source(KNOBS / pattern.chart, "cli", values), pattern.cluster)

    promised = {name for name, fix in pattern.fixes.items() if fix.startswith("values: ")}
    assert after.problems == ()
    assert set(fixes(after)) == set(pattern.fixes) - promised
    assert len(after.assessments) == len(report.assessments)


@ALL
def test_each_remedy_is_enough_for_its_finding(pattern: Pattern, tmp_path: Path) -> None:
    report = report_on(pattern.chart, "cli")

    for finding in of(report, OS):
        for remedy in finding.observation.remedies:
            if remedy.kind is RemedyKind.VALUES:
                values = tmp_path / "values.yaml"
                values.write_text(remedy.text, encoding="utf-8")
                source = chart_source(KNOBS / pattern.chart, "cli", values)

                assert remedy.verified
                assert str(finding.observation.workload) not in fixes(
                    unremedied(source, pattern.cluster)
                )


def test_a_chart_in_order_is_not_rendered_again() -> None:
    def no_budget() -> Budget:
        raise AssertionError("nobody needs a remedy")

    report = remedied(chart_source(KNOBS / "affinity-constrained"), budget=no_budget)

    assert (report.findings, report.overlays, report.notices) == ((), (), ())


def test_the_remedy_says_where_values_yaml_has_the_key() -> None:
    report = remedied(chart_source(KNOBS / "zones"), cluster=DISKS)

    assert [
        (remedy.keys, remedy.where)
        for finding in of(report, OS)
        for remedy in finding.observation.remedies
    ] == [
        (("ingester.zones[0].nodeSelector",), "zones/values.yaml:4"),
        (("ingester.zones[1].nodeSelector",), "zones/values.yaml:6"),
    ]


def test_a_pod_that_no_value_reaches_is_told_to_the_author_of_the_chart() -> None:
    report = remedied(chart_source(KNOBS / "no-knob"))

    [finding] = of(report, "selector-not-configurable")
    assert finding.severity is Severity.WARNING
    assert finding.observation.message == (
        "no value of the chart sets the nodeSelector or affinity of Job/migrate"
    )
    assert finding.observation.pools == ("hybrid/windows-2022", "hybrid/windows-2025")
    assert report.overlays[0].unreached == ("Job/migrate",)


def test_what_no_value_reaches_is_patched() -> None:
    report = remedied(chart_source(KNOBS / "no-knob"))

    [remedy] = next(
        item.observation.remedies
        for item in of(report, OS)
        if str(item.observation.workload) == "Job/migrate"
    )
    assert (remedy.kind, remedy.verified) == (RemedyKind.KUSTOMIZE, False)
    assert remedy.text.startswith("patches:\n  - patch: |\n      apiVersion: batch/v1\n")


def test_a_name_that_is_made_up_cannot_be_patched() -> None:
    report = remedied(chart_source(CHARTS / "patterns" / "random-names"))

    found = {
        str(item.observation.workload): [remedy.kind for remedy in item.observation.remedies]
        for item in of(report, OS)
    }
    assert found == {"Deployment/web": [RemedyKind.VALUES], "Pod/test-RANDOM": []}


def test_without_time_nothing_is_proposed_and_nothing_is_claimed() -> None:
    report = remedied(chart_source(KNOBS / "no-knob"), budget=lambda: Budget(renders=0))

    assert fixes(report) == {"Deployment/web": SET, "Job/migrate": SET}
    assert of(report, "selector-not-configurable") == ()
    assert report.notices == (
        "no-knob: the search for remedies is incomplete: it takes more than 0 renders",
    )


def test_a_proposal_that_could_not_be_tried_is_none() -> None:
    report = remedied(chart_source(KNOBS / "root-selector"), budget=lambda: Budget(renders=2))

    assert fixes(report) == {"Deployment/web": SET}
    assert report.notices == (
        "root-selector: the search for remedies is incomplete: it takes more than 2 renders",
    )


def test_only_the_variant_that_needs_it_gets_values(tmp_path: Path) -> None:
    template = (KNOBS / "no-knob" / "templates" / "all.yaml").read_text(encoding="utf-8")
    web, _, job = template.partition("---\n")
    job = job.replace("      containers", _SELECTOR + "      containers")
    chart = write_chart(
        tmp_path / "shop",
        {"web.yaml": web, "job.yaml": f"{{{{ if .Values.migrate }}}}\n{job}\n{{{{ end }}}}\n"},
        values="nodeSelector: {}\njob: {}\n",
    )
    values = tmp_path / "migrate.yaml"
    values.write_text("migrate: true\n", encoding="utf-8")
    default = dataclasses.replace(chart_source(chart), variant="default")
    migrating = dataclasses.replace(chart_source(chart, "embedded", values), variant="migrating")

    report = remedied(default, migrating)

    assert fixes(report) == {
        "Deployment/web": "values: nodeSelector: {kubernetes.io/os: linux}",
        "Job/migrate": "values: job.nodeSelector: {kubernetes.io/os: linux}",
    }
    assert [(item.variant, item.text) for item in report.overlays] == [
        ("default", "nodeSelector:\n  kubernetes.io/os: linux\n"),
        ("migrating", "job:\n  nodeSelector:\n    kubernetes.io/os: linux\n"),
    ]


_SELECTOR = """\
      {{- with .Values.job.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
"""


def test_a_workload_that_no_node_can_run_is_not_resolved_by_a_guard(tmp_path: Path) -> None:
    template = (KNOBS / "root-selector" / "templates" / "deployment.yaml").read_text()
    chart = write_chart(
        tmp_path / "shop",
        {"web.yaml": template.replace("nginx:1.31", "iis:ltsc2019")},
        values="nodeSelector: {kubernetes.io/os: windows}\n",
    )

    report = remedied(chart_source(chart))

    [fix] = fixes(report, "windows-build-mismatch").values()
    assert fix.endswith(
        "and set values: nodeSelector: "
        '{kubernetes.io/os: windows, node.kubernetes.io/windows-build: "10.0.17763"}'
    )
    [overlay] = report.overlays
    assert (overlay.text, overlay.resolved, overlay.findings) == ("", 0, 1)


@BOTH
@pytest.mark.parametrize(
    "trap", ["{{ range until 2000000000 }}{{ end }}", '{{ fail (repeat 200000 "x") }}']
)
def test_a_chart_that_defends_itself_keeps_its_findings(
    trap: str, helm: str, tmp_path: Path
) -> None:
    template = (KNOBS / "root-selector" / "templates" / "deployment.yaml").read_text()
    chart = write_chart(
        tmp_path / "shop",
        {
            "web.yaml": template,
            "trap.yaml": f"{{{{ if .Values.nodeSelector }}}}{trap}{{{{ end }}}}",
        },
        values="nodeSelector: {}\n",
    )

    report = remedied(chart_source(chart, helm), budget=lambda: Budget(seconds=2))

    assert list(fixes(report)) == ["Deployment/web"]
    assert "values:" not in "".join(fixes(report).values())
    assert all(len(notice) < 400 for notice in report.notices)


def test_nothing_is_claimed_of_keys_with_which_the_chart_does_not_render(tmp_path: Path) -> None:
    template = (KNOBS / "no-knob" / "templates" / "all.yaml").read_text(encoding="utf-8")
    chart = write_chart(
        tmp_path / "shop",
        {
            "all.yaml": template,
            "trap.yaml": "{{ if .Values.job.nodeSelector }}{{ fail `no` }}{{ end }}",
        },
        values="nodeSelector: {}\njob:\n  nodeSelector: {}\n",
    )

    report = remedied(chart_source(chart))

    assert fixes(report)["Job/migrate"] == (
        f"{SET}; the chart does not render when job.nodeSelector is set, so its effect is unknown"
    )
    assert of(report, "selector-not-configurable") == ()
