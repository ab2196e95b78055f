"""Taints, runtimes and the labels that follow from a platform."""

import pytest

from auditor.images.platforms import Platform
from auditor.scheduling.nodes import Runtime, Taint, parse_runtime, parse_taint, platform_labels


@pytest.mark.parametrize(
    ("text", "taint"),
    [
        ("os=windows:NoSchedule", Taint("os", "windows", "NoSchedule")),
        (
            "node.kubernetes.io/os=windows:NoExecute",
            Taint("node.kubernetes.io/os", "windows", "NoExecute"),
        ),
        (
            "CriticalAddonsOnly:PreferNoSchedule",
            Taint("CriticalAddonsOnly", "", "PreferNoSchedule"),
        ),
        ("dedicated=:NoSchedule", Taint("dedicated", "", "NoSchedule")),
    ],
)
def test_taints(text: str, taint: Taint) -> None:
    assert parse_taint(text) == taint
    assert parse_taint(str(taint)) == taint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "os",
        "os=windows",
        "os=windows:noschedule",
        "os=windows:",
        ":NoSchedule",
        "=a:NoSchedule",
        "a b:NoSchedule",
        "a=b=c:NoSchedule",
        "a=b c:NoSchedule",
        "os=windows:NoSchedule\n",
    ],
)
def test_what_is_no_taint(text: str) -> None:
    with pytest.raises(ValueError, match="is not a taint; write it as key=value:Effect"):
        parse_taint(text)


@pytest.mark.parametrize(
    ("text", "runtime"),
    [
        ("containerd://2.1.6", Runtime("containerd", (2, 1, 6))),
        ("containerd://v2.3.0-rc.1", Runtime("containerd", (2, 3, 0))),
        ("containerd://1.7.11-k3s2", Runtime("containerd", (1, 7, 11))),
        ("cri-o://1.34", Runtime("cri-o", (1, 34, 0))),
        ("docker://28", Runtime("docker", (28, 0, 0))),
        ("containerd://1.7.28+bottlerocket", Runtime("containerd", (1, 7, 28))),
    ],
)
def test_runtimes(text: str, runtime: Runtime) -> None:
    assert parse_runtime(text) == runtime
    assert parse_runtime(str(runtime)) == runtime


@pytest.mark.parametrize("text", ["", "containerd", "containerd://", "containerd://Unknown", "2.1"])
def test_what_is_no_runtime(text: str) -> None:
    with pytest.raises(ValueError, match="is not a runtime; write it as containerd://"):
        parse_runtime(text)


def test_a_linux_node_has_four_labels_of_its_platform() -> None:
    assert platform_labels(Platform("linux", "arm64", "v8")) == {
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "arm64",
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "arm64",
    }


def test_a_windows_node_also_says_its_build() -> None:
    labels = platform_labels(Platform("windows", "amd64", "", "10.0.20348.1970"))

    assert labels["node.kubernetes.io/windows-build"] == "10.0.20348"


def test_a_windows_node_whose_build_nobody_knows_does_not() -> None:
    labels = platform_labels(Platform("windows", "amd64"))

    assert "node.kubernetes.io/windows-build" not in labels


def test_more_digits_than_a_version_has_are_no_trouble() -> None:
    assert parse_runtime("containerd://" + "9" * 5000).version == (999999999,) * 3
