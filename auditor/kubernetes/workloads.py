"""`Workload`, the common form of everything that makes pods."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from msgspec import Struct, field

from auditor.kubernetes.manifests import Document, Location, ObjectRef
from auditor.kubernetes.misplaced import Misplaced
from auditor.kubernetes.pod_spec import Place, Scheduling
from auditor.kubernetes.requests import Requests

IGNORE_ANNOTATION: Final = "ignore.podfit.dev/"
"""The prefix of annotations that suppress a rule; other annotations do not affect a report."""


class Role(Enum):
    """The role of a container in its pod; the value is used in JSON.

    INJECTED is a container that an admission webhook adds, with an image that an annotation names.

    REFERENCED is not a container, but an image in an argument or environment variable of one.
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

    Attributes:
        name: The container's name; for a referenced image that of the flag or variable.
        image: The reference as written.
        location: The location of the image's text.
        host_process: Whether it is a Windows HostProcess container.
    """

    name: str
    role: Role
    image: str
    location: Location
    host_process: bool = False


class FieldPlace(Struct, frozen=True):
    """Where a field of a pod spec is, or would be added: keys below the mapping at a place."""

    place: Place
    keys: tuple[str, ...]


class Workload(Struct, frozen=True):
    """An object that makes pods, and its pod template.

    Attributes:
        location: The location of the object.
        pod_location: The location of the pod spec's `containers` key, where a guard is added.
        containers: () if the controller of a custom resource chooses every image.
        labels: The labels of the pod, not of the object.
        hooks: The values of `helm.sh/hook`.
        ordinal: Its position among the objects of the document.
        controller: The kind whose rules its pods follow, such as DaemonSet; "" for its own kind.
        component: The sort of pods of the object; "" if it makes only one.
        guessed: Whether the kind is unknown and the pod spec was recognised by its shape.
        selector_path: Path of nodeSelector in the object, such as
            `spec.template.spec.nodeSelector`; "" if the kind has no such field.
        fields: Where the object has nodeSelector, affinity (or nodeAffinity) and tolerations, or
            would have them.
        variants: The variants of the chart that render it so; () if it was rendered only once.
        nth: Its position among the objects of its kind, which identifies it in later runs.
        replicas: The number of its pods; 1 if it does not say.
        requests: The CPU and memory that one pod requests.
        misplaced: Scheduling fields that Kubernetes does not read where they stand.
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
    fields: Mapping[str, FieldPlace] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    nth: int = 0
    replicas: int = 1
    requests: Requests = Requests()
    misplaced: tuple[Misplaced, ...] = ()

    @property
    def is_daemon_set(self) -> bool:
        """Whether its controller creates a pod for every eligible node."""
        return (self.controller or self.ref.kind) == "DaemonSet"

    @property
    def is_test(self) -> bool:
        """Whether it is a Helm test, which runs only with `helm test`."""
        return bool(self.hooks) and all(hook.startswith("test") for hook in self.hooks)

    @property
    def is_hook(self) -> bool:
        """Whether it is a Helm hook that an install, upgrade, rollback or delete waits for."""
        return bool(self.hooks) and not self.is_test

    def place(self, place: Place) -> Location:
        """Return a place in the workload's document; that of the pod spec if it has none."""
        if place == (0, 0):
            return self.pod_location
        return self.document.place(*place)

    def __str__(self) -> str:
        return f"{self.ref} ({self.component})" if self.component else str(self.ref)
