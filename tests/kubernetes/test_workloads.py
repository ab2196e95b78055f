"""The shape of a workload, whatever makes its pods."""

import pytest
from msgspec.structs import replace

from auditor.kubernetes.manifests import Location
from auditor.kubernetes.workloads import Workload
from tests.support.objects import workload


@pytest.mark.parametrize(
    ("kind", "controller", "expected"),
    [
        ("DaemonSet", "", True),
        ("Deployment", "", False),
        ("OpenTelemetryCollector", "DaemonSet", True),
        ("DaemonSet", "Job", False),
    ],
)
def test_whose_rules_its_pods_follow(kind: str, controller: str, expected: bool) -> None:
    pod = workload()

    pod = replace(pod, ref=replace(pod.ref, kind=kind), controller=controller)
    assert pod.is_daemon_set is expected


@pytest.mark.parametrize(
    ("hooks", "is_hook", "is_test"),
    [
        ((), False, False),
        (("pre-install", "pre-upgrade"), True, False),
        (("test",), False, True),
        (("test-success", "test-failure"), False, True),
        (("post-install", "test"), True, False),
    ],
)
def test_a_hook_blocks_and_a_test_does_not(
    hooks: tuple[str, ...], is_hook: bool, is_test: bool
) -> None:
    pod = replace(workload(), hooks=hooks)

    assert (pod.is_hook, pod.is_test) == (is_hook, is_test)


def test_a_place_that_nobody_wrote_down_is_that_of_the_pod_spec() -> None:
    pod: Workload = workload("nodeSelector: {os: linux}")

    assert pod.place((7, 9)) == Location("app.yaml", 7, 9)
    assert pod.place((0, 0)) == pod.pod_location == Location("app.yaml", 8, 7)


def test_a_component_is_part_of_the_name() -> None:
    assert str(workload()) == "Deployment/app"
    assert str(replace(workload(), component="head")) == "Deployment/app (head)"
