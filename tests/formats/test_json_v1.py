"""The report for programs, against its published schema."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import fields, replace

from auditor.audit.report import Overlay, Report, Totals
from auditor.checks.findings import (
    Confidence,
    Consequence,
    Explanation,
    Guard,
    Remedy,
    RemedyKind,
    Severity,
)
from auditor.errors import Problem
from auditor.formats.catalog import PLAIN, Style
from auditor.formats.json_v1 import write_json
from auditor.images.images import UnknownReason
from auditor.kubernetes.pod_spec import Requirement
from auditor.kubernetes.workloads import Role
from auditor.scheduling.compatibility import Failure, Runnable
from auditor.scheduling.placement import Verdict
from tests.support.reports import SHOP, audit, joined, rendered, silence, told, workload
from tests.support.tools import ROOT

SCHEMA = json.loads((ROOT / "docs/schema/report-v1.json").read_text(encoding="utf-8"))


def data(report: Report) -> Any:
    return json.loads(write_json(report, PLAIN))


@pytest.fixture
def report() -> Report:
    """Everything a report can hold."""
    problem = Problem("not YAML", "x.yaml:1:1", "tabs", "use spaces")
    found = audit(SHOP, rendered(workload("api")), problem)
    first, *others = found.findings
    other = replace(first.observation, message="a toleration undoes the taint")
    explained = replace(first, explanations=(Explanation("broad-toleration", other),))
    found = replace(found, findings=(explained, *others), notices=("an odd thing",))
    return silence(found, rule="windows-build-mismatch", reason="leaving soon")


def test_it_is_valid(report: Report) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(data(report))
    Draft202012Validator(SCHEMA).validate(data(audit()))


def test_every_key_is_documented(report: Report) -> None:
    """Keys may be added within a version, so the schema allows others; these tests do not."""
    Draft202012Validator(_closed(SCHEMA)).validate(data(report))


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("finding.severity", map(str, Severity)),
        ("finding.confidence", map(str, Confidence)),
        ("finding.consequence", (item.value for item in Consequence)),
        ("workload.pools.items.placement", (item.value for item in Verdict)),
        ("workload.pools.items.runnable", (item.value for item in Runnable)),
        ("workload.pools.items.failure", [*(item.value for item in Failure), None]),
        ("image.problem.oneOf.1.reason", (item.value for item in UnknownReason)),
    ],
)
def test_the_schema_knows_every_value(path: str, values: Iterator[str | None]) -> None:
    node = SCHEMA["$defs"]
    for step in path.split("."):
        step_in = node.get("properties", node) if isinstance(node, dict) else node
        node = step_in[int(step)] if step.isdigit() else step_in[step]
    assert set(node["enum"]) == set(values)


def test_the_schema_knows_every_role() -> None:
    assert set(SCHEMA["$defs"]["role"]["enum"]) == {role.value for role in Role}


def test_the_summary_is_that_of_the_report(report: Report) -> None:
    summary = data(report)["summary"]

    counted = {item.name for item in fields(Totals)} - {"problems"}
    assert {name: summary[name] for name in counted} == {
        name: getattr(report.totals, name) for name in counted
    }
    assert (summary["incomplete"], summary["exit_code"]) == (True, 1)


def test_a_finding() -> None:
    (finding,) = data(told(audit(rendered(workload(kind="DaemonSet")))))["findings"]

    assert finding.pop("id").isalnum()
    assert finding.pop("url").startswith("https://")
    assert finding == {
        "rule": "missing-os-selector",
        "severity": "error",
        "confidence": "high",
        "consequence": "fails on every such node",
        "message": "DaemonSet/web may land on the wrong nodes, and its image does not run there",
        "why": "on windows-2022 the pull fails with “no match for platform in manifest”",
        "fix": {
            "text": "set nodeSelector: {kubernetes.io/os: linux}",
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "requiredNodeAffinity": [],
            "values": None,
            "remedies": [],
        },
        "location": {
            "path": "charts/shop/templates/web.yaml",
            "start": {"line": 1, "col": 1},
            "precision": "file",
            "rendered": {"line": 8, "col": 7},
        },
        "workload": {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "namespace": "default",
            "name": "web",
            "component": "",
        },
        "containers": [
            {
                "name": "app",
                "role": "app",
                "image": "nginx:1.31",
                "platforms": ["linux/amd64", "linux/arm64/v8"],
                "problem": "it is not built for windows",
            }
        ],
        "pools": ["hybrid/windows-2022", "hybrid/windows-2025"],
        "variants": [],
        "explanations": [],
        "suppressed": None,
    }


def test_a_guard_with_several_values_is_node_affinity() -> None:
    found = audit(workload())
    (finding,) = found.findings
    guard = Guard((Requirement("kubernetes.io/arch", "In", ("amd64", "arm64")),))
    guarded = replace(finding, observation=replace(finding.observation, guard=guard))

    (shown,) = data(replace(found, findings=(guarded,)))["findings"]
    assert shown["fix"]["requiredNodeAffinity"] == [
        {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64", "arm64"]}
    ]


def test_suppressed_findings_are_among_the_others_with_their_reason(report: Report) -> None:
    shown = data(report)

    silenced = {f["rule"]: f["suppressed"] for f in shown["findings"] if f["suppressed"]}
    assert silenced == {
        "windows-build-mismatch": {
            "by": "annotation",
            "reason": "leaving soon",
            "where": "",
        },
    }
    assert (shown["summary"]["errors"], shown["summary"]["suppressed"]) == (2, 1)
    places = [(f["location"]["path"], f["location"]["start"]["line"]) for f in shown["findings"]]
    assert places == sorted(places)


def test_a_workload_its_containers_and_pools() -> None:
    (shown,) = data(audit(workload(image="registry.corp/x:1")))["workloads"]

    assert shown["containers"] == [
        {"name": "app", "role": "app", "image": "registry.corp/x:1", "platforms": "unknown"}
    ]
    assert shown["pools"][0] == {
        "cluster": "hybrid",
        "pool": "linux-amd64",
        "placement": "admitted",
        "runnable": "unknown",
        "failure": None,
        "reasons": ["container app: registry.corp is unreachable"],
    }
    assert shown["location"]["start"] == {"line": 1, "col": 1}


def test_images() -> None:
    known, unknown = data(audit(joined(workload(), workload("api", "registry.corp/x:1"))))["images"]

    assert known == {
        "image": "docker.io/library/nginx:1.31",
        "platforms": ["linux/amd64", "linux/arm64/v8"],
        "kind": "index",
        "digest": f"sha256:{0:064x}",
        "source": "registry",
        "notes": [],
        "problem": None,
        "users": ["Deployment/web"],
    }
    assert unknown["platforms"] == "unknown"
    assert unknown["problem"]["reason"] == "unreachable"


def test_errors() -> None:
    problem = Problem("not YAML", "x.yaml:1:1", "tabs", "use spaces", "manifest")
    expected = {
        "what": "not YAML",
        "where": "x.yaml:1:1",
        "why": "tabs",
        "hint": "use spaces",
        "part": "manifest",
    }
    assert data(audit(workload(), problem))["errors"] == [expected]


def test_no_style_changes_it() -> None:
    report = audit(SHOP)

    assert write_json(report, Style(color=True, width=60, ascii_only=True)) == write_json(
        report, PLAIN
    )


def _closed(schema: Any) -> Any:
    """The schema with every mapping closed to keys that it does not list."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(closed.get("properties"), dict) and "type" in closed:
        closed["additionalProperties"] = False
    return closed


def test_values_that_resolve_a_finding() -> None:
    report = audit(workload())
    finding = report.findings[0]
    remedy = Remedy(
        RemedyKind.VALUES,
        "web:\n  nodeSelector:\n    kubernetes.io/os: linux\n",
        keys=("web.nodeSelector",),
        where="charts/shop/values.yaml:3",
        verified=True,
    )
    seen = replace(finding.observation, remedies=(remedy,))
    report = replace(report, findings=(replace(finding, observation=seen),))

    fix = data(report)["findings"][0]["fix"]

    assert fix["values"] == {"web": {"nodeSelector": {"kubernetes.io/os": "linux"}}}
    assert fix["remedies"] == [
        {
            "kind": "values",
            "text": "web:\n  nodeSelector:\n    kubernetes.io/os: linux\n",
            "keys": ["web.nodeSelector"],
            "where": "charts/shop/values.yaml:3",
            "verified": True,
        }
    ]


def test_values_for_a_whole_chart() -> None:
    overlay = Overlay("charts/shop", "default", "web: {}\n", 1, 2, ("Job/migrate",), ("not by x",))

    assert data(replace(audit(workload()), overlays=(overlay,)))["overlays"] == [
        {
            "chart": "charts/shop",
            "variant": "default",
            "text": "web: {}\n",
            "resolved": 1,
            "findings": 2,
            "unreached": ["Job/migrate"],
            "objections": ["not by x"],
        }
    ]
