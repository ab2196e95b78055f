"""What counts, what is silenced and why: the only place where severities are weighed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditor.findings import Explanation, Finding, Observation, Severity
from auditor.rulebook import Rule


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


def judge(observed: Iterable[tuple[Rule, Observation]]) -> tuple[Finding, ...]:
    """Findings of what the rules' checks saw, sorted by location, then rule.

    One cause gives one finding: a rule that explains others is attached to the findings of the same
    workload that it explains and with which it shares a pool, and stands alone only where there is
    none.
    """
    pairs = list(observed)
    explained = [(rule, seen) for rule, seen in pairs if rule.explains]
    main = [(rule, seen) for rule, seen in pairs if not rule.explains]
    findings = [
        Finding(rule.id, rule.severity, seen, _explanations(rule, seen, explained))
        for rule, seen in main
    ]
    findings += [
        Finding(rule.id, rule.severity, seen)
        for rule, seen in explained
        if not any(_explains(rule, seen, other, about) for other, about in main)
    ]
    return tuple(sorted(findings, key=lambda finding: finding.sort_key))


def _explanations(
    rule: Rule, seen: Observation, explained: Sequence[tuple[Rule, Observation]]
) -> tuple[Explanation, ...]:
    return tuple(
        Explanation(other.id, about)
        for other, about in explained
        if _explains(other, about, rule, seen)
    )


def _explains(rule: Rule, seen: Observation, other: Rule, about: Observation) -> bool:
    return (
        other.id in rule.explains
        and seen.workload is about.workload
        and not set(seen.pools).isdisjoint(about.pools)
    )
