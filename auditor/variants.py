"""One chart, rendered in several ways: what is the same in them is told once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from auditor.findings import Finding
from auditor.workloads import IGNORE_ANNOTATION, Workload

_FIRST: Final = "default"


def same_place(workload: Workload) -> Hashable:
    """What a workload has in common with itself in the other variants of its chart."""
    document = workload.document
    return (
        document.source,
        document.path,
        document.template,
        workload.ref.kind,
        workload.nth,
        workload.component,
    )


def merge_workloads(workloads: Iterable[Workload]) -> tuple[Workload, ...]:
    """Each workload once, at its first place, with the variants in which it is like that.

    Names may differ, and lines: neither decides where a pod runs. Whatever comes from no variant
    stays as it is.
    """
    merged: dict[Hashable, Workload] = {}
    for index, workload in enumerate(workloads):
        key = (same_place(workload), _demands(workload)) if workload.variants else index
        known = merged.get(key)
        if known is not None:
            known = replace(known, variants=_united(known.variants, workload.variants))
        merged[key] = known or workload
    return tuple(merged.values())


def merge_findings(findings: Sequence[Finding]) -> dict[int, tuple[str, ...]]:
    """The findings to keep, by their index, each with the variants that show it.

    Of those with one fingerprint from different variants the first stands for all. A chart without
    variants is rendered with its defaults, which an object that installs it may change.
    """
    variants: dict[int, tuple[str, ...]] = {}
    first: dict[str, list[int]] = {}
    for index, finding in enumerate(findings):
        own = finding.observation.workload.variants
        known = first.setdefault(finding.fingerprint, [])
        home = next((i for i in known if _differ(own, variants[i])), None)
        if home is None:
            known.append(index)
            variants[index] = own
        else:
            variants[home] = _united(variants[home] or (_FIRST,), own or (_FIRST,))
    return variants


def _differ(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether these are different renderings of a chart; without variants there is only one."""
    return set(one or (_FIRST,)).isdisjoint(other or (_FIRST,))


def _demands(workload: Workload) -> Hashable:
    """What decides where its pods may run and what podfit says of it."""
    return (
        tuple(
            (item.name, item.role, item.image, item.host_process) for item in workload.containers
        ),
        workload.scheduling,
        tuple(sorted(workload.labels.items())),
        tuple(
            item
            for item in sorted(workload.annotations.items())
            if item[0].startswith(IGNORE_ANNOTATION)
        ),
        (workload.hooks, workload.controller, workload.guessed, workload.ref.namespace),
    )


def _united(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """In the order in which a chart's variants are rendered, but for those of the configuration."""
    return tuple(sorted({*one, *other}, key=lambda name: (name != _FIRST, name)))
