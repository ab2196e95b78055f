"""The fix of every finding in the fixtures of the rules, carried out to the letter.

What a fix says in words is done in the manifest as a reader would do it; then the manifest is
audited again.
"""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from auditor.audit.report import Report
from tests.test_rules import CASES, CLUSTERS, FIXTURES, audit

_INSTRUCTIONS = {
    "select": re.compile(r"set nodeSelector: (?P<value>\{.*?\})"),
    "require": re.compile(r"required node affinity: (?P<key>\S+) (?P<value>\w+ \[.*?\])"),
    "change": re.compile(r"change (?P<key>\S+) from \S+ to (?P<value>\S+)"),
    "instead": re.compile(r"\brequire (?P<value>.+?) instead"),
    "drop": re.compile(r"\bdrop (?P<key>[\w.-]+/[\w.-]+)"),
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
            case "instead":
                for key, value in (item.split("=") for item in match["value"].split(" and ")):
                    correct(spec, key, value)
                    correct(spec, f"beta.{key}", value)
            case "drop":
                drop(spec, match["key"])
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


def drop(node: Any, label: str) -> None:
    """A demand on a label, wherever it stands."""
    if isinstance(node, dict):
        node.pop(label, None)
    if isinstance(node, list):
        node[:] = [item for item in node if not isinstance(item, dict) or item.get("key") != label]
    for child in children(node):
        drop(child, label)


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


@cache
def audited(rule: str) -> Report:
    return audit(FIXTURES / rule / "bad.yaml")


def mendable() -> list[tuple[str, int]]:
    """Rule and index of each finding whose fix is something to write into the manifest."""
    fixes = {
        (rule, index): finding.observation.fix
        for rule in CASES
        for index, finding in enumerate(audited(rule).findings)
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
    before = audited(rule)
    finding = before.findings[index]
    manifests = list(yaml.safe_load_all(text))
    manifest = manifests[finding.observation.workload.ordinal]
    carry_out(finding.observation.fix, pod_spec(manifest))

    mended = tmp_path / rule / "bad.yaml"
    mended.parent.mkdir()
    header = text.splitlines()[0] if CLUSTERS.match(text) else ""
    mended.write_text(f"{header}\n{yaml.safe_dump_all(manifests)}", encoding="utf-8")

    gone = told(replace(before, findings=(replace(finding, explanations=()),)))
    assert told(audit(mended)) <= told(before) - gone
