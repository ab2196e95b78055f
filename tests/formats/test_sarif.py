"""SARIF, against the OASIS schema and the rules of GitHub's code scanning."""

import dataclasses
import json
from typing import Any

import pytest
from jsonschema.validators import validator_for
from msgspec.structs import replace

from auditor.audit.report import Report
from auditor.checks.findings import Explanation, Severity
from auditor.errors import Problem
from auditor.formats.catalog import PLAIN
from auditor.formats.sarif import write_sarif
from auditor.kubernetes.manifests import Document
from auditor.policy.policy import Gate
from tests.support.reports import (
    SHOP,
    audit,
    joined,
    rendered,
    silence,
    told,
    workload,
)
from tests.support.schemas import SARIF, published_schema


def run(report: Report) -> Any:
    (only,) = json.loads(write_sarif(report, PLAIN))["runs"]
    return only


@pytest.fixture
def report() -> Report:
    problem = Problem("cannot render the chart", "charts/shop:3", "nil pointer", "give values")
    return audit(SHOP, rendered(workload("api")), Document("<stdin>", workload("x"), "-"), problem)


def test_it_is_valid(report: Report) -> None:
    schema = published_schema(SARIF)
    validator = validator_for(schema)(schema)

    validator.validate(json.loads(write_sarif(report, PLAIN)))
    validator.validate(json.loads(write_sarif(audit(workload(image="pause:3.8")), PLAIN)))


def test_a_clean_run_has_results_and_rules_all_the_same() -> None:
    clean = run(audit(workload(image="pause:3.8")))

    assert clean["results"] == []
    assert len(clean["tool"]["driver"]["rules"]) == len(audit().rules)
    assert clean["invocations"] == [
        {"executionSuccessful": True, "exitCode": 0, "toolExecutionNotifications": []}
    ]


def test_every_rule_is_described_as_github_wants_it(report: Report) -> None:
    for rule in run(report)["tool"]["driver"]["rules"]:
        for text in (rule["shortDescription"]["text"], rule["fullDescription"]["text"]):
            assert 0 < len(text) <= 1024
            assert text.endswith(".")
        assert rule["help"]["text"]
        assert "## Fix" in rule["help"]["markdown"]
        assert rule["properties"]["precision"] == "high"
        assert "security-severity" not in rule["properties"]
        assert len(rule["properties"]["tags"]) <= 10


def test_a_finding() -> None:
    report = told(audit(workload(namespace="prod")))
    (result,) = run(report)["results"]

    rules = run(report)["tool"]["driver"]["rules"]
    assert rules[result.pop("ruleIndex")]["id"] == "missing-os-selector"
    assert result == {
        "ruleId": "missing-os-selector",
        "level": "error",
        "message": {
            "text": "Deployment/web may land on the wrong nodes, and its image does not run there. "
            "On windows-2022 the pull fails with “no match for platform in manifest”. "
            "Fix: set nodeSelector kubernetes.io/os: linux."
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "deploy/pods.yaml", "uriBaseId": "%SRCROOT%"},
                    "region": {
                        "startLine": 9,
                        "startColumn": 7,
                        "endColumn": 17,
                        "snippet": {"text": "containers"},
                    },
                },
                "logicalLocations": [
                    {"fullyQualifiedName": "prod/Deployment/web", "kind": "resource"}
                ],
            }
        ],
        "partialFingerprints": {"podfit/v1": report.findings[0].fingerprint},
        "properties": {
            "confidence": "high",
            "pools": ["hybrid/windows-2022", "hybrid/windows-2025"],
        },
    }


def test_one_result_for_each_rule_file_and_line() -> None:
    """A rendered template has one line to point at, so its findings share it."""
    both = joined(workload("api"), workload("web"))
    (result,) = run(told(audit(rendered(both))))["results"]

    text = result["message"]["text"]
    assert text.startswith("Deployment/api may land on the wrong nodes")
    assert "Line 8 when rendered." in text
    assert text.endswith("Also: Deployment/web may land on the wrong nodes, and its image does not "
                         "run there.")  # fmt: skip
    names = [item["fullyQualifiedName"] for item in result["locations"][0]["logicalLocations"]]
    assert names == ["default/Deployment/api", "default/Deployment/web"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


def test_an_incomplete_audit_did_not_succeed(report: Report) -> None:
    (invocation,) = run(report)["invocations"]

    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"] == "cannot render the chart; nil pointer; give values"
    assert notification["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}
    odd = run(replace(audit(workload(image="pause:3.8")), notices=("an odd {thing}",)))
    assert odd["invocations"][0]["toolExecutionNotifications"] == [
        {"level": "note", "message": {"text": "an odd {{thing}}"}}
    ]
    strict = audit(workload(image="registry.corp/x:1"), gate=Gate(strict=True))
    assert run(strict)["invocations"][0]["executionSuccessful"] is False


def test_suppressed_findings_would_open_alerts() -> None:
    report = silence(audit(workload()), rule="missing-os-selector", reason="tainted")

    assert run(report)["results"] == []


def test_the_fingerprint_is_not_the_one_that_github_computes(report: Report) -> None:
    for result in run(report)["results"]:
        assert set(result["partialFingerprints"]) == {"podfit/v1"}


def test_braces_and_links_are_plain_text() -> None:
    report = audit(workload(image='"ghcr.io/acme/web:${TAG}"'))
    (finding,) = report.findings
    other = replace(finding.observation, message="see [here](https://evil.test)")
    linked = replace(finding, explanations=(Explanation("other", other),))
    (result,) = run(replace(report, findings=(linked,)))["results"]

    assert "${{TAG}}" in result["message"]["text"]
    assert "[here] (https://evil.test)" in result["message"]["text"]


def test_the_worst_come_first_and_there_are_no_more_than_github_shows() -> None:
    report = audit(workload())
    (finding,) = report.findings
    spread = tuple(
        replace(
            finding,
            severity=Severity.WARNING if number % 2 else Severity.ERROR,
            observation=replace(
                finding.observation,
                location=dataclasses.replace(finding.observation.location, line=number + 1),
            ),
        )
        for number in range(5001)
    )
    many = run(replace(report, findings=spread))

    levels = [result["level"] for result in many["results"]]
    assert levels == ["error"] * 2501 + ["warning"] * 2499
    (notification,) = many["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"].startswith("1 result")


def test_images_are_listed(report: Report) -> None:
    images = {item["image"]: item["runsOn"] for item in run(report)["properties"]["images"]}

    assert images["docker.io/library/iis:ltsc2019"] == "windows 17763"
    assert images["registry.corp/report:9"] == "unknown"
