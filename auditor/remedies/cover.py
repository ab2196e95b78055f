"""The smallest set of keys that resolves the most."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from auditor.remedies.candidates import Candidate
from auditor.remedies.fields import FIELDS


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
