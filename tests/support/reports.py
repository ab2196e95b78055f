"""Reports made from real inputs by the public path, with a fake inspector."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from auditor.audit.audit import Auditor
from auditor.audit.report import Report
from auditor.checks.findings import Finding
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
from auditor.kubernetes.source_lines import LineMap
from auditor.policy.policy import Gate, Suppressed
from auditor.registry.interface import Progress, no_progress
from auditor.scheduling.nodes import ClusterProfile, NodePool, platform_labels

IMAGES: Mapping[str, tuple[str, ...]] = {
    "fluentd:1.19": ("linux/amd64", "linux/arm/v7", "linux/arm64/v8", "linux/386", "linux/s390x"),
    "nginx:1.31": ("linux/amd64", "linux/arm64/v8"),
    "busybox:1.37": ("linux/amd64", "linux/arm64/v8"),
    "coredns:1.14": ("linux/amd64",),
    "iis:ltsc2019": ("windows(10.0.17763.8755)/amd64",),
    "pause:3.8": (
        "linux/amd64",
        "linux/arm64",
        "windows(10.0.20348.768)/amd64",
        "windows(10.0.26100.1)/amd64",
    ),
}
"""What the fake registry holds; everything else is unreachable."""


def pool(name: str, platform: str) -> NodePool:
    parsed = parse_platform(platform)
    return NodePool(name, parsed, platform_labels(parsed))


LINUX = pool("linux-amd64", "linux/amd64")
WINDOWS_2022 = pool("windows-2022", "windows(10.0.20348)/amd64")
WINDOWS_2025 = pool("windows-2025", "windows(10.0.26100)/amd64")
HYBRID = ClusterProfile("hybrid", (LINUX, WINDOWS_2022, WINDOWS_2025))
EDGE = ClusterProfile("edge", (pool("pi", "linux/arm64"),))


@dataclass(frozen=True, slots=True)
class FakeSource:
    """A source that holds these documents and problems."""

    items: tuple[Document | Problem, ...]
    name: str = "deploy"
    why_empty: str = ""

    def documents(self) -> Iterator[Document | Problem]:
        yield from self.items


@dataclass(frozen=True, slots=True)
class FakeInspector:
    """Answers from a table by the familiar name; what is not in it cannot be reached."""

    table: Mapping[str, tuple[str, ...]]

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        return {image: self._answer(image) for image in images}

    def _answer(self, image: ImageReference) -> Platforms:
        rows = self.table.get(image.familiar)
        if rows is None:
            return UnknownPlatforms(
                UnknownReason.UNREACHABLE,
                f"{image.registry} is unreachable",
                "check the network, or commit a lock file (`podfit lock`)",
            )
        return KnownPlatforms(tuple(map(parse_platform, rows)), "index", f"sha256:{0:064x}")


def audit(
    *items: str | Document | Problem,
    images: Mapping[str, tuple[str, ...]] = IMAGES,
    clusters: tuple[ClusterProfile, ...] = (HYBRID,),
    gate: Gate | None = None,
) -> Report:
    """The report on some documents; a plain text is the file `deploy/pods.yaml`."""
    documents = tuple(
        Document("deploy/pods.yaml", item, "deploy") if isinstance(item, str) else item
        for item in items
    )
    auditor = Auditor(FakeInspector(images), clusters, load_builtin_rules(), gate or Gate())
    return auditor.audit([FakeSource(documents)])


def workload(
    name: str = "web",
    image: str = "nginx:1.31",
    *,
    kind: str = "Deployment",
    spec: str = "",
    namespace: str = "",
) -> str:
    """A workload with one container `app`, its pod spec with `spec` before the containers."""
    extra = f"\n      {spec}" if spec else ""
    where = f"\n  namespace: {namespace}" if namespace else ""
    return f"""\
apiVersion: apps/v1
kind: {kind}
metadata:
  name: {name}{where}
spec:
  template:
    spec:{extra}
      containers:
        - name: app
          image: {image}
"""


def told(report: Report) -> Report:
    """The report in fixed words, so that tests of formats do not hang on those of the checks."""
    return replace(report, findings=tuple(map(_told, report.findings)))


def _told(finding: Finding) -> Finding:
    seen = finding.observation
    words = replace(
        seen,
        message=f"{seen.workload} may land on the wrong nodes, and its image does not run there",
        why="on windows-2022 the pull fails with “no match for platform in manifest”",
        fix="set nodeSelector: {kubernetes.io/os: linux}",
    )
    return replace(finding, observation=words)


LINUX_ONLY = "nodeSelector: {kubernetes.io/os: linux}"
WINDOWS_ONLY = "nodeSelector: {kubernetes.io/os: windows}"


def rendered(
    text: str, path: str = "charts/shop/templates/web.yaml", template: str = ""
) -> Document:
    """A document that Helm made of a chart's template, whose own text may be given."""
    lines = LineMap(template, text) if template else None
    return Document(
        path, text, "charts/shop", chart="charts/shop", namespace="default", lines=lines
    )


def joined(*texts: str) -> str:
    """One YAML stream."""
    return "---\n".join(texts)


def silence(report: Report, *, rule: str, by: str = "annotation", reason: str) -> Report:
    """The report with the findings of a rule suppressed."""
    silenced: list[Finding] = [item for item in report.findings if item.rule == rule]
    return replace(
        report,
        findings=tuple(item for item in report.findings if item.rule != rule),
        suppressed=tuple(Suppressed(item, by, reason) for item in silenced),
    )


SHOP = joined(
    workload("log-agent", "fluentd:1.19", kind="DaemonSet"),
    workload("storefront", "iis:ltsc2019", spec=WINDOWS_ONLY),
    workload("headroom", "pause:3.8"),
    workload("report", "registry.corp/report:9", spec=LINUX_ONLY),
)
"""An error, a Windows error, one that is in order, and one that nobody could judge."""

_LONG = "kube-prometheus-stack-prometheus-node-exporter-with-a-very-long-name"
WIDE = joined(
    workload(_LONG, "quay.io/prometheus/node-exporter:v1.9.1@sha256:" + "ab12" * 16),
    workload("web", "fluentd:1.19"),
    workload("x", "registry.example.com:5000/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q:latest"),
    workload("日本語" * 12, "pause:3.8"),
)
"""Names as long as charts make them, and characters that are two columns wide."""
