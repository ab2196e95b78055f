"""The `Check` interface, and two checks that do not work on a single workload.

`IGNORE_LAPSE` depends on the findings of all other rules (see `auditor/policy/unused_ignores.py`),
`UNREACHED_SELECTOR` on renderings of the whole chart (see `auditor/fixes`). Both yield nothing for
a workload; they only bind rules to that code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import Struct, field

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Consequence, Observation
from auditor.kubernetes.workloads import Workload

Parameters = Mapping[str, str]


class Check(Struct, frozen=True):
    """A check of one workload.

    Attributes:
        observe: A pure function that yields observations; it does not sort, ignore or grade them.
        parameters: The parameters that a rule must set, with their allowed values.
    """

    observe: Callable[[Assessment, Parameters], Iterator[Observation]]
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def _nothing(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del assessment, parameters
    return iter(())


IGNORE_LAPSE: Final = Check(_nothing, parameters={"lacks": ("effect", "reason")})
"""Ignores that match no finding or have no reason."""

UNREACHED_SELECTOR: Final = Check(_nothing)
"""Pods of a chart that need a guard but have no values key for one."""


def unreached(workload: Workload, pools: tuple[str, ...]) -> Observation:
    """Return the observation that no values key sets the pod's nodeSelector or affinity.

    Args:
        pools: The pools that the pod has to be kept off.
    """
    return Observation(
        workload=workload,
        message=f"no value of the chart sets the nodeSelector or affinity of {workload}",
        location=workload.pod_location,
        pools=pools,
        why="its pods must be kept off some nodes, and the chart's users cannot configure that",
        fix="write `nodeSelector: {{- toYaml .Values.nodeSelector | nindent 8 }}` into the "
        "template, and `nodeSelector: {}` into values.yaml",
        consequence=Consequence.NONE,
    )
