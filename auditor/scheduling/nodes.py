"""Models of clusters: `NodePool`, `Taint`, `Runtime`, `RuntimeClass`, `ClusterProfile`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
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
"""Labels that are derived from the platform of a node."""

CONTROL_PLANE_LABELS: Final = frozenset(
    ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
)
"""Labels of control plane nodes, which always run Linux (concepts/windows/intro)."""

CONTAINERD: Final = "containerd"
CRI_O: Final = "cri-o"
DOCKER: Final = "docker"

EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_TAINT: Final = re.compile(r"(?P<key>[^=:\s]+)(?:=(?P<value>[^=:\s]*))?:(?P<effect>\w+)")
_RUNTIME: Final = re.compile(r"(?P<name>[a-z][a-z0-9-]*)://v?(?P<version>[0-9][^\s]*)")


class Taint(Struct, frozen=True, order=True):
    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return (
            f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"
        )


def parse_taint(text: str) -> Taint:
    """Parse `key=value:Effect` or `key:Effect`, as in kubectl. Raises ValueError."""
    match = _TAINT.fullmatch(text)
    if match is None or match["effect"] not in EFFECTS:
        effects = ", ".join(EFFECTS)
        raise ValueError(
            f"{text!r} is not a taint; write it as key=value:Effect with one of {effects}"
        )
    return Taint(match["key"], match["value"] or "", match["effect"])


class Runtime(Struct, frozen=True):
    """The container runtime of a node: `containerd`, `cri-o` or `docker`, with its version."""

    name: str
    version: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.name}://{'.'.join(map(str, self.version))}"


def parse_runtime(text: str) -> Runtime:
    """Parse the value of `status.nodeInfo.containerRuntimeVersion`. Raises ValueError."""
    match = _RUNTIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a runtime; write it as containerd://2.1.6")
    numbers = [int(part) for part in re.findall(r"[0-9]{1,9}", match["version"])[:3]]
    major, minor, patch = (*numbers, 0, 0)[:3]
    return Runtime(match["name"], (major, minor, patch))


class NodePool(Struct, frozen=True):
    """A set of similar nodes.

    Attributes:
        labels: Labels of every node, including those derived from the platform.
        runtime: None if unknown.
        nodes: Node names, if known.
        open_labels: Whether the nodes may have more labels, so that a missing one is unknown.
        unschedulable: Whether the nodes are cordoned.
        emulation: Other architectures that the nodes can run (binfmt).
        varying: Keys of labels that every node has with different or unknown values.
        node_labels: Additional labels of each node, by node name.
        resources: Extended resources and huge pages of the nodes; None if unknown.
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
    """Return the labels derived from a platform, including the deprecated `beta.` labels."""
    labels = {OS_LABEL: platform.os, ARCHITECTURE_LABEL: platform.architecture}
    labels |= {old: labels[new] for old, new in DEPRECATED_LABELS.items()}
    if platform.windows_build:
        labels[WINDOWS_BUILD_LABEL] = platform.windows_build
    return labels


class RuntimeClass(Struct, frozen=True):
    """What a RuntimeClass (`node.k8s.io/v1`) adds to the pods that name it."""

    name: str
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()


class Retirement(Struct, frozen=True):
    """A date after which a cloud no longer supports the node image of a platform.

    Attributes:
        what: What ends on that day, as a clause.
        source: The address of the announcement.
    """

    platform: Platform
    date: date
    what: str
    source: str


class ClusterProfile(Struct, frozen=True):
    """A cluster to audit against.

    Attributes:
        all_classes_known: Whether `runtime_classes` is complete.
        plugins: Enabled admission plug-ins, in addition to the default ones.
        namespace_selectors: The node selector that a plug-in merges into pods, by namespace.
        gates: Enabled feature gates.
        selector_tolerations: Pairs of label and value. The cluster adds tolerations for the taints
            of the pools that a pod selects by one of them.
        description: One sentence for a list of clusters.
        default_selector: The node selector of namespaces without their own.
        retirements: When the node images of the cluster are retired, if known.
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
    retirements: tuple[Retirement, ...] = ()
