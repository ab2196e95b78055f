"""Which settings would meet which needs, and which knobs must not be touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.assessment import Assessment, PoolFit
from auditor.causes import could_run, platform_demands
from auditor.findings import Guard
from auditor.guards import admits
from auditor.nodes import Taint
from auditor.phrases import pool_names
from auditor.placement import BLOCKING
from auditor.predicates import tolerates
from auditor.remedies.fields import NODE_SELECTOR, TOLERATIONS
from auditor.remedies.knobs import Knob, Search
from auditor.remedies.needs import Need
from auditor.remedies.renderings import WorkloadId
from auditor.remedies.settings import Setting, narrowed, setting
from auditor.scheduling import Requirement, Toleration


@dataclass(frozen=True, slots=True)
class Candidate:
    """A setting that may be proposed. meets: the numbers of the needs that it would meet."""

    setting: Setting
    meets: frozenset[int]

    @property
    def knob(self) -> Knob:
        return self.setting.knob


@dataclass(frozen=True, slots=True)
class Candidates:
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
