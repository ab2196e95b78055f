"""What counts, what is silenced and why: the only place where severities are weighed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from auditor.findings import Explanation, Finding, Observation, Severity
from auditor.rulebook import Rule

Judged = tuple[Rule, Observation]
"""An observation, and the rule whose check made it."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What makes an audit fail.

    fail_on: the least severity that gives exit code 1; None for never. strict: an image that could
    not be resolved, or a placement that could not be decided, makes the audit incomplete.
    """

    fail_on: Severity | None = Severity.ERROR
    strict: bool = False

    def fails(self, severity: Severity) -> bool:
        return self.fail_on is not None and severity >= self.fail_on


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that was silenced. by: the layer that did it. reason: the user's words."""

    finding: Finding
    by: str
    reason: str


def judge(observed: Iterable[Judged]) -> tuple[Finding, ...]:
    """Findings of what the rules' checks saw, sorted by location, then rule.

    One cause gives one finding: a rule that explains others is attached to the findings of the same
    workload that it explains and with which it shares a pool, and stands alone only where there is
    none.
    """
    by_workload: dict[int, list[Judged]] = {}
    for rule, seen in observed:
        by_workload.setdefault(id(seen.workload), []).append((rule, seen))
    findings = (finding for group in by_workload.values() for finding in _findings(group))
    return tuple(sorted(findings, key=lambda finding: finding.sort_key))


def _findings(group: Sequence[Judged]) -> Iterator[Finding]:
    """The findings of one workload, with what explains each, directly or through another."""
    heads = {id(item): _heads(item, group) for item in group}
    for item in group:
        if heads[id(item)] not in ([], [item]):
            continue
        rule, seen = item
        others = (other for other in group if other is not item)
        explaining = [other for other in others if any(item is head for head in heads[id(other)])]
        explanations = tuple(Explanation(other.id, about) for other, about in explaining)
        yield Finding(rule.id, rule.severity, seen, explanations)


def _heads(item: Judged, group: Sequence[Judged]) -> list[Judged]:
    """What an observation explains in the end: itself, where it explains nothing."""
    heads, waiting, known = [], [item], {id(item)}
    while waiting:
        current = waiting.pop()
        explained = [other for other in group if _explains(current, other)]
        if not explained:
            heads.append(current)
        waiting += [other for other in explained if id(other) not in known]
        known.update(map(id, explained))
    return heads


def _explains(item: Judged, other: Judged) -> bool:
    (rule, seen), (about_rule, about) = item, other
    return about_rule.id in rule.explains and not set(seen.pools).isdisjoint(about.pools)
