"""Whether a workload can be scheduled onto a pool: yes, no or undecided, with reasons.

The API server admits the pod, the DaemonSet controller selects nodes by the pod template, and the
scheduler filters nodes, unless `spec.nodeName` bypasses it. Sources: kube-scheduler plug-ins
nodeaffinity, tainttoleration, nodeunschedulable, podtopologyspread, noderesources;
`daemon_controller.go` NodeShouldRunDaemonPod.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final

from msgspec import Struct

from auditor.kubernetes.placeholders import unfilled
from auditor.kubernetes.pod_spec import Place, Scheduling, Toleration
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.admission import Admission, admit, daemon_template
from auditor.scheduling.nodes import ClusterProfile, NodePool, Taint
from auditor.scheduling.predicates import (
    Answer,
    NodeView,
    every,
    may_tolerate,
    requirement_holds,
    some,
    term_matches,
    tolerates,
    untolerated,
    views,
)
from auditor.scheduling.tolerations import cluster_tolerations, daemon_tolerations

BLOCKING: Final = ("NoSchedule", "NoExecute")
CORDON: Final = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
KNOWN_SCHEDULERS: Final = ("", "default-scheduler")

_UNKNOWN: Final = "not specified in the cluster profile"
_UNFILLED: Final = "not filled in: "


class Verdict(Enum):
    """Whether a pod can be scheduled onto a pool. The value is used in JSON."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    UNDECIDED = "undecided"


class Predicate(Enum):
    """The predicate that a step evaluates. The value is used in JSON."""

    API = "api-server"
    RUNTIME_CLASS = "runtime-class"
    NODE_NAME = "node-name"
    NODE_SELECTOR = "node-selector"
    NODE_AFFINITY = "node-affinity"
    TAINTS = "taints"
    CORDON = "cordon"
    UNREAD = "unread-field"
    TOPOLOGY = "topology-spread"
    RESOURCES = "resources"
    SCHEDULER = "scheduler"


class Step(Struct, frozen=True):
    """The result of one predicate, with an explanation.

    Attributes:
        answer: None if unknown.
        place: Line and column of the field that decided it.
    """

    predicate: Predicate
    answer: Answer
    message: str
    place: Place = (0, 0)


class Placement(Struct, frozen=True):
    """Whether a workload can be scheduled onto a pool, with the steps that led to the verdict.

    Attributes:
        creates_pod: Whether the DaemonSet controller creates a pod for such a node (None if
            unknown); always True for other kinds.
    """

    verdict: Verdict
    steps: tuple[Step, ...]
    creates_pod: Answer

    @property
    def deciding(self) -> tuple[Step, ...]:
        """The steps that refused the pod, or else those with an unknown answer."""
        for answer in (False, None):
            if steps := tuple(step for step in self.steps if step.answer is answer):
                return steps
        return ()

    @property
    def rejected(self) -> bool:
        """Whether the API server rejects the pod."""
        return any(step.predicate is Predicate.API for step in self.steps)

    @property
    def by_taint_only(self) -> bool:
        """Whether only taints keep the pod off. A cordon is temporary and does not count."""
        others = every(s.answer for s in self.steps if s.predicate is not Predicate.TAINTS)
        return self.verdict is Verdict.REFUSED and others is True


def place(workload: Workload, pool: NodePool, cluster: ClusterProfile) -> Placement:
    """Return whether a pod of the workload can be scheduled onto a node of the pool."""
    admission = admit(workload, cluster)
    if admission.refusals:
        steps = tuple(
            Step(Predicate.API, False, reason, workload.scheduling.place(""))
            for reason in admission.refusals
        )
        return Placement(Verdict.REFUSED, steps, creates_pod=False)
    nodes = views(pool, admission.scheduling)
    placements = [_place_on(workload, admission, pool, cluster, node) for node in nodes]
    order = (Verdict.ADMITTED, Verdict.UNDECIDED, Verdict.REFUSED)
    return min(placements, key=lambda placement: order.index(placement.verdict))


def _place_on(
    workload: Workload,
    admission: Admission,
    pool: NodePool,
    cluster: ClusterProfile,
    node: NodeView,
) -> Placement:
    scheduling = admission.scheduling
    creates_pod: Answer = True
    automatic: tuple[Toleration, ...] = ()
    steps: list[Step] = []
    if workload.is_daemon_set:
        template = daemon_template(workload, cluster)
        automatic = daemon_tolerations(template)
        steps = _daemon_steps(template, automatic, pool, cluster, node)
        creates_pod = every(step.answer for step in steps)
    if creates_pod is False:
        return _conclude(steps, creates_pod=False)
    if scheduling.node_name:
        bound = steps or [_node_name(scheduling, node)]
        return _conclude(_soften(bound, admission), creates_pod=creates_pod)
    tolerations = (
        *scheduling.tolerations,
        *cluster_tolerations(scheduling, pool, cluster),
        *automatic,
    )
    steps = [
        *_affinity(scheduling, node),
        _taints(tolerations, pool, cluster),
        *_topology(scheduling, node),
        *_resources(scheduling, pool),
        _cordon(tolerations, pool, cluster),
        *_scheduler(scheduling),
    ]
    return _conclude(_soften(steps, admission), creates_pod=creates_pod)


def _daemon_steps(
    template: Scheduling,
    automatic: tuple[Toleration, ...],
    pool: NodePool,
    cluster: ClusterProfile,
    node: NodeView,
) -> list[Step]:
    tolerations = template.tolerations + automatic
    steps = [*_affinity(template, node), _taints(tolerations, pool, cluster)]
    return [_node_name(template, node), *steps] if template.node_name else steps


def _conclude(steps: list[Step], *, creates_pod: Answer) -> Placement:
    verdict = {True: Verdict.ADMITTED, False: Verdict.REFUSED, None: Verdict.UNDECIDED}
    answer = every(step.answer for step in steps)
    return Placement(verdict[answer], tuple(steps), creates_pod)


def _soften(steps: list[Step], admission: Admission) -> list[Step]:
    """Return the steps as undecided if an unknown RuntimeClass or unread field could change them.

    It may add selectors and tolerations, but does not remove selectors.
    """
    questions = list(_questions(admission))
    if not questions:
        return steps
    softened = [
        Step(step.predicate, None, step.message, step.place)
        if step.predicate is Predicate.TAINTS and step.answer is False
        else step
        for step in steps
    ]
    return [*softened, *questions]


def _questions(admission: Admission) -> Iterator[Step]:
    scheduling = admission.scheduling
    if admission.open_question:
        source = scheduling.place("runtimeClassName")
        yield Step(Predicate.RUNTIME_CLASS, None, admission.open_question, source)
    if scheduling.unread:
        message = f"podfit cannot read {scheduling.unread}, which may set a nodeSelector"
        yield Step(Predicate.UNREAD, None, message, scheduling.place("unread"))


def _node_name(scheduling: Scheduling, node: NodeView) -> Step:
    wanted = scheduling.node_name
    if what := unfilled(wanted):
        message = f"spec.nodeName is {_UNFILLED}{what}"
        return Step(Predicate.NODE_NAME, None, message, scheduling.place("nodeName"))
    answer: Answer = node.name == wanted if node.name else None
    message = {
        True: f"spec.nodeName binds it to {wanted}, bypassing the scheduler",
        False: f"spec.nodeName is {wanted}, which is not in this pool",
        None: f"spec.nodeName is {wanted}, and the profile does not list the nodes of the pool",
    }[answer]
    return Step(Predicate.NODE_NAME, answer, message, scheduling.place("nodeName"))


def _affinity(scheduling: Scheduling, node: NodeView) -> Iterator[Step]:
    if not scheduling.node_selector:
        yield Step(Predicate.NODE_SELECTOR, True, "no nodeSelector")
    for item in scheduling.node_selector:
        answer = requirement_holds(item, node)
        actual = node.labels.get(item.key)
        missed = f"the nodes have {actual}" if actual is not None else "the nodes lack the label"
        outcome = {True: "holds", False: missed, None: _reason(item.unfilled)}[answer]
        yield Step(Predicate.NODE_SELECTOR, answer, f"nodeSelector {item}: {outcome}", item.place)
    terms = scheduling.required_terms
    if terms is None:
        yield Step(Predicate.NODE_AFFINITY, True, "no required node affinity")
        return
    answer = some(term_matches(term, node) for term in terms)
    wanted = " or ".join(map(str, terms))
    unknown = next(filter(None, (i.unfilled for t in terms for i in t.expressions + t.fields)), "")
    outcome = {True: "holds", False: "no term matches", None: _reason(unknown)}[answer]
    message = f"required node affinity {wanted}: {outcome}"
    yield Step(Predicate.NODE_AFFINITY, answer, message, terms[0].place)


def _reason(what: str) -> str:
    """Return why a demand is undecided: it is not filled in, else the profile lacks the label."""
    return f"{_UNFILLED}{what}" if what else _UNKNOWN


def _taints(tolerations: tuple[Toleration, ...], pool: NodePool, cluster: ClusterProfile) -> Step:
    left = untolerated(pool.taints, tolerations, BLOCKING, cluster.gates)
    left = tuple(taint for taint in left if taint != CORDON)
    certain = [t for t in left if not any(may_tolerate(item, t) for item in tolerations)]
    if left and not certain:
        bearing = next(item for item in tolerations if may_tolerate(item, left[0]))
        message = f"taint {left[0]}: the toleration is {_UNFILLED}{bearing.unfilled}"
        return Step(Predicate.TAINTS, None, message, bearing.place)
    if certain:
        return Step(Predicate.TAINTS, False, f"taint {certain[0]} is not tolerated")
    blocking = [taint for taint in pool.taints if taint.effect in BLOCKING and taint != CORDON]
    if not blocking:
        return Step(Predicate.TAINTS, True, "no taint keeps it off")
    matching = next(item for item in tolerations if tolerates(item, blocking[0], cluster.gates))
    return Step(Predicate.TAINTS, True, f"taint {blocking[0]} is tolerated", matching.place)


def _cordon(tolerations: tuple[Toleration, ...], pool: NodePool, cluster: ClusterProfile) -> Step:
    cordoned = pool.unschedulable or CORDON in pool.taints
    if cordoned and untolerated((CORDON,), tolerations, BLOCKING, cluster.gates):
        return Step(Predicate.CORDON, False, "the nodes are cordoned")
    return Step(Predicate.CORDON, True, "cordoned, but tolerated" if cordoned else "not cordoned")


def _topology(scheduling: Scheduling, node: NodeView) -> Iterator[Step]:
    """Yield a step per topology key: nodes without it are filtered. The skew is not evaluated."""
    source = scheduling.place("topologySpreadConstraints")
    for key in scheduling.spread_keys:
        answer = None if unfilled(key) else node.presence(key)
        unknown = _reason(unfilled(key))
        outcome = {True: "the nodes have it", False: "the nodes lack the label", None: unknown}
        yield Step(Predicate.TOPOLOGY, answer, f"topology key {key}: {outcome[answer]}", source)


def _resources(scheduling: Scheduling, pool: NodePool) -> Iterator[Step]:
    """Yield a step per resource that a node must have. The free amount is not evaluated."""
    for name in scheduling.resources:
        unknown = pool.resources is None or unfilled(name)
        answer = None if unknown else name in (pool.resources or ())
        why = _reason(unfilled(name))
        outcome = {True: "the nodes offer it", False: "the nodes do not offer it", None: why}
        yield Step(Predicate.RESOURCES, answer, f"resource {name}: {outcome[answer]}")
    for name in scheduling.claims:
        message = f"resource claim {name}: podfit cannot tell which nodes have such a device"
        yield Step(Predicate.RESOURCES, None, message, scheduling.place("resourceClaims"))


def _scheduler(scheduling: Scheduling) -> Iterator[Step]:
    if scheduling.scheduler_name not in KNOWN_SCHEDULERS:
        message = f"scheduler {scheduling.scheduler_name} may decide otherwise"
        yield Step(Predicate.SCHEDULER, None, message, scheduling.place("schedulerName"))
    if scheduling.gated:
        message = "the pod is not scheduled until its scheduling gates are removed"
        yield Step(Predicate.SCHEDULER, None, message, scheduling.place("schedulingGates"))
