"""The cluster side: `NodePool`, `Taint`, `Runtime`, `RuntimeClass`, `ClusterProfile`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from auditor.images.platforms import Platform
from auditor.kubernetes.pod_spec import Toleration

OS_LABEL: Final = "kubernetes.io/os"
ARCHITECTURE_LABEL: Final = "kubernetes.io/arch"
WINDOWS_BUILD_LABEL: Final = "node.kubernetes.io/windows-build"
HOSTNAME_LABEL: Final = "kubernetes.io/hostname"
DEPRECATED_LABELS: Final[Mapping[str, str]] = {
    "beta.kubernetes.io/os": OS_LABEL,
    "beta.kubernetes.io/arch": ARCHITECTURE_LABEL,
}
PLATFORM_LABELS: Final = frozenset(
    (OS_LABEL, ARCHITECTURE_LABEL, WINDOWS_BUILD_LABEL, *DEPRECATED_LABELS)
)
"""Labels whose presence and value follow from the platform alone."""

CONTROL_PLANE_LABELS: Final = frozenset(
    ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
)
"""Labels of nodes that run Linux always (kubernetes.io, concepts/windows/intro)."""

CONTAINERD: Final = "containerd"
CRI_O: Final = "cri-o"
DOCKER: Final = "docker"

EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_TAINT: Final = re.compile(r"(?P<key>[^=:\s]+)(?:=(?P<value>[^=:\s]*))?:(?P<effect>\w+)")
_RUNTIME: Final = re.compile(r"(?P<name>[a-z][a-z0-9-]*)://v?(?P<version>[0-9][^\s]*)")


class Taint(Struct, frozen=True, order=True):
    """What keeps pods without a matching toleration off a node (`core/v1` Taint)."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return (
            f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"
        )


def parse_taint(text: str) -> Taint:
    """A taint as kubectl writes it: `key=value:Effect` or `key:Effect`. Raises ValueError."""
    match = _TAINT.fullmatch(text)
    if match is None or match["effect"] not in EFFECTS:
        effects = ", ".join(EFFECTS)
        raise ValueError(
            f"{text!r} is not a taint; write it as key=value:Effect, Effect being one of {effects}"
        )
    return Taint(match["key"], match["value"] or "", match["effect"])


class Runtime(Struct, frozen=True):
    """A node's container runtime: `containerd`, `cri-o` or `docker`, and its version numbers."""

    name: str
    version: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.name}://{'.'.join(map(str, self.version))}"


def parse_runtime(text: str) -> Runtime:
    """A runtime as `status.nodeInfo.containerRuntimeVersion` has it. Raises ValueError."""
    match = _RUNTIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a runtime; write it as containerd://2.1.6")
    numbers = [int(part) for part in re.findall(r"[0-9]{1,9}", match["version"])[:3]]
    major, minor, patch = (*numbers, 0, 0)[:3]
    return Runtime(match["name"], (major, minor, patch))


class NodePool(Struct, frozen=True):
    """Nodes that are alike.

    labels: those of every node, with those that the kubelet derives from the platform. varying:
    keys of labels that every node carries, with values that differ or that nobody told us. nodes:
    their names, where known. node_labels: name -> that node's labels beside those of the pool.
    open_labels: the nodes may carry labels that nobody told us of, so a missing one proves nothing.
    unschedulable: cordoned. emulation: architectures that the nodes can run beside their own
    (binfmt). runtime: None where the profile does not say. resources: the extended resources and
    huge pages that nodes offer; None where nobody told us.
    """

    name: str
    platform: Platform
    labels: Mapping[str, str]
    taints: tuple[Taint, ...] = ()
    runtime: Runtime | None = None
    nodes: tuple[str, ...] = ()
    open_labels: bool = False
    unschedulable: bool = False
    emulation: frozenset[str] = frozenset()
    varying: frozenset[str] = frozenset()
    node_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    resources: frozenset[str] | None = None


def platform_labels(platform: Platform) -> dict[str, str]:
    """The labels that follow from a platform, the `beta.` copies of node-lifecycle included."""
    labels = {OS_LABEL: platform.os, ARCHITECTURE_LABEL: platform.architecture}
    labels |= {old: labels[new] for old, new in DEPRECATED_LABELS.items()}
    if platform.windows_build:
        labels[WINDOWS_BUILD_LABEL] = platform.windows_build
    return labels


class RuntimeClass(Struct, frozen=True):
    """A RuntimeClass object (`node.k8s.io/v1`): what it adds to the pods that name it."""

    name: str
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()


class ClusterProfile(Struct, frozen=True):
    """The named set of pools to audit against. description: one sentence for a list of clusters.

    runtime_classes: those of the cluster. all_classes_known: a class that is not among them does
    not exist. plugins: admission plug-ins switched on beside the default ones. namespace_selectors:
    namespace -> the node selector that such a plug-in merges into its pods. default_selector: that
    of a namespace without one of its own. gates: feature gates that are on. selector_tolerations:
    label pairs; the cluster adds the tolerations of the pools that a pod selects by one of them.
    """

    name: str
    pools: tuple[NodePool, ...]
    runtime_classes: Mapping[str, RuntimeClass] = field(default_factory=dict)
    all_classes_known: bool = False
    plugins: frozenset[str] = frozenset()
    namespace_selectors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    gates: frozenset[str] = frozenset()
    selector_tolerations: tuple[tuple[str, str], ...] = ()
    description: str = ""
    default_selector: Mapping[str, str] = field(default_factory=dict)
