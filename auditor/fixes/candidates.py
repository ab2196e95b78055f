"""Which settings would meet which needs, and which knobs must not be touched.

The smallest set of keys that resolves the most.

Keys that work only together with others: a template may ask for one and then use another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from math import comb
from typing import Final

from msgspec import Struct

from auditor.checks.assessment import Assessment, PoolFit
from auditor.checks.findings import Guard
from auditor.checks.guards import admits
from auditor.checks.root_cause import could_run, platform_demands
from auditor.checks.wording import pool_names
from auditor.fixes.paths import FIELDS, NODE_SELECTOR, TOLERATIONS, Key
from auditor.fixes.renderings import WorkloadId
from auditor.fixes.value_search import Knob, Search, Setting, narrowed, setting
from auditor.fixes.verification import Need
from auditor.kubernetes.pod_spec import Requirement, Toleration
from auditor.scheduling.nodes import Taint
from auditor.scheduling.placement import BLOCKING
from auditor.scheduling.predicates import tolerates


class Candidate(Struct, frozen=True):
    """A setting that may be proposed. meets: the numbers of the needs that it would meet."""

    setting: Setting
    meets: frozenset[int]

    @property
    def knob(self) -> Knob:
        return self.setting.knob


class Candidates(Struct, frozen=True):
    """Those that harm nobody; and why others were left out, by the text of their knob."""

    able: tuple[Candidate, ...]
    objections: Mapping[Knob, str]


def find_candidates(
    search: Search, needs: Sequence[Need], assessments: Mapping[WorkloadId, Assessment]
) -> Candidates:
    """Every knob with every guard that one of its workloads needs."""
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
    """Each guard that is needed, and the one that says them all; each once."""
    guards = [guard for need in needs for guard in (need.whole, need.guard) if guard.requirements]
    together = _together(guards)
    seen: list[Guard] = []
    for guard in (*guards, Guard(together)):
        if guard.requirements and guard not in seen:
            seen.append(guard)
            yield guard


def _narrowings(knob: Knob, needs: Sequence[Need]) -> Iterator[Candidate]:
    """Tolerations left out, where it is they that let the pods onto the pools."""
    for need in needs:
        taints = [_blocking(fit) for fit in need.offending]
        tolerations = need.assessment.workload.scheduling.tolerations
        harmful = [item for item in tolerations if any(_bears(item, some) for some in taints)]
        made = narrowed(knob, harmful)
        if made is not None and all(taints):
            yield Candidate(made, frozenset((need.number,)))


def _blocking(fit: PoolFit) -> list[Taint]:
    return [taint for taint in fit.pool.taints if taint.effect in BLOCKING]


def _bears(toleration: Toleration, taints: Iterable[Taint]) -> bool:
    return any(tolerates(toleration, taint) for taint in taints)


def _together(guards: Iterable[Guard]) -> tuple[Requirement, ...]:
    """All demands, each once; none where two contradict each other."""
    found: dict[tuple[str, str], Requirement] = {}
    for guard in guards:
        for item in guard.requirements:
            if found.setdefault((item.key, item.operator), item) != item:
                return ()
    return tuple(found.values())


def _replaced(
    knob: Knob, search: Search, assessments: Mapping[WorkloadId, Assessment]
) -> dict[str, str]:
    """Entries of selectors that were gone when the knob's pods had marks instead."""
    gone: dict[str, str] = {}
    for name in sorted(knob.feeds):
        marked = search.marked.get(name)
        if knob.field is NODE_SELECTOR and marked and name in assessments:
            left = {item.key for item in marked.node_selector}
            before = assessments[name].workload.scheduling.node_selector
            gone |= {item.key: item.values[0] for item in before if item.key not in left}
    return gone


def _objection(
    made: Setting, own: Sequence[Need], assessments: Mapping[WorkloadId, Assessment]
) -> str:
    """Whom the setting would harm among those that the knob feeds; "" for nobody."""
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
            return f"it also feeds {workload}, and would keep it off {where}, which may run it"
        if name not in needing and _is_constrained(assessment, made):
            return f"it also feeds {workload}, which selects its nodes already"
    return ""


def _is_constrained(assessment: Assessment, made: Setting) -> bool:
    """Whether the pod demands a platform, other than by the value that is to be changed."""
    held = made.knob.current if isinstance(made.knob.current, Mapping) else {}
    return any(
        held.get(demand.key) not in demand.values
        for demand in platform_demands(assessment.workload.scheduling)
    )


def cover(candidates: Sequence[Candidate], wanted: Collection[int]) -> tuple[Candidate, ...]:
    """Greedy: again and again the one that meets the most of what is left; a key is set once.

    Of equals the most specific: not a global key, then the longest path, then the one that feeds
    the fewest workloads.
    """
    chosen: list[Candidate] = []
    left = set(wanted)
    open_ = list(candidates)
    while open_:
        best = min(open_, key=lambda item: (-len(item.meets & left), *_rank(item)))
        if not best.meets & left:
            break
        chosen.append(best)
        left -= best.meets
        open_ = [item for item in open_ if item.knob.key != best.knob.key]
    return tuple(_without_idle(chosen))


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


def _without_idle(chosen: Sequence[Candidate]) -> list[Candidate]:
    """An early choice may be overtaken by later ones that were needed anyway."""
    kept = list(chosen)
    for item in chosen:
        others = [other.meets for other in kept if other is not item]
        if item.meets <= frozenset().union(*others):
            kept.remove(item)
    return kept


Try = Callable[[Sequence[Candidate]], frozenset[int]]
"""The needs that are met when some candidates are set, and no other."""

_PAIRS: Final = 4
"""How many partners are tried alone before all are taken."""


def find_partners(chosen: Sequence[Candidate], attempt: Try) -> dict[Key, tuple[Candidate, ...]]:
    """For each key that does not work alone, those that it needs; they all work together.

    Every candidate is tried without every other, in as few renders as that takes: each is in a
    different half of the trials (Sperner: no half contains another), so 20 keys need 6 renders.
    """
    if len(chosen) < 2:  # noqa: PLR2004 - one has no other
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
    """The partners where nobody could find out: together they were tried."""
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
    """One that was never there when it failed, where that is enough; else all the others."""
    others = [other for other in chosen if other is not item]
    absent = [other for other in others if not any(other in trial for trial in failed)]
    nearest = sorted(absent, key=lambda other: -_shared(item.knob.key, other.knob.key))
    for other in nearest[:_PAIRS]:
        if item.meets <= attempt([item, other]):
            return (other,)
    return tuple(others)


def _shared(one: Key, other: Key) -> int:
    """How many names two keys begin with alike."""
    return next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
