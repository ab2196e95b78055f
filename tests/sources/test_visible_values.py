"""The values that templates see, whichever Helm shows them."""

from pathlib import Path
from typing import Any

import pytest

from auditor.errors import SourceError
from auditor.sources.interface import HelmOptions
from auditor.sources.values import visible_values
from tests.support.charts import RENDERERS, make_renderer, pack_chart, write_chart, write_tree

BOTH = pytest.mark.parametrize("name", RENDERERS)
FAILING = {"pod.yaml": '{{ fail "no template is rendered" }}'}
PARENT = """\
dependencies:
  - {name: db, version: 0.1.0, alias: store}
  - {name: db, version: 0.1.0, alias: spare, condition: spare.enabled}
"""


def _chart(folder: Path) -> Path:
    chart = write_chart(
        folder / "shop",
        FAILING,
        chart_yaml=PARENT,
        values="global: {zone: a}\nstore: {size: 2}\nspare: {enabled: false}\nnone: null\n",
        schema='{"required": ["what nobody gives"]}',
    )
    write_chart(
        chart / "charts" / "db", FAILING, values="size: 1\ndisk: {kind: ssd}\nbig: 20240101\n"
    )
    return chart


def _values(chart: Path, name: str, **options: Any) -> Any:
    return visible_values(chart, HelmOptions(**options), make_renderer(name))


@BOTH
def test_defaults_of_subcharts_by_their_alias_and_no_disabled_ones(
    name: str, tmp_path: Path
) -> None:
    values = _values(_chart(tmp_path), name)

    assert values["store"] == {
        "size": 2,
        "disk": {"kind": "ssd"},
        "big": 20240101,
        "global": {"zone": "a"},
    }
    assert values["spare"] == {"enabled": False}
    assert values["global"] == {"zone": "a"}


@BOTH
def test_values_of_the_user(name: str, tmp_path: Path) -> None:
    file = tmp_path / "more.yaml"
    file.write_text("store: {disk: {size: 7}}\n", encoding="utf-8")

    values = _values(
        _chart(tmp_path), name, values_files=(str(file),), set_values=("store.size=9",)
    )

    assert values["store"]["disk"] == {"kind": "ssd", "size": 7}
    assert values["store"]["size"] == 9


@BOTH
def test_a_chart_and_subcharts_in_archives(name: str, tmp_path: Path) -> None:
    chart = _chart(tmp_path)
    db = chart / "charts" / "db"
    pack_chart(db, chart / "charts" / "db-0.1.0.tgz")
    for path in sorted(db.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    db.rmdir()
    archive = pack_chart(chart, tmp_path / "shop-0.1.0.tgz")

    expected = {"kind": "ssd"}
    assert _values(chart, name)["store"]["disk"] == expected
    assert _values(archive, name)["store"]["disk"] == expected


@BOTH
def test_what_is_ignored_by_helm_stays_ignored(name: str, tmp_path: Path) -> None:
    chart = _chart(tmp_path)
    write_tree(chart, {".helmignore": "charts/db/values.yaml\n"})

    assert _values(chart, name)["store"] == {"size": 2, "global": {"zone": "a"}}


def test_an_archive_that_cannot_be_read(tmp_path: Path) -> None:
    archive = tmp_path / "shop.tgz"
    archive.write_bytes(b"no archive")

    with pytest.raises(SourceError, match="cannot be copied"):
        _values(archive, "embedded")
