"""Added and replaced node pools, and when node images are retired."""

from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from auditor.clusters.changes import PoolChange, changed, parse_replacement, retirements
from auditor.clusters.profiles import load_cluster
from auditor.errors import ConfigurationError, UsageError
from auditor.images.platforms import parse_platform
from auditor.scheduling.nodes import ClusterProfile, NodePool, Taint, platform_labels


def pool(name: str, platform: str, **labels: str) -> NodePool:
    parsed = parse_platform(platform)
    return NodePool(name, parsed, {**labels, **platform_labels(parsed)})


LINUX = pool("linux-amd64", "linux/amd64", team="web", zone="a")
OLD = pool("win", "windows(10.0.17763.1)/amd64", team="web", zone="b")
NEW = pool("new", "windows(10.0.26100)/amd64")
CLUSTER = ClusterProfile("c", (LINUX, OLD))


def after(*changes: PoolChange, cluster: ClusterProfile = CLUSTER) -> tuple[NodePool, ...]:
    (found,) = changed((cluster,), changes)
    return found.pools


def shown(pools: tuple[NodePool, ...]) -> list[str]:
    return [f"{item.name} {item.platform}" for item in pools]


@pytest.mark.parametrize(
    ("platform", "added"),
    [
        ("linux/arm64", "linux-arm64 linux/arm64"),
        ("windows-2025", "windows-2025 windows(10.0.26100)/amd64"),
        ("windows-23h2", "windows-23h2 windows(10.0.25398)/amd64"),
        ("windows(10.0.20348)/amd64", "windows-2022 windows(10.0.20348)/amd64"),
        ("linux/amd64", "linux-amd64-2 linux/amd64"),
    ],
)
def test_an_added_pool(platform: str, added: str) -> None:
    assert shown(after(PoolChange("", platform)))[2:] == [added]


def test_an_added_pool_has_what_all_pools_have() -> None:
    cloud = frozenset(("zone", "region"))
    first = replace(LINUX, varying=cloud, open_labels=True, taints=(Taint("a", "", "NoSchedule"),))
    second = replace(OLD, varying=frozenset(("zone",)), open_labels=True)

    (*_, added) = after(PoolChange("", "linux/arm64"), cluster=ClusterProfile("c", (first, second)))

    assert added.labels == {"team": "web", **platform_labels(parse_platform("linux/arm64"))}
    assert (added.varying, added.open_labels, added.taints) == (frozenset(("zone",)), True, ())


@pytest.mark.parametrize("old", ["win", "windows-2019", "windows(10.0.17763)/amd64"])
@pytest.mark.parametrize("new", ["windows-2025", "windows(10.0.26100)/amd64"])
def test_a_replaced_pool_by_name_or_platform(old: str, new: str) -> None:
    pools = after(PoolChange(old, new))
    assert shown(pools) == [
        "linux-amd64 linux/amd64",
        "windows-2025 windows(10.0.26100)/amd64",
    ]
    assert pools[1].labels["node.kubernetes.io/windows-build"] == "10.0.26100"
    assert pools[1].labels["team"] == "web"


def test_a_replaced_pool_keeps_its_taints_and_no_label_of_its_nodes() -> None:
    taint = Taint("os", "windows", "NoSchedule")
    old = replace(
        pool("win", "windows(10.0.17763)/amd64", agentpool="win", team="web"),
        taints=(taint,),
        nodes=("n1",),
        node_labels={"n1": {"topology.kubernetes.io/zone": "1"}},
    )

    (new,) = after(PoolChange("win", "windows-2025"), cluster=ClusterProfile("c", (old,)))

    assert (new.taints, new.nodes, new.node_labels) == ((taint,), (), {})
    assert "agentpool" not in new.labels
    assert new.varying == {"agentpool", "topology.kubernetes.io/zone"}


def test_a_pool_is_replaced_by_one_that_is_there() -> None:
    cluster = ClusterProfile("c", (LINUX, OLD, NEW))
    assert after(PoolChange("win", "new"), cluster=cluster) == (LINUX, NEW)


def test_several_pools_of_a_platform_are_replaced() -> None:
    cluster = ClusterProfile("c", (OLD, replace(OLD, name="win2")))
    assert shown(after(PoolChange("windows-2019", "windows-2022"), cluster=cluster)) == [
        "win-windows-2022 windows(10.0.20348)/amd64",
        "win2-windows-2022 windows(10.0.20348)/amd64",
    ]


def test_a_change_applies_to_the_clusters_that_have_the_pool() -> None:
    other = ClusterProfile("o", (LINUX,))
    one, two = changed((CLUSTER, other), [PoolChange("win", "windows-2025")])
    assert (len(one.pools), two) == (2, other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (PoolChange("wim", "windows-2025"), "there is no node pool `wim`"),
        (PoolChange("win", "windows-2020"), "`windows-2020` is not the platform of a pool"),
        (PoolChange("", "linux/arm46"), "no node has the architecture arm46"),
        (PoolChange("", "2025"), "`2025` is not the platform of a pool"),
    ],
)
def test_invalid_changes(change: PoolChange, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        after(change)
    assert message in caught.value.problem.what


@pytest.mark.parametrize("text", ["a", "=b", "a=", " = "])
def test_an_invalid_replacement(text: str) -> None:
    with pytest.raises(UsageError, match="does not name two pools"):
        parse_replacement(text)


def test_retirements_of_a_profile_and_of_nodes_of_its_cloud() -> None:
    azure = pool("npwin", "windows(10.0.20348.2582)/amd64", **{"kubernetes.azure.com/mode": "user"})
    assert [(name, item.date) for name, item in retirements(load_cluster("aks"))] == [
        ("windows-2022", date(2027, 3, 15))
    ]
    assert [(name, item.date) for name, item in retirements(ClusterProfile("c", (azure,)))] == [
        ("npwin", date(2027, 3, 15))
    ]
    assert retirements(CLUSTER) == ()


def test_every_retirement_of_the_profiles_has_a_source() -> None:
    for item in load_cluster("aks").retirements:
        assert item.source.startswith("https://")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{platform: linux/amd64, date: soon, what: a, source: b}", "`soon` is not a date"),
        ("{platform: linux/amd64, date: 2027-01-01, what: a}", "source"),
        ("{platform: linux, date: 2027-01-01, what: a, source: b}", "is not a platform"),
        ("{platform: linux/amd64, date: 2027-01-01, what: a, source: b, x: y}", "x"),
    ],
)
def test_an_invalid_retirement(tmp_path: Path, entry: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"pools: [{{name: a, platform: linux/amd64}}]\nretirements: [{entry}]\n")
    with pytest.raises(ConfigurationError) as caught:
        load_cluster(str(path))
    assert message in caught.value.problem.what
