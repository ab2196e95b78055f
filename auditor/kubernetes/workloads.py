"""`Workload`: anything that makes pods, in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from msgspec import Struct

from auditor.kubernetes.manifests import Document, Location, ObjectRef
from auditor.kubernetes.pod_spec import Place, Scheduling

IGNORE_ANNOTATION: Final = "ignore.podfit.dev/"
"""What annotations begin with that silence a rule: the only ones that bear on a report."""


class Role(Enum):
    """What a container is in its pod. The value is used in JSON.

    INJECTED is a container that an admission webhook adds, with an image that an annotation names.

    REFERENCED is none of its containers: an image that one of them is told by argument or
    environment, and hands to something else.
    """

    APP = "app"
    INIT = "init"
    SIDECAR = "sidecar"
    EPHEMERAL = "ephemeral"
    IMAGE_VOLUME = "image-volume"
    INJECTED = "injected"
    REFERENCED = "referenced"


class Container(Struct, frozen=True):
    """One image that the kubelet pulls for a pod, or that a container refers to.

    name: for a referenced image, of the flag or variable. image: as written, not parsed. location:
    of the image's text. host_process: runs on the Windows host itself.
    """

    name: str
    role: Role
    image: str
    location: Location
    host_process: bool = False


class Workload(Struct, frozen=True):
    """What makes pods: its pod template, and who makes them.

    location: of the object. pod_location: of the pod spec's `containers` key, beside which a guard
    goes. containers: none where the controller of a custom resource chooses every image. labels: of
    the pod, not of the object. hooks: the values of `helm.sh/hook`. ordinal: its place in the
    document, so that it can be found again whatever its name is. nth: its place among those of its
    kind there, which names it from one run to the next.

    controller: the kind whose rules its pods follow, such as DaemonSet; "" for those of its own
    kind. component: which of its object's pods they are, "" where it makes only one sort. guessed:
    found by the look of a pod spec in a kind that nobody told us about. selector_path: where a
    nodeSelector goes in the object, such as `spec.template.spec.nodeSelector`; "" where none does.
    variants: of the chart in which it is like this; () where there was only one way to render it.
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
    controller: str = ""
    component: str = ""
    guessed: bool = False
    selector_path: str = ""
    variants: tuple[str, ...] = ()
    nth: int = 0

    @property
    def is_daemon_set(self) -> bool:
        """Whether a controller puts one of its pods on every node that takes it."""
        return (self.controller or self.ref.kind) == "DaemonSet"

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
        return self.document.place(*place)

    def __str__(self) -> str:
        return f"{self.ref} ({self.component})" if self.component else str(self.ref)
