"""Select the values to propose for a chart.

A candidate is a setting that resolves findings without harming other workloads. `cover` selects
the fewest keys that resolve the most findings. `find_partners` finds keys that work only together
with others, because a template may test one key and then use another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations
from math import comb
from typing import Final

from msgspec import Struct

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Guard
from auditor.checks.guards import admits
from auditor.checks.root_cause import could_run, platform_demands
from auditor.checks.wording import pool_names
from auditor.fixes.paths import FIELDS, NODE_SELECTOR, TOLERATIONS, Key
from auditor.fixes.renderings import WorkloadId
from auditor.fixes.value_search import Knob, Search, Setting, narrowed, setting
from auditor.fixes.verification import Need
from auditor.kubernetes.pod_spec import Requirement
from auditor.scheduling.placement import BLOCKING
from auditor.scheduling.predicates import tolerates


class Candidate(Struct, frozen=True):
    """A setting that may be proposed. `meets` has the numbers of the needs that it resolves."""

    setting: Setting
    meets: frozenset[int]

    @property
    def knob(self) -> Knob:
        return self.setting.knob


class Candidates(Struct, frozen=True):
    """Settings without harm, and why other knobs were not used."""

    able: tuple[Candidate, ...]
    objections: Mapping[Knob, str]


def find_candidates(
    search: Search, needs: Sequence[Need], assessments: Mapping[WorkloadId, Assessment]
) -> Candidates:
    """Combine every knob with every guard that one of its workloads needs."""
    able: list[Candidate] = []
    objections: dict[Knob, str] = {}
    for knob in search.knobs:
        own = [need for need in needs if need.workload in knob.feeds]
        if knob.field is TOLERATIONS:
            able += _narrowings(knob, own)
        for guard in _guards(own):
            made = setting(knob, guard, _replaced(knob, search, assessments))
            if made is None:
                continue
            objection = _objection(made, own, assessments)
            meets = frozenset(need.number for need in own if need.is_met_by(guard))
            if objection:
                objections.setdefault(knob, objection)
            elif meets:
                able.append(Candidate(made, meets))
    served = {candidate.knob for candidate in able}
    return Candidates(
        tuple(able), {knob: why for knob, why in objections.items() if knob not in served}
    )


def _guards(needs: Iterable[Need]) -> Iterator[Guard]:
    """Yield each needed guard and their combination, each once."""
    guards = [guard for need in needs for guard in (need.whole, need.guard) if guard.requirements]
    combined = _combined(guards)
    seen: list[Guard] = []
    for guard in (*guards, Guard(combined)):
        if guard.requirements and guard not in seen:
            seen.append(guard)
            yield guard


def _narrowings(knob: Knob, needs: Sequence[Need]) -> Iterator[Candidate]:
    """Yield settings without the tolerations that allow the pods on the offending pools."""
    for need in needs:
        taints = [
            [taint for taint in fit.pool.taints if taint.effect in BLOCKING]
            for fit in need.offending
        ]
        harmful = [
            item
            for item in need.assessment.workload.scheduling.tolerations
            if any(tolerates(item, taint) for taint in chain.from_iterable(taints))
        ]
        made = narrowed(knob, harmful)
        if made is not None and all(taints):
            yield Candidate(made, frozenset((need.number,)))


def _combined(guards: Iterable[Guard]) -> tuple[Requirement, ...]:
    """Return all requirements, each once; () if two contradict each other."""
    found: dict[tuple[str, str], Requirement] = {}
    for guard in guards:
        for item in guard.requirements:
            if found.setdefault((item.key, item.operator), item) != item:
                return ()
    return tuple(found.values())


def _replaced(
    knob: Knob, search: Search, assessments: Mapping[WorkloadId, Assessment]
) -> dict[str, str]:
    """Return the nodeSelector entries that the template drops when the knob is set."""
    removed: dict[str, str] = {}
    for name in sorted(knob.feeds):
        marked = search.marked.get(name)
        if knob.field is NODE_SELECTOR and marked and name in assessments:
            left = {item.key for item in marked.node_selector}
            before = assessments[name].workload.scheduling.node_selector
            removed |= {item.key: item.values[0] for item in before if item.key not in left}
    return removed


def _objection(
    made: Setting, own: Sequence[Need], assessments: Mapping[WorkloadId, Assessment]
) -> str:
    """Return which workload the setting would harm and how; "" for none."""
    needing = {need.workload: need.whole for need in own}
    fed = [(name, assessments[name]) for name in sorted(made.knob.feeds) if name in assessments]
    for name, assessment in fed:
        workload = assessment.workload
        lost = [
            fit
            for fit in assessment.fits
            if could_run(fit)
            and not admits(made.guard, fit)
            and (name not in needing or admits(needing[name], fit))
        ]
        if lost:
            where = pool_names(lost, assessment)
            return f"it also affects {workload} and would keep it off {where}, which may run it"
        if name not in needing and _is_constrained(assessment, made):
            return f"it also affects {workload}, which already selects its nodes"
    return ""


def _is_constrained(assessment: Assessment, made: Setting) -> bool:
    """Return whether the pod selects a platform other than by the value to change."""
    held = made.knob.current if isinstance(made.knob.current, Mapping) else {}
    return any(
        held.get(demand.key) not in demand.values
        for demand in platform_demands(assessment.workload.scheduling)
    )


def cover(candidates: Sequence[Candidate], wanted: Collection[int]) -> tuple[Candidate, ...]:
    """Select candidates greedily by the number of unmet needs; each key is set once.

    Ties are resolved in favour of the most specific key: not global, the longest path, the fewest
    workloads.
    """
    chosen: list[Candidate] = []
    left = set(wanted)
    remaining = list(candidates)
    while remaining:
        best = min(remaining, key=lambda item: (-len(item.meets & left), *_rank(item)))
        if not best.meets & left:
            break
        chosen.append(best)
        left -= best.meets
        remaining = [item for item in remaining if item.knob.key != best.knob.key]
    return tuple(_without_redundant(chosen))


def _rank(item: Candidate) -> tuple[object, ...]:
    knob = item.knob
    return (
        FIELDS.index(knob.field),
        knob.is_global,
        -len(knob.key),
        len(knob.feeds),
        len(item.setting.guard.requirements),
        tuple(map(str, knob.key)),
    )


def _without_redundant(chosen: Sequence[Candidate]) -> list[Candidate]:
    """Remove candidates whose needs are all met by the others."""
    kept = list(chosen)
    for item in chosen:
        others = [other.meets for other in kept if other is not item]
        if item.meets <= frozenset().union(*others):
            kept.remove(item)
    return kept


Try = Callable[[Sequence[Candidate]], frozenset[int]]
"""Returns the needs that are met when only these candidates are set."""

_MAX_PARTNERS: Final = 4
"""How many partners are tried one by one before all are used."""


def find_partners(chosen: Sequence[Candidate], attempt: Try) -> dict[Key, tuple[Candidate, ...]]:
    """Return the candidates that each key needs, for keys that do not work by themselves.

    The chosen candidates work together. For every pair of candidates, some trial has one without
    the other. Each candidate is in a different half of the trials (Sperner: no half contains
    another), so 20 keys need only 6 renders.
    """
    if len(chosen) < 2:  # noqa: PLR2004 - no others
        return {}
    trials = list(_trials(chosen))
    met = [attempt(trial) for trial in trials]
    partners = {}
    for item in chosen:
        failed = [
            trial
            for trial, done in zip(trials, met, strict=True)
            if item in trial and not item.meets <= done
        ]
        if failed:
            partners[item.knob.key] = _partners(item, chosen, failed, attempt)
    return partners


def all_others(chosen: Sequence[Candidate]) -> dict[Key, tuple[Candidate, ...]]:
    """Return all others as the partners of each key, if the partners could not be determined."""
    return {
        item.knob.key: tuple(other for other in chosen if other is not item)
        for item in chosen
        if len(chosen) > 1
    }


def _trials(chosen: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    count = next(n for n in range(2, len(chosen) + 2) if comb(n, n // 2) >= len(chosen))
    memberships = list(combinations(range(count), count // 2))[: len(chosen)]
    for trial in range(count):
        members = [
            item for item, places in zip(chosen, memberships, strict=True) if trial in places
        ]
        if members:
            yield members


def _partners(
    item: Candidate,
    chosen: Sequence[Candidate],
    failed: Sequence[Sequence[Candidate]],
    attempt: Try,
) -> tuple[Candidate, ...]:
    """Return one candidate that was absent in all failed trials if it suffices, else all others."""
    others = [other for other in chosen if other is not item]
    absent = [other for other in others if not any(other in trial for trial in failed)]
    nearest = sorted(absent, key=lambda other: -_shared(item.knob.key, other.knob.key))
    for other in nearest[:_MAX_PARTNERS]:
        if item.meets <= attempt([item, other]):
            return (other,)
    return tuple(others)


def _shared(one: Key, other: Key) -> int:
    """Return the length of the common prefix of two keys."""
    return next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
