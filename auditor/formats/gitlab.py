"""The format `gitlab`: a Code Quality report for `artifacts:reports:codequality`.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from auditor.audit.report import Report
from auditor.checks.findings import FINGERPRINT_LENGTH, Finding, Severity
from auditor.errors import Problem
from auditor.formats.catalog import Style
from auditor.formats.escape import json_text, visible
from auditor.formats.excerpt import repository_path, split_place

_SEVERITIES: Final = {
    Severity.ERROR: "major",
    Severity.WARNING: "minor",
    Severity.INFO: "info",
}


def write_gitlab(report: Report, style: Style) -> str:
    """Write an entry for each finding and problem.

    GitLab drops entries with a repeated fingerprint, so repeated ones get a numeric suffix.
    """
    del style
    entries = [*map(_of_finding, report.findings), *map(_of_problem, report.problems)]
    seen: dict[str, int] = {}
    for entry in entries:
        fingerprint = entry["fingerprint"]
        number = seen[fingerprint] = seen.get(fingerprint, 0) + 1
        if number > 1:
            entry["fingerprint"] = f"{fingerprint}-{number}"
    return json_text(entries) + "\n"


def _of_finding(finding: Finding) -> dict[str, Any]:
    seen = finding.observation
    fix = f"; {seen.fix}" if seen.fix else ""
    return {
        "description": visible(f"{seen.message}{fix}"),
        "check_name": finding.rule,
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": _location(repository_path(seen), seen.location.file_line),
    }


def _of_problem(problem: Problem) -> dict[str, Any]:
    path, line = split_place(problem.where)
    digest = hashlib.sha256(f"{path}\0{problem.what}".encode(errors="replace")).hexdigest()
    return {
        "description": visible(f"not audited: {problem.what}"),
        "check_name": "not-audited",
        "fingerprint": digest[:FINGERPRINT_LENGTH],
        "severity": "blocker",
        "location": _location(path or ".", line),
    }


def _location(path: str, line: int) -> dict[str, Any]:
    return {"path": visible(path), "lines": {"begin": line}}
