"""Turn observations into findings: apply settings, merge explanations and silence findings."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.checks.assessment import merge_findings, same_place
from auditor.checks.findings import Confidence, Explanation, Finding, Observation, Severity
from auditor.checks.interface import IGNORE_LAPSE
from auditor.checks.rulebook import Rule
from auditor.errors import Problem
from auditor.kubernetes.workloads import Workload
from auditor.policy.acceptance import Acceptance, accept
from auditor.policy.ignores import Scope, Silence, Silences, scope_of, silence
from auditor.policy.unused_ignores import Audited, find_lapses, find_stale_baselines

Judged = tuple[Rule, Observation]
"""An observation and the rule whose check made it."""


class Gate(Struct, frozen=True):
    """When an audit fails.

    Attributes:
        fail_on: The lowest severity that gives exit code 1; None for never.
        strict: Whether unresolved images and undecided placements make the audit incomplete.
    """

    fail_on: Severity | None = Severity.ERROR
    strict: bool = False

    def fails(self, severity: Severity) -> bool:
        return self.fail_on is not None and severity >= self.fail_on


class Suppressed(Struct, frozen=True):
    """A silenced finding.

    Attributes:
        by: The layer: comment, annotation, config or baseline.
        reason: The user's text.
        where: The location of the statement.
    """

    finding: Finding
    by: str
    reason: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.by}: {self.reason}" if self.reason else self.by


class RuleSetting(Struct, frozen=True):
    """The configuration of a rule; None keeps the default."""

    on: bool | None = None
    severity: Severity | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


class Policy(Struct, frozen=True):
    """How to silence findings.

    Attributes:
        scopes: Settings by folder.
        ignores: Whether to silence findings.
        stale: Whether to report stale baseline entries.
        today: Compared with the expiry dates of ignores.
    """

    scopes: tuple[Scope, ...] = ()
    ignores: bool = True
    stale: bool = True
    today: date = field(default=date.min)

    def accept(self, problems: Sequence[Problem]) -> Acceptance:
        """Find which problems the configuration accepts."""
        if not self.ignores:
            return Acceptance(tuple(problems))
        return accept(problems, self.scopes, self.today)


class Judgement(Struct, frozen=True):
    """Findings and silenced findings, each sorted by location, then rule."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]


def select_rules(
    rules: Iterable[Rule], settings: Mapping[str, RuleSetting], *, pedantic: bool
) -> tuple[Rule, ...]:
    """Return the enabled rules, with the configured severities and parameters.

    Pedantic rules are enabled by `pedantic` or by their own setting.
    """
    chosen = []
    for rule in rules:
        setting = settings.get(rule.id, RuleSetting())
        wanted = pedantic or not rule.pedantic if setting.on is None else setting.on
        if wanted:
            severity = setting.severity or rule.severity
            parameters = {**rule.parameters, **setting.parameters}
            chosen.append(replace(rule, severity=severity, parameters=parameters))
    return tuple(chosen)


def judge(
    observed: Iterable[Judged],
    policy: Policy | None = None,
    audited: Audited | None = None,
) -> Judgement:
    """Turn observations into findings and silence some of them.

    An observation of a rule that explains others is attached to the findings of the same workload
    that it explains and shares a pool with. It is a finding of its own only if there are none. It
    is silenced with these findings or by itself.

    Args:
        audited: What was audited, to report unused ignores; None to skip this.
    """
    policy = policy or Policy()
    rated = [(rule, _with_confidence(seen)) for rule, seen in observed]
    kept = merge_findings([_finding(pair, policy) for pair in rated])
    variants = {id(rated[index]): found for index, found in kept.items()}
    pairs = sorted(
        (rated[index] for index in kept), key=lambda pair: _finding(pair, policy).sort_key
    )
    silences = _silences(pairs, policy)
    silenced = {id(pair): by for pair, by in zip(pairs, silences.each, strict=True) if by}
    groups: dict[Hashable, list[Judged]] = {}
    for pair in pairs:
        groups.setdefault(_workload_key(pair[1].workload), []).append(pair)
    judged = [
        (replace(finding, variants=variants[key]), by)
        for group in groups.values()
        for key, finding, by in _judged(group, silenced, policy)
    ]
    if audited is not None and policy.ignores:
        judged += ((item, None) for item in _ignore_findings(audited, silences, policy))
    judged.sort(key=lambda item: item[0].sort_key)
    return Judgement(
        findings=tuple(finding for finding, by in judged if by is None),
        suppressed=tuple(
            Suppressed(finding, by.by.value, by.reason, by.where) for finding, by in judged if by
        ),
    )


def _with_confidence(seen: Observation) -> Observation:
    """Lower the confidence if the workload itself was guessed."""
    return replace(seen, confidence=Confidence.LOW) if seen.workload.guessed else seen


def _workload_key(workload: Workload) -> Hashable:
    """Return a key that is equal for the variants of one workload."""
    return same_place(workload) if workload.variants else id(workload)


def _finding(pair: Judged, policy: Policy, explanations: tuple[Explanation, ...] = ()) -> Finding:
    rule, seen = pair
    document = seen.workload.document
    severity = scope_of(document, policy.scopes).cap(rule.severity, document)
    return Finding(rule.id, severity, seen, explanations)


def _silences(pairs: Sequence[Judged], policy: Policy) -> Silences:
    if not policy.ignores:
        return Silences((None,) * len(pairs), frozenset(), {})
    findings = [_finding(pair, policy) for pair in pairs]
    return silence(findings, policy.scopes, policy.today)


def _ignore_findings(audited: Audited, silences: Silences, policy: Policy) -> Iterator[Finding]:
    """Yield the findings of the rules about ignores."""
    judging = {
        rule.parameters["lacks"]: rule for rule in audited.rules if rule.check is IGNORE_LAPSE
    }
    if judging:
        lapses = [*find_lapses(audited, policy.scopes, silences, policy.today)]
        if policy.stale:
            lapses += find_stale_baselines(audited, policy.scopes, silences)
        for lapse, about in lapses:
            if rule := judging.get(lapse.value):
                yield _finding((rule, about), policy)


def _judged(
    group: Sequence[Judged], silenced: Mapping[int, Silence], policy: Policy
) -> Iterator[tuple[int, Finding, Silence | None]]:
    """Yield the findings of one workload with their explanations, direct or indirect.

    Each comes with the id() of its pair.
    """
    explained = {id(item): _explained(item, group) for item in group}
    for item in group:
        by = silenced.get(id(item))
        if explained[id(item)] not in ([], [item]):
            if by:
                yield id(item), _finding(item, policy), by
            continue
        explanations = tuple(
            Explanation(rule.id, about)
            for other in group
            if other is not item and id(other) not in silenced
            if any(item is target for target in explained[id(other)])
            for rule, about in [other]
        )
        yield id(item), _finding(item, policy, explanations), by


def _explained(item: Judged, group: Sequence[Judged]) -> list[Judged]:
    """Return the observations that it explains and that explain nothing themselves.

    This is the observation itself if it explains nothing.
    """
    found, pending, known = [], [item], {id(item)}
    while pending:
        current = pending.pop()
        explained = [other for other in group if _explains(current, other)]
        if not explained:
            found.append(current)
        pending += [other for other in explained if id(other) not in known]
        known.update(map(id, explained))
    return found


def _explains(item: Judged, other: Judged) -> bool:
    (rule, seen), (about_rule, about) = item, other
    return about_rule.id in rule.explains and not set(seen.pools).isdisjoint(about.pools)
