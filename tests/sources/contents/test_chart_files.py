"""The files of a chart, wherever they are packed, within bounds."""

from pathlib import Path

import pytest

from auditor.sources import chart_safety as module
from auditor.sources.chart import ArchiveError
from auditor.sources.chart_safety import chart_files
from tests.support.charts import pack_chart, write_chart


def _names(chart: Path) -> list[str]:
    return [path for path, _ in chart_files(chart, lambda path: path.endswith("pod.yaml"))]


def test_archives_within_archives(tmp_path: Path) -> None:
    leaf = write_chart(tmp_path / "leaf", {"pod.yaml": "leaf"})
    middle = write_chart(tmp_path / "middle", {"pod.yaml": "middle"})
    (middle / "charts").mkdir()
    pack_chart(leaf, middle / "charts" / "leaf.tgz")
    top = write_chart(tmp_path / "top", {"pod.yaml": "top", "other.yaml": "other"})
    (top / "charts").mkdir()
    pack_chart(middle, top / "charts" / "middle-1.0.0.tar.gz")

    expected = [
        "charts/middle-1.0.0.tar.gz/charts/leaf.tgz/templates/pod.yaml",
        "charts/middle-1.0.0.tar.gz/templates/pod.yaml",
        "templates/pod.yaml",
    ]
    assert sorted(_names(top)) == expected
    assert sorted(_names(pack_chart(top, tmp_path / "top.tgz"))) == expected


def test_an_archive_elsewhere_is_a_file_like_others(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "top", {"pod.yaml": "top"})
    (chart / "files").mkdir()
    pack_chart(chart, chart / "files" / "x.tgz")

    assert _names(chart) == ["templates/pod.yaml"]


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNPACKED", 10)
    chart = write_chart(tmp_path / "top", {"a-pod.yaml": "x" * 8, "b-pod.yaml": "x" * 8})

    with pytest.raises(ArchiveError, match="it contains more than"):
        _names(chart)


def test_one_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNPACKED", 10)
    chart = write_chart(tmp_path / "top", {"a-pod.yaml": "x" * 80, "b-pod.yaml": "x"})

    with pytest.raises(ArchiveError, match=r"templates/a-pod\.yaml has more than"):
        _names(chart)


def test_a_chart_has_only_so_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_ENTRIES", 5)
    chart = write_chart(tmp_path / "top", {f"{number}.txt": "" for number in range(5)})

    with pytest.raises(ArchiveError, match="more than 5 files and folders"):
        _names(chart)
