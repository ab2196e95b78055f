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
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import read_documents
from auditor.files.yaml_writing import block
from auditor.fixes.paths import REQUIRED, match_expressions, pod_fields
from auditor.fixes.renderings import Judging
from auditor.fixes.verification import Need, find_harm
from auditor.kubernetes.manifests import Document
from auditor.kubernetes.pod_spec import NodeSelectorTerm
from auditor.kubernetes.workloads import Workload
from auditor.sources.files import read_text
from auditor.sources.kustomize import KustomizationSource
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
        place: _entry(need, need.observation.workload.ref.name) for place, need in pods.items()
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
        if entry := _entry(need, own.inner_name(workload.ref.name)):
            verified = unharmed and need.is_met_in(after.get(_place(workload)))
            yield need.number, (_remedy(entry, where, verified=verified),)


def kustomize_remedies(need: Need) -> tuple[Remedy, ...]:
    """Return a patch for a rendered object, as for a Helm post-renderer; () if impossible."""
    entry = _entry(need)
    return (_remedy(entry),) if entry else ()


def _remedy(entry: dict[str, Any], where: str = "", *, verified: bool = False) -> Remedy:
    text = block({"patches": [entry]})
    return Remedy(RemedyKind.KUSTOMIZE, text, where=where, verified=verified)


def _patched(
    source: KustomizationSource, entries: list[dict[str, Any]], judging: Judging
) -> dict[_Place, Assessment]:
    built = replace(source, patches=block({"patches": entries})).documents()
    documents = (item for item in built if isinstance(item, Document))
    found = (item for document in documents for item in judging.read(document))
    return {_place(item): judging.assess(item) for item in found if isinstance(item, Workload)}


def _place(workload: Workload) -> _Place:
    return workload.document.path, workload.ref.kind, workload.nth, workload.component


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


def _entry(need: Need, inner_name: str = "") -> dict[str, Any] | None:
    """Return an item of `patches`; None if the object or its pod spec has no stable name.

    Args:
        inner_name: The name in a kustomization. A target is added, as the namespace may differ.
    """
    workload, guard = need.observation.workload, need.whole
    ref, path = workload.ref, workload.selector_path.split(".")[:-1]
    if not guard.requirements or not path or "[" in workload.selector_path:
        return None
    if not ref.name or MASK in ref.name:
        return None
    group, _, version = ref.api_version.rpartition("/")
    named = {"group": group, "version": version, "kind": ref.kind, "name": inner_name or ref.name}
    target = {"target": {key: value for key, value in named.items() if value}}
    terms = workload.scheduling.required_terms
    if terms and guard.affinity:
        operations = list(_operations(terms, guard, path))
        return {**target, "patch": textwrap.dedent(block(operations))} if operations else None
    inside = inner_name or ref.namespace in ("", "default")
    metadata = {"name": named["name"]} | ({} if inside else {"namespace": ref.namespace})
    fields: dict[str, Any] = pod_fields(guard)
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
