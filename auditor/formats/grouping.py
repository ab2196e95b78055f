"""Grouping of findings and problems with the same cause."""

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
"""Texts of up to this many characters are repeated instead of referenced."""


class Block(Struct, frozen=True):
    """A finding, together with others that have the same cause.

    Attributes:
        finding: The finding that is shown in full.
        shared: By label of a note, a reference to an earlier block with the same long text.
        also: The other workloads with the same cause, as escaped text per image.
    """

    finding: Finding
    shared: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()


def blocks(findings: Iterable[Finding], pen: Pen) -> Iterator[Block]:
    """Group findings that the same change resolves, in their order."""
    groups: dict[Hashable, list[Finding]] = {}
    for index, finding in enumerate(findings):
        cause = _cause(finding)
        groups.setdefault(index if cause is None else cause, []).append(finding)
    shown: dict[tuple[str, str, str], str] = {}
    for group in groups.values():
        yield Block(group[0], _shared(group[0], shown), tuple(_also(group, pen)))


def gathered(problems: Iterable[Problem]) -> tuple[tuple[Problem, ...], ...]:
    """Group problems with the same place and cause, or with the same text, in their order."""
    by_place = _grouped(
        ([problem], (problem.where, problem.why) if problem.where and problem.why else None)
        for problem in problems
    )
    return tuple(map(tuple, _grouped((group, _text(group)) for group in by_place)))


def other_than(problem: Problem, other: Problem) -> str:
    """Return the text that distinguishes another problem from the first one of its group."""
    return other.what if other.where == problem.where else other.where


def _grouped(items: Iterable[tuple[list[Problem], Hashable]]) -> list[list[Problem]]:
    """Merge the items with equal keys; items without a key are not merged."""
    groups: dict[Hashable, list[Problem]] = {}
    for index, (problems, key) in enumerate(items):
        groups.setdefault(index if key is None else key, []).extend(problems)
    return list(groups.values())


def _text(group: Sequence[Problem]) -> Hashable:
    """Return the text of a single problem without its place; None for other groups."""
    problem, *others = group
    if others or not (problem.where and problem.why):
        return None
    return (problem.what, problem.why, problem.hint)


def _cause(finding: Finding) -> Hashable:
    """Return the key by which findings are grouped.

    None for a finding about a pod spec: each pod spec has to be edited.
    """
    seen = finding.observation
    if finding.explanations:
        return None
    by_values = any(remedy.kind is RemedyKind.VALUES for remedy in seen.remedies)
    if not by_values and not _is_about_an_image(finding):
        return None
    chart = seen.workload.document.chart if by_values else ""
    texts = (seen.why, seen.fix, seen.pools, finding.variants)
    return (finding.rule, finding.severity, chart, *texts)


def _is_about_an_image(finding: Finding) -> bool:
    """Return whether a finding is about an image and cannot be fixed by a guard."""
    seen = finding.observation
    return not seen.guard.requirements and any(
        seen.location == container.location for container in seen.workload.containers
    )


def _shared(finding: Finding, shown: dict[tuple[str, str, str], str]) -> dict[str, str]:
    seen = finding.observation
    shared = {}
    for label, text in (("why", seen.why), ("with", shown_with(finding))):
        key = (finding.rule, label, text)
        if len(text) > _SHORT and key in shown:
            shared[label] = f"see {shown[key]} above"
        shown.setdefault(key, str(seen.workload))
    return shared


def _also(group: Sequence[Finding], pen: Pen) -> Iterator[str]:
    """Yield the workloads of all findings but the first, grouped by image."""
    first, *others = group
    paths: dict[str, set[str]] = {}
    for finding in group:
        paths.setdefault(_name(finding), set()).add(finding.observation.location.path)
    by_image: dict[str, list[str]] = {}
    for finding in others:
        name = _name(finding)
        path = f" in {finding.observation.location.path}" if len(paths[name]) > 1 else ""
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
    """Return the image that a finding is about, or "" for a pod."""
    return finding.observation.subjects[0].image if _is_about_an_image(finding) else ""


def _name(finding: Finding) -> str:
    """Return the workload and, if it has several containers, those of the image.

    Example: `Job/web (init container `wait`)`.
    """
    seen = finding.observation
    own = [item for item in seen.workload.containers if item.role is not Role.REFERENCED]
    if not _is_about_an_image(finding) or len(own) <= 1:
        return str(seen.workload)
    subjects = {(subject.container, subject.role) for subject in seen.subjects}
    affected = [container_text(item) for item in own if (item.name, item.role.value) in subjects]
    return f"{seen.workload} ({listed(affected)})" if affected else str(seen.workload)
