"""Every rule on manifests that it must and must not find: `tests/rules/<id>/{bad,good}.yaml`.

A comment `# expect: <id>` ends each line at which a finding, or what explains one, must stand; no
other may be found. The first line may name the clusters: `# cluster: hybrid-arm64, tainted.yaml`
(files are in `tests/rules/clusters`). The rules are those that are on by default, and the one under
test. `# require: linux/arm64` instead names required platforms. Images are answered from
`tests/rules/images.yaml`; what is not there does not exist.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.audit.audit import Auditor
from auditor.audit.report import Report
from auditor.checks.requirements import PlatformRequirement
from auditor.checks.rulebook import load_builtin_rules
from auditor.clusters.profiles import DEFAULT, load_cluster
from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
)
from auditor.images.platforms import parse_platform
from auditor.kubernetes.manifests import Document
from auditor.registry.interface import Progress, no_progress
from auditor.scheduling.nodes import ClusterProfile

FIXTURES = Path(__file__).with_name("rules")
CASES = sorted(path.parent.name for path in FIXTURES.glob("*/bad.yaml"))

CLUSTERS = re.compile(r"# cluster: (?P<names>.+)")
REQUIRED = re.compile(r"# require: (?P<platforms>.+)")
_EXPECTED = re.compile(r"# expect: (?P<rules>[a-z, -]+)$")

Found = set[tuple[int, str]]
"""Line and rule."""


@dataclass(frozen=True)
class FixtureSource:
    path: Path
    why_empty: str = ""

    @property
    def name(self) -> str:
        return self.path.name

    def documents(self) -> Iterator[Document]:
        yield Document(self.name, self.path.read_text(encoding="utf-8"), self.name)


class FixtureInspector:
    """Answers from `images.yaml`."""

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        return {image: answer(image) for image in images}


@cache
def table() -> dict[str, dict[str, Any]]:
    text = (FIXTURES / "images.yaml").read_text(encoding="utf-8")
    images: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return images


def answer(image: ImageReference) -> Platforms:
    entry = table().get(image.familiar, {"unknown": "not-found"})
    if "unknown" in entry:
        return UnknownPlatforms(UnknownReason(entry["unknown"]), f"{image}: {entry['unknown']}")
    return KnownPlatforms(
        platforms=tuple(map(parse_platform, entry["platforms"])),
        kind=entry.get("kind", "index"),
        digest=image.digest or entry.get("digest", f"sha256:{0:064x}"),
        rows=tuple(entry.get("rows", ())),
        dangling=tuple(map(parse_platform, entry.get("dangling", ()))),
    )


def clusters(text: str) -> tuple[ClusterProfile, ...]:
    named = CLUSTERS.match(text)
    names = named["names"].split(", ") if named else [DEFAULT]
    return tuple(
        load_cluster(str(FIXTURES / "clusters" / name) if name.endswith(".yaml") else name)
        for name in names
    )


def requirements(text: str) -> tuple[PlatformRequirement, ...]:
    named = REQUIRED.match(text)
    platforms = named["platforms"].split(", ") if named else []
    return tuple(PlatformRequirement((parse_platform(name),)) for name in platforms)


def audit(path: Path) -> Report:
    rule_under_test = path.parent.name
    known = load_builtin_rules()
    text = path.read_text(encoding="utf-8")
    auditor = Auditor(
        inspector=FixtureInspector(),
        clusters=clusters(text),
        requirements=requirements(text),
        rules=tuple(rule for rule in known if not rule.pedantic or rule.id == rule_under_test),
        known=frozenset(rule.id for rule in known),
    )
    report = auditor.audit([FixtureSource(path)])
    assert report.problems == ()
    return report


def found(report: Report) -> Found:
    """Each finding and each explanation, at its line."""
    places = [(finding.observation.location.line, finding.rule) for finding in report.findings]
    places += [
        (explanation.observation.location.line, explanation.rule)
        for finding in report.findings
        for explanation in finding.explanations
    ]
    return set(places)


def expected(path: Path) -> Found:
    lines = path.read_text(encoding="utf-8").splitlines()
    marks = ((number, _EXPECTED.search(line)) for number, line in enumerate(lines, 1))
    return {(number, rule) for number, mark in marks if mark for rule in mark["rules"].split(", ")}


@pytest.mark.parametrize("rule", CASES)
def test_bad(rule: str) -> None:
    path = FIXTURES / rule / "bad.yaml"

    assert rule in {name for _, name in expected(path)}
    assert found(audit(path)) == expected(path)


@pytest.mark.parametrize("rule", CASES)
def test_good(rule: str) -> None:
    report = audit(FIXTURES / rule / "good.yaml")

    assert [(item.rule, item.observation.message) for item in report.findings] == []
    assert report.assessments, "a fixture without a workload proves nothing"
