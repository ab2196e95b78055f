"""DaemonSets that only taints keep off the nodes that they are for."""

import pytest
from msgspec.structs import replace

from auditor.checks.findings import Observation
from auditor.checks.platforms import INCOMPATIBLE_POOL
from auditor.checks.taints import UNTOLERATED
from tests.support.assessments import image, reassessed, with_images
from tests.support.objects import cluster, pool, workload

BOTH = image("linux/amd64", "windows(10.0.20348.1)/amd64")
LINUX = pool("linux/amd64")
WINDOWS = pool("windows(10.0.20348)/amd64")
TAINTED = replace(
    pool("windows(10.0.20348)/amd64", taints=["os=windows:NoSchedule"]), name="tainted"
)
CONTROL = replace(pool(taints=["node-role.kubernetes.io/control-plane:NoSchedule"]), name="control")
ON_WINDOWS = "nodeSelector: {kubernetes.io/os: windows}"
ON_LINUX = "nodeSelector: {kubernetes.io/os: linux}"


def seen(spec: str, *pools: object, kind: str = "DaemonSet") -> list[Observation]:
    made = with_images(workload(spec, kind=kind), 1)
    known = cluster(*pools)  # type: ignore[arg-type]
    return list(UNTOLERATED.observe(reassessed(made, [BOTH], [known]), {}))


def test_no_node_gets_a_pod() -> None:
    (found,) = seen(ON_WINDOWS, LINUX, TAINTED)

    assert found.message == (
        "DaemonSet/app selects tainted, but does not tolerate os=windows:NoSchedule"
    )
    assert "no node gets a pod" in found.why
    assert found.fix == (
        "add to tolerations: {key: os, operator: Equal, value: windows, effect: NoSchedule}"
    )


def test_some_selected_nodes_get_no_pod() -> None:
    (found,) = seen(ON_WINDOWS, WINDOWS, TAINTED)

    assert found.pools == ("test/tainted",)
    assert "these nodes get no pod" in found.why


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (ON_WINDOWS + "\ntolerations: [{key: os, operator: Exists}]", "DaemonSet"),
        (ON_WINDOWS, "Deployment"),
        (ON_LINUX, "DaemonSet"),
        ("", "DaemonSet"),
        ("nodeName: a", "DaemonSet"),
    ],
)
def test_nothing_is_missing(spec: str, kind: str) -> None:
    assert seen(spec, LINUX, WINDOWS, TAINTED, CONTROL, kind=kind) == []


def test_a_guard_is_proposed_with_the_toleration_of_the_nodes_that_it_leaves() -> None:
    tainted = replace(pool(taints=["cattle.io/os=linux:NoSchedule"]), name="linux")
    made = with_images(workload("", kind="DaemonSet"), 1)
    found = reassessed(made, [image("linux/amd64")], [cluster(tainted, WINDOWS)])

    (observation,) = INCOMPATIBLE_POOL.observe(found, {"mismatch": "os"})
    assert observation.fix == (
        "set nodeSelector: {kubernetes.io/os: linux} and add to tolerations: "
        "{key: cattle.io/os, operator: Equal, value: linux, effect: NoSchedule}"
    )
    assert observation.guard.requirements == ()
