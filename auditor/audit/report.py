"""The report of an audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Finding, Severity
from auditor.checks.rulebook import Rule
from auditor.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_INCOMPLETE, Problem
from auditor.images.images import ImageReference, KnownPlatforms, Platforms
from auditor.images.platforms import Platform
from auditor.policy.acceptance import Accepted
from auditor.policy.policy import Gate, Judged, Suppressed
from auditor.scheduling.compatibility import lacking_platforms
from auditor.scheduling.nodes import ClusterProfile
from auditor.scheduling.placement import Verdict


class ImageEntry(Struct, frozen=True):
    """An image of the audit.

    Attributes:
        text: As written in the first manifest that uses it.
        reference: None if the text is not a valid reference.
        users: The workloads that use it, sorted.
    """

    text: str
    reference: ImageReference | None
    platforms: Platforms
    users: tuple[str, ...]
    required: tuple[Platform, ...] = ()

    @property
    def lacking(self) -> tuple[Platform, ...]:
        """The required platforms that the image does not support; empty if it is unresolved."""
        if not isinstance(self.platforms, KnownPlatforms):
            return ()
        return lacking_platforms(self.platforms, self.required)

    @property
    def name(self) -> str:
        return str(self.reference) if self.reference else self.text


class Overlay(Struct, frozen=True):
    """Values for a chart that resolve as many findings as possible.

    Attributes:
        chart: Its folder or archive.
        variant: The variant of the chart, if there are several; covers the findings that no
            earlier variant has.
        text: The values as YAML; "" if no values help.
        resolved: Number of findings that the values resolve.
        findings: Number of findings that a guard would resolve.
        unreached: Workloads whose nodeSelector no value sets.
        objections: Why other keys were not used, one clause each.
    """

    chart: str
    variant: str
    text: str
    resolved: int
    findings: int
    unreached: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()


class Remedied(Struct, frozen=True):
    """The result of looking for remedies.

    Attributes:
        observed: The observations with remedies, and new ones.
        overlays: One for each chart with missing guards, by name.
        notices: Why some observations have no remedies.
    """

    observed: tuple[Judged, ...]
    overlays: tuple[Overlay, ...] = ()
    notices: tuple[str, ...] = ()


class Totals(Struct, frozen=True):
    """Counts for the summary line. `unstated`: workloads whose manifest has no images."""

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
    accepted: int = 0


class Report(Struct, frozen=True):
    """The result of an audit.

    Attributes:
        findings: Sorted by location, then rule.
        suppressed: Silenced findings with their reason.
        assessments: One for each workload, in document order.
        problems: What could not be audited.
        rules: The rules that were applied.
        gate: Decides the exit code.
        notices: Messages that do not affect the exit code.
        overlays: One for each chart with missing guards, by name.
        accepted: What could not be audited, and the configuration accepts.
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
    accepted: tuple[Accepted, ...] = ()

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
            accepted=len(self.accepted),
        )

    @property
    def partial(self) -> bool:
        """Whether parts were not audited, although this is no failure."""
        return bool(self.unaudited or self.accepted)

    @property
    def incomplete(self) -> bool:
        """Whether part of the audit failed, so that "no findings" does not mean clean."""
        totals = self.totals
        unknown = totals.unresolved or totals.unstated or totals.undecided or self.unaudited
        return bool(self.problems or (self.gate.strict and unknown))

    @property
    def exit_code(self) -> int:
        """0 clean, 1 findings at or above the gate, 3 incomplete. 1 takes precedence over 3."""
        if any(self.gate.fails(finding.severity) for finding in self.findings):
            return EXIT_FINDINGS
        return EXIT_INCOMPLETE if self.incomplete else EXIT_CLEAN


def list_images(assessments: Sequence[Assessment]) -> tuple[ImageEntry, ...]:
    """Return every image of the assessments once, sorted by name."""
    users: dict[str, set[str]] = {}
    first: dict[str, tuple[str, ImageReference | None, Platforms]] = {}
    required: dict[str, dict[Platform, None]] = {}
    for assessment in assessments:
        for use in assessment.uses:
            name = str(use.reference) if use.reference else use.container.image
            first.setdefault(name, (use.container.image, use.reference, use.platforms))
            users.setdefault(name, set()).add(str(assessment.workload))
            required.setdefault(name, {}).update(dict.fromkeys(use.required))
    return tuple(
        ImageEntry(*first[name], users=tuple(sorted(users[name])), required=tuple(required[name]))
        for name in sorted(first)
    )
