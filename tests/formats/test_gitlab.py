"""A Code Quality report."""

import json
from typing import Any

from auditor.audit.report import Report
from auditor.errors import Problem
from auditor.formats.catalog import PLAIN
from auditor.formats.gitlab import write_gitlab
from tests.support.reports import SHOP, audit, joined, rendered, told, workload


def entries(report: Report) -> Any:
    return json.loads(write_gitlab(report, PLAIN))


def test_a_finding() -> None:
    report = told(audit(workload()))

    assert entries(report) == [
        {
            "description": "Deployment/web may land on the wrong nodes, and its image does not run "
            "there; set nodeSelector: {kubernetes.io/os: linux}",
            "check_name": "missing-os-selector",
            "fingerprint": report.findings[0].fingerprint,
            "severity": "major",
            "location": {"path": "deploy/pods.yaml", "lines": {"begin": 8}},
        }
    ]


def test_a_rendered_line_is_not_that_of_the_template() -> None:
    (entry,) = entries(audit(rendered(workload())))

    assert entry["location"] == {
        "path": "charts/shop/templates/web.yaml",
        "lines": {"begin": 1},
    }


def test_severities() -> None:
    problem = Problem("not YAML", "x.yaml:4:1")

    shown = [entry["severity"] for entry in entries(audit(SHOP, problem))]
    assert shown == ["major", "major", "minor", "blocker"]


def test_a_problem_without_a_place_has_one_all_the_same() -> None:
    (entry,) = entries(audit(workload(image="pause:3.8"), Problem("helm not found")))

    assert entry["location"] == {"path": ".", "lines": {"begin": 1}}


def test_no_two_entries_share_a_fingerprint() -> None:
    """Two values files render the same template twice, with the same finding in both."""
    twice = (rendered(workload()), rendered(f"# production\n{workload()}"))
    found = entries(audit(*twice, joined(workload(), workload())))

    prints = [entry["fingerprint"] for entry in found]
    assert len(set(prints)) == len(prints) == 4


def test_nothing_to_say_is_an_empty_list() -> None:
    assert entries(audit(workload(image="pause:3.8"))) == []
