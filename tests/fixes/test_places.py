"""Where values.yaml holds a key."""

from pathlib import Path

import pytest

from auditor.fixes.manifests import key_places
from auditor.fixes.paths import Key
from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions
from tests.support.charts import make_renderer, pack_chart, write_chart

VALUES = """\
# Comments count.
web:
  image: x
  nodeSelector: {}
zones:
  - name: a
  - name: b
    nodeSelector:
      disk: ssd
null-value:
"""


def source(path: Path) -> ChartSource:
    return ChartSource(path, "charts/shop", HelmOptions(), make_renderer("cli"))


@pytest.mark.parametrize(
    ("key", "where"),
    [
        (("web", "nodeSelector"), "charts/shop/values.yaml:4"),
        (("zones", 1, "nodeSelector"), "charts/shop/values.yaml:8"),
        (("null-value",), "charts/shop/values.yaml:10"),
        (("web", "affinity"), ""),
        (("web", "image", "tag"), ""),
        (("zones", 7, "nodeSelector"), ""),
        (("null-value", "nodeSelector"), ""),
    ],
)
def test_the_line_of_a_key(key: Key, where: str, tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "shop", values=VALUES)

    assert key_places(source(chart))(key) == where


@pytest.mark.parametrize("text", ["", "- a\n", "a: [\n"])
def test_a_file_without_keys(text: str, tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "shop", values=text)

    assert key_places(source(chart))(("web",)) == ""


def test_an_archive_has_no_lines_to_point_at(tmp_path: Path) -> None:
    archive = pack_chart(write_chart(tmp_path / "shop", values=VALUES), tmp_path / "shop.tgz")

    assert key_places(source(archive))(("web", "nodeSelector")) == ""
