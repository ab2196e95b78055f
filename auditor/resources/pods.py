"""From a pod spec, wherever it stands, to a `Workload`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from auditor.manifests import Document, Manifest
from auditor.resources.mentions import find_mentions
from auditor.scheduling import is_host_process, read_scheduling
from auditor.workloads import Container, Role, Workload
from auditor.yaml.nodes import Node

HOOK_ANNOTATION: Final = "helm.sh/hook"

_CONTAINER_KEYS: Final = (
    ("initContainers", Role.INIT),
    ("containers", Role.APP),
    ("ephemeralContainers", Role.EPHEMERAL),
)


@dataclass(frozen=True, slots=True)
class Pod:
    """One sort of pods that an object makes. metadata: of the pod template, where it has one.

    The other fields as in `Workload`.
    """

    spec: Node
    metadata: Node | None = None
    controller: str = ""
    component: str = ""
    guessed: bool = False
    selector_path: str = ""


def read_workload(manifest: Manifest, pod: Pod) -> Workload:
    """The workload of one sort of a manifest's pods.

    Raises `ShapeError` for what the API server would not decode.
    """
    annotations = _annotations(manifest.root.get("metadata"))
    document = manifest.document
    line, column = pod.spec.key_place("containers")
    return Workload(
        ref=manifest.ref,
        location=manifest.location,
        pod_location=document.place(line, column),
        containers=tuple(_containers(pod.spec, document)),
        scheduling=read_scheduling(pod.spec),
        labels=pod.metadata.texts_at("labels") if pod.metadata else {},
        annotations={**annotations, **_annotations(pod.metadata)},
        hooks=tuple(filter(None, map(str.strip, annotations.get(HOOK_ANNOTATION, "").split(",")))),
        document=document,
        ordinal=manifest.ordinal,
        nth=manifest.nth,
        controller=pod.controller,
        component=pod.component,
        guessed=pod.guessed,
        selector_path=pod.selector_path,
    )


def _annotations(metadata: Node | None) -> dict[str, str]:
    return metadata.texts_at("annotations") if metadata else {}


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
