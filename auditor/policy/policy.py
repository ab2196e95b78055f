"""What counts, what is silenced and why: the only place where severities are weighed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.checks.assessment import merge_findings, same_place
from auditor.checks.findings import Confidence, Explanation, Finding, Observation, Severity
from auditor.checks.interface import IGNORE_LAPSE
from auditor.checks.rulebook import Rule
from auditor.kubernetes.workloads import Workload
from auditor.policy.ignores import Scope, Silence, Silences, scope_of, silence
from auditor.policy.unused_ignores import Audited, find_lapses, find_stale_baselines

Judged = tuple[Rule, Observation]
"""An observation, and the rule whose check made it."""


class Gate(Struct, frozen=True):
    """What makes an audit fail.

    fail_on: the least severity that gives exit code 1; None for never. strict: an image that could
    not be resolved, or a placement that could not be decided, makes the audit incomplete.
    """

    fail_on: Severity | None = Severity.ERROR
    strict: bool = False

    def fails(self, severity: Severity) -> bool:
        return self.fail_on is not None and severity >= self.fail_on


class Suppressed(Struct, frozen=True):
    """A finding that was silenced.

    by: the layer that did it: comment, annotation, config or baseline. reason: the user's words.
    where: the place of the statement.
    """

    finding: Finding
    by: str
    reason: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.by}: {self.reason}" if self.reason else self.by


class RuleSetting(Struct, frozen=True):
    """What the configuration says of a rule; None for nothing. parameters: instead of its own."""

    on: bool | None = None
    severity: Severity | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


class Policy(Struct, frozen=True):
    """What the user wants of findings.

    scopes: settings by folder. ignores: whether anything is silenced at all. stale: whether it is a
    finding that a baseline holds more than is needed. today: for ignores that expire.
    """

    scopes: tuple[Scope, ...] = ()
    ignores: bool = True
    stale: bool = True
    today: date = field(default=date.min)


class Judgement(Struct, frozen=True):
    """Findings that count, and those that were silenced; each sorted by location, then rule."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]


def select_rules(
    rules: Iterable[Rule], settings: Mapping[str, RuleSetting], *, pedantic: bool
) -> tuple[Rule, ...]:
    """The rules to apply, with the severities that the user gave them.

    Pedantic rules are applied where all of them are wanted, or one is turned on by itself.
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
    """What counts of that which the rules' checks saw.

    One cause gives one finding: a rule that explains others is attached to the findings of the same
    workload that it explains and with which it shares a pool, and stands alone only where there is
    none. It is silenced with them, or alone. audited: where all that was looked for, to tell which
    ignores are unused; without it nothing is said of them.
    """
    policy = policy or Policy()
    weighed = [(rule, _weighed(seen)) for rule, seen in observed]
    kept = merge_findings([_finding(pair, policy) for pair in weighed])
    variants = {id(weighed[index]): found for index, found in kept.items()}
    pairs = sorted(
        (weighed[index] for index in kept), key=lambda pair: _finding(pair, policy).sort_key
    )
    silences = _silences(pairs, policy)
    silenced = {id(pair): by for pair, by in zip(pairs, silences.each, strict=True) if by}
    by_workload: dict[Hashable, list[Judged]] = {}
    for pair in pairs:
        by_workload.setdefault(_whole(pair[1].workload), []).append(pair)
    judged = [
        (replace(finding, variants=variants[key]), by)
        for group in by_workload.values()
        for key, finding, by in _judged(group, silenced, policy)
    ]
    if audited is not None and policy.ignores:
        judged += ((item, None) for item in _lapses(audited, silences, policy))
    judged.sort(key=lambda item: item[0].sort_key)
    return Judgement(
        findings=tuple(finding for finding, by in judged if by is None),
        suppressed=tuple(
            Suppressed(finding, by.by.value, by.reason, by.where) for finding, by in judged if by
        ),
    )


def _weighed(seen: Observation) -> Observation:
    """What is said of a workload that was only guessed is no surer than the guess."""
    return replace(seen, confidence=Confidence.LOW) if seen.workload.guessed else seen


def _whole(workload: Workload) -> Hashable:
    """Tells workloads apart, but not the variants of one."""
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


def _lapses(audited: Audited, silences: Silences, policy: Policy) -> Iterator[Finding]:
    """What the rules about ignores themselves find."""
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
    """The findings of one workload, with what explains each, directly or through another.

    Each comes with the identity of its pair.
    """
    heads = {id(item): _heads(item, group) for item in group}
    for item in group:
        by = silenced.get(id(item))
        if heads[id(item)] not in ([], [item]):
            if by:
                yield id(item), _finding(item, policy), by
            continue
        explanations = tuple(
            Explanation(rule.id, about)
            for other in group
            if other is not item and id(other) not in silenced
            if any(item is head for head in heads[id(other)])
            for rule, about in [other]
        )
        yield id(item), _finding(item, policy, explanations), by


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
