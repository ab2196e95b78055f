"""The format `sarif`: SARIF 2.1.0 for GitHub code scanning and other tools.

GitHub merges results with the same rule, file and line into one alert, so findings are grouped by
them. It computes `primaryLocationLineHash` itself and warns about other values, so the fingerprint
has another name. Suppressed findings are omitted: GitHub does not support `suppressions`.
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from auditor import __version__
from auditor.audit.report import ImageEntry, Report
from auditor.checks.findings import Finding, Observation, Severity
from auditor.checks.rulebook import Rule
from auditor.checks.wording import count
from auditor.errors import Problem
from auditor.formats.catalog import Style
from auditor.formats.escape import json_text, visible
from auditor.formats.excerpt import excerpt, repository_path, split_place, uri
from auditor.formats.wording import rule_url, runs_on
from auditor.images.images import KnownPlatforms

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
MAX_RESULTS: Final = 5000
"""Maximum that GitHub shows for one run."""
_MAX_TEXT: Final = 1024

_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_PROBLEM_SEVERITIES: Final = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "recommendation",
}
_SELECTOR: Final = re.compile(r"nodeSelector: \{([^{}]*)\}")

Json = dict[str, Any]


def write_sarif(report: Report, style: Style) -> str:
    """Write one run with a result for each rule, file and line."""
    del style
    groups = _grouped(report.findings)
    shown = groups[:MAX_RESULTS]
    run = {
        "tool": {"driver": _driver(report)},
        "automationDetails": {"id": "podfit/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The repository's root."}}},
        "invocations": [_invocation(report, len(groups) - len(shown))],
        "results": [_result(group, report) for group in shown],
        "properties": {"images": [_image(entry) for entry in report.images]},
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _grouped(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Group findings by rule, file and line, most severe first."""
    groups: dict[tuple[str, str, int], list[Finding]] = {}
    for finding in findings:
        path = repository_path(finding.observation)
        key = (finding.rule, path, finding.observation.location.file_line)
        groups.setdefault(key, []).append(finding)
    return sorted(groups.values(), key=lambda group: -group[0].severity)


def _driver(report: Report) -> Json:
    return {
        "name": "podfit",
        "semanticVersion": __version__,
        "rules": [_rule(rule) for rule in report.rules],
    }


def _rule(rule: Rule) -> Json:
    sections = (("Why", rule.why), ("Fix", rule.fix), ("When to ignore it", rule.ignore))
    filled = [(title, text) for title, text in sections if text]
    described: Json = {
        "id": rule.id,
        "name": rule.id.title().replace("-", ""),
        "shortDescription": {"text": _bounded(rule.summary)},
        "fullDescription": {"text": _bounded(_paragraph(rule.why))},
        "help": {
            "text": "\n\n".join((rule.summary, *(f"{title}: {text}" for title, text in filled))),
            "markdown": "\n\n".join(
                (rule.summary, *(f"## {title}\n\n{text}" for title, text in filled))
            ),
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": ["kubernetes", "scheduling"],
            "precision": "high",
            "problem.severity": _PROBLEM_SEVERITIES[rule.severity],
        },
    }
    if url := rule_url(rule):
        described["helpUri"] = url
    return described


def _paragraph(text: str) -> str:
    """Return the first paragraph of Markdown text as one line."""
    return " ".join(text.strip().partition("\n\n")[0].split()).rstrip(":.") + "."


def _bounded(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1]}…"


def _invocation(report: Report, omitted: int) -> Json:
    notifications = [_notification(problem) for problem in report.problems]
    notifications += [
        {"level": "note", "message": {"text": _message(notice)}} for notice in report.notices
    ]
    if omitted:
        text = f"{count(omitted, 'result')} left out: no more than {MAX_RESULTS} are shown."
        notifications.append({"level": "warning", "message": {"text": text}})
    return {
        "executionSuccessful": not report.incomplete,
        "exitCode": report.exit_code,
        "toolExecutionNotifications": notifications,
    }


def _notification(problem: Problem) -> Json:
    parts = (problem.what, problem.why, problem.hint)
    found: Json = {
        "level": "error",
        "message": {"text": _message("; ".join(filter(None, parts)))},
    }
    path, line = split_place(problem.where)
    if path:
        found["locations"] = [_physical(path, {"startLine": max(line, 1)})]
    return found


def _result(group: Sequence[Finding], report: Report) -> Json:
    first = group[0]
    seen = first.observation
    rules = [rule.id for rule in report.rules]
    location = _location(seen)
    names = sorted({_qualified(finding) for finding in group})
    location["logicalLocations"] = [
        {"fullyQualifiedName": name, "kind": "resource"} for name in names
    ]
    result: Json = {
        "ruleId": first.rule,
        "level": _LEVELS[max(finding.severity for finding in group)],
        "message": {"text": _text(group)},
        "locations": [location],
        "partialFingerprints": {"podfit/v1": first.fingerprint},
        "properties": {
            "confidence": str(min(finding.observation.confidence for finding in group)),
            "pools": sorted({pool for item in group for pool in item.observation.pools}),
        },
    }
    if first.rule in rules:
        result["ruleIndex"] = rules.index(first.rule)
    return result


def _text(group: Sequence[Finding]) -> str:
    """Return the message; GitHub shows its first sentence as the title of the alert."""
    seen = group[0].observation
    sentences = [seen.message, seen.why]
    sentences += [item.observation.message for item in group[0].explanations]
    fix = _SELECTOR.sub(r"nodeSelector \1", seen.fix)
    sentences += [f"Fix: {fix}"] if fix else []
    if seen.location.note:
        sentences.append(seen.location.note)
    sentences += [f"Also: {item.observation.message}" for item in group[1:]]
    capital = (sentence[:1].upper() + sentence[1:] for sentence in sentences if sentence)
    return _message(". ".join(text.rstrip(".") for text in capital) + ".")


def _message(text: str) -> str:
    """Escape the text of a message: placeholders (3.11.5) and links (3.11.6)."""
    return visible(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _qualified(finding: Finding) -> str:
    ref = finding.observation.workload.ref
    return visible("/".join(filter(None, (ref.namespace, ref.kind, ref.name))))


def _location(seen: Observation) -> Json:
    """Return a location of one line.

    GitHub shows an alert in a pull request only if all of its lines are in the diff.
    """
    if seen.location.rendered:
        return _physical(repository_path(seen), {"startLine": seen.location.file_line})
    region: Json = {"startLine": seen.location.line, "startColumn": seen.location.column}
    lines = [line for line in excerpt(seen) if line.number is not None]
    for mark, text in ((mark, line.text) for line in lines for mark in line.marks if mark.primary):
        end = mark.start + mark.length
        region |= {"startColumn": mark.start + 1, "endColumn": end + 1}
        region["snippet"] = {"text": visible(text[mark.start : end])}
    return _physical(repository_path(seen), region)


def _physical(path: str, region: Json) -> Json:
    address = uri(path)
    artifact = {"uri": address}
    if not address.startswith("file:"):
        artifact["uriBaseId"] = "%SRCROOT%"
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def _image(entry: ImageEntry) -> Json:
    known = entry.platforms if isinstance(entry.platforms, KnownPlatforms) else None
    return {
        "image": visible(entry.name),
        "digest": known.digest if known else None,
        "runsOn": runs_on(known.platforms) if known else "unknown",
    }
