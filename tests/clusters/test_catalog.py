"""Clusters by name or file, and everything that can be wrong with a file."""

import os
from pathlib import Path

import pytest

from auditor.clusters import profiles as catalog
from auditor.clusters.profiles import BUILT_IN, DEFAULT, load_cluster
from auditor.errors import EXIT_USAGE, ConfigurationError, Problem
from auditor.scheduling.placement import Verdict, place
from tests.support.objects import workload

SPREAD = """
topologySpreadConstraints:
- {topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule}
"""
GOOD = "pools: [{name: a, platform: linux/amd64}]"


def pools(name: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {
        pool.name: (str(pool.platform), tuple(map(str, pool.taints)))
        for pool in load_cluster(name).pools
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "hybrid",
            {
                "linux-amd64": ("linux/amd64", ()),
                "windows-2022": ("windows(10.0.20348)/amd64", ()),
                "windows-2025": ("windows(10.0.26100)/amd64", ()),
            },
        ),
        (
            "hybrid-arm64",
            {
                "linux-amd64": ("linux/amd64", ()),
                "linux-arm64": ("linux/arm64/v8", ()),
                "windows-2022": ("windows(10.0.20348)/amd64", ()),
                "windows-2025": ("windows(10.0.26100)/amd64", ()),
            },
        ),
        ("linux", {"linux-amd64": ("linux/amd64", ()), "linux-arm64": ("linux/arm64/v8", ())}),
        (
            "aks",
            {
                "linux-amd64": ("linux/amd64", ()),
                "linux-arm64": ("linux/arm64/v8", ()),
                "windows-2022": ("windows(10.0.20348)/amd64", ()),
                "windows-2025": ("windows(10.0.26100)/amd64", ()),
            },
        ),
        (
            "eks",
            {
                "linux-amd64": ("linux/amd64", ()),
                "linux-arm64": ("linux/arm64/v8", ()),
                "windows-2022": ("windows(10.0.20348)/amd64", ()),
                "windows-2025": ("windows(10.0.26100)/amd64", ()),
            },
        ),
        (
            "gke",
            {
                "linux-amd64": ("linux/amd64", ()),
                "linux-arm64": ("linux/arm64/v8", ("kubernetes.io/arch=arm64:NoSchedule",)),
                "windows-2022": (
                    "windows(10.0.20348)/amd64",
                    ("node.kubernetes.io/os=windows:NoSchedule",),
                ),
            },
        ),
        (
            "openshift",
            {
                "linux-amd64": ("linux/amd64", ()),
                "control-plane": ("linux/amd64", ("node-role.kubernetes.io/master:NoSchedule",)),
                "windows-2022": ("windows(10.0.20348)/amd64", ("os=Windows:NoSchedule",)),
            },
        ),
        (
            "rke1",
            {
                "linux-amd64": ("linux/amd64", ("cattle.io/os=linux:NoSchedule",)),
                "windows-2019": ("windows(10.0.17763)/amd64", ()),
                "windows-2022": ("windows(10.0.20348)/amd64", ()),
            },
        ),
    ],
)
def test_the_built_in_profiles(name: str, expected: object) -> None:
    assert pools(name) == expected


def test_every_profile_is_known_by_its_name() -> None:
    folder = Path(catalog.__file__).parent

    assert sorted(path.stem for path in folder.glob("*.yaml")) == list(BUILT_IN)
    assert DEFAULT in BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_profile_leaves_open_what_it_cannot_know(name: str) -> None:
    cluster = load_cluster(name)

    assert cluster.name == name
    assert cluster.description
    assert all(pool.open_labels for pool in cluster.pools)
    assert not cluster.all_classes_known


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "rke1"])
@pytest.mark.parametrize(
    ("spec", "verdict"),
    [
        ("nodeSelector: {topology.kubernetes.io/zone: eu-1}", Verdict.UNDECIDED),
        ("nodeSelector: {team: shop}", Verdict.UNDECIDED),
        (SPREAD, Verdict.ADMITTED),
    ],
)
def test_the_zone_of_a_cloud_is_there_with_a_value_that_nobody_knows(
    name: str, spec: str, verdict: Verdict
) -> None:
    cluster = load_cluster(name)

    placement = place(workload(spec), cluster.pools[0], cluster)
    assert placement.verdict is verdict


def test_pods_that_select_the_tainted_nodes_of_gke_may_land_there() -> None:
    gke = load_cluster("gke")
    arm, windows = gke.pools[1:]

    for pool, label in ((arm, "kubernetes.io/arch: arm64"), (windows, "kubernetes.io/os: windows")):
        selecting = workload(f"nodeSelector: {{{label}}}")
        assert place(selecting, pool, gke).verdict is Verdict.ADMITTED
        assert place(workload(), pool, gke).by_taint_only


def test_a_lower_case_toleration_does_not_match_the_taint_of_openshift() -> None:
    openshift = load_cluster("openshift")
    windows = openshift.pools[2]
    toleration = "tolerations: [{key: os, value: VALUE}]"

    assert place(workload(toleration.replace("VALUE", "windows")), windows, openshift).by_taint_only
    tolerant = workload(toleration.replace("VALUE", "Windows"))
    assert place(tolerant, windows, openshift).verdict is Verdict.ADMITTED


# ----------------------------------------------------------------------------- files


def refused(name: str) -> Problem:
    with pytest.raises(ConfigurationError) as caught:
        load_cluster(name)
    assert caught.value.exit_code == EXIT_USAGE
    return caught.value.problem


def written(tmp_path: Path, text: str | bytes, name: str = "cluster.yaml") -> str:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_a_file_is_called_by_its_stem(tmp_path: Path) -> None:
    assert load_cluster(written(tmp_path, GOOD)).name == "cluster"


def test_a_built_in_name_is_not_looked_for_as_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, GOOD, "hybrid")
    monkeypatch.chdir(tmp_path)

    assert len(load_cluster("hybrid").pools) == 3
    assert len(load_cluster("./hybrid").pools) == 1


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hybird", "did you mean `hybrid`?"),
        ("AKS", "did you mean `aks`?"),
        ("", "give a file, or one of aks, eks"),
        ("no/such.yaml", "give a file, or one of aks, eks"),
        ("\x1b[31mred", "give a file"),
    ],
)
def test_neither_a_name_nor_a_file(name: str, hint: str) -> None:
    problem = refused(name)

    assert "there is no cluster profile or file" in problem.what
    assert problem.hint.startswith(hint)
    assert "\x1b" not in problem.what


@pytest.mark.parametrize(
    ("text", "what", "place"),
    [
        ("", "the cluster file is empty", ""),
        ("# nothing\n", "the cluster file is empty", ""),
        ("a: [", "the cluster file is not YAML", ":2:1"),
        ("a:\n\t- b", "the cluster file is not YAML", ":2:1"),
        ("text", "a cluster profile must be a mapping, not text", ":1:1"),
        ("[]", "a cluster profile must be a mapping, not a list", ":1:1"),
        (f"{GOOD}\n---\n{GOOD}", "a cluster file holds one YAML document, not 2", ""),
        (b"\xff\xfe\x00", "the cluster file is not UTF-8 text", ""),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}",
            "it holds no Node, and no NodePool that creates nodes, only Deployment",
            ":1:1",
        ),
        (
            "apiVersion: v1\nkind: List\nitems: []",
            "it holds no Node, and no NodePool that creates nodes, only an empty",
            ":1:1",
        ),
    ],
)
def test_a_bad_file_is_one_clear_error(
    tmp_path: Path, text: str | bytes, what: str, place: str
) -> None:
    path = written(tmp_path, text)

    problem = refused(path)
    assert problem.what.startswith(what)
    assert problem.where == f"{path}{place}"
    assert "docs/clusters.md" in problem.hint or text == b"\xff\xfe\x00"


def test_a_large_file_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "MAX_BYTES", 100)
    path = written(tmp_path, "pools: é" + "x" * 92)

    problem = refused(path)
    assert problem.what == "the cluster file has more than 100 bytes"
    assert "del(.items[].status.images)" in problem.hint


def test_the_limit_is_in_mebibytes(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(50 * 2**20)

    assert refused(str(path)).what == "the cluster file has more than 32 MiB"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    problem = refused(str(tmp_path))

    assert (problem.what, problem.why) == ("cannot read the cluster file", "Is a directory")


def test_a_file_that_nobody_may_read(tmp_path: Path) -> None:
    path = Path(written(tmp_path, GOOD))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root reads everything")

    assert refused(str(path)).why == "Permission denied"
