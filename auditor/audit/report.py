"""`Report`: what an audit found, in the order in which it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Finding, Severity
from auditor.checks.rulebook import Rule
from auditor.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_INCOMPLETE, Problem
from auditor.images.images import ImageReference, KnownPlatforms, Platforms
from auditor.policy.policy import Gate, Judged, Suppressed
from auditor.scheduling.nodes import ClusterProfile
from auditor.scheduling.placement import Verdict


class ImageEntry(Struct, frozen=True):
    """An image of the audit. text: as first written. reference: None where that is no reference.

    users: the workloads that name it, sorted.
    """

    text: str
    reference: ImageReference | None
    platforms: Platforms
    users: tuple[str, ...]

    @property
    def name(self) -> str:
        return str(self.reference) if self.reference else self.text


class Overlay(Struct, frozen=True):
    """Values for a chart that resolve all that its values can resolve.

    chart: its folder or archive. variant: of the chart, where there are several; this is about the
    findings that no earlier one has. text: the values as YAML; "" where none help. resolved,
    findings: how many findings the values resolve, of those that a guard would. unreached: the
    workloads that no value reaches. objections: why other keys were not used, a clause each.
    """

    chart: str
    variant: str
    text: str
    resolved: int
    findings: int
    unreached: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()


class Remedied(Struct, frozen=True):
    """What looking for remedies gave: what was observed, now with remedies, and more of it.

    overlays: of each chart in which a guard is missing, by name. notices: why some have none.
    """

    observed: tuple[Judged, ...]
    overlays: tuple[Overlay, ...] = ()
    notices: tuple[str, ...] = ()


class Totals(Struct, frozen=True):
    """The numbers of a report's last line. unstated: workloads whose images nobody states."""

    errors: int
    warnings: int
    infos: int
    suppressed: int
    workloads: int
    images: int
    unresolved: int
    unstated: int
    undecided: int
    problems: int
    unaudited: int = 0


class Report(Struct, frozen=True):
    """The outcome of an audit.

    findings: sorted by location, then rule. suppressed: silenced, each with its reason.
    assessments: of every workload, in document order. problems: what could not be done. rules:
    those that were applied. notices: odd things that change no outcome. gate: what the user wants
    of the exit code. overlays: of each chart in which a guard is missing, by name.
    """

    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    assessments: tuple[Assessment, ...]
    images: tuple[ImageEntry, ...]
    problems: tuple[Problem, ...]
    clusters: tuple[ClusterProfile, ...]
    rules: tuple[Rule, ...]
    gate: Gate
    notices: tuple[str, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    unaudited: int = 0
    """Number of objects that may make pods, or install charts, and were not audited."""

    @property
    def totals(self) -> Totals:
        by_severity = Counter(finding.severity for finding in self.findings)
        fits = [fit for assessment in self.assessments for fit in assessment.fits]
        return Totals(
            errors=by_severity[Severity.ERROR],
            warnings=by_severity[Severity.WARNING],
            infos=by_severity[Severity.INFO],
            suppressed=len(self.suppressed),
            workloads=len(self.assessments),
            images=len(self.images),
            unresolved=sum(not isinstance(i.platforms, KnownPlatforms) for i in self.images),
            unstated=sum(not assessment.uses for assessment in self.assessments),
            undecided=sum(fit.placement.verdict is Verdict.UNDECIDED for fit in fits),
            problems=len(self.problems),
            unaudited=self.unaudited,
        )

    @property
    def incomplete(self) -> bool:
        """Whether a part of the audit was not done, so that "no findings" does not mean clean."""
        totals = self.totals
        unknown = totals.unresolved or totals.unstated or totals.undecided or self.unaudited
        return bool(self.problems or (self.gate.strict and unknown))

    @property
    def exit_code(self) -> int:
        """0 clean, 1 findings at or above the gate, 3 incomplete. 1 wins over 3."""
        if any(self.gate.fails(finding.severity) for finding in self.findings):
            return EXIT_FINDINGS
        return EXIT_INCOMPLETE if self.incomplete else EXIT_CLEAN


def list_images(assessments: Sequence[Assessment]) -> tuple[ImageEntry, ...]:
    """Every image of the assessments once, sorted by name."""
    users: dict[str, set[str]] = {}
    first: dict[str, tuple[str, ImageReference | None, Platforms]] = {}
    for assessment in assessments:
        for use in assessment.uses:
            name = str(use.reference) if use.reference else use.container.image
            first.setdefault(name, (use.container.image, use.reference, use.platforms))
            users.setdefault(name, set()).add(str(assessment.workload))
    return tuple(
        ImageEntry(*first[name], users=tuple(sorted(users[name]))) for name in sorted(first)
    )
