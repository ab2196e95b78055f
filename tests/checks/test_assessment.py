"""What is known of one workload and one pool, in one word and in many."""

from auditor.checks.assessment import PoolFit
from auditor.images.images import Platforms
from auditor.scheduling.compatibility import Failure, Runnable
from auditor.scheduling.nodes import NodePool
from tests.support.assessments import LINUX, UNKNOWN, WINDOWS_2022, assessed, image
from tests.support.objects import cluster, pool

AMD64 = image("linux/amd64")
ARM_BARE = image("linux/arm64", kind="manifest")
TAINTED = pool(taints=["a:NoSchedule"])


def fit(spec: str, *images: Platforms, node: NodePool = LINUX) -> PoolFit:
    (found,) = assessed(spec, *images, clusters=[cluster(node)]).fits
    return found


def test_every_container_must_run() -> None:
    assert fit("", AMD64, AMD64).runnable is Runnable.YES
    assert fit("", AMD64, UNKNOWN).runnable is Runnable.UNKNOWN
    assert fit("", AMD64, UNKNOWN, ARM_BARE).runnable is Runnable.NO
    assert fit("").runnable is Runnable.UNKNOWN


def test_the_kubelet_must_take_the_pod() -> None:
    rejected = fit("os: {name: windows}", AMD64)

    assert rejected.runnable is Runnable.NO
    assert rejected.lands_and_fails
    assert rejected.incompatible == ()


def test_what_the_user_sees() -> None:
    assert fit("", AMD64).failure is None
    assert fit("", UNKNOWN).failure is None
    assert fit("", AMD64, node=TAINTED).failure is Failure.PENDING
    assert fit("os: {name: windows}", ARM_BARE).failure is Failure.KUBELET
    assert fit("", AMD64, ARM_BARE).failure is Failure.EXEC_FORMAT
    assert fit("", AMD64, node=WINDOWS_2022).failure is Failure.PULL


def test_a_daemon_set_without_a_pod_has_no_failure() -> None:
    chosen = "nodeSelector: {kubernetes.io/os: windows}"
    for spec, node in (("", TAINTED), (chosen, LINUX)):
        (found,) = assessed(spec, AMD64, clusters=[cluster(node)], kind="DaemonSet").fits
        assert (found.placement.creates_pod, found.failure) == (False, None)


def test_the_reasons() -> None:
    assert fit("", AMD64).reasons == ()
    assert fit("os: {name: windows}", AMD64, ARM_BARE, node=TAINTED).reasons == (
        "taint a:NoSchedule is not tolerated",
        "the kubelet rejects the pod: spec.os.name is windows, but the node runs linux",
        "container c1: it is not built for linux/amd64",
    )
