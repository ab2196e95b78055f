"""A `Check`: facts in, observations out.

Statements that silence findings, and silence nothing or give no reason.

What a statement silences is known once every other rule has spoken, so nothing is seen in a
workload alone: the policy finds the lapses (`auditor/policy/unused_ignores.py`) for rules that use
this check.

Pods of a chart that need a guard, and that none of its values reaches.

Which values reach a pod is known once the chart was rendered with marks in their place, so nothing
is seen in a workload alone: `auditor/fixes` finds the pods for rules that use this check, and
takes the words from here.
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
    """What can be seen in one workload.

    observe: pure; never prints, ignores, sorts or sets a severity. parameters: those a rule must
    give, each with the values it may have.
    """

    observe: Callable[[Assessment, Parameters], Iterator[Observation]]
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def _ignore_lapse(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del assessment, parameters
    return iter(())


IGNORE_LAPSE: Final = Check(_ignore_lapse, parameters={"lacks": ("effect", "reason")})


def unreached(workload: Workload, pools: tuple[str, ...]) -> Observation:
    """What there is to say of a pod that no value reaches. pools: those it has to be kept off."""
    return Observation(
        workload=workload,
        message=f"no value of the chart reaches nodeSelector or affinity of {workload}",
        location=workload.pod_location,
        pools=pools,
        why="its pods need to be kept off nodes, and who installs the chart cannot do it",
        fix="write `nodeSelector: {{- toYaml .Values.nodeSelector | nindent 8 }}` into the "
        "template, and `nodeSelector: {}` into values.yaml",
        consequence=Consequence.NONE,
    )


def _unreached_selector(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del assessment, parameters
    return iter(())


UNREACHED_SELECTOR: Final = Check(_unreached_selector)
