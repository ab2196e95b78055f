"""The pipeline, from text to report, with a fake inspector."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from auditor.audit.audit import Auditor
from auditor.audit.report import Report
from auditor.checks.rulebook import load_builtin_rules
from auditor.errors import Problem
from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
)
from auditor.images.platforms import parse_platform
from auditor.kubernetes.manifests import Document
from auditor.policy.policy import Gate
from auditor.registry.interface import Progress, no_progress
from auditor.scheduling.nodes import ClusterProfile, NodePool, platform_labels


@dataclass(frozen=True)
class TextSource:
    text: str
    name: str = "pods.yaml"
    why_empty: str = ""

    def documents(self) -> Iterator[Document | Problem]:
        yield Document(self.name, self.text, self.name)


class FakeInspector:
    """Answers from a table; what is not in it cannot be reached."""

    def __init__(self, table: Mapping[str, tuple[str, ...]]) -> None:
        self._table = table
        self.asked: list[ImageReference] = []

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        self.asked += images
        return {image: self._answer(image) for image in images}

    def _answer(self, image: ImageReference) -> Platforms:
        rows = self._table.get(image.familiar)
        if rows is None:
            return UnknownPlatforms(UnknownReason.UNREACHABLE, f"{image.registry} is unreachable")
        return KnownPlatforms(tuple(map(parse_platform, rows)), "index", "sha256:0")


def pool(text: str) -> NodePool:
    platform = parse_platform(text)
    return NodePool(text, platform, platform_labels(platform))


HYBRID = ClusterProfile(
    "hybrid",
    tuple(
        map(
            pool,
            (
                "linux/amd64",
                "linux/arm64",
                "windows(10.0.20348)/amd64",
                "windows(10.0.26100)/amd64",
            ),
        )
    ),
)
IMAGES = {
    "web:1": ("linux/amd64", "linux/arm64"),
    "old:1": ("linux/amd64",),
    "iis:2019": ("windows(10.0.17763.1)/amd64",),
    "iis:2025": ("windows(10.0.26100.1)/amd64",),
    "pause:1": ("linux/amd64", "linux/arm64", "windows(10.0.20348.1)/amd64"),
}


def audit(text: str, gate: Gate | None = None) -> Report:
    auditor = Auditor(FakeInspector(IMAGES), (HYBRID,), load_builtin_rules(), gate or Gate())
    return auditor.audit([TextSource(text)])


def pod(image: str, spec: str = "", kind: str = "Deployment") -> str:
    return f"""
apiVersion: apps/v1
kind: {kind}
metadata: {{name: shop}}
spec:
  template:
    spec:
      {spec}
      containers:
        - name: web
          image: {image}
"""


def test_a_workload_that_runs_everywhere_is_clean() -> None:
    report = audit(pod("pause:1"))
    assert (report.findings, report.exit_code) == ((), 0)


def test_a_linux_image_without_a_guard() -> None:
    (finding,) = audit(pod("web:1")).findings
    seen = finding.observation
    assert finding.rule == "missing-os-selector"
    assert seen.message == "Deployment/shop can land on Windows nodes, but its image is Linux-only"
    assert seen.guard.node_selector == {"kubernetes.io/os": "linux"}
    assert seen.fix == "set nodeSelector: {kubernetes.io/os: linux}"
    assert seen.pools == (
        "hybrid/windows(10.0.20348)/amd64",
        "hybrid/windows(10.0.26100)/amd64",
    )
    assert (seen.location.line, seen.location.column) == (9, 7)


def test_two_gaps_are_two_findings_each_with_its_own_guard() -> None:
    report = audit(pod("old:1"))
    assert {f.rule: f.observation.guard.node_selector for f in report.findings} == {
        "missing-arch-selector": {"kubernetes.io/arch": "amd64"},
        "missing-os-selector": {"kubernetes.io/os": "linux"},
    }
    assert report.exit_code == 1


def test_a_daemon_set_fails_for_certain() -> None:
    (finding,) = audit(pod("web:1", kind="DaemonSet")).findings
    assert finding.observation.message.startswith("DaemonSet/shop puts a pod on Windows nodes")
    assert finding.observation.consequence.value == "fails on every such node"


def test_a_windows_build_that_the_image_lacks() -> None:
    report = audit(pod("iis:2025", "nodeSelector: {kubernetes.io/os: windows}"))
    (finding,) = report.findings
    assert finding.rule == "windows-build-mismatch"
    assert finding.observation.guard.node_selector == {
        "node.kubernetes.io/windows-build": "10.0.26100"
    }


def test_an_unresolved_image_is_neither_clean_nor_broken() -> None:
    report = audit(pod("registry.test/private:1"))
    (finding,) = report.findings
    assert (finding.rule, report.exit_code) == ("image-unresolved", 0)
    assert finding.observation.why == "registry.test is unreachable"
    assert audit(pod("registry.test/private:1"), Gate(strict=True)).exit_code == 3


def test_one_broken_document_does_not_hide_the_others() -> None:
    report = audit(pod("web:1") + "---\nkind: Pod\nspec: {\n---" + pod("pause:1"))
    assert [f.rule for f in report.findings] == ["missing-os-selector"]
    (problem,) = report.problems
    assert problem.where.startswith("pods.yaml:")
    assert len(report.assessments) == 2


def test_nothing_to_audit_is_not_a_pass() -> None:
    report = audit("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    assert report.exit_code == 3
    assert report.problems[0].what == "nothing to audit in pods.yaml: it creates no pods"


def test_each_image_is_asked_for_once() -> None:
    inspector = FakeInspector(IMAGES)
    auditor = Auditor(inspector, (HYBRID,), load_builtin_rules())
    auditor.audit([TextSource(pod("web:1") + "---" + pod("docker.io/library/web:1"))])
    assert [str(image) for image in inspector.asked] == ["docker.io/library/web:1"]


RUNTIME_CLASS = """
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: linux-only}
handler: runc
scheduling: {nodeSelector: {kubernetes.io/os: linux}}
"""


def test_a_runtime_class_among_the_manifests_guards_a_deployment() -> None:
    workload = pod("web:1", "runtimeClassName: linux-only")
    assert audit(RUNTIME_CLASS + "---" + workload).findings == ()
    undecided = audit(workload)
    assert {fit.placement.verdict.value for fit in undecided.assessments[0].fits} == {"undecided"}


def test_a_broken_runtime_class_is_told_once() -> None:
    broken = RUNTIME_CLASS.replace("kubernetes.io/os: linux", "kubernetes.io/os: true")
    report = audit(broken + "---" + pod("pause:1"))
    assert [problem.what.partition(":")[0] for problem in report.problems] == [
        "RuntimeClass/linux-only"
    ]
