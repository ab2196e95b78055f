"""Annotations on a workload or its pod template: `ignore.podfit.dev/<rule>: "reason"`."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.manifests import Location
from auditor.suppression.statements import Layer, Statement, lines_of, split_lines
from auditor.workloads import IGNORE_ANNOTATION, Workload


def annotations_on(workload: Workload) -> tuple[Statement, ...]:
    """What the annotations of a workload say to podfit: a statement for each rule."""
    return tuple(_found(workload))


def _found(workload: Workload) -> Iterator[Statement]:
    for key, value in workload.annotations.items():
        if key.startswith(IGNORE_ANNOTATION):
            rule = key.removeprefix(IGNORE_ANNOTATION)
            mistake = "" if rule else f"names no rule; write `{IGNORE_ANNOTATION}<rule>: reason`"
            yield Statement(
                layer=Layer.ANNOTATION,
                text=key,
                rules=(rule,),
                reason=value.strip(),
                location=_place(workload, key),
                document=workload.document,
                mistake=mistake,
            )


def _place(workload: Workload, key: str) -> Location:
    """Where the annotation stands; the object where its text is not found as it is."""
    document = workload.document
    lines = split_lines(document.text)
    for number in lines_of(workload):
        if (column := lines[number - 1].find(key)) >= 0:
            return document.place(number, column + 1)
    return workload.location
