"""Text shared by formats: platforms, node pools, variants and workload names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Final

from auditor.audit.report import Report
from auditor.checks.assessment import Assessment, ImageUse, PoolFit
from auditor.checks.findings import Explanation, Finding, Observation, Subject
from auditor.checks.rulebook import Rule
from auditor.checks.wording import listed, unique
from auditor.images.platforms import Platform, normalise, parse_platform
from auditor.kubernetes.source_lines import Precision
from auditor.scheduling.placement import Verdict

_ARCHITECTURES: Final = ("amd64", "arm64")
"""Shown first; others may be replaced by a count."""
_SHOWN: Final = 3
_NAMED: Final = 5
"""Maximum number of pools or variants to list."""


def runs_on(platforms: Sequence[Platform], limit: int = _SHOWN) -> str:
    """Return a summary of platforms, such as `linux amd64 arm64 +5, windows 20348 26100`.

    Args:
        platforms: The platforms of an image.
        limit: Maximum number of architectures or builds per system; below 2, only systems.
    """
    if not platforms:
        return "nothing"
    systems = unique(platform.os for platform in platforms)
    return ", ".join(_system(system, platforms, limit) for system in sorted(systems))


def runs_on_use(use: ImageUse, limit: int = _SHOWN) -> str:
    """Return the summary for a container, or `unknown`."""
    return runs_on(use.known.platforms, limit) if use.known else "unknown"


def runs_on_subject(subject: Subject) -> str:
    """Return the summary for the container of a finding, or "" if its platforms are unknown."""
    return runs_on(tuple(map(parse_platform, subject.platforms))) if subject.platforms else ""


def _system(system: str, platforms: Iterable[Platform], limit: int) -> str:
    own = [platform for platform in platforms if platform.os == system]
    details = _builds(own) if system == "windows" else _architectures(own)
    shown = details if len(details) <= limit else details[: max(limit - 1, 0)]
    more = len(details) - len(shown)
    return " ".join((system, *shown, *((f"+{more}",) if more and shown else ())))


def _architectures(platforms: Iterable[Platform]) -> tuple[str, ...]:
    names = unique(normalise(platform).architecture for platform in platforms)
    return tuple(sorted(names, key=lambda name: (name not in _ARCHITECTURES, name)))


def _builds(platforms: Iterable[Platform]) -> tuple[str, ...]:
    """Return Windows builds by their last number, with the architecture unless it is amd64."""
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
    """Return the pools a pod can be scheduled onto: `any`, `linux, windows-2022?`, `nowhere`.

    The name of a system means all of its pools; a question mark means undecided.
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
    """Return the suffix of the pool name, or None if the pod is refused."""
    return {Verdict.ADMITTED: "", Verdict.UNDECIDED: "?", Verdict.REFUSED: None}[
        fit.placement.verdict
    ]


def shown_with(finding: Finding) -> str:
    """Return the variants that have a finding, or "" if its chart has only one."""
    return listed(finding.variants, limit=_NAMED)


def workload_names(report: Report) -> tuple[str, ...]:
    """Return a name for the workload of each assessment.

    Namespace, first variant and file are appended only to distinguish equal names.
    """
    workloads = [assessment.workload for assessment in report.assessments]
    names = _distinguish(map(str, workloads), "in", [item.ref.namespace for item in workloads])
    names = _distinguish(names, "with", ["".join(item.variants[:1]) for item in workloads])
    paths = [item.document.path for item in workloads]
    return tuple(_distinguish(names, "in", paths, common=_common_folder))


def _distinguish(
    names: Iterable[str],
    word: str,
    details: Sequence[str],
    common: Callable[[Iterable[str]], str] = lambda _: "",
) -> list[str]:
    """Append a detail to names that occur with several details.

    Args:
        names: The names.
        word: The preposition before the detail.
        details: The detail of each name.
        common: Returns a common prefix of details, which is removed.
    """
    names = list(names)
    found: dict[str, set[str]] = {}
    for name, detail in zip(names, details, strict=True):
        found.setdefault(name, set()).add(detail)
    prefixes = {name: common(others) for name, others in found.items()}
    return [
        f"{name} {word} {detail.removeprefix(prefixes[name])}"
        if detail and len(found[name]) > 1
        else name
        for name, detail in zip(names, details, strict=True)
    ]


def _common_folder(paths: Iterable[str]) -> str:
    folders = (path.split("/")[:-1] for path in paths)
    common = takewhile(lambda names: len(set(names)) == 1, zip(*folders, strict=False))
    return "".join(f"{names[0]}/" for names in common)


def pools_of(observation: Observation, report: Report) -> str:
    """Return the pools of an observation, with the cluster name if there are several clusters."""
    names = observation.pools
    if len(report.clusters) == 1:
        names = tuple(name.partition("/")[2] or name for name in names)
    return listed(names, limit=_NAMED)


def notes_of(finding: Finding, report: Report) -> tuple[tuple[str, str], ...]:
    """Return the notes of a finding with their labels: why, fix, on, with."""
    seen = finding.observation
    notes = (
        ("why", seen.why),
        ("fix", seen.fix),
        ("on", pools_of(seen, report)),
        ("with", shown_with(finding)),
    )
    return tuple((label, text) for label, text in notes if text)


def explained(explanation: Explanation) -> str:
    """Return the message of an explanation, its line where that is known, and its fix."""
    seen = explanation.observation
    known = seen.location.precision is not Precision.FILE
    message = f"{seen.message} (line {seen.location.file_line})" if known else seen.message
    return f"{message}; {seen.fix}" if seen.fix else message


def rule_url(rule: Rule) -> str:
    """Return the first reference of a rule, or ""."""
    return rule.references[0] if rule.references else ""


def rule_urls(report: Report) -> dict[str, str]:
    """Return the URLs of the rules by id."""
    return {rule.id: rule_url(rule) for rule in report.rules}
