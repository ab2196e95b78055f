"""What formats say in the same words: platforms, pools, variants, names of workloads."""

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
from auditor.scheduling.placement import Verdict

_ARCHITECTURES: Final = ("amd64", "arm64")
"""Named first; of the others the number is enough where room is short."""
_SHOWN: Final = 3
_NAMED: Final = 5
"""Pools, or variants, that are named where there are many."""


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


def shown_with(finding: Finding) -> str:
    """The variants that show a finding, as a list; "" where its chart has no others."""
    return listed(finding.variants, limit=_NAMED)


def workload_names(report: Report) -> tuple[str, ...]:
    """A name for each assessment's workload: with its namespace, the first variant that it is of,
    and its file, each only where that tells two apart.
    """
    workloads = [assessment.workload for assessment in report.assessments]
    names = _told_apart(map(str, workloads), "in", [item.ref.namespace for item in workloads])
    names = _told_apart(names, "with", ["".join(item.variants[:1]) for item in workloads])
    paths = [item.document.path for item in workloads]
    return tuple(_told_apart(names, "in", paths, common=_common_folder))


def _told_apart(
    names: Iterable[str],
    word: str,
    details: Sequence[str],
    common: Callable[[Iterable[str]], str] = lambda _: "",
) -> list[str]:
    """The names, each with its detail where an equal name has another one.

    common: how all of them begin, which is left out.
    """
    names = list(names)
    found: dict[str, set[str]] = {}
    for name, detail in zip(names, details, strict=True):
        found.setdefault(name, set()).add(detail)
    begun = {name: common(others) for name, others in found.items()}
    return [
        f"{name} {word} {detail.removeprefix(begun[name])}"
        if detail and len(found[name]) > 1
        else name
        for name, detail in zip(names, details, strict=True)
    ]


def _common_folder(paths: Iterable[str]) -> str:
    folders = (path.split("/")[:-1] for path in paths)
    common = takewhile(lambda names: len(set(names)) == 1, zip(*folders, strict=False))
    return "".join(f"{names[0]}/" for names in common)


def pools_of(observation: Observation, report: Report) -> str:
    """The pools that an observation names, as a list; the cluster only where there are several."""
    names = observation.pools
    if len(report.clusters) == 1:
        names = tuple(name.partition("/")[2] or name for name in names)
    return listed(names, limit=_NAMED)


def notes_of(finding: Finding, report: Report) -> tuple[tuple[str, str], ...]:
    """What is said below a finding, each with its label: why, fix, on, with."""
    seen = finding.observation
    notes = (
        ("why", seen.why),
        ("fix", seen.fix),
        ("on", pools_of(seen, report)),
        ("with", shown_with(finding)),
    )
    return tuple((label, text) for label, text in notes if text)


def explained(explanation: Explanation) -> str:
    """What another rule adds to a finding, with what to do about it."""
    seen = explanation.observation
    return f"{seen.message}; {seen.fix}" if seen.fix else seen.message


def rule_url(rule: Rule) -> str:
    """Where to read more of a rule; "" where its author names no place."""
    return rule.references[0] if rule.references else ""


def rule_urls(report: Report) -> dict[str, str]:
    """Rule id -> its address."""
    return {rule.id: rule_url(rule) for rule in report.rules}
