"""The last line."""

import pytest
from msgspec.structs import replace

from auditor.audit.report import Report
from auditor.checks.findings import Severity
from auditor.errors import Problem
from auditor.formats.catalog import Style
from auditor.formats.summary import Outcome, overall, reservations, scope, totals_lines, verdict
from auditor.formats.terminal import Pen
from auditor.policy.policy import Gate
from tests.support.reports import SHOP, audit, joined, silence, workload

OPERATED = (
    "apiVersion: monitoring.coreos.com/v1\nkind: Alertmanager\nmetadata: {name: a}\nspec: {}\n"
)
NAMED = "nodeName: worker-1"


def totals(report: Report, width: int = 100, *, color: bool = False) -> list[str]:
    return list(totals_lines(report, Pen(Style(width=width, color=color))))


@pytest.mark.parametrize(
    ("severity", "line"),
    [
        (Severity.ERROR, "✗ 1 error · 1 workload, 1 image"),
        (Severity.WARNING, "! 1 warning · 1 workload, 1 image"),
        (Severity.INFO, "i 1 info · 1 workload, 1 image"),
    ],
)
def test_the_sign_is_that_of_the_worst(severity: Severity, line: str) -> None:
    report = audit(workload())
    (finding,) = report.findings

    assert totals(replace(report, findings=(replace(finding, severity=severity),))) == [line]


def test_an_incomplete_audit_is_not_signed_as_clean() -> None:
    strict = audit(workload(image="registry.corp/x:1"), gate=Gate(strict=True))
    report = replace(strict, findings=())

    assert overall(report) is Outcome.UNKNOWN
    assert totals(report)[0].startswith("? No findings, but the audit is incomplete · ")


def test_it_is_wrapped_between_its_parts() -> None:
    assert totals(audit(SHOP), 40) == [
        "✗ 2 errors, 1 warning ·",
        "  4 workloads, 4 images ·",
        "  1 image unresolved",
    ]


def test_it_is_coloured_line_by_line() -> None:
    assert totals(audit(workload(image="pause:3.8")), color=True) == [
        "\x1b[32m✓ No problems in 1 workload, 1 image\x1b[0m"
    ]


def test_totals() -> None:
    report = audit(SHOP)

    assert verdict(report) == "2 errors, 1 warning"
    assert scope(report) == "4 workloads, 4 images"
    assert reservations(report) == ("1 image unresolved",)


def test_whatever_qualifies_the_verdict_is_said() -> None:
    broken = Problem("not YAML", "x.yaml:1:1")
    report = audit(joined(SHOP, workload("named", "pause:3.8", spec=NAMED)), broken)
    silenced = silence(report, rule="missing-os-selector", reason="tainted")

    assert reservations(silenced) == (
        "1 suppressed",
        "1 image unresolved",
        "3 placements undecided",
        "1 part not audited",
        "audit incomplete",
    )


def test_what_the_baseline_holds_is_counted_apart() -> None:
    known = silence(audit(SHOP), rule="missing-os-selector", by="baseline", reason="")

    assert reservations(known)[0] == "1 suppressed (1 by the baseline)"


def test_no_findings_of_an_incomplete_audit_is_not_a_pass() -> None:
    named = workload("named", "pause:3.8", spec=NAMED)
    operated = audit(OPERATED, gate=Gate(strict=True))

    assert verdict(audit(workload(image="pause:3.8"))) == "No problems"
    assert verdict(audit(named, gate=Gate(strict=True))) == (
        "No findings, but the audit is incomplete"
    )
    assert verdict(operated) == "No findings, but the audit is incomplete"
    assert reservations(operated) == ("1 workload without a stated image",)
    assert operated.exit_code == 3
