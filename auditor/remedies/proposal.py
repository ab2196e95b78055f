"""From what could be set to what is proposed: the smallest set that holds when it is tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from auditor.remedies.budget import Budget, SpentError
from auditor.remedies.candidates import Candidate, Candidates
from auditor.remedies.cover import cover
from auditor.remedies.keys import Key
from auditor.remedies.knobs import Knob
from auditor.remedies.partners import all_others, find_partners
from auditor.remedies.refusals import read_refusal
from auditor.remedies.verification import Before, Outcome, judge_outcome
from auditor.sources.rendering import RenderError

_UNRENDERED: Final = "the chart does not render with it"
_ELSEWHERE: Final = "it changes other workloads too"
_WITHOUT_EFFECT: Final = "it does not come out in the pod as it should"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Candidates that hold together.

    partners: for those that do not work alone, the others that they need. objections: why other
    knobs are not among them.
    """

    chosen: tuple[Candidate, ...] = ()
    partners: Mapping[Key, tuple[Candidate, ...]] = field(default_factory=dict)
    objections: Mapping[Knob, str] = field(default_factory=dict)

    def meeting(self, number: int) -> tuple[Candidate, ...]:
        """What resolves a need: a candidate, and those that it needs."""
        for item in self.chosen:
            if number in item.meets:
                return (item, *self.partners.get(item.knob.key, ()))
        return ()


def propose(before: Before, candidates: Candidates, budget: Budget) -> Proposal:
    """Choose, try, leave out what does not hold, and choose again; nothing where that is too much.

    What does not hold leaves less to choose from each time.
    """
    trial = _Trial(before, list(candidates.able), budget, dict(candidates.objections))
    wanted = {need.number for need in before.needs}
    chosen = cover(trial.able, wanted)
    try:
        while chosen and not trial.holds(chosen):
            chosen = cover(trial.able, wanted)
    except SpentError:
        return Proposal(objections=trial.objections)
    return trial.proposal(chosen)


@dataclass
class _Trial:
    """able: candidates that have not failed yet."""

    before: Before
    able: list[Candidate]
    budget: Budget
    objections: dict[Knob, str]

    def holds(self, chosen: Sequence[Candidate]) -> bool:
        """Whether the chosen do what they promise and harm nobody; who fails is not able any more.

        Raises SpentError.
        """
        try:
            outcome = self._outcome(chosen)
        except RenderError as error:
            refusal = read_refusal(error.text, self.before.view.name)
            named = [item for item in chosen if refusal.names(item.knob.key)]
            self._isolate(named or chosen, _UNRENDERED)
            return False
        guilty = [item for item in chosen if self._weigh(item, outcome)]
        if not guilty and (outcome.harmed or outcome.broken):
            self._isolate(chosen, outcome.broken or _ELSEWHERE)
            return False
        return not guilty

    def proposal(self, chosen: tuple[Candidate, ...]) -> Proposal:
        """What holds, and who of it needs whom."""
        used = {item.knob for item in chosen}
        left = {knob: why for knob, why in self.objections.items() if knob not in used}
        try:
            return Proposal(chosen, find_partners(chosen, self._met), left)
        except SpentError:
            return Proposal(chosen, all_others(chosen), left)

    def _met(self, chosen: Sequence[Candidate]) -> frozenset[int]:
        try:
            outcome = self._outcome(chosen)
        except RenderError:
            return frozenset()
        return frozenset(outcome.met)

    def _outcome(self, chosen: Sequence[Candidate]) -> Outcome:
        changes = {item.knob.key: item.setting.value for item in chosen}
        texts = self.before.view.render(changes, self.budget)
        return judge_outcome(self.before, [item.setting for item in chosen], texts)

    def _weigh(self, item: Candidate, outcome: Outcome) -> bool:
        """Whether a candidate fails. One that meets a part of its needs may come again with it."""
        harmed = [name for name in outcome.harmed if name in item.knob.feeds]
        if harmed:
            workload = self.before.assessments[harmed[0]].workload
            self._drop(item, f"with it, {workload} {outcome.harmed[harmed[0]]}")
            return True
        if item.meets <= outcome.met:
            return False
        self._drop(item, _WITHOUT_EFFECT)
        if left := item.meets & outcome.met:
            self.able.append(replace(item, meets=frozenset(left)))
        return True

    def _isolate(self, chosen: Sequence[Candidate], why: str) -> None:
        """Some of them fail together: try each alone. Where each holds, drop the broadest."""
        before = len(self.able)
        if len(chosen) > 1:
            for item in chosen:
                self.holds((item,))
        if len(self.able) == before:
            self._drop(max(chosen, key=lambda item: len(item.knob.feeds)), why)

    def _drop(self, item: Candidate, why: str) -> None:
        self.able.remove(item)
        self.objections.setdefault(item.knob, why)
