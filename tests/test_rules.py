"""Every rule on manifests that it must and must not find: `tests/rules/<id>/{bad,good}.yaml`.

A comment `# expect: <id>` ends each line at which a finding, or what explains one, must stand; no
other may be found. The first line may name the clusters: `# cluster: hybrid-arm64, tainted.yaml`
(files are in `tests/rules/clusters`). The rules are those that are on by default, and the one under
test. Images are answered from `tests/rules/images.yaml`; what is not there does not exist.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.audit import Auditor
from auditor.clusters.catalog import DEFAULT, load_cluster
from auditor.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
)
from auditor.manifests import Document
from auditor.nodes import ClusterProfile
from auditor.platforms import parse_platform
from auditor.registry.interface import Progress, no_progress
from auditor.report import Report
from auditor.rulebook import load_builtin_rules

FIXTURES = Path(__file__).with_name("rules")
CASES = sorted(path.parent.name for path in FIXTURES.glob("*/bad.yaml"))

_CLUSTERS = re.compile(r"# cluster: (?P<names>.+)")
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
    named = _CLUSTERS.match(text)
    names = named["names"].split(", ") if named else [DEFAULT]
    return tuple(
        load_cluster(str(FIXTURES / "clusters" / name) if name.endswith(".yaml") else name)
        for name in names
    )


def audit(path: Path) -> Report:
    rule_under_test = path.parent.name
    known = load_builtin_rules()
    auditor = Auditor(
        inspector=FixtureInspector(),
        clusters=clusters(path.read_text(encoding="utf-8")),
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


_INSTRUCTIONS = {
    "select": re.compile(r"set nodeSelector: (?P<value>\{.*?\})"),
    "require": re.compile(r"required node affinity: (?P<key>\S+) (?P<value>\w+ \[.*?\])"),
    "change": re.compile(r"change (?P<key>\S+) from \S+ to (?P<value>\S+)"),
    "demand": re.compile(r"^demand (?P<value>.+) instead"),
    "correct": re.compile(r"no node carries (?P<key>[^=]+)=.*; write (?P<value>\w+)"),
    "rename": re.compile(r"^write (?P<value>kubernetes\.io/\S+)"),
    "image": re.compile(r"pin the index instead: (?P<value>\S+)$"),
}
"""How the text of a fix says what to write. What says `add nodes` is for the cluster to mend."""


def carry_out(fix: str, spec: dict[str, Any]) -> None:
    """Does in a pod spec what the text of a fix says."""
    selector = spec.setdefault("nodeSelector", {})
    for name, pattern in _INSTRUCTIONS.items():
        if (match := pattern.search(fix)) is None:
            continue
        match name:
            case "select":
                selector |= yaml.safe_load(match["value"])
            case "require":
                require(spec, match["key"], *match["value"].split(" ", 1))
            case "demand":
                for key, value in (item.split("=") for item in match["value"].split(" and ")):
                    correct(spec, key, value)
                    correct(spec, f"beta.{key}", value)
            case "change" | "correct":
                correct(spec, match["key"], match["value"])
            case "rename":
                rename(spec, f"beta.{match['value']}", match["value"])
            case "image":
                spec["containers"][0]["image"] = match["value"]


def require(spec: dict[str, Any], key: str, operator: str, values: str) -> None:
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    required = affinity.setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
    for term in required.setdefault("nodeSelectorTerms", [{}]):
        term.setdefault("matchExpressions", []).append(
            {"key": key, "operator": operator, "values": values[1:-1].split(", ")}
        )


def correct(node: Any, label: str, value: str) -> None:
    """What is demanded of a label, in a selector or in a requirement."""
    if isinstance(node, dict):
        if label in node:
            node[label] = value
        if node.get("key") == label:
            node |= {"operator": "In", "values": [value]}
    for child in children(node):
        correct(child, label, value)


def rename(node: Any, old: str, new: str) -> None:
    """A label wherever it stands, as a key of a selector or in a requirement."""
    if isinstance(node, dict):
        if old in node:
            node[new] = node.pop(old)
        if node.get("key") == old:
            node["key"] = new
    for child in children(node):
        rename(child, old, new)


def children(node: Any) -> list[Any]:
    return list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []


def pod_spec(manifest: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifest["spec"]
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec if manifest["kind"] == "Pod" else spec["template"]["spec"]


def told(report: Report) -> Counter[tuple[str, str, str]]:
    """Every finding and explanation: rule, workload, aspect."""
    return Counter(
        (rule, str(observation.workload), observation.aspect)
        for finding in report.findings
        for rule, observation in (
            (finding.rule, finding.observation),
            *((item.rule, item.observation) for item in finding.explanations),
        )
    )


def mendable() -> list[tuple[str, int]]:
    """Rule and index of each finding whose fix is something to write into the manifest."""
    fixes = {
        (rule, index): finding.observation.fix
        for rule in CASES
        for index, finding in enumerate(audit(FIXTURES / rule / "bad.yaml").findings)
    }
    return [
        key
        for key, fix in fixes.items()
        if "add nodes" not in fix and any(item.search(fix) for item in _INSTRUCTIONS.values())
    ]


@pytest.mark.parametrize(("rule", "index"), mendable())
def test_a_fix_carried_out_to_the_letter(rule: str, index: int, tmp_path: Path) -> None:
    """The finding is gone, and nothing new has come beside what had explained it."""
    text = (FIXTURES / rule / "bad.yaml").read_text(encoding="utf-8")
    before = audit(FIXTURES / rule / "bad.yaml")
    finding = before.findings[index]
    manifests = list(yaml.safe_load_all(text))
    manifest = manifests[finding.observation.workload.ordinal]
    carry_out(finding.observation.fix, pod_spec(manifest))

    mended = tmp_path / rule / "bad.yaml"
    mended.parent.mkdir()
    header = text.splitlines()[0] if _CLUSTERS.match(text) else ""
    mended.write_text(f"{header}\n{yaml.safe_dump_all(manifests)}", encoding="utf-8")

    gone = told(replace(before, findings=(replace(finding, explanations=()),)))
    assert told(audit(mended)) <= told(before) - gone
