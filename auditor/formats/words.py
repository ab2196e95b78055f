"""What formats say in the same words: platforms, pools, outcomes, totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from auditor.assessment import Assessment, ImageUse, PoolFit
from auditor.findings import Finding, Observation, Severity, Subject
from auditor.phrases import count, listed, unique
from auditor.placement import Verdict
from auditor.platforms import Platform, normalise, parse_platform
from auditor.report import Report
from auditor.rulebook import Rule
from auditor.suppression.statements import Layer
from auditor.variants import same_place
from auditor.workloads import Workload

_ARCHITECTURES: Final = ("amd64", "arm64")
"""Named first; of the others the number is enough where room is short."""
_SHOWN: Final = 3
_NAMED: Final = 6
"""Pools that a sentence can name."""


class Outcome(Enum):
    """How a workload came out, the worst first."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    UNKNOWN = "unknown"
    IGNORED = "ignored"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Result:
    """The last column of a workload's row. rules: behind an error, warning, info or ignored."""

    outcome: Outcome
    rules: tuple[str, ...] = ()
    text: str = ""

    def __str__(self) -> str:
        return self.text or ", ".join(self.rules)


def runs_on(platforms: Sequence[Platform], limit: int = _SHOWN) -> str:
    """An image's platforms in a few words: `linux amd64 arm64 +5, windows 20348 26100`.

    limit: how many words each system may take for its architectures or builds; below 2 the systems
    alone.
    """
    if not platforms:
        return "nothing"
    systems = unique(platform.os for platform in platforms)
    return ", ".join(_system(system, platforms, limit) for system in sorted(systems))


def runs_on_use(use: ImageUse, limit: int = _SHOWN) -> str:
    """The same for a container: `unknown` where nobody could tell."""
    return runs_on(use.known.platforms, limit) if use.known else "unknown"


def runs_on_subject(subject: Subject) -> str:
    """The same for a container that a finding is about; "" where its platforms are unknown."""
    return runs_on(tuple(map(parse_platform, subject.platforms))) if subject.platforms else ""


def _system(system: str, platforms: Iterable[Platform], limit: int) -> str:
    own = [platform for platform in platforms if platform.os == system]
    details = _builds(own) if system == "windows" else _architectures(own)
    shown = details if len(details) <= limit else details[: max(limit - 1, 0)]
    more = len(details) - len(shown)
    return " ".join((system, *shown, *((f"+{more}",) if more and shown else ())))


def _architectures(platforms: Iterable[Platform]) -> tuple[str, ...]:
    names = unique(normalise(platform).architecture for platform in platforms)
    return tuple(sorted(names, key=lambda name: (_rank(name), name)))


def _rank(name: str) -> int:
    return _ARCHITECTURES.index(name) if name in _ARCHITECTURES else len(_ARCHITECTURES)


def _builds(platforms: Iterable[Platform]) -> tuple[str, ...]:
    """Windows builds by their last number; the architecture only where it is not amd64."""
    names = (
        "/".join(
            filter(
                None,
                (
                    "" if platform.architecture == "amd64" else platform.architecture,
                    platform.windows_build.rpartition(".")[2],
                ),
            )
        )
        for platform in platforms
    )
    return tuple(sorted(filter(None, unique(names)), key=lambda name: (len(name), name)))


def may_land(assessment: Assessment) -> str:
    """Where a pod may be placed: `any`, `linux`, `linux, windows-2022?`, `nowhere`.

    A system stands for all of its pools; a question mark for a placement nobody could decide.
    """
    by_cluster: dict[str, list[PoolFit]] = {}
    for fit in assessment.fits:
        by_cluster.setdefault(fit.cluster.name, []).append(fit)
    texts = {name: _landing(fits) for name, fits in by_cluster.items()}
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return "; ".join(f"{name}: {text}" for name, text in texts.items())


def _landing(fits: Sequence[PoolFit]) -> str:
    answers = {_answer(fit) for fit in fits}
    if answers == {""}:
        return "any"
    systems = unique(fit.pool.platform.os for fit in fits)
    return ", ".join(part for system in systems for part in _pools(system, fits)) or "nowhere"


def _pools(system: str, fits: Sequence[PoolFit]) -> Iterator[str]:
    own = [fit for fit in fits if fit.pool.platform.os == system]
    answers = {_answer(fit) for fit in own}
    if len(answers) == 1 and answers != {None}:
        yield system + (answers.pop() or "")
        return
    for fit in own:
        if (answer := _answer(fit)) is not None:
            yield fit.name + answer


def _answer(fit: PoolFit) -> str | None:
    """What stands behind the pool's name; None where it is refused."""
    return {Verdict.ADMITTED: "", Verdict.UNDECIDED: "?", Verdict.REFUSED: None}[
        fit.placement.verdict
    ]


def results(report: Report) -> tuple[Result, ...]:
    """How each workload came out, in the order of the report's assessments."""
    found = _by_workload(report.findings)
    silenced = _by_workload(item.finding for item in report.suppressed)
    return tuple(
        _result(assessment, _of(assessment.workload, found), _of(assessment.workload, silenced))
        for assessment in report.assessments
    )


_ByWorkload = Mapping[tuple[Hashable, str], Sequence[Finding]]
"""Findings by the place of their workload, and by each variant that shows them."""


def _by_workload(findings: Iterable[Finding]) -> _ByWorkload:
    found: dict[tuple[Hashable, str], list[Finding]] = {}
    for finding in findings:
        place = same_place(finding.observation.workload)
        for variant in finding.variants or ("",):
            found.setdefault((place, variant), []).append(finding)
    return found


def _of(workload: Workload, findings: _ByWorkload) -> tuple[Finding, ...]:
    place = same_place(workload)
    found = {
        id(finding): finding
        for variant in workload.variants or ("",)
        for finding in findings.get((place, variant), ())
    }
    return tuple(found.values())


def workload_key(workload: Workload) -> Hashable:
    """Tells a workload from every other of a report."""
    return same_place(workload), workload.variants


def shown_with(finding: Finding) -> str:
    """The variants that show a finding, as a list; "" where its chart has no others."""
    names = finding.variants
    if len(names) > _NAMED:
        names = (*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more")
    return ", ".join(names)


def _result(
    assessment: Assessment, found: Sequence[Finding], silenced: Sequence[Finding]
) -> Result:
    if found:
        ordered = sorted(found, key=lambda finding: (-finding.severity, finding.rule))
        outcome = Outcome(str(ordered[0].severity))
        return Result(outcome, unique(finding.rule for finding in ordered))
    if assessment.unresolved:
        return Result(Outcome.UNKNOWN, text="image unresolved")
    if any(fit.placement.verdict is Verdict.UNDECIDED for fit in assessment.fits):
        return Result(Outcome.UNKNOWN, text="undecided")
    if not assessment.uses:
        return Result(Outcome.UNKNOWN, text="image not stated")
    if silenced:
        rules = unique(sorted(finding.rule for finding in silenced))
        return Result(Outcome.IGNORED, rules, f"ignored: {', '.join(rules)}")
    if assessment.failing:
        return Result(Outcome.IGNORED, text="cannot run, no rule applied")
    return Result(Outcome.OK, text="ok")


def workload_names(report: Report) -> tuple[str, ...]:
    """A name for each assessment's workload: with its namespace, and with the first variant that it
    is of, only where that tells two apart.
    """
    names = list(_spaced_names(report))
    often = Counter(names)
    return tuple(
        f"{name} with {assessment.workload.variants[0]}"
        if often[name] > 1 and assessment.workload.variants
        else name
        for name, assessment in zip(names, report.assessments, strict=True)
    )


def _spaced_names(report: Report) -> Iterator[str]:
    names = [str(assessment.workload) for assessment in report.assessments]
    spaces = [assessment.workload.ref.namespace for assessment in report.assessments]
    homes: dict[str, set[str]] = {}
    for name, space in zip(names, spaces, strict=True):
        homes.setdefault(name, set()).add(space)
    for name, space in zip(names, spaces, strict=True):
        yield f"{name} in {space}" if space and len(homes[name]) > 1 else name


def pools_of(observation: Observation, report: Report) -> str:
    """The pools that an observation names, as a list; the cluster only where there are several."""
    names = observation.pools
    if len(report.clusters) == 1:
        names = tuple(name.partition("/")[2] or name for name in names)
    if len(names) > _NAMED:
        names = (*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more")
    return listed(names) if names else ""


def severities(report: Report) -> str:
    """`2 errors, 1 warning`; "" without findings."""
    totals = report.totals
    parts = ((totals.errors, "error"), (totals.warnings, "warning"), (totals.infos, "info"))
    return ", ".join(count(number, noun) for number, noun in parts if number)


def scope(report: Report) -> str:
    """`12 workloads, 9 images`."""
    totals = report.totals
    return f"{count(totals.workloads, 'workload')}, {count(totals.images, 'image')}"


def reservations(report: Report) -> tuple[str, ...]:
    """What qualifies the verdict: suppressed, unresolved, not stated, undecided, incomplete."""
    totals = report.totals
    parts = (
        (totals.suppressed, _suppressed(report)),
        (totals.unresolved, f"{count(totals.unresolved, 'image')} unresolved"),
        (totals.unstated, f"{count(totals.unstated, 'workload')} without a stated image"),
        (totals.undecided, f"{count(totals.undecided, 'placement')} undecided"),
        (totals.problems, f"{count(totals.problems, 'part')} not audited"),
        (report.incomplete and bool(report.findings), "audit incomplete"),
    )
    return tuple(text for number, text in parts if number)


def _suppressed(report: Report) -> str:
    """How many, and how many of them because they were there before."""
    baselined = sum(item.by == Layer.BASELINE.value for item in report.suppressed)
    known = f" ({baselined} by the baseline)" if baselined else ""
    return f"{len(report.suppressed)} suppressed{known}"


def verdict(report: Report) -> str:
    """The first words of the totals: what was found, or that nothing was."""
    if report.findings:
        return severities(report)
    return "No findings, but the audit is incomplete" if report.incomplete else "No problems"


def rule_url(rule: Rule) -> str:
    """Where to read more of a rule; "" where its author names no place."""
    return rule.references[0] if rule.references else ""


def rule_urls(report: Report) -> dict[str, str]:
    """Rule id -> its address."""
    return {rule.id: rule_url(rule) for rule in report.rules}


def worst(report: Report) -> Severity | None:
    """The highest severity found; None without findings."""
    return max((finding.severity for finding in report.findings), default=None)
