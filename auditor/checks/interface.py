"""A `Check`: facts in, observations out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from auditor.assessment import Assessment
from auditor.findings import Observation

Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Check:
    """What can be seen in one workload.

    observe: pure; never prints, ignores, sorts or sets a severity. parameters: those a rule must
    give, each with the values it may have.
    """

    observe: Callable[[Assessment, Parameters], Iterator[Observation]]
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
