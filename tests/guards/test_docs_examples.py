"""Files shown in the documents are accepted by podfit."""

import re
from pathlib import Path

from auditor.clusters.catalog import load_cluster
from auditor.rulebook import load_rules
from tests.support.tools import ROOT

_YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_cluster_of_the_page_on_clusters(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(_example("docs/clusters.md"), encoding="utf-8")

    cluster = load_cluster(str(path))

    assert [pool.name for pool in cluster.pools] == ["system", "arm", "windows"]


def test_the_cluster_of_the_readme(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(_example("README.md"), encoding="utf-8")

    assert [pool.name for pool in load_cluster(str(path)).pools] == ["linux", "windows"]


def test_the_rule_of_the_page_on_writing_rules(tmp_path: Path) -> None:
    path = tmp_path / "missing-os-selector.yaml"
    path.write_text(_example("docs/writing-rules.md"), encoding="utf-8")

    assert [rule.id for rule in load_rules([path])] == ["missing-os-selector"]


def _example(document: str) -> str:
    examples: list[str] = _YAML.findall((ROOT / document).read_text(encoding="utf-8"))
    return examples[0]
