"""Statements that silence findings, and silence nothing or give no reason.

What a statement silences is known once every other rule has spoken, so nothing is seen in a
workload alone: the policy finds the lapses (`auditor/suppression/lapses.py`) for rules that use
this check.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment
from auditor.checks.interface import Check, Parameters
from auditor.findings import Observation


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del assessment, parameters
    return iter(())


CHECK: Final = Check(_observe, parameters={"lacks": ("effect", "reason")})
