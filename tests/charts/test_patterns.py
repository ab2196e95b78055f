"""What community charts do, each in a small chart of our own, and the right answer to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from auditor.audit.audit import Auditor
from auditor.audit.report import Report
from auditor.checks.rulebook import load_builtin_rules
from auditor.fixes.finder import RemedyFinder
from auditor.formats.json_v1 import report_data
from auditor.scheduling.nodes import ClusterProfile
from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions
from tests.support.charts import CHARTS, make_renderer
from tests.support.remedies import DISKS, TAINTED
from tests.support.reports import HYBRID, IMAGES, LINUX, FakeInspector

WINDOWS_IMAGE = {"iis:ltsc2022": ("windows(10.0.20348.1)/amd64", "windows(10.0.26100.1)/amd64")}
LINUX_ONLY = ClusterProfile("linux", (LINUX,))
VALUES = "values: {}: {{kubernetes.io/os: linux}}"
SET = "set nodeSelector: {kubernetes.io/os: linux}"
UNREACHED = (
    "podfit found no value that reaches the pod: change the template, or patch the rendered "
    "manifest"
)
TOO_LONG = "could not be rendered: it took too long"
HANDED_ON = "make sure that the pods that use it select nodes that can run it"
TEMPLATE = (
    "write `nodeSelector: {{- toYaml .Values.nodeSelector | nindent 8 }}` into the template, "
    "and `nodeSelector: {}` into values.yaml"
)


@dataclass(frozen=True)
class Pattern:
    """A chart, and all that podfit says of it.

    findings: severity, rule, workload, and what to do about it, a line each. workloads: how many.
    problem: what could not be done. shown: where that is. notices: what changes no pod.
    """

    chart: str
    findings: tuple[str, ...] = ()
    workloads: int = 1
    problem: str = ""
    shown: str = ""
    notices: tuple[str, ...] = ()
    code: int = 0
    cluster: ClusterProfile = HYBRID
    options: HelmOptions = field(default_factory=HelmOptions)


def missing(workload: str, fix: str) -> str:
    return f"error missing-os-selector {workload}: {fix}"


def failing(chart: str, problem: str, shown: str = "", *, timeout: float = 30) -> Pattern:
    """A chart of which nothing is audited."""
    problem = f"chart {chart} {problem}"
    place = f"{chart}/{shown}" if shown else chart
    options = HelmOptions(timeout=timeout)
    return Pattern(f"patterns/{chart}", (), 0, problem, place, code=3, options=options)


PATTERNS: Mapping[str, Pattern] = {
    "one Deployment, root nodeSelector": Pattern(
        "knobs/root-selector",
        (missing("Deployment/web", VALUES.format("nodeSelector")),),
        code=1,
    ),
    "DaemonSet, linux by default, tolerates NoSchedule": Pattern("patterns/linux-daemon-set"),
    "the same where Windows nodes are tainted": Pattern(
        "patterns/linux-daemon-set", cluster=TAINTED
    ),
    "DaemonSet of Windows, HostProcess": Pattern("patterns/windows-daemon-set"),
    "the same where all nodes are Linux": Pattern(
        "patterns/windows-daemon-set",
        cluster=LINUX_ONLY,  # its controller makes no pod
    ),
    "Windows subchart, alias, condition off": Pattern("patterns/monitoring"),
    "Windows subchart, alias, condition on": Pattern(
        "patterns/monitoring",
        workloads=2,
        options=HelmOptions(set_values=("windowsMonitoring.enabled=true",)),
    ),
    "one key for the DaemonSets of both systems": Pattern("patterns/both-systems", workloads=2),
    "the same where the one of Linux selects nothing": Pattern(
        "knobs/shared-with-windows",
        (
            missing(
                "DaemonSet/node",
                f"{SET}; not by node.nodeSelector: it also affects DaemonSet/node-windows and "
                "would keep it off windows-2022 and windows-2025, which may run it",
            ),
        ),
        workloads=2,
        code=1,
    ),
    "affinity instead of nodeSelector": Pattern("knobs/affinity-constrained"),
    "the label of long ago": Pattern(
        "patterns/beta-label",
        ("info deprecated-os-label Deployment/speaker: write kubernetes.io/os",),
    ),
    "DaemonSet that tolerates everything": Pattern(
        "knobs/tolerant",
        (
            missing(
                "DaemonSet/agent",
                "values: tolerations: "
                "[{effect: NoSchedule, key: dedicated, operator: Equal, value: logs}]",
            ),
        ),
        code=1,
        cluster=TAINTED,
    ),
    "global and component keys": Pattern(
        "knobs/global-and-component",
        (
            missing("Deployment/controller", VALUES.format("global.nodeSelector")),
            missing("Deployment/server", VALUES.format("global.nodeSelector")),
        ),
        workloads=2,
        code=1,
    ),
    "a key that values.yaml does not have": Pattern(
        "knobs/unwritten-key",
        (missing("StatefulSet/store", VALUES.format("server.nodeSelector")),),
        code=1,
    ),
    "no key": Pattern(
        "knobs/no-knob",
        (
            missing("Deployment/web", VALUES.format("nodeSelector")),
            missing("Job/migrate", f"{SET}; {UNREACHED}"),
            f"warning selector-not-configurable Job/migrate: {TEMPLATE}",
        ),
        workloads=2,
        code=1,
    ),
    "a hook and a test that select nothing": Pattern(
        "patterns/hooks",
        (
            missing("Job/migrate", f"{SET}; {UNREACHED}"),
            f"warning selector-not-configurable Job/migrate: {TEMPLATE}",
            missing("Pod/connection", f"{SET}; {UNREACHED}"),
        ),
        workloads=3,
        code=1,
    ),
    "images in arguments, environment and custom resources": Pattern(
        "patterns/handed-on-images",
        (
            *(2 * (f"info referenced-image Deployment/operator: {HANDED_ON}",)),
            missing("Prometheus/main", VALUES.format("nodeSelector")),
        ),
        workloads=2,
        code=1,
    ),
    "a value that must be set": failing(
        "required-value", "rejects its values", "templates/deployment.yaml:12:20"
    ),
    "no pods, and an error in the notes": failing(
        "no-pods", "creates no pods, and its notes report an error"
    ),
    "notes that fail": failing("failing-notes", "rejects its values", "templates/NOTES.txt:1:4"),
    "a dependency that is missing": Pattern(
        "patterns/missing-dependency",
        problem="chart missing-dependency is incomplete: dependencies are not in its charts/",
        shown="missing-dependency",
        code=3,
    ),
    "a dependency of another version, rendered though it is off": Pattern(
        "patterns/wrong-version",
        (
            missing("StatefulSet/store", f"{SET}; {UNREACHED}"),
            f"warning selector-not-configurable StatefulSet/store: {TEMPLATE}",
        ),
        workloads=2,
        problem="chart wrong-version is incomplete: dependencies are not in its charts/",
        shown="wrong-version",
        code=1,
    ),
    "a schema that lies elsewhere": Pattern(
        "patterns/remote-schema",
        notices=(
            (
                "remote-schema/values.schema.json: the values of chart remote-schema were not "
                "checked against a schema: the schema refers to https://schemas.example/a.json, "
                "which podfit does not read"
            ),
        ),
    ),
    "YAML that parsers read differently": Pattern("patterns/odd-yaml"),
    "a knob that writes a key twice": Pattern(
        "knobs/twice",
        (
            missing(
                "Deployment/web",
                f"{SET}; not by nodeSelector: with it, Deployment/web has a duplicate key in "
                "its manifest",
            ),
        ),
        code=1,
        cluster=DISKS,
    ),
    "names and certificates that are new each time": Pattern(
        "patterns/random-names",
        (
            missing("Deployment/web", VALUES.format("nodeSelector")),
            missing("Pod/test-RANDOM", f"{SET}; {UNREACHED}"),
        ),
        workloads=2,
        code=1,
    ),
    "a template that calls itself": failing("endless-recursion", TOO_LONG, timeout=2),
    "a template that does not end": failing("endless-loop", TOO_LONG, timeout=2),
    "a template that wants more memory than there is": failing(
        "memory-bomb", "could not be rendered: it took too much memory"
    ),
}
"""By the words of the survey."""
ALL = pytest.mark.parametrize("pattern", PATTERNS.values(), ids=list(PATTERNS))


def audit(pattern: Pattern) -> Report:
    path = CHARTS / pattern.chart
    source = ChartSource(path, path.name, pattern.options, make_renderer("embedded"))
    rules = tuple(rule for rule in load_builtin_rules() if not rule.pedantic)
    finder = RemedyFinder(lambda: (source,))
    inspector = FakeInspector({**IMAGES, **WINDOWS_IMAGE})
    return Auditor(inspector, (pattern.cluster,), rules, remedies=finder).audit([source])


def lines(report: Report) -> tuple[str, ...]:
    return tuple(
        f"{item.severity} {item.rule} {item.observation.workload}: {item.observation.fix}"
        for item in report.findings
    )


@ALL
def test_the_right_answer(pattern: Pattern) -> None:
    report = audit(pattern)

    assert sorted(lines(report)) == sorted(pattern.findings)
    assert [(item.what, item.where) for item in report.problems] == (
        [(pattern.problem, pattern.shown)] if pattern.problem else []
    )
    assert all(item.hint for item in report.problems)
    assert len(report.assessments) == pattern.workloads
    assert (report.exit_code, report.notices) == (pattern.code, pattern.notices)


@pytest.mark.parametrize("name", ["names and certificates that are new each time", "no key"])
def test_two_audits_give_the_same_report(name: str) -> None:
    assert report_data(audit(PATTERNS[name])) == report_data(audit(PATTERNS[name]))
