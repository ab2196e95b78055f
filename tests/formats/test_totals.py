"""The last line."""

from dataclasses import replace

import pytest

from auditor.findings import Severity
from auditor.formats.interface import Style
from auditor.formats.pen import Pen
from auditor.formats.totals import overall, totals_lines
from auditor.formats.words import Outcome
from auditor.policy import Gate
from auditor.report import Report
from tests.support.reports import SHOP, audit, workload


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
