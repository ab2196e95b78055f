"""What several findings say in the same words, said once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from auditor.checks.findings import Finding, RemedyKind
from auditor.checks.wording import container_text, listed, unique
from auditor.errors import Problem
from auditor.formats.terminal import Pen
from auditor.formats.wording import shown_with
from auditor.kubernetes.workloads import Role

_SHORT: Final = 60
"""Characters that are quicker to read than to look up."""


class Block(Struct, frozen=True):
    """A finding as it is told, and where else the same holds.

    shared: what an earlier block of its rule says word for word, by the label of the note: where it
    was said; what is short is said again. also: the other places, a safe text for each image.
    """

    finding: Finding
    shared: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()


def blocks(findings: Iterable[Finding], pen: Pen) -> Iterator[Block]:
    """The findings in their order, those that one and the same change resolves in one block."""
    groups: dict[Hashable, list[Finding]] = {}
    for index, finding in enumerate(findings):
        cause = _cause(finding)
        groups.setdefault(index if cause is None else cause, []).append(finding)
    said: dict[tuple[str, str, str], str] = {}
    for group in groups.values():
        yield Block(group[0], _shared(group[0], said), tuple(_also(group, pen)))


def gathered(problems: Iterable[Problem]) -> tuple[tuple[Problem, ...], ...]:
    """The problems in their order, together those with one place and cause, or the same words."""
    by_place = _grouped(
        ([problem], (problem.where, problem.why) if problem.where and problem.why else None)
        for problem in problems
    )
    by_words = _grouped((group, _words(group)) for group in by_place)
    return tuple(map(tuple, by_words))


def other_than(problem: Problem, other: Problem) -> str:
    """What tells another problem from the first one of its block."""
    return other.what if other.where == problem.where else other.where


def _grouped(items: Iterable[tuple[list[Problem], Hashable]]) -> list[list[Problem]]:
    """The items of one key put together; what has none stays alone."""
    groups: dict[Hashable, list[Problem]] = {}
    for index, (problems, key) in enumerate(items):
        groups.setdefault(index if key is None else key, []).extend(problems)
    return list(groups.values())


def _words(group: Sequence[Problem]) -> Hashable:
    """What one problem alone says, wherever that is; None for others."""
    problem, *others = group
    is_told = bool(problem.where and problem.why and not others)
    return (problem.what, problem.why, problem.hint) if is_told else None


def _cause(finding: Finding) -> Hashable:
    """What a finding has in common with those of which nothing else is to be said.

    None where it stands for itself: it is about a pod spec, which is to be edited in its own place.
    """
    seen = finding.observation
    if finding.explanations:
        return None
    by_values = any(remedy.kind is RemedyKind.VALUES for remedy in seen.remedies)
    if not by_values and not _is_about_an_image(finding):
        return None
    chart = seen.workload.document.chart if by_values else ""
    words = (seen.why, seen.fix, seen.pools, finding.variants)
    return (finding.rule, finding.severity, chart, *words)


def _is_about_an_image(finding: Finding) -> bool:
    """Whether it points at one, and no guard beside it would help."""
    seen = finding.observation
    return not seen.guard.requirements and any(
        seen.location == container.location for container in seen.workload.containers
    )


def _shared(finding: Finding, said: dict[tuple[str, str, str], str]) -> dict[str, str]:
    seen = finding.observation
    shared = {}
    for label, text in (("why", seen.why), ("with", shown_with(finding))):
        key = (finding.rule, label, text)
        if len(text) > _SHORT and key in said:
            shared[label] = f"as for {said[key]} above"
        said.setdefault(key, str(seen.workload))
    return shared


def _also(group: Sequence[Finding], pen: Pen) -> Iterator[str]:
    """The workloads of all but the first, those with the same images together."""
    first, *others = group
    homes: dict[str, set[str]] = {}
    for finding in group:
        homes.setdefault(_name(finding), set()).add(finding.observation.location.path)
    by_image: dict[str, list[str]] = {}
    for finding in others:
        name = _name(finding)
        path = f" in {finding.observation.location.path}" if len(homes[name]) > 1 else ""
        by_image.setdefault(_image(finding), []).append(pen.text(f"{name}{path}"))
    by_names: dict[tuple[str, ...], list[str]] = {}
    for image, names in by_image.items():
        key = unique(names)
        if image == _image(first):
            yield listed(key)
        else:
            by_names.setdefault(key, []).append(pen.text(image))
    yield from (f"{listed(images)} of {listed(names)}" for names, images in by_names.items())


def _image(finding: Finding) -> str:
    """The image that a finding is about; "" for one about a pod."""
    return finding.observation.subjects[0].image if _is_about_an_image(finding) else ""


def _name(finding: Finding) -> str:
    """`Job/web (init container `wait`)`: the containers of an image, where a pod has several."""
    seen = finding.observation
    own = [item for item in seen.workload.containers if item.role is not Role.REFERENCED]
    if not _is_about_an_image(finding) or len(own) <= 1:
        return str(seen.workload)
    subjects = {(subject.container, subject.role) for subject in seen.subjects}
    guilty = [container_text(item) for item in own if (item.name, item.role.value) in subjects]
    return f"{seen.workload} ({listed(guilty)})" if guilty else str(seen.workload)
