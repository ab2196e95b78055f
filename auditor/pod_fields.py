"""Fields of a pod spec: its containers, and what only one operating system has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.yaml.nodes import Node, ShapeError

_FORBIDDEN_ON_WINDOWS: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    (): ("hostPID", "hostIPC", "shareProcessNamespace", "hostUsers", "resources"),
    ("securityContext",): (
        "appArmorProfile",
        "seLinuxOptions",
        "seLinuxChangePolicy",
        "seccompProfile",
        "fsGroup",
        "fsGroupChangePolicy",
        "sysctls",
        "runAsUser",
        "runAsGroup",
        "supplementalGroups",
        "supplementalGroupsPolicy",
    ),
}
_FORBIDDEN_IN_WINDOWS_CONTAINERS: Final = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)
"""Kubernetes `core/v1` types.go, `PodSpec.OS`; `validation.go`, validateWindows."""
_FORBIDDEN_UNLESS_ZERO: Final = ("hostPID", "hostIPC", "sysctls")
"""Those of them whose false or empty value is the same as none: they are no pointers in Go."""


def containers(spec: Node) -> list[Node]:
    """All containers of a pod spec. Raises `ShapeError` where one is no mapping."""
    found: list[Node] = []
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.items_at(key):
            if not container.is_mapping:
                raise ShapeError(f"`{key}`: a container must be a mapping", container)
            found.append(container)
    return found


def linux_only_fields(spec: Node) -> tuple[str, ...]:
    """The fields that are there and forbidden in a Windows pod, such as `hostPID`."""
    found = []
    for path, names in _FORBIDDEN_ON_WINDOWS.items():
        node = spec.at(*path)
        if node is not None:
            found += [".".join((*path, name)) for name in names if _is_set(node, name)]
    for container in containers(spec):
        context = container.get("securityContext")
        if context is not None:
            name = container.text_at("name")
            found += [
                f"containers[{name}].securityContext.{key}"
                for key in _FORBIDDEN_IN_WINDOWS_CONTAINERS
                if context.get(key) is not None
            ]
    return tuple(found)


def windows_only_fields(spec: Node) -> tuple[str, ...]:
    """The fields that are there and forbidden in a Linux pod."""
    nodes = [("", spec)] + [(f"containers[{c.text_at('name')}].", c) for c in containers(spec)]
    return tuple(
        f"{prefix}securityContext.windowsOptions"
        for prefix, node in nodes
        if node.at("securityContext", "windowsOptions") is not None
    )


def _is_set(node: Node, name: str) -> bool:
    value = node.get(name)
    return value is not None and (name not in _FORBIDDEN_UNLESS_ZERO or bool(value.value))
