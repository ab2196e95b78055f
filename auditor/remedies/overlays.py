"""All that a chart's values can resolve, as one file of values."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.findings import Remedy, RemedyKind
from auditor.phrases import unique
from auditor.remedies.candidates import Candidate
from auditor.remedies.charts import ChartRemedies
from auditor.remedies.keys import overlay
from auditor.remedies.words import objection
from auditor.report import Overlay
from auditor.yaml.writing import block


def chart_overlay(found: ChartRemedies) -> Overlay:
    """What the report says of a chart as a whole.

    A guard alone does not resolve anything for a workload that no node could run: it would wait for
    one instead of failing.
    """
    helped = [need for need in found.needs if need.has_home and found.proposal.meeting(need.number)]
    chosen = {
        item.knob.key: item for need in helped for item in found.proposal.meeting(need.number)
    }
    unreached = (str(need.observation.workload) for need in found.needs if found.is_unreached(need))
    return Overlay(
        chart=found.source.shown,
        variant=found.source.variant,
        text=_text(found, *chosen.values()),
        resolved=len(helped),
        findings=len(found.needs),
        unreached=unique(unreached),
        objections=tuple(
            objection(knob, why)
            for knob, why in found.proposal.objections.items()
            if any(need.workload in knob.feeds for need in found.needs)
        ),
    )


def values_remedy(found: ChartRemedies, chosen: Sequence[Candidate], where: str) -> Remedy:
    """The part of it that is enough for a finding: mostly one key."""
    return Remedy(
        RemedyKind.VALUES,
        _text(found, *chosen),
        keys=tuple(str(item.knob) for item in chosen),
        where=where,
        verified=True,
    )


def _text(found: ChartRemedies, *chosen: Candidate) -> str:
    ordered = sorted(chosen, key=lambda item: str(item.knob))
    changes = {item.knob.key: item.setting.value for item in ordered}
    return block(overlay(found.values, changes)) if changes else ""
