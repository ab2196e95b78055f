"""Convert pod specs to `Workload`s, and assemble pod specs from the fields of custom resources."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from auditor.files.yaml_nodes import Node
from auditor.kubernetes.custom_resources import (
    FIELDS,
    HERE,
    PART,
    Match,
    PodSource,
    is_conditional,
    matches,
)
from auditor.kubernetes.image_mentions import find_mentions
from auditor.kubernetes.injection import injected_containers
from auditor.kubernetes.manifests import Document, Manifest
from auditor.kubernetes.placeholders import filled, unfilled_node
from auditor.kubernetes.pod_overrides import (
    Entry,
    entry,
    flat_selector,
    is_before,
    mapping,
    merged,
    patched,
    read_patch,
)
from auditor.kubernetes.pod_spec import Scheduling, is_host_process, read_scheduling
from auditor.kubernetes.requests import read_replicas, read_requests
from auditor.kubernetes.workloads import Container, FieldPlace, Role, Workload

HOOK_ANNOTATION: Final = "helm.sh/hook"

_CONTAINER_KEYS: Final = (
    ("initContainers", Role.INIT),
    ("containers", Role.APP),
    ("ephemeralContainers", Role.EPHEMERAL),
)


class Pod(Struct, frozen=True):
    """One sort of pods that an object makes.

    `metadata` is that of the pod template, if there is one. `unread` is the path and value of a
    field that may change the placement, but that podfit cannot read. Other fields are as in
    `Workload`.
    """

    spec: Node
    metadata: Node | None = None
    controller: str = ""
    component: str = ""
    guessed: bool = False
    selector_path: str = ""
    unread: tuple[str, Node] | None = None
    fields: Mapping[str, FieldPlace] | None = None


_WRITABLE: Final = ("nodeSelector", "affinity", "tolerations")
"""The fields of a pod spec that guards are written to."""


def read_workload(manifest: Manifest, pod: Pod) -> Workload:
    """Return the workload of one sort of a manifest's pods.

    Raises `ShapeError` if the API server would not decode them.
    """
    annotations = _annotations(manifest.root.get("metadata"))
    document = manifest.document
    line, column = pod.spec.key_place("containers")
    return Workload(
        ref=manifest.ref,
        location=manifest.location,
        pod_location=document.place(line, column),
        containers=(
            *_containers(pod.spec, document),
            *injected_containers(pod.metadata, document),
        ),
        scheduling=_scheduling(pod),
        labels=_labels(pod.metadata),
        annotations={**annotations, **_annotations(pod.metadata)},
        hooks=tuple(filter(None, map(str.strip, annotations.get(HOOK_ANNOTATION, "").split(",")))),
        document=document,
        ordinal=manifest.ordinal,
        nth=manifest.nth,
        controller=pod.controller,
        component=pod.component,
        guessed=pod.guessed,
        selector_path=pod.selector_path,
        replicas=read_replicas(manifest.root, pod.controller or manifest.ref.kind),
        requests=read_requests(pod.spec),
        fields={name: _field_place(pod.spec, name) for name in _WRITABLE}
        if pod.fields is None
        else pod.fields,
    )


def _scheduling(pod: Pod) -> Scheduling:
    scheduling = read_scheduling(pod.spec)
    if pod.unread is None:
        return scheduling
    path, node = pod.unread
    places = {**scheduling.places, "unread": (node.line, node.column)}
    return dataclasses.replace(scheduling, unread=path, places=places)


def _field_place(node: Node, *keys: str) -> FieldPlace:
    return FieldPlace((node.line, node.column), keys)


def _annotations(metadata: Node | None) -> dict[str, str]:
    whole = metadata is None or unfilled_node(metadata.get("annotations"))
    return {} if whole or metadata is None else metadata.texts_at("annotations")


def _labels(metadata: Node | None) -> dict[str, str]:
    """Return the labels of the pod that are filled in: the kubelet compares one of them."""
    whole = metadata is None or unfilled_node(metadata.get("labels"))
    return {} if whole or metadata is None else filled(metadata.texts_at("labels"))


def _containers(spec: Node, document: Document) -> Iterator[Container]:
    pod_is_host_process = is_host_process(spec)
    nodes = [(role, node) for key, role in _CONTAINER_KEYS for node in spec.items_at(key)]
    for role, node in nodes:
        sidecar = role is Role.INIT and node.text_at("restartPolicy") == "Always"
        yield Container(
            name=node.text_at("name"),
            role=Role.SIDECAR if sidecar else role,
            image=node.text_at("image"),
            location=document.location(node.get("image") or node),
            host_process=pod_is_host_process or is_host_process(node),
        )
    yield from _image_volumes(spec, document)
    own = {node.text_at("image") for _, node in nodes}
    for mention in find_mentions(node for _, node in nodes):
        if mention.image not in own:
            own.add(mention.image)
            place = document.location(mention.node)
            yield Container(mention.name, Role.REFERENCED, mention.image, place)


def _image_volumes(spec: Node, document: Document) -> Iterator[Container]:
    for volume in spec.items_at("volumes"):
        source = volume.get("image")
        if source is not None and (reference := source.get("reference")) is not None:
            yield Container(
                name=volume.text_at("name"),
                role=Role.IMAGE_VOLUME,
                image=source.text_at("reference"),
                location=document.location(reference),
            )


_KEPT: Final = ("hostNetwork", "schedulingGates", "securityContext")
"""Further fields of a pod spec that are copied if present."""


def assemble(manifest: Manifest, sources: Sequence[PodSource]) -> Iterator[Pod]:
    """Yield the pods of a custom resource."""
    for source in sources:
        for match in matches(source.at, manifest.root, manifest.root):
            if match.node.is_mapping:
                yield from assemble_at(source, match, manifest.root)


def assemble_at(source: PodSource, match: Match, root: Node) -> Iterator[Pod]:
    """Yield the pods that one mapping of an object describes; nothing without an image."""
    yield from _Assembly(source, match, root).pods()


class _Assembly:
    """One mapping of an object that describes pods."""

    def __init__(self, source: PodSource, match: Match, root: Node) -> None:
        self._source, self._match, self._root = source, match, root
        spec = match.node.get("spec") if source.template else match.node
        self._base = spec if spec is not None and spec.is_mapping else Node({}, 0, 0, {})
        self._path = f"{match.path}.spec".lstrip(".") if source.template else match.path

    def pods(self) -> Iterator[Pod]:
        source = self._source
        if not all(self._value_at(path) in values for path, values in source.when.items()):
            return
        containers = list(self._containers(source.containers))
        names = {node.text_at("name") for node in containers}
        containers += (node for node in self._named_images() if node.text_at("name") not in names)
        init_containers = list(self._containers(source.init_containers))
        if not containers and not init_containers and not source.operator_images:
            return
        metadata = self._match.node.get("metadata") if source.template else None
        patches = [(found, read_patch(found.node)) for found in self._patches()]
        spec = self._spec(containers, init_containers)
        for _, patch in patches:
            spec = patched(spec, patch, FIELDS) if patch is not None else spec
        unread = [found for found, patch in patches if patch is None] + self._unread()
        yield Pod(
            spec=spec,
            metadata=metadata if metadata is not None and metadata.is_mapping else None,
            controller=source.controller,
            component=" ".join(filter(None, (source.component, *self._match.names))),
            selector_path=self._selector_path(),
            unread=(unread[0].path, unread[0].node) if unread else None,
            fields=dict(self._field_places()),
        )

    def _matches(self, path: str) -> Iterator[Match]:
        name = self._match.names[-1] if self._match.names else ""
        return matches(path, self._base, self._root, name)

    def _patches(self) -> Iterator[Match]:
        for paths in self._source.patches:
            found = (match for path in paths for match in self._matches(path) if match.node.value)
            yield from itertools.islice(found, 1)

    def _unread(self) -> list[Match]:
        return [match for path in self._source.unread for match in self._matches(path)]

    def _field_places(self) -> Iterator[tuple[str, FieldPlace]]:
        """Yield where each field that guards are written to is, or would be added."""
        affinity = "nodeAffinity" if "nodeAffinity" in self._source.fields else "affinity"
        for name in ("nodeSelector", affinity, "tolerations"):
            paths = self._paths(name)
            if name == "nodeSelector" and not self._source.node_selector:
                continue
            if place := self._present_place(paths) or self._absent_place(paths):
                yield name, place

    def _present_place(self, paths: Sequence[str]) -> FieldPlace | None:
        """Return the place that `_field` reads."""
        for path in paths:
            key = path.removeprefix("/").rpartition(".")[2]
            for holder in self._matches(path.removesuffix(key).rstrip(".") or HERE):
                node = holder.node.get(key) if holder.node.is_mapping else None
                if node is not None and node.value:
                    return _field_place(holder.node, key)
        return None

    def _absent_place(self, paths: Sequence[str]) -> FieldPlace | None:
        plain = (item for item in paths if not is_conditional(item) and not set(item) & set("[]{}"))
        path = next(plain, None)
        if path is None:
            return None
        keys = path.removeprefix("/").split(".")
        if path.startswith("/"):
            return _field_place(self._root, *keys)
        if self._base.line:
            return _field_place(self._base, *keys)
        return _field_place(self._match.node, "spec", *keys)

    def _value_at(self, path: str) -> str:
        for found in matches(path, self._match.node, self._root):
            value = found.node.value
            return str(value).lower() if isinstance(value, bool) else str(value)
        return ""

    def _selector_path(self) -> str:
        if not self._source.node_selector:
            return ""
        paths = (path for path in self._paths("nodeSelector") if not is_conditional(path))
        for path in paths:
            return path[1:] if path.startswith("/") else f"{self._path}.{path}".lstrip(".")
        return ""

    def _paths(self, name: str) -> list[str]:
        """Return the possible paths of a field in order of precedence."""
        if name in self._source.fields:
            return list(self._source.fields[name])
        if name == "nodeAffinity":
            return []
        return [name if level == HERE else f"{level}.{name}" for level in self._source.levels]

    def _spec(self, containers: list[Node], init_containers: list[Node]) -> Node:
        """Return a pod spec as in the API, with the place of each field in the object."""
        entries = dict(self._fields())
        entries |= {key: found for key in _KEPT if (found := entry(self._base, key))}
        volumes = entry(self._base, "volumes")
        if volumes is not None and volumes[0].is_sequence:
            entries["volumes"] = volumes
        line, column = self._place(containers)
        for key, nodes in (("containers", containers), ("initContainers", init_containers)):
            entries[key] = (Node(tuple(nodes), line, column), (line, column))
        return mapping(entries, self._base)

    def _place(self, containers: list[Node]) -> tuple[int, int]:
        own = entry(self._base, "containers")
        if own is not None:
            return own[1]
        first = containers[0].get("image") if containers else None
        node = first or (self._base if self._base.line else self._match.node)
        return node.line, node.column

    def _fields(self) -> Iterator[tuple[str, Entry]]:
        for name in FIELDS:
            found = self._field(name)
            if found is not None and name == "nodeAffinity":
                yield "affinity", (mapping({name: found}, found[0]), found[1])
                continue
            if name == "nodeSelector":
                found = self._selector(found)
            if found is not None:
                yield name, found

    def _field(self, name: str) -> Entry | None:
        """Return the first value that is not empty, as controllers check `len(x) > 0`.

        Fields that the controller merges are merged.
        """
        found = list(self._values(name))
        if found and name in self._source.merged:
            return merged(found)
        return found[0] if found else None

    def _values(self, name: str) -> Iterator[Entry]:
        for path in self._paths(name):
            key = path.removeprefix("/").rpartition(".")[2]
            holders = path.removesuffix(key).rstrip(".") or HERE
            for holder in self._matches(holders):
                found = entry(holder.node, key) if holder.node.is_mapping else None
                if found is not None and found[0].value:
                    yield found

    def _selector(self, own: Entry | None) -> Entry | None:
        """Return the node selector of the object with what the controller adds to it."""
        if own is not None and unfilled_node(own[0]):
            return own
        source = self._source
        flat = (
            (node, (node.line, node.column))
            for path, prefixes in source.flat.items()
            for match in self._matches(path)
            if (node := flat_selector(match.node, prefixes)) is not None
        )
        found = [*((own,) if own is not None else ()), *flat]
        if not found and not (source.since and is_before(self._root, source.since)):
            found += _constant(source.default_selector)
        found += _constant(source.adds)
        return merged(found) if found else None

    def _containers(self, paths: Sequence[str]) -> Iterator[Node]:
        """Yield the containers with an image; others only patch a container of the controller."""
        for path in paths:
            for match in matches(path, self._base, self._root):
                image = match.node.get("image") if match.node.is_mapping else None
                if image is not None and image.is_text and image.value:
                    yield match.node

    def _named_images(self) -> Iterator[Node]:
        for name, alternatives in self._source.images.items():
            found = next(filter(None, map(self._image, alternatives)), None)
            if found is not None:
                label = Node(name, found.line, found.column)
                yield Node({"name": label, "image": found}, found.line, found.column)

    def _image(self, path: str) -> Node | None:
        """Return the image at a path, or built from several paths if all are present."""
        parts = PART.findall(path)
        found = [self._text(part) for part in parts or [path]]
        present = [node for node in found if node is not None]
        if len(present) < len(found):
            return None
        texts = iter([str(node.value) for node in present])
        image = PART.sub(lambda _: next(texts), path) if parts else next(texts)
        return Node(image, present[0].line, present[0].column)

    def _text(self, path: str) -> Node | None:
        for match in matches(path, self._base, self._root):
            if match.node.is_text and match.node.value:
                return match.node
        return None


def _constant(selector: Mapping[str, str]) -> Iterator[Entry]:
    """Yield a node selector that is not in the object, if there is one."""
    if selector:
        place = (0, 0)
        entries = {key: (Node(value, *place), place) for key, value in selector.items()}
        yield mapping(entries, Node({}, *place)), place
