import io
import json
from pathlib import Path

import pytest

from auditor.errors import SourceError
from auditor.sources import chart_safety as staging
from auditor.sources.chart import read_members
from auditor.sources.chart_safety import with_template, without_dependencies, without_files
from tests.support.charts import pack, pack_chart, write_chart, write_tree


def _files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".tgz"
    }


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    chart = write_chart(tmp_path / "web", {"x.yaml": "kind: Pod"}, values="a: 1", schema="{}")
    write_tree(chart, {"charts/db/Chart.yaml": "name: db", ".helmignore": "*.tmp", "x.tmp": ""})
    return chart


def test_a_copy_lacks_what_is_to_be_left_out(chart: Path) -> None:
    before = _files(chart)

    with without_files(chart, {"values.schema.json", "charts/db/Chart.yaml"}) as copy:
        after = _files(copy)

    assert {name: text for name, text in before.items() if name not in after} == {
        "values.schema.json": "{}",
        "charts/db/Chart.yaml": "name: db",
    }
    assert after.items() <= before.items()
    assert _files(chart) == before
    assert not copy.exists()


def test_links_that_lead_out_are_not_copied_and_others_become_files(
    chart: Path, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"secret": "s3cret"})
    (chart / "out").symlink_to(tmp_path / "secret")
    (chart / "near.yaml").symlink_to(chart / "values.yaml")

    with without_files(chart, ()) as copy:
        assert _files(copy)["near.yaml"] == "a: 1"
        assert not (copy / "near.yaml").is_symlink()
        assert not (copy / "out").exists()


def test_archives_within_are_packed_anew(chart: Path) -> None:
    inner = pack({"low/values.schema.json": b"{}", "low/Chart.yaml": b"name: low"})
    outer = pack({"mid/charts/low.tgz": inner, "mid/values.schema.json": b"{}"})
    untouched = pack({"other/Chart.yaml": b"name: other"})
    (chart / "charts" / "mid.tgz").write_bytes(outer)
    (chart / "charts" / "other.tgz").write_bytes(untouched)

    with without_files(chart, {"charts/mid.tgz/charts/low.tgz/values.schema.json"}) as copy:
        mid = dict(_members((copy / "charts" / "mid.tgz").read_bytes()))
        assert (copy / "charts" / "other.tgz").read_bytes() == untouched

    assert mid["values.schema.json"] == b"{}"
    assert dict(_members(mid["charts/low.tgz"])) == {"Chart.yaml": b"name: low"}


def test_an_archive_is_copied_as_a_folder(chart: Path, tmp_path: Path) -> None:
    archive = pack_chart(chart, tmp_path / "web.tgz")

    with without_files(archive, {"values.schema.json"}) as copy:
        names = set(_files(copy))

    assert names == {
        "Chart.yaml",
        "values.yaml",
        "templates/x.yaml",
        "charts/db/Chart.yaml",
        "x.tmp",
    }


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "Chart.yaml",
            "{name: web, version: 1.0.0, appVersion: '1.10', dependencies: [{name: a}, {name: b}]}",
        ),
        ("requirements.yaml", "dependencies: [{name: a, version: 1.0.0}, {name: b}, {name: a}]\n"),
    ],
)
def test_dependencies_are_no_longer_declared(chart: Path, file: str, text: str) -> None:
    write_tree(chart, {file: text})

    with without_dependencies(chart, {"a"}) as copy:
        described = json.loads((copy / file).read_text())

    assert described["dependencies"] == [{"name": "b"}]
    if file == "Chart.yaml":
        assert (described["version"], described["appVersion"]) == ("1.0.0", "1.10")


def test_a_template_more(chart: Path, tmp_path: Path) -> None:
    bare = write_chart(tmp_path / "bare")

    for path in (chart, bare):
        with with_template(path, "more.yaml", "a: 1") as copy:
            assert _files(copy)["templates/more.yaml"] == "a: 1"
        assert not (path / "templates" / "more.yaml").exists()


@pytest.mark.parametrize(("limit", "value"), [("MAX_UNPACKED", 20), ("MAX_MEMBERS", 2)])
def test_what_is_too_large_is_refused(
    chart: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(staging, limit, value)

    with pytest.raises(SourceError, match="cannot be copied"), without_files(chart, ()):
        raise AssertionError


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    for name in ("gone", "gone.tgz"):
        with (
            pytest.raises(SourceError, match="cannot be copied"),
            without_files(tmp_path / name, ()),
        ):
            raise AssertionError


def test_a_folder_may_be_called_like_an_archive(tmp_path: Path) -> None:
    with without_files(write_chart(tmp_path / "web.tgz"), ()) as copy:
        assert (copy / "Chart.yaml").is_file()


def _members(data: bytes) -> list[tuple[str, bytes]]:
    return list(read_members(io.BytesIO(data), lambda _: True))
