"""Pods of a chart that need a guard, and that none of its values reaches.

Which values reach a pod is known once the chart was rendered with marks in their place, so nothing
is seen in a workload alone: `auditor/remedies` finds the pods for rules that use this check, and
takes the words from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment
from auditor.checks.interface import Check, Parameters
from auditor.findings import Consequence, Observation
from auditor.workloads import Workload


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


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del assessment, parameters
    return iter(())


CHECK: Final = Check(_observe)
