"""Which findings are silenced: by comment, annotation, configuration, baseline, in that order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from auditor.findings import Finding
from auditor.suppression.annotations import annotations_on
from auditor.suppression.comments import comments_on
from auditor.suppression.scopes import Scope, scope_of
from auditor.suppression.statements import Layer, Statement
from auditor.workloads import Workload

Use = tuple[Hashable, str]
"""A statement or entry (by its key), and the rule for which it silenced a finding."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Why a finding does not count. where: the place of the statement."""

    by: Layer
    reason: str
    where: str


@dataclass(frozen=True, slots=True)
class Silences:
    """What came of it.

    each: for every finding, in its order, what silenced it. used: every statement and entry that
    matched a finding, whether or not another came first. baselined: for each baseline file how
    many findings of each id it silenced.
    """

    each: tuple[Silence | None, ...]
    used: frozenset[Use]
    baselined: Mapping[str, Counter[str]]


def silence(findings: Sequence[Finding], scopes: Sequence[Scope], today: date) -> Silences:
    """Asks every layer about every finding. A baseline entry silences one finding."""
    statements = _Statements()
    budgets = {s.baseline.path: s.baseline.count() for s in scopes if s.baseline}
    baselined: dict[str, Counter[str]] = {path: Counter() for path in budgets}
    used: set[Use] = set()
    each: list[Silence | None] = []
    for finding in findings:
        scope = scope_of(finding.observation.workload.document, scopes)
        matches = list(_matches(finding, statements.of(finding), scope, today))
        used |= {(key, finding.rule) for _, key in matches}
        found = matches[0][0] if matches else None
        path = scope.baseline.path if scope.baseline else ""
        if found is None and path and budgets[path][finding.fingerprint] > 0:
            budgets[path][finding.fingerprint] -= 1
            baselined[path][finding.fingerprint] += 1
            found = Silence(Layer.BASELINE, "", path)
        each.append(found)
    return Silences(tuple(each), frozenset(used), baselined)


def statements_on(workload: Workload) -> tuple[Statement, ...]:
    """Comments, then annotations."""
    return (*comments_on(workload), *annotations_on(workload))


class _Statements:
    """The statements on each workload, read once."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[Statement, ...]] = {}

    def of(self, finding: Finding) -> tuple[Statement, ...]:
        workload = finding.observation.workload
        if id(workload) not in self._found:
            self._found[id(workload)] = statements_on(workload)
        return self._found[id(workload)]


def _matches(
    finding: Finding, statements: Sequence[Statement], scope: Scope, today: date
) -> Iterator[tuple[Silence, Hashable]]:
    for item in statements:
        if finding.rule in item.rules and not item.mistake and scope.honours(item):
            yield Silence(item.layer, item.reason, str(item.location)), item.key
    for entry in scope.entries:
        if entry.silences(finding, today):
            yield Silence(Layer.CONFIG, entry.reason, str(entry.location)), entry.location
