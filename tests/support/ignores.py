"""Audits in which findings are silenced."""

from __future__ import annotations

import dataclasses
from datetime import date

from auditor.audit.audit import Auditor
from auditor.audit.report import Report
from auditor.checks.findings import Finding
from auditor.checks.rulebook import load_builtin_rules
from auditor.kubernetes.manifests import Document, Location, read_manifests
from auditor.kubernetes.workloads import Workload
from auditor.policy.baseline import IgnoreEntry, Match
from auditor.policy.ignores import Scope
from auditor.policy.policy import Policy
from tests.support.reports import HYBRID, IMAGES, FakeInspector, FakeSource

HOME = "/repo"
PATH = "deploy/pods.yaml"
RULES = load_builtin_rules()
TODAY = date(2026, 6, 15)


def document(text: str, path: str = PATH) -> Document:
    """A document of the repository in `HOME`."""
    return Document(path, text, "deploy", home=HOME, identity=path)


def audit(
    *documents: str | Document,
    scope: Scope | None = None,
    ignores: bool = True,
    pedantic: bool = False,
    clusters: tuple[object, ...] = (HYBRID,),
) -> Report:
    """The report on some documents, under the settings of one repository."""
    items = tuple(document(item) if isinstance(item, str) else item for item in documents)
    auditor = Auditor(
        FakeInspector(IMAGES),
        clusters,  # type: ignore[arg-type]
        tuple(rule for rule in RULES if pedantic or not rule.pedantic),
        policy=Policy((scope,) if scope else (), ignores=ignores, today=TODAY),
        known=frozenset(rule.id for rule in RULES),
    )
    return auditor.audit([FakeSource(items)])


def scope(*entries: IgnoreEntry, **fields: object) -> Scope:
    return dataclasses.replace(Scope(HOME, entries), **fields)  # type: ignore[arg-type]


def entry(
    *rules: str, expires: date | None = None, line: int = 1, **globs: tuple[str, ...]
) -> IgnoreEntry:
    return IgnoreEntry(rules, Match(**globs), "known", Location(".podfit.yaml", line), expires)


def rules_of(report: Report) -> list[str]:
    return [finding.rule for finding in report.findings]


def silenced(report: Report) -> list[tuple[str, str, str]]:
    """Rule, layer and reason of everything that was silenced."""
    return [(item.finding.rule, item.by, item.reason) for item in report.suppressed]


def finding(report: Report, rule: str) -> Finding:
    (found,) = [item for item in report.findings if item.rule == rule]
    return found


def workloads(text: str) -> list[Workload]:
    report = audit(text)
    return [assessment.workload for assessment in report.assessments]


def one_workload(text: str) -> Workload:
    (found,) = workloads(text)
    assert list(read_manifests(found.document))
    return found
