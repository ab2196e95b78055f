"""Remedies for findings in plain manifests: lines to put in, and a patch for Kustomize."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from auditor.assessment import Assessment
from auditor.findings import Remedy, RemedyKind
from auditor.manifests import Document
from auditor.remedies.judging import Judging
from auditor.remedies.kustomizations import kustomize_remedies
from auditor.remedies.manifest_edits import Edit, apply_edits, find_edit, unified_diff
from auditor.remedies.needs import Need
from auditor.workloads import Workload

_Name = tuple[int, str]


def manifest_remedies(
    needs: Sequence[Need], judging: Judging
) -> Iterator[tuple[int, tuple[Remedy, ...]]]:
    """By the number of the need. All edits of a document are made at once, and tried together."""
    by_document: dict[int, list[Need]] = {}
    for need in needs:
        by_document.setdefault(id(need.document), []).append(need)
    for group in by_document.values():
        yield from _in_document(group, judging)


def _in_document(
    needs: Sequence[Need], judging: Judging
) -> Iterator[tuple[int, tuple[Remedy, ...]]]:
    document = needs[0].document
    workloads = {_name(need.observation.workload): need for need in needs}
    source = document.text.split("\n")
    found = {
        name: find_edit(source, need.observation.workload, need.whole)
        for name, need in workloads.items()
    }
    edits = {name: edit for name, edit in found.items() if edit is not None}
    after = _edited(document, apply_edits(source, edits.values()), judging)
    for need in needs:
        name = _name(need.observation.workload)
        remedies = list(kustomize_remedies(need))
        if name in edits:
            remedies.insert(0, _edit_remedy(need, source, edits[name], after.get(name)))
        yield need.number, tuple(remedies)


def _edit_remedy(need: Need, source: Sequence[str], edit: Edit, after: Assessment | None) -> Remedy:
    document = need.document
    return Remedy(
        RemedyKind.MANIFEST,
        unified_diff(document.path, source, edit),
        where=f"{document.path}:{edit.line}",
        verified=need.is_met_in(after),
    )


def _edited(document: Document, text: str, judging: Judging) -> dict[_Name, Assessment]:
    changed = replace(document, text=text)
    workloads = (item for item in judging.read(changed) if isinstance(item, Workload))
    return {_name(item): judging.assess(item) for item in workloads}


def _name(workload: Workload) -> _Name:
    return workload.ordinal, workload.component
