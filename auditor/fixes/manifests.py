"""Write guards into manifests as unified diffs, and locate the values of charts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Guard, Remedy, RemedyKind
from auditor.errors import SourceError
from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import read_documents
from auditor.files.yaml_writing import block
from auditor.fixes.kustomizations import kustomize_remedies
from auditor.fixes.paths import Key, key_text, pod_fields
from auditor.fixes.renderings import Judging
from auditor.fixes.verification import Need
from auditor.kubernetes.manifests import Document
from auditor.kubernetes.workloads import Workload
from auditor.sources.files import read_text
from auditor.sources.helm import ChartSource

_CONTEXT: Final = 3
_INDENT: Final = "  "
_BLOCK: Final = re.compile(r"\s*nodeSelector:\s*(#.*)?")
_EMPTY: Final = re.compile(r"(\s*nodeSelector:)\s*\{\s*\}\s*(#.*)?")


class Edit(Struct, frozen=True, order=True):
    """An edit of a text.

    Attributes:
        line: The line, from 1, before which lines are inserted.
        replaces: Number of lines that are removed.
    """

    line: int
    lines: tuple[str, ...]
    replaces: int = 0


def find_edit(source: Sequence[str], workload: Workload, guard: Guard) -> Edit | None:
    """Return the edit that adds a guard; None if the YAML is in flow style or has the fields.

    Args:
        source: The lines of the workload's document.
    """
    scheduling = workload.scheduling
    if not workload.selector_path or "affinity" in scheduling.places:
        return None
    if "nodeSelector" in scheduling.places:
        return _extend_selector(source, workload, guard)
    place = workload.pod_location
    indent = _indentation(source, place.line, place.column)
    if indent is None or not source[place.line - 1][place.column - 1 :].startswith("containers"):
        return None
    return Edit(place.line, _indented(block(pod_fields(guard)), indent, source[place.line - 1]))


def _extend_selector(source: Sequence[str], workload: Workload, guard: Guard) -> Edit | None:
    """Return the edit that adds entries to an existing nodeSelector."""
    line, column = workload.scheduling.place("nodeSelector")
    indent = _indentation(source, line, column)
    entries = workload.scheduling.node_selector
    held = {item.key for item in entries}
    if indent is None or guard.affinity or held & guard.node_selector.keys():
        return None
    text = source[line - 1].rstrip("\r")
    added = block(guard.node_selector)
    if not entries and (empty := _EMPTY.fullmatch(text)):
        return Edit(line, (empty[1], *_indented(added, indent + _INDENT, source[line - 1])), 1)
    if entries and _BLOCK.fullmatch(text):
        inner = " " * (entries[0].place[1] - 1)
        return Edit(line + 1, _indented(added, inner, source[line - 1]))
    return None


def _indentation(source: Sequence[str], line: int, column: int) -> str | None:
    """Return the indentation of a key; None if other text precedes it."""
    if not 0 < line <= len(source):
        return None
    indent = source[line - 1][: column - 1]
    return indent if not indent.strip(" ") else None


def _indented(text: str, indent: str, like: str) -> tuple[str, ...]:
    """Indent lines and use the line ending of a neighbouring line."""
    end = "\r" if like.endswith("\r") else ""
    return tuple(f"{indent}{line}{end}" for line in text.splitlines())


def apply_edits(source: Sequence[str], edits: Iterable[Edit]) -> str:
    """Apply edits, which must not overlap, and return the text."""
    parts: list[str] = []
    done = 0
    for edit in sorted(edits):
        parts += source[done : edit.line - 1]
        parts += edit.lines
        done = edit.line - 1 + edit.replaces
    return "\n".join((*parts, *source[done:]))


def unified_diff(path: str, source: Sequence[str], edit: Edit) -> str:
    """Return an edit as a unified diff."""
    ends = len(source) - (source[-1] == "")
    start = edit.line - 1
    end = start + edit.replaces
    before = source[max(start - _CONTEXT, 0) : start]
    after = source[end : min(end + _CONTEXT, ends)]
    first = start - len(before) + 1
    around = len(before) + len(after)
    hunk = f"@@ -{first},{around + edit.replaces} +{first},{around + len(edit.lines)} @@"
    marked = [
        *(f" {line}" for line in before),
        *(f"-{line}" for line in source[start:end]),
        *(f"+{line}" for line in edit.lines),
        *(f" {line}" for line in after),
    ]
    if ends == len(source) and end + _CONTEXT >= ends:
        marked.append("\\ No newline at end of file")
    return "".join(f"{line}\n" for line in (f"--- a/{path}", f"+++ b/{path}", hunk, *marked))


_FILE: Final = "values.yaml"


def values_place(source: ChartSource) -> str:
    """Return text such as `spec.values of HelmRelease/shop`; "" if the user runs Helm."""
    release = source.release
    if release is None or release.holder is None:
        return ""
    return f"{key_text(release.values_path)} of {release.holder.ref}"


def key_places(source: ChartSource) -> Callable[[Key], str]:
    """Return a function that gives the `path:line` of a key.

    This is "" if values.yaml does not have the key or is in an archive. For a chart that an object
    installs, it is the place of the values in that object.
    """
    release = source.release
    if release is not None and release.holder is not None:
        line = [1, *_lines(release.holder.root, release.values_path)][-1]
        location = release.holder.document.place(line, 1)
        return lambda _: f"{location.path}:{location.file_line}"
    shown = f"{source.shown}/{_FILE}"

    def read() -> Node | None:
        try:
            root = next(iter(read_documents(read_text(source.path / _FILE, shown))), None)
        except SourceError:
            return None
        return root if isinstance(root, Node) else None

    root = source.facts.once(_FILE, read)

    def place(key: Key) -> str:
        lines = list(_lines(root, key))
        return f"{shown}:{lines[-1]}" if len(lines) == len(key) else ""

    return place


def _lines(node: Node | None, key: Key) -> Iterator[int]:
    """Yield the line of each part of the key that exists."""
    for part in key:
        if node is None:
            return
        if isinstance(part, int):
            items = node.items() if node.is_sequence else ()
            if part >= len(items):
                return
            node = items[part]
            yield node.line
        elif node.is_mapping and node.keys and part in node.keys:
            yield node.keys[part][0]
            node = node.get(part)
        else:
            return


_Name = tuple[int, str]


def manifest_remedies(
    needs: Sequence[Need], judging: Judging
) -> Iterator[tuple[int, tuple[Remedy, ...]]]:
    """Yield the number of each need with its remedies. Verifies all edits of a document at once."""
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
    changed = dataclasses.replace(document, text=text)
    workloads = (item for item in judging.read(changed) if isinstance(item, Workload))
    return {_name(item): judging.assess(item) for item in workloads}


def _name(workload: Workload) -> _Name:
    return workload.ordinal, workload.component
