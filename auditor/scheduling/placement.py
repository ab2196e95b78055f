"""May this workload be placed on this pool? Three-valued, with reasons.

The path of a pod: the API server admits it; the DaemonSet controller picks nodes by the template;
the scheduler filters; `spec.nodeName` goes past the scheduler. Sources: kube-scheduler plug-ins
nodeaffinity, tainttoleration, nodeunschedulable, podtopologyspread, noderesources;
`daemon_controller.go` NodeShouldRunDaemonPod.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final

from msgspec import Struct

from auditor.images.references import is_unfilled
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

_UNSAID: Final = "the cluster profile does not say"
_UNFILLED: Final = "not filled in: it holds a variable"


class Verdict(Enum):
    """Whether a pod may be placed on a pool. The value is used in JSON."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    UNDECIDED = "undecided"


class Predicate(Enum):
    """Which test of the placement a step belongs to."""

    API = "api-server"
    RUNTIME_CLASS = "runtime-class"
    NODE_NAME = "node-name"
    NODE_SELECTOR = "node-selector"
    NODE_AFFINITY = "node-affinity"
    TAINTS = "taints"
    CORDON = "cordon"
    TOPOLOGY = "topology-spread"
    RESOURCES = "resources"
    SCHEDULER = "scheduler"


class Step(Struct, frozen=True):
    """One test: its answer (None: cannot tell), a sentence, and the place that decided it."""

    predicate: Predicate
    answer: Answer
    message: str
    place: Place = (0, 0)


class Placement(Struct, frozen=True):
    """The verdict on one workload and one pool, with every test that led to it.

    creates_pod: for a DaemonSet, whether its controller makes a pod for such a node at all (None
    where it cannot be told); for others always True.
    """

    verdict: Verdict
    steps: tuple[Step, ...]
    creates_pod: Answer

    @property
    def deciding(self) -> tuple[Step, ...]:
        """The steps that decided: those that refused, else those left open, else none."""
        for answer in (False, None):
            if steps := tuple(step for step in self.steps if step.answer is answer):
                return steps
        return ()

    @property
    def rejected(self) -> bool:
        """Whether the API server refuses the pod, so that there is none anywhere."""
        return any(step.predicate is Predicate.API for step in self.steps)

    @property
    def by_taint_only(self) -> bool:
        """Admitted but for taints; a cordon is an accident of the moment, and not one of them."""
        others = every(s.answer for s in self.steps if s.predicate is not Predicate.TAINTS)
        return self.verdict is Verdict.REFUSED and others is True


def place(workload: Workload, pool: NodePool, cluster: ClusterProfile) -> Placement:
    """Whether a pod of the workload could end up on a node of the pool."""
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
    """What the DaemonSet controller looks at."""
    tolerations = template.tolerations + automatic
    steps = [*_affinity(template, node), _taints(tolerations, pool, cluster)]
    return [_node_name(template, node), *steps] if template.node_name else steps


def _conclude(steps: list[Step], *, creates_pod: Answer) -> Placement:
    verdict = {True: Verdict.ADMITTED, False: Verdict.REFUSED, None: Verdict.UNDECIDED}
    answer = every(step.answer for step in steps)
    return Placement(verdict[answer], tuple(steps), creates_pod)


def _soften(steps: list[Step], admission: Admission) -> list[Step]:
    """An unknown RuntimeClass may add selectors and tolerations, but takes no selector away."""
    if not admission.open_question:
        return steps
    place_ = admission.scheduling.place("runtimeClassName")
    question = Step(Predicate.RUNTIME_CLASS, None, admission.open_question, place_)
    softened = [
        Step(step.predicate, None, step.message, step.place)
        if step.predicate is Predicate.TAINTS and step.answer is False
        else step
        for step in steps
    ]
    return [*softened, question]


def _node_name(scheduling: Scheduling, node: NodeView) -> Step:
    wanted = scheduling.node_name
    answer: Answer = node.name == wanted if node.name else None
    if is_unfilled(wanted):
        message = f"spec.nodeName is {wanted}, which is not filled in"
        return Step(Predicate.NODE_NAME, None, message, scheduling.place("nodeName"))
    message = {
        True: f"spec.nodeName binds it to {wanted}, past the scheduler",
        False: f"spec.nodeName names {wanted}, which is not in this pool",
        None: f"spec.nodeName names {wanted}, and the profile does not say which nodes it has",
    }[answer]
    return Step(Predicate.NODE_NAME, answer, message, scheduling.place("nodeName"))


def _affinity(scheduling: Scheduling, node: NodeView) -> Iterator[Step]:
    if not scheduling.node_selector:
        yield Step(Predicate.NODE_SELECTOR, True, "no nodeSelector")
    for item in scheduling.node_selector:
        answer = requirement_holds(item, node)
        actual = node.labels.get(item.key)
        missed = f"the nodes have {actual}" if actual is not None else "the nodes lack the label"
        unknown = _UNFILLED if is_unfilled(str(item)) else _UNSAID
        outcome = {True: "holds", False: missed, None: unknown}[answer]
        yield Step(Predicate.NODE_SELECTOR, answer, f"nodeSelector {item}: {outcome}", item.place)
    terms = scheduling.required_terms
    if terms is None:
        yield Step(Predicate.NODE_AFFINITY, True, "no required node affinity")
        return
    answer = some(term_matches(term, node) for term in terms)
    wanted = " or ".join(map(str, terms))
    unknown = _UNFILLED if is_unfilled(wanted) else _UNSAID
    outcome = {True: "holds", False: "no term matches", None: unknown}[answer]
    message = f"required node affinity {wanted}: {outcome}"
    yield Step(Predicate.NODE_AFFINITY, answer, message, terms[0].place)


def _taints(tolerations: tuple[Toleration, ...], pool: NodePool, cluster: ClusterProfile) -> Step:
    left = untolerated(pool.taints, tolerations, BLOCKING, cluster.gates)
    left = tuple(taint for taint in left if taint != CORDON)
    if left and all(any(may_tolerate(item, taint) for item in tolerations) for taint in left):
        message = f"taint {left[0]}: a toleration is not filled in"
        return Step(Predicate.TAINTS, None, message)
    if left:
        return Step(Predicate.TAINTS, False, f"taint {left[0]} is not tolerated")
    blocking = [taint for taint in pool.taints if taint.effect in BLOCKING and taint != CORDON]
    if not blocking:
        return Step(Predicate.TAINTS, True, "no taint keeps it off")
    bearing = next(item for item in tolerations if tolerates(item, blocking[0], cluster.gates))
    return Step(Predicate.TAINTS, True, f"taint {blocking[0]} is tolerated", bearing.place)


def _cordon(tolerations: tuple[Toleration, ...], pool: NodePool, cluster: ClusterProfile) -> Step:
    cordoned = pool.unschedulable or CORDON in pool.taints
    if cordoned and untolerated((CORDON,), tolerations, BLOCKING, cluster.gates):
        return Step(Predicate.CORDON, False, "the nodes are cordoned")
    return Step(Predicate.CORDON, True, "cordoned, but tolerated" if cordoned else "not cordoned")


def _topology(scheduling: Scheduling, node: NodeView) -> Iterator[Step]:
    """A node without the topology key is filtered outright; the skew itself is dynamic."""
    place_ = scheduling.place("topologySpreadConstraints")
    for key in scheduling.spread_keys:
        answer = None if is_unfilled(key) else node.presence(key)
        outcome = {True: "the nodes have it", False: "the nodes lack the label", None: _UNSAID}
        yield Step(Predicate.TOPOLOGY, answer, f"topology key {key}: {outcome[answer]}", place_)


def _resources(scheduling: Scheduling, pool: NodePool) -> Iterator[Step]:
    """How much of a resource is left is dynamic, but a node has to offer it at all."""
    for name in scheduling.resources:
        answer = None if pool.resources is None else name in pool.resources
        outcome = {True: "the nodes offer it", False: "the nodes offer none", None: _UNSAID}[answer]
        yield Step(Predicate.RESOURCES, answer, f"resource {name}: {outcome}")
    for name in scheduling.claims:
        message = f"resource claim {name}: nobody knows which nodes have such a device"
        yield Step(Predicate.RESOURCES, None, message, scheduling.place("resourceClaims"))


def _scheduler(scheduling: Scheduling) -> Iterator[Step]:
    if scheduling.scheduler_name not in KNOWN_SCHEDULERS:
        message = f"scheduler {scheduling.scheduler_name} may decide otherwise"
        yield Step(Predicate.SCHEDULER, None, message, scheduling.place("schedulerName"))
    if scheduling.gated:
        message = "scheduling gates hold it until something removes them"
        yield Step(Predicate.SCHEDULER, None, message, scheduling.place("schedulingGates"))
