"""Plans of fixes for texts, made by the public path with a fake inspector."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.audit.audit import Auditor
from auditor.audit.report import Remedied, Report
from auditor.checks.rulebook import load_builtin_rules
from auditor.files.yaml_editing import apply_edits
from auditor.fixes.plan import Plan, Planner
from auditor.images.images import ImageReference, KnownPlatforms, Platforms
from auditor.images.platforms import parse_platform
from auditor.kubernetes.manifests import Document
from auditor.registry.interface import Inspector, Progress, no_progress
from auditor.scheduling.nodes import ClusterProfile
from tests.support.reports import HYBRID, IMAGES, FakeInspector, FakeSource

RULES = tuple(rule for rule in load_builtin_rules() if not rule.pedantic)


@dataclass(frozen=True)
class LinuxOnly:
    """Every image is for linux/amd64 and linux/arm64."""

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        rows = tuple(map(parse_platform, ("linux/amd64", "linux/arm64")))
        return {image: KnownPlatforms(rows, "index", f"sha256:{0:064x}") for image in images}


def planned(
    text: str,
    cluster: ClusterProfile = HYBRID,
    inspector: Inspector | None = None,
    path: str = "deploy/pods.yaml",
) -> tuple[Report, Plan]:
    """Audit a file and plan its fixes."""
    kept: list[Any] = []

    def keep(*audited: Any) -> Remedied:
        kept.extend((tuple(audited[0]), audited[-1]))
        return Remedied(tuple(audited[0]))

    auditor = Auditor(inspector or FakeInspector(IMAGES), (cluster,), RULES, remedies=keep)
    report = auditor.audit([FakeSource((Document(path, text, "deploy"),))])
    planner = Planner(report, kept[0], kept[1], tuple, lambda _: Path("podfit-values.yaml"))
    return report, planner.plan()


def fixed(text: str, cluster: ClusterProfile = HYBRID, inspector: Inspector | None = None) -> str:
    """Return the text with the fixes of its findings."""
    _, plan = planned(text, cluster, inspector)
    return apply_edits(text, plan.files[0].edits) if plan.files else text
