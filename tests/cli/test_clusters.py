"""`podfit clusters`: the profiles, and what is in one."""

from pathlib import Path

import pytest

from tests.support.command import podfit
from tests.support.terminal import in_terminal

PROFILE = """\
name: ours
description: What we run the shop on.
pools:
  - {name: linux, platform: linux/amd64, labels: {disk: ssd, zone: a}}
  - name: windows
    platform: windows(10.0.20348)/amd64
    taints: ["os=windows:NoSchedule", "spot=true:NoExecute"]
    runtime: containerd://2.1.6
"""


def test_profiles_are_listed_with_their_pools() -> None:
    lines = podfit("clusters").out.splitlines()
    assert lines[0].split() == ["CLUSTER", "POOLS"]
    assert "hybrid        linux-amd64, windows-2022, windows-2025" in lines


def test_a_profile_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(PROFILE)
    done = podfit("clusters", str(path))
    assert (done.code, done.err) == (0, "")
    assert (
        done.out
        == """\
ours

What we run the shop on.

linux
  platform  linux/amd64
  taints    none
  runtime   any
  labels    disk=ssd, zone=a

windows
  platform  windows(10.0.20348)/amd64
  taints    os=windows:NoSchedule, spot=true:NoExecute
  runtime   containerd://2.1.6
"""
    )


@pytest.mark.parametrize("width", [60, 100, 200])
@pytest.mark.parametrize("name", ["gke", "openshift", "rke1"])
def test_a_profile_fits_the_terminal(name: str, width: int, tmp_path: Path) -> None:
    seen = in_terminal("clusters", name, width=width, cwd=tmp_path, variables={"NO_COLOR": "1"})
    assert max(map(len, seen.splitlines())) <= width
    assert "\n\nlinux-amd64\n  platform  linux/amd64\n" in seen


def test_labels_that_no_profile_can_know_are_named() -> None:
    out = podfit("clusters", "gke").out
    said = (
        "A selector on a label that varies between nodes leaves the placement undecided; "
        "in every pool:"
    )
    assert said in " ".join(out.split())
    assert out.count("cloud.google.com/gke-nodepool") == 1


def test_labels_that_differ_in_one_pool_stand_there(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text("""\
name: ours
pools:
  - {name: amd, platform: linux/amd64, varying: [zone, rack]}
  - {name: arm, platform: linux/arm64, varying: [zone]}
""")
    out = podfit("clusters", str(path)).out
    assert "runtime   any\n  varying   rack\n\narm\n" in out
    assert out.endswith("in every pool: zone.\n")


def test_an_unknown_name() -> None:
    done = podfit("clusters", "hybird")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith('error: there is no cluster profile or file "hybird"\n')
    assert "hybrid" in done.err


def test_a_profile_that_is_wrong_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(PROFILE.replace("taints:", "taint:"))
    done = podfit("clusters", str(path))
    assert done.code == 2
    assert f"{path}:7:5" in done.err
    assert "did you mean `taints`?" in done.err
