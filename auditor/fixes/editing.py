"""Write repairs into the manifests of a document, and prove the edited text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from auditor.checks.findings import Guard
from auditor.files.yaml_editing import TextEdit, YamlText, apply_edits, extends
from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import read_documents
from auditor.fixes.renderings import Judging
from auditor.fixes.repairs import Bench, Repair, accepted, repair_changes
from auditor.kubernetes.manifests import Document
from auditor.kubernetes.workloads import Workload


class Edited(Struct, frozen=True):
    """A document with the repairs that were proved together, and the ones that failed."""

    edits: tuple[TextEdit, ...]
    done: tuple[Repair, ...]
    failed: tuple[Repair, ...]


def edit_document(
    document: Document, repairs: Sequence[Repair], judging: Judging, bench: Bench
) -> Edited:
    """Write repairs into a document; those that fail together are tried in halves."""
    text = YamlText(document.text)
    proof = _Proof(document, judging, bench, tuple(_workloads(document, judging)))
    done = accepted(repairs, lambda group: proof.holds(group, _edits(text, group)))
    failed = [item for item in repairs if not any(item is other for other in done)]
    return Edited(_edits(text, done), tuple(done), tuple(failed))


def _edits(text: YamlText, repairs: Iterable[Repair]) -> tuple[TextEdit, ...]:
    """Return the edits of repairs; () if the text has no place for one of them."""
    merged: dict[tuple[int, int], dict[str, Any]] = {}
    for repair in repairs:
        changes = repair_changes(repair)
        if not changes:
            return ()
        for name, change in changes:
            field = repair.workload.fields[name]
            for key in reversed(field.keys):
                change = {key: change}  # noqa: PLW2901 - wrapped from the inside
            _merge(merged.setdefault(field.place, {}), change)
    try:
        found = (
            edit
            for place, change in merged.items()
            for edit in text.edits(place, change, before="containers")
        )
        return tuple(sorted(set(found)))
    except ValueError:
        return ()


def _merge(changes: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add changes; where several workloads share a field, the first counts."""
    for key, change in more.items():
        known = changes.setdefault(key, {} if isinstance(change, Mapping) else change)
        if isinstance(known, dict) and isinstance(change, Mapping):
            _merge(known, change)


class _Proof(Struct, frozen=True):
    """Compares a document with an edited one."""

    document: Document
    judging: Judging
    bench: Bench
    before: tuple[Workload, ...]

    def holds(self, repairs: Sequence[Repair], edits: Sequence[TextEdit]) -> bool:
        """Return whether the edits resolve all findings of the repairs, and change nothing else."""
        if not edits:
            return False
        try:
            text = apply_edits(self.document.text, edits)
        except ValueError:
            return False
        changed = dataclasses.replace(self.document, text=text)
        after = tuple(_workloads(changed, self.judging))
        if len(after) != len(self.before) or not _is_extended(self.document.text, text):
            return False
        own = {_place(item.workload): item for item in repairs}
        return all(
            self._is_right(old, new, own.get(_place(old)))
            for old, new in zip(self.before, after, strict=True)
        )

    def _is_right(self, old: Workload, new: Workload, repair: Repair | None) -> bool:
        if repair is None and old.scheduling == new.scheduling:
            return True
        before = self.bench.assess(old) if repair is None else repair.before
        after = self.bench.assess(new)
        guard = Guard() if repair is None else repair.guard
        if self.bench.objection(before, after, guard):
            return False
        return repair is None or self.bench.resolved(repair.resolved, after) == repair.resolved


def _workloads(document: Document, judging: Judging) -> Iterator[Workload]:
    return (item for item in judging.read(document) if isinstance(item, Workload))


def _place(workload: Workload) -> tuple[int, str, tuple[int, int]]:
    """Identify a workload in its document; names of components need not be unique."""
    location = workload.scheduling.place("")
    return workload.ordinal, workload.component, location


def _is_extended(old: str, new: str) -> bool:
    before, after = (list(read_documents(text)) for text in (old, new))
    return len(before) == len(after) and all(
        type(one) is type(other)
        and (not isinstance(one, Node) or not isinstance(other, Node) or _keeps(one, other))
        for one, other in zip(before, after, strict=True)
    )


def _keeps(old: Node, new: Node) -> bool:
    return extends(old.plain(), new.plain())
