"""Changes that a controller makes to a pod spec: patches and flat node selectors.

Sources: `strategicpatch` of Kubernetes with the tags of `core/v1` PodSpec (mappings are merged;
lists without a merge key, such as tolerations and nodeSelectorTerms, are replaced); Argo Workflows
`workflow/util/util.go`, ApplyPodSpecPatch; Spark `Config.scala`, KUBERNETES_NODE_SELECTOR_PREFIX.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import YamlError, read_documents

Entry = tuple[Node, tuple[int, int]]
"""A value, and the line and column of its key."""

_DIRECTIVE: Final = "$"
"""The start of keys such as `$patch: replace`, which podfit does not apply."""
_TEMPLATE: Final = "{{"
_VERSION: Final = re.compile(r"v?([0-9]+)\.([0-9]+)(?:\.([0-9]+))?")
VERSION_LABEL: Final = "app.kubernetes.io/version"


def mapping(entries: Mapping[str, Entry], place: Node) -> Node:
    """Return a mapping of these entries that keeps their places."""
    return Node(
        {key: node for key, (node, _) in entries.items()},
        place.line,
        place.column,
        {key: where for key, (_, where) in entries.items()},
    )


def entry(holder: Node, key: str) -> Entry | None:
    node = holder.get(key)
    return None if node is None else (node, holder.key_place(key))


def read_patch(node: Node) -> Node | None:
    """Return a patch of a pod spec as a mapping; None if podfit cannot apply it.

    The values in a patch that is text have the place of the text.
    """
    if node.is_mapping:
        found: Node = node
    else:
        documents = list(read_documents(node.text())) if node.is_text else []
        if len(documents) != 1 or isinstance(documents[0], YamlError):
            return None
        found = _placed(documents[0], node)
    return found if found.is_mapping and not _is_open(found) else None


def _is_open(node: Node) -> bool:
    """Return whether directives or template expressions in place of keys decide the patch."""
    if isinstance(node.value, tuple):
        return any(map(_is_open, node.value))
    if not isinstance(node.value, Mapping):
        return False
    keyed = any(key.startswith(_DIRECTIVE) or _TEMPLATE in key for key in node.value)
    return keyed or any(map(_is_open, node.value.values()))


def _placed(node: Node, place: Node) -> Node:
    where = (place.line, place.column)
    if isinstance(node.value, tuple):
        return Node(tuple(_placed(item, place) for item in node.value), *where)
    if isinstance(node.value, Mapping):
        entries = {key: (_placed(item, place), where) for key, item in node.value.items()}
        return mapping(entries, place)
    return Node(node.value, *where)


def patched(target: Node, patch: Node, fields: Iterable[str]) -> Node:
    """Return a pod spec with these fields merged from a patch; null removes a field."""
    entries = {key: (node, target.key_place(key)) for key, node in target.mapping().items()}
    assert isinstance(patch.value, Mapping)  # noqa: S101 - read_patch returns mappings only
    for key in fields:
        if key not in patch.value:
            continue
        new, old = patch.value[key], target.get(key)
        if new.value is None:
            entries.pop(key, None)
        elif new.is_mapping and old is not None and old.is_mapping:
            merged = patched(old, new, new.value if isinstance(new.value, Mapping) else ())
            entries[key] = (merged, target.key_place(key))
        else:
            entries[key] = (new, patch.key_place(key))
    return mapping(entries, target)


def merged(found: Sequence[Entry]) -> Entry:
    """Return the union of mappings, of which the first prevails, or the lists one after another.

    Values of other types give the first alone.
    """
    first, place = found[0]
    if all(node.is_sequence for node, _ in found):
        return Node(tuple(i for node, _ in found for i in node.items()), *place), place
    if not all(node.is_mapping for node, _ in found):
        return found[0]
    entries: dict[str, Entry] = {}
    for node, _ in reversed(found):
        entries |= {key: (item, node.key_place(key)) for key, item in node.mapping().items()}
    return mapping(entries, first), place


def flat_selector(holder: Node, prefixes: Iterable[str]) -> Node | None:
    """Return the node selector of keys such as `spark.kubernetes.node.selector.disk`, if any.

    A later prefix prevails.
    """
    if not holder.is_mapping:
        return None
    entries = dict(_flat_entries(holder, prefixes))
    return mapping(entries, next(iter(entries.values()))[0]) if entries else None


def _flat_entries(holder: Node, prefixes: Iterable[str]) -> Iterator[tuple[str, Entry]]:
    for prefix in prefixes:
        for key, node in holder.mapping().items():
            if key.startswith(prefix) and node.is_text:
                yield key.removeprefix(prefix), (node, holder.key_place(key))


def is_before(root: Node, version: str) -> bool:
    """Return whether the version label of an object names an earlier version than this one."""
    label = root.at("metadata", "labels", VERSION_LABEL)
    stated = _VERSION.match(label.text()) if label is not None and label.is_text else None
    wanted = _VERSION.match(version)
    return bool(stated and wanted) and _numbers(stated) < _numbers(wanted)


def _numbers(match: re.Match[str] | None) -> tuple[int, ...]:
    return tuple(int(part or 0) for part in match.groups()) if match else ()
