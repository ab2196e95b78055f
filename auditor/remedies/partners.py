"""Keys that work only together with others: a template may ask for one and then use another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from math import comb
from typing import Final

from auditor.remedies.candidates import Candidate
from auditor.remedies.keys import Key

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
