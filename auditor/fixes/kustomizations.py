"""Write guards as Kustomize patches, for kustomizations and for rendered charts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Guard, Remedy, RemedyKind
from auditor.errors import SourceError
from auditor.files.yaml_editing import Append, TextEdit, YamlText, apply_edits
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import read_documents
from auditor.files.yaml_writing import block
from auditor.fixes.paths import REQUIRED, match_expressions, pod_fields
from auditor.fixes.renderings import Judging
from auditor.fixes.repairs import Bench, Repair, toleration_fields
from auditor.fixes.verification import Need, find_harm
from auditor.kubernetes.manifests import Document
from auditor.kubernetes.pod_spec import NodeSelectorTerm, Toleration
from auditor.kubernetes.workloads import Workload
from auditor.sources.files import read_text
from auditor.sources.kustomize import KustomizationSource, edited_copy
from auditor.sources.nondeterminism import MASK

_Place = tuple[str, str, int, str]
"""Identifies a workload in every build: file, kind, index among its kind, component."""


def kustomization_remedies(
    source: KustomizationSource,
    needs: Sequence[Need],
    assessments: Sequence[Assessment],
    judging: Judging,
) -> Iterator[tuple[int, tuple[Remedy, ...]]]:
    """Yield the number of each need with a patch for the kustomization.

    All patches are verified together, in one more build on top of it, in which the objects have
    their final names.

    Args:
        assessments: Of all workloads that the kustomization builds.
    """
    pods = {_place(need.observation.workload): need for need in needs}
    tried = {
        place: _entry(need.observation.workload, need.whole, need.observation.workload.ref.name)
        for place, need in pods.items()
    }
    patches = [entry for entry in tried.values() if entry]
    after = _patched(source, patches, judging) if patches else {}
    before = {_place(item.workload): item for item in assessments}
    unharmed = after.keys() == before.keys() and not any(
        find_harm(old, after[place], (), pods[place].whole if place in pods else None)
        for place, old in before.items()
    )
    own = _Kustomization.of(source)
    where = f"{source.file}:{own.line}"
    for need in needs:
        workload = need.observation.workload
        if entry := _entry(workload, need.whole, own.inner_name(workload.ref.name)):
            verified = unharmed and need.is_met_in(after.get(_place(workload)))
            yield need.number, (_remedy(entry, where, verified=verified),)


def kustomize_remedies(need: Need) -> tuple[Remedy, ...]:
    """Return a patch for a rendered object, as for a Helm post-renderer; () if impossible."""
    entry = _entry(need.observation.workload, need.whole)
    return (_remedy(entry),) if entry else ()


def _remedy(entry: dict[str, Any], where: str = "", *, verified: bool = False) -> Remedy:
    text = block({"patches": [entry]})
    return Remedy(RemedyKind.KUSTOMIZE, text, where=where, verified=verified)


def _patched(
    source: KustomizationSource, entries: list[dict[str, Any]], judging: Judging
) -> dict[_Place, Assessment]:
    return _assessed(replace(source, patches=block({"patches": entries})), judging)


def _assessed(source: KustomizationSource, judging: Judging) -> dict[_Place, Assessment]:
    documents = (item for item in source.documents() if isinstance(item, Document))
    found = (item for document in documents for item in judging.read(document))
    return {_place(item): judging.assess(item) for item in found if isinstance(item, Workload)}


def _place(workload: Workload) -> _Place:
    return workload.document.path, workload.ref.kind, workload.nth, workload.component


class KustomizationEdit(Struct, frozen=True):
    """Writes repairs as patches into a kustomization file, and proves the build.

    Attributes:
        before: The assessments of all workloads that the kustomization builds.

    """

    source: KustomizationSource
    before: Sequence[Assessment]
    judging: Judging
    bench: Bench
    text: str

    def edits(self, repairs: Sequence[Repair]) -> tuple[TextEdit, ...]:
        """Return the edits; () if one of the repairs cannot be a patch."""
        own = _Kustomization.of(self.source)
        entries = [
            _entry(
                item.workload, item.guard, own.inner_name(item.workload.ref.name), item.tolerations
            )
            for item in repairs
        ]
        parsed = YamlText(self.text)
        if not all(entries) or not parsed.roots:
            return ()
        root = parsed.roots[0]
        try:
            change = {"patches": Append(tuple(entries))}
            return tuple(sorted(parsed.edits((root.line, root.column), change)))
        except ValueError:
            return ()

    def holds(self, repairs: Sequence[Repair]) -> bool:
        """Return whether a build with the patches resolves the findings, and harms no workload."""
        edits = self.edits(repairs)
        if not edits:
            return False
        with edited_copy(self.source, apply_edits(self.text, edits)) as changed:
            after = _assessed(changed, self.judging) if changed else {}
        own = {_place(item.workload): item for item in repairs}
        return after.keys() == {_place(item.workload) for item in self.before} and all(
            self._is_right(item, after[_place(item.workload)], own.get(_place(item.workload)))
            for item in self.before
        )

    def _is_right(self, old: Assessment, new: Assessment, repair: Repair | None) -> bool:
        if repair is None:
            return old.workload.scheduling == new.workload.scheduling
        if self.bench.objection(old, new, repair.guard):
            return False
        return self.bench.resolved(repair.resolved, new) == repair.resolved


class _Kustomization(Struct, frozen=True):
    """The fields of a kustomization file. `line` is that of `patches`, or 1."""

    prefix: str = ""
    suffix: str = ""
    line: int = 1

    @staticmethod
    def of(source: KustomizationSource) -> _Kustomization:
        with suppress(SourceError, ShapeError):
            text = read_text(source.path / source.file.rpartition("/")[2], source.file)
            root = next(iter(read_documents(text)), None)
            if isinstance(root, Node):
                line, _ = (root.keys or {}).get("patches", (1, 1))
                return _Kustomization(root.text_at("namePrefix"), root.text_at("nameSuffix"), line)
        return _Kustomization()

    def inner_name(self, name: str) -> str:
        """Return the name of an object when it is patched, without prefix and suffix.

        Source: the order of the builtin transformers in kusttarget_configplugin.go of kustomize.
        """
        return name.removeprefix(self.prefix).removesuffix(self.suffix)


def _entry(
    workload: Workload,
    guard: Guard,
    inner_name: str = "",
    tolerations: Sequence[Toleration] = (),
) -> dict[str, Any] | None:
    """Return an item of `patches`; None if the object or its pod spec has no stable name.

    A patch replaces the whole list of tolerations, so none is made if there are some already.

    Args:
        workload: The workload to patch.
        guard: The labels that it must select.
        tolerations: What it must tolerate.
        inner_name: The name in a kustomization. A target is added, as the namespace may differ.
    """
    ref, path = workload.ref, workload.selector_path.split(".")[:-1]
    if not (guard.requirements or tolerations) or not path or "[" in workload.selector_path:
        return None
    if tolerations and workload.scheduling.tolerations:
        return None
    if not ref.name or MASK in ref.name:
        return None
    group, _, version = ref.api_version.rpartition("/")
    named = {"group": group, "version": version, "kind": ref.kind, "name": inner_name or ref.name}
    target = {"target": {key: value for key, value in named.items() if value}}
    terms = workload.scheduling.required_terms
    if terms and guard.affinity:
        operations = list(_operations(terms, guard, path))
        if tolerations or not operations:
            return None
        return {**target, "patch": textwrap.dedent(block(operations))}
    inside = inner_name or ref.namespace in ("", "default")
    metadata = {"name": named["name"]} | ({} if inside else {"namespace": ref.namespace})
    fields: dict[str, Any] = pod_fields(guard)
    if tolerations:
        fields["tolerations"] = list(map(toleration_fields, tolerations))
    for key in reversed(path):
        fields = {key: fields}
    patch = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata, **fields}
    return {**(target if inner_name else {}), "patch": block(patch)}


def _operations(
    terms: Sequence[NodeSelectorTerm], guard: Guard, path: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield JSON patch operations for the terms of node affinity, which a merge would replace.

    Empty terms match no node and are not changed.
    """
    pointer = f"/{'/'.join(path)}/affinity/nodeAffinity/{REQUIRED}/nodeSelectorTerms"
    demands = match_expressions(guard.requirements)
    for index, term in enumerate(terms):
        place = f"{pointer}/{index}/matchExpressions"
        if term.expressions:
            yield from ({"op": "add", "path": f"{place}/-", "value": item} for item in demands)
        elif term.fields:
            yield {"op": "add", "path": place, "value": demands}
