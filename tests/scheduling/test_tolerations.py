"""Tolerations that nobody wrote."""

from auditor.kubernetes.pod_spec import Scheduling, Toleration
from auditor.scheduling.tolerations import cluster_tolerations, daemon_tolerations
from tests.support.objects import cluster, pool, workload

ARM = pool("linux/arm64/v8", taints=["kubernetes.io/arch=arm64:NoSchedule", "gpu=yes:NoSchedule"])
GKE = cluster(
    ARM, selector_tolerations=(("kubernetes.io/arch", "arm64"), ("kubernetes.io/os", "windows"))
)
GRANTED = (Toleration("kubernetes.io/arch", "Equal", "arm64", "NoSchedule"),)


def test_a_daemon_set_bears_conditions_but_no_platform() -> None:
    found = {(item.key, item.operator, item.effect) for item in daemon_tolerations(Scheduling())}

    assert found == {
        ("node.kubernetes.io/not-ready", "Exists", "NoExecute"),
        ("node.kubernetes.io/unreachable", "Exists", "NoExecute"),
        ("node.kubernetes.io/disk-pressure", "Exists", "NoSchedule"),
        ("node.kubernetes.io/memory-pressure", "Exists", "NoSchedule"),
        ("node.kubernetes.io/pid-pressure", "Exists", "NoSchedule"),
        ("node.kubernetes.io/unschedulable", "Exists", "NoSchedule"),
    }


def test_a_daemon_set_on_the_host_network_bears_its_absence() -> None:
    *_, last = daemon_tolerations(Scheduling(host_network=True))

    assert last == Toleration(
        "node.kubernetes.io/network-unavailable", "Exists", effect="NoSchedule"
    )


def granted(spec: str) -> tuple[Toleration, ...]:
    return cluster_tolerations(workload(spec).scheduling, ARM, GKE)


def test_the_cluster_grants_what_the_selector_asks_for() -> None:
    assert granted("nodeSelector: {kubernetes.io/arch: arm64}") == GRANTED


def test_the_cluster_grants_what_the_affinity_asks_for() -> None:
    affinity = """
        affinity:
          nodeAffinity:
            requiredDuringSchedulingIgnoredDuringExecution:
              nodeSelectorTerms:
              - matchExpressions: [{key: kubernetes.io/arch, operator: OP, values: [amd64, arm64]}]
        """

    assert granted(affinity.replace("OP", "In")) == GRANTED
    assert granted(affinity.replace("OP", "NotIn")) == ()


def test_another_label_of_the_selector_grants_nothing() -> None:
    assert granted("nodeSelector: {gpu: 'yes'}") == ()
    assert granted("nodeSelector: {kubernetes.io/arch: amd64}") == ()
    assert granted("nodeSelector: {kubernetes.io/arch: arm64, gpu: 'yes'}") == GRANTED


def test_a_cluster_without_such_a_webhook_grants_nothing() -> None:
    selected = workload("nodeSelector: {kubernetes.io/arch: arm64}").scheduling

    assert cluster_tolerations(selected, ARM, cluster(ARM)) == ()


def test_a_taint_of_the_user_is_not_granted() -> None:
    tainted = pool("linux/arm64", taints=["team=arm64:NoSchedule", "acme.dev/arch=arm64:NoExecute"])
    selected = workload("nodeSelector: {kubernetes.io/arch: arm64}").scheduling

    assert cluster_tolerations(selected, tainted, GKE) == (
        Toleration("acme.dev/arch", "Equal", "arm64", "NoExecute"),
    )
