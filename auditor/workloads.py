"""`Workload`: anything that makes pods, in one shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from auditor.manifests import Document, Location, Manifest, ObjectRef
from auditor.scheduling import Place, Scheduling, is_host_process, read_scheduling
from auditor.yaml import Node, ShapeError

HOOK_ANNOTATION: Final = "helm.sh/hook"


class Role(Enum):
    """What a container is in its pod. The value is used in JSON."""

    APP = "app"
    INIT = "init"
    SIDECAR = "sidecar"
    EPHEMERAL = "ephemeral"
    IMAGE_VOLUME = "image-volume"


@dataclass(frozen=True, slots=True)
class Container:
    """One image that the kubelet pulls for a pod.

    image: as written, not parsed. location: of the image's text. host_process: runs on the Windows
    host itself.
    """

    name: str
    role: Role
    image: str
    location: Location
    host_process: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """What makes pods: its pod template, and who makes them.

    location: of the object. pod_location: of the pod spec's `containers` key, beside which a guard
    goes. labels: of the pod, not of the object. hooks: the values of `helm.sh/hook`. ordinal: its
    place in the document, so that it can be found again whatever its name is.
    """

    ref: ObjectRef
    location: Location
    pod_location: Location
    containers: tuple[Container, ...]
    scheduling: Scheduling
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    hooks: tuple[str, ...]
    document: Document
    ordinal: int

    @property
    def is_daemon_set(self) -> bool:
        return self.ref.kind == "DaemonSet"

    @property
    def is_test(self) -> bool:
        """A Helm test: it runs when somebody asks for it, and blocks nothing."""
        return bool(self.hooks) and all(hook.startswith("test") for hook in self.hooks)

    @property
    def is_hook(self) -> bool:
        """A Helm hook that an install, upgrade, rollback or delete waits for."""
        return bool(self.hooks) and not self.is_test

    def place(self, place: Place) -> Location:
        """A place in the workload's document; the pod spec's where nobody wrote it down."""
        if place == (0, 0):
            return self.pod_location
        return Location(self.document.path, *place, rendered=self.document.rendered)

    def __str__(self) -> str:
        return str(self.ref)


_TEMPLATE: Final = ("spec", "template")
POD_TEMPLATES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("", "Pod"): (),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("batch", "Job"): _TEMPLATE,
}
"""API group and kind -> where the pod template (a mapping with `metadata` and `spec`) stands."""

_FORMER_GROUPS: Final = {"extensions": "apps"}


def find_workloads(manifest: Manifest) -> Iterator[Workload]:
    """The workloads that a manifest declares: none for most kinds.

    Raises `ShapeError` for a pod template that the API server would not decode.
    """
    group = manifest.ref.api_version.rpartition("/")[0]
    group = _FORMER_GROUPS.get(group, group)
    path = POD_TEMPLATES.get((group, manifest.ref.kind))
    if path is None:
        return
    template = manifest.root.at(*path)
    if template is None:
        raise ShapeError(f"`{'.'.join(path)}` is missing", manifest.root)
    yield read_workload(manifest, template)


def read_workload(manifest: Manifest, template: Node) -> Workload:
    """The workload of a manifest whose pod template is given. Raises `ShapeError`."""
    spec = template.get("spec")
    if spec is None:
        raise ShapeError("the pod template has no `spec`", template)
    metadata = template.get("metadata")
    annotations = _annotations(manifest.root)
    document = manifest.document
    line, column = spec.key_place("containers")
    return Workload(
        ref=manifest.ref,
        location=manifest.location,
        pod_location=Location(document.path, line, column, rendered=document.rendered),
        containers=tuple(_read_containers(spec, document)),
        scheduling=read_scheduling(spec),
        labels=metadata.texts_at("labels") if metadata else {},
        annotations={**annotations, **(metadata.texts_at("annotations") if metadata else {})},
        hooks=tuple(
            hook.strip() for hook in annotations.get(HOOK_ANNOTATION, "").split(",") if hook.strip()
        ),
        document=document,
        ordinal=manifest.ordinal,
    )


def _annotations(root: Node) -> dict[str, str]:
    metadata = root.get("metadata")
    return metadata.texts_at("annotations") if metadata else {}


def _read_containers(spec: Node, document: Document) -> Iterator[Container]:
    pod_is_host_process = is_host_process(spec)
    if spec.get("containers") is None:
        raise ShapeError("the pod spec has no `containers`", spec)
    for key, role in (
        ("initContainers", Role.INIT),
        ("containers", Role.APP),
        ("ephemeralContainers", Role.EPHEMERAL),
    ):
        for node in spec.items_at(key):
            sidecar = role is Role.INIT and node.text_at("restartPolicy") == "Always"
            image = node.get("image")
            yield Container(
                name=node.text_at("name"),
                role=Role.SIDECAR if sidecar else role,
                image=node.text_at("image"),
                location=document.location(image or node),
                host_process=pod_is_host_process or is_host_process(node),
            )
    for volume in spec.items_at("volumes"):
        source = volume.get("image")
        if source is not None and (reference := source.get("reference")) is not None:
            yield Container(
                name=volume.text_at("name"),
                role=Role.IMAGE_VOLUME,
                image=source.text_at("reference"),
                location=document.location(reference),
            )
