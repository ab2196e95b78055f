"""The scheduling constraints of a pod spec (`core/v1` PodSpec), and its OS-specific fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from auditor.files.yaml_nodes import Node, ShapeError
from auditor.kubernetes.placeholders import unfilled, unfilled_node

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
"""Fields that are not pointers in Go, so that a false or empty value is the same as none."""


def containers(spec: Node) -> list[Node]:
    """Return all containers of a pod spec. Raises `ShapeError` if one is not a mapping."""
    found: list[Node] = []
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.items_at(key):
            if not container.is_mapping:
                raise ShapeError(f"`{key}`: a container must be a mapping", container)
            found.append(container)
    return found


def linux_only_fields(spec: Node) -> tuple[str, ...]:
    """Return the present fields that are forbidden in a Windows pod, such as `hostPID`."""
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
    """Return the present fields that are forbidden in a Linux pod."""
    nodes = [("", spec)] + [(f"containers[{c.text_at('name')}].", c) for c in containers(spec)]
    return tuple(
        f"{prefix}securityContext.windowsOptions"
        for prefix, node in nodes
        if node.at("securityContext", "windowsOptions") is not None
    )


def _is_set(node: Node, name: str) -> bool:
    value = node.get(name)
    return value is not None and (name not in _FORBIDDEN_UNLESS_ZERO or bool(value.value))


Place = tuple[int, int]
"""Line and column in the document, from 1; (0, 0) if it is not in a document."""

_NOWHERE: Final[Place] = (0, 0)
_NONE: Final = (None, 0, "0", "")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement on one label (or, under matchFields, one field) of a node.

    The operator is In, NotIn, Exists, DoesNotExist, Gt or Lt. A nodeSelector entry is `In` with one
    value. A variable in place of all requirements is a key without operator.
    """

    key: str
    operator: str
    values: tuple[str, ...] = ()
    place: Place = field(default=_NOWHERE, compare=False)

    @property
    def unfilled(self) -> str:
        """What in it is not filled in yet, such as "a variable, `$ARCH`", else ""."""
        return next(filter(None, map(unfilled, (self.key, self.operator, *self.values))), "")

    def __str__(self) -> str:
        match self.operator:
            case "In" if len(self.values) == 1:
                return f"{self.key}={self.values[0]}"
            case "Exists" | "DoesNotExist":
                return f"{self.key} {self.operator}"
            case "" if not self.values and self.unfilled:
                return self.key
            case _:
                return f"{self.key} {self.operator} [{', '.join(self.values)}]"


@dataclass(frozen=True, slots=True)
class NodeSelectorTerm:
    """Requirements that must all match. An empty term matches no node."""

    expressions: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()
    place: Place = field(default=_NOWHERE, compare=False)

    def __str__(self) -> str:
        return " and ".join(map(str, (*self.expressions, *self.fields))) or "an empty term"


@dataclass(frozen=True, slots=True)
class Toleration:
    """A toleration with the API's meaning of empty key, operator and effect.

    Attributes:
        seconds: tolerationSeconds for a NoExecute taint; None means forever.
    """

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    seconds: int | None = None
    place: Place = field(default=_NOWHERE, compare=False)

    @property
    def unfilled(self) -> str:
        """What in it is not filled in yet, such as "a variable, `$TAINT`", else ""."""
        texts = (self.key, self.operator, self.value, self.effect)
        return next(filter(None, map(unfilled, texts)), "")

    def __str__(self) -> str:
        what = f"{self.key}={self.value}" if self.value else self.key or "every taint"
        return f"{what}:{self.effect}" if self.effect else what


@dataclass(frozen=True, slots=True)
class Scheduling:
    """The scheduling constraints of one pod spec.

    Attributes:
        node_selector: Requirements that must all match.
        required_terms: Terms of which one must match; None without required node affinity.
        preferred_terms: Terms of preferred node affinity, which exclude no node.
        os_name: `spec.os.name`.
        host_process: The `hostProcess` values of the pod and its containers.
        spread_keys: Topology keys of `DoNotSchedule` spread constraints, required node labels.
        resources: Requested extended resources and huge pages, which only some nodes offer.
        claims: Names of resource claims (DRA), which only some nodes can satisfy.
        linux_only: Present fields that the API server rejects for Windows.
        windows_only: Present fields that the API server rejects for Linux.
        unread: Path of a field that may change the constraints, but that podfit cannot read; or "".
    """

    node_selector: tuple[Requirement, ...] = ()
    required_terms: tuple[NodeSelectorTerm, ...] | None = None
    preferred_terms: tuple[NodeSelectorTerm, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    node_name: str = ""
    os_name: str = ""
    runtime_class: str = ""
    scheduler_name: str = ""
    host_network: bool = False
    host_process: frozenset[bool] = frozenset()
    gated: bool = False
    spread_keys: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    linux_only: tuple[str, ...] = ()
    windows_only: tuple[str, ...] = ()
    unread: str = ""
    places: Mapping[str, Place] = field(default_factory=dict, compare=False)

    def place(self, name: str) -> Place:
        """Return the place of a field such as `nodeName`, or of the pod spec if it is absent."""
        return self.places.get(name) or self.places.get("", _NOWHERE)


def read_scheduling(spec: Node) -> Scheduling:
    """Read a pod spec. Raises `ShapeError` if the API server would not decode it."""
    required, preferred = _node_affinity(spec)
    return Scheduling(
        node_selector=tuple(_node_selector(spec)),
        required_terms=required,
        preferred_terms=preferred,
        tolerations=tuple(map(read_toleration, _items(spec, "tolerations"))),
        node_name=spec.text_at("nodeName"),
        os_name=_system(spec.get("os")),
        runtime_class=spec.text_at("runtimeClassName"),
        scheduler_name=spec.text_at("schedulerName"),
        host_network=spec.flag_at("hostNetwork"),
        host_process=frozenset(_host_processes(spec)),
        gated=bool(spec.items_at("schedulingGates")),
        spread_keys=_spread_keys(spec),
        resources=tuple(sorted(set(_resources(spec)))),
        claims=tuple(claim.text_at("name") for claim in spec.items_at("resourceClaims")),
        linux_only=linux_only_fields(spec),
        windows_only=windows_only_fields(spec),
        places={"": (spec.line, spec.column), **(spec.keys or {})},
    )


def is_host_process(node: Node) -> bool:
    """Whether a pod spec or a container sets `windowsOptions.hostProcess`."""
    options = node.at("securityContext", "windowsOptions")
    return options is not None and options.flag_at("hostProcess")


def _host_processes(spec: Node) -> Iterator[bool]:
    """Yield hostProcess of the pod, if set, and of each container, by default that of the pod."""
    if spec.at("securityContext", "windowsOptions", "hostProcess") is not None:
        yield is_host_process(spec)
    for container in containers(spec):
        own = container.at("securityContext", "windowsOptions", "hostProcess")
        yield is_host_process(spec if own is None else container)


def _node_selector(spec: Node) -> Iterator[Requirement]:
    """Yield the entries of the node selector. A null value means "", as in the API."""
    selector = spec.get("nodeSelector")
    if selector is not None and unfilled_node(selector):
        yield _whole(selector)
        return
    values = spec.texts_at("nodeSelector")
    if selector is not None and isinstance(selector.value, Mapping):
        for key in selector.value:
            yield Requirement(key, "In", (values.get(key, ""),), selector.key_place(key))


def _node_affinity(
    spec: Node,
) -> tuple[tuple[NodeSelectorTerm, ...] | None, tuple[NodeSelectorTerm, ...]]:
    parent = spec.get("affinity")
    affinity = parent if unfilled_node(parent) else spec.at("affinity", "nodeAffinity")
    if affinity is None:
        return None, ()
    if unfilled_node(affinity):
        return (_term(affinity),), ()
    selector = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    required: tuple[NodeSelectorTerm, ...] | None = None
    if selector is not None and unfilled_node(selector):
        required = (_term(selector),)
    elif selector is not None:
        required = tuple(map(_term, _items(selector, "nodeSelectorTerms")))
    wishes = _items(affinity, "preferredDuringSchedulingIgnoredDuringExecution")
    wishes = tuple(wish for wish in wishes if not unfilled_node(wish))
    preferences = (wish.get("preference") for wish in wishes)
    return required, tuple(_term(term) for term in preferences if term is not None)


def _term(node: Node) -> NodeSelectorTerm:
    if node.value is None:
        return NodeSelectorTerm()
    if unfilled_node(node):
        return NodeSelectorTerm((_whole(node),), place=(node.line, node.column))
    return NodeSelectorTerm(
        expressions=tuple(map(_requirement, _items(node, "matchExpressions"))),
        fields=tuple(map(_requirement, _items(node, "matchFields"))),
        place=(node.line, node.column),
    )


def _requirement(node: Node) -> Requirement:
    if unfilled_node(node):
        return _whole(node)
    return Requirement(
        key=node.text_at("key"),
        operator=node.text_at("operator"),
        values=tuple("" if item.value is None else item.text() for item in _items(node, "values")),
        place=(node.line, node.column),
    )


def _whole(node: Node) -> Requirement:
    """Return the requirement for a variable that takes the place of any number of them."""
    return Requirement(node.text(), "", place=(node.line, node.column))


def _items(node: Node, key: str) -> tuple[Node, ...]:
    """Return the items of a list; a variable in place of the list is its only item."""
    value = node.get(key)
    return (value,) if value is not None and unfilled_node(value) else node.items_at(key)


def _system(node: Node | None) -> str:
    """Return the name in `spec.os`; "" where it is not filled in yet."""
    name = "" if node is None or unfilled_node(node) else node.text_at("name")
    return "" if unfilled(name) else name


def read_toleration(node: Node) -> Toleration:
    """Read a toleration. Raises `ShapeError`.

    A variable in place of all of it may tolerate anything.
    """
    if unfilled_node(node):
        return Toleration(key=node.text(), operator="Exists", place=(node.line, node.column))
    seconds = node.get("tolerationSeconds")
    return Toleration(
        key=node.text_at("key"),
        operator=node.text_at("operator"),
        value=node.text_at("value"),
        effect=node.text_at("effect"),
        seconds=None if unfilled_node(seconds) else node.integer_at("tolerationSeconds"),
        place=(node.line, node.column),
    )


def _spread_keys(spec: Node) -> tuple[str, ...]:
    return tuple(filter(None, map(_spread_key, _items(spec, "topologySpreadConstraints"))))


def _spread_key(constraint: Node) -> str:
    """Return the key that a node must carry; with the variable that decides whether it must."""
    if unfilled_node(constraint):
        return constraint.text()
    key, action = constraint.text_at("topologyKey"), constraint.text_at("whenUnsatisfiable")
    if unfilled(action):
        return f"{key} {action}"
    return key if action == "DoNotSchedule" else ""


def _resources(spec: Node) -> Iterator[str]:
    """Yield extended resources (`helpers.go`, IsExtendedResourceName) and huge pages above zero."""
    resources = filter(None, (container.get("resources") for container in containers(spec)))
    amounts = (node.mapping_at(key) for node in resources for key in ("limits", "requests"))
    for name, amount in (item for group in amounts for item in group.items()):
        extended = "/" in name and "kubernetes.io/" not in name
        if (extended or name.startswith("hugepages-")) and amount.value not in _NONE:
            yield f"{name}: {amount.text()}" if unfilled_node(amount) else name
