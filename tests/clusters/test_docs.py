"""The page on clusters says what there is."""

import re

import pytest

from auditor.clusters.profiles import (
    BUILT_IN,
    GATES,
    PLUGINS,
    POOL_KEYS,
    PROFILE_KEYS,
    load_cluster,
)
from tests.support.tools import ROOT

PAGE = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([A-Za-z0-9-]+)`(?: \(default\))? \| (.*) \|$", PAGE, re.MULTILINE))


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "hybrid-arm64"])
def test_every_built_in_cluster_with_its_pools_and_taints(name: str) -> None:
    for pool in load_cluster(name).pools:
        assert f"`{pool.name}`" in ROWS[name]
        for taint in pool.taints:
            assert f"`{taint}`" in ROWS[name]


def test_one_cluster_is_another_and_more() -> None:
    names = {pool.name for pool in load_cluster("hybrid-arm64").pools}

    assert names - {pool.name for pool in load_cluster("hybrid").pools} == {"linux-arm64"}
    assert ROWS["hybrid-arm64"] == "the same, and `linux-arm64`"


def test_every_key_and_nothing_else() -> None:
    assert ROWS.keys() == {*BUILT_IN, *POOL_KEYS, *PROFILE_KEYS}


def test_every_plug_in_and_gate() -> None:
    assert all(f"`{name}`" in ROWS["plugins"] for name in PLUGINS)
    assert all(f"`{name}`" in ROWS["featureGates"] for name in GATES)
