from pathlib import Path
from typing import Any

import pytest

from auditor.errors import Problem, SourceError
from auditor.sources.chart import Declaration, read_chart
from auditor.sources.dependencies import find_lacks, is_enabled, lacking
from auditor.sources.interface import HelmOptions
from auditor.sources.rendering import Dependency
from tests.support.charts import RENDERERS, make_renderer, pack_chart, write_chart

DECLARED = "dependencies:\n"
DB = "  - {name: db, version: 1.0.0, repository: 'https://charts.example', condition: db.enabled}\n"


@pytest.mark.parametrize(
    ("condition", "tags", "values", "answer"),
    [
        ("", (), {}, True),
        ("db.enabled", (), {}, True),
        ("db.enabled", (), {"db": {"enabled": False}}, False),
        ("db.enabled", (), {"db": {"enabled": True}}, True),
        ("db.enabled", (), {"db": {"enabled": "false"}}, True),
        ("db.enabled", (), {"db": [1]}, True),
        ("a.on,b.on", (), {"b": {"on": False}}, False),
        ("a.on,b.on", (), {"a": {"on": True}, "b": {"on": False}}, True),
        ("a.on,b.on", (), {"a": {"on": "x"}, "b": {"on": False}}, False),
        (" on ", (), {"on": False}, False),
        ("", ("x",), {"tags": {"x": False}}, False),
        ("", ("x", "y"), {"tags": {"x": False, "y": True}}, True),
        ("", ("x",), {"tags": {"x": "false"}}, True),
        ("", ("x",), {"tags": {"y": False}}, True),
        ("", ("x",), {"tags": [1]}, True),
        ("db.enabled", ("x",), {"tags": {"x": False}, "db": {"enabled": True}}, True),
        ("db.enabled", ("x",), {"tags": {"x": True}, "db": {"enabled": False}}, False),
        ("db.enabled", ("x",), {"tags": {"x": False}}, False),
    ],
)
def test_condition_then_tags_then_yes(
    condition: str, tags: tuple[str, ...], values: dict[str, Any], answer: bool
) -> None:
    assert is_enabled(Declaration("db", "", condition, tags), values) is answer


@pytest.mark.parametrize(
    ("status", "enabled", "answer"),
    [
        ("ok", True, False),
        ("unpacked", True, False),
        ("missing", True, True),
        ("missing", False, False),
        ("wrong version", True, True),
        ("wrong version", False, True),
        ("corrupt", False, True),
    ],
)
def test_what_is_lacking(status: str, enabled: bool, answer: bool) -> None:
    found = Dependency("db", "1.0.0", status)
    declared = [Declaration("db", "", "db.enabled")]

    assert bool(list(lacking(declared, [found], {"db": {"enabled": enabled}}))) is answer


def test_each_entry_of_one_dependency_has_its_own_condition() -> None:
    declared = [Declaration("db", "a", "a.on"), Declaration("db", "b", "b.on")]
    found = [Dependency("db", "1", "missing"), Dependency("db", "2", "missing")]

    values = {"a": {"on": False}, "b": {"on": True}}
    assert [item.version for item in lacking(declared, found, values)] == ["2"]


@pytest.mark.parametrize("name", RENDERERS)
@pytest.mark.parametrize(
    ("expressions", "count"), [((), 1), (("db.enabled=false",), 0), (("db.enabled=true",), 1)]
)
def test_a_missing_dependency(
    tmp_path: Path, name: str, expressions: tuple[str, ...], count: int
) -> None:
    chart = read_chart(write_chart(tmp_path / "web", {}, chart_yaml=DECLARED + DB), "web")

    lacks = find_lacks(chart, HelmOptions(set_values=expressions), make_renderer(name))

    problem = Problem(
        "chart web is incomplete: dependencies are not in its charts/",
        where="web",
        why="db 1.0.0 (missing)",
        hint="run `helm dependency build web`; the rest was audited",
        part="dependency",
    )
    assert [lack.problem() for lack in lacks] == [problem] * count


@pytest.mark.parametrize("name", RENDERERS)
def test_a_dependency_of_another_version(tmp_path: Path, name: str) -> None:
    folder = write_chart(
        tmp_path / "web", {}, chart_yaml=DECLARED + DB, values="db: {enabled: false}"
    )
    write_chart(folder / "charts" / "db", {})  # version 0.1.0

    [lack] = find_lacks(read_chart(folder, "web"), HelmOptions(), make_renderer(name))

    assert lack.problem().why == "db 1.0.0 (wrong version)"


@pytest.mark.parametrize("name", RENDERERS)
def test_a_complete_chart_and_archive(tmp_path: Path, name: str) -> None:
    folder = write_chart(tmp_path / "web", {}, chart_yaml=DECLARED + DB.replace("1.0.0", "~0.1"))
    db = write_chart(tmp_path / "db", {})
    (folder / "charts").mkdir()
    pack_chart(db, folder / "charts" / "db-0.1.0.tgz")
    archive = pack_chart(folder, tmp_path / "web.tgz")

    for path in (folder, archive):
        assert find_lacks(read_chart(path, "web"), HelmOptions(), make_renderer(name)) == ()


@pytest.mark.parametrize("name", RENDERERS)
def test_what_a_subchart_lacks(tmp_path: Path, name: str) -> None:
    """Helm looks at the chart alone; a subchart's missing dependency it renders without a word."""
    alias = "  - {name: mid, version: 0.1.0, alias: m, condition: m.on}\n"
    folder = write_chart(tmp_path / "web", {}, chart_yaml=DECLARED + alias)
    write_chart(folder / "charts" / "mid", {}, chart_yaml=DECLARED + DB)
    renderer = make_renderer(name)
    chart = read_chart(folder, "web")

    def hints(*expressions: str) -> list[str]:
        lacks = find_lacks(chart, HelmOptions(set_values=expressions), renderer)
        return [lack.problem().hint for lack in lacks]

    assert hints() == ["run `helm dependency build web/charts/mid`; the rest was audited"]
    assert hints("m.on=false") == []
    assert hints("m.db.enabled=false") == []
    assert len(hints("mid.db.enabled=false")) == 1


def test_links_to_the_chart_itself_are_no_subcharts(tmp_path: Path) -> None:
    """Ten of them, eight levels deep, are a hundred million."""
    folder = write_chart(tmp_path / "web", {})
    write_chart(folder / "charts" / "db", {})
    for number in range(10):
        (folder / "charts" / f"link{number}").symlink_to("..")

    assert [item.name for item in read_chart(folder, "web").subcharts()] == ["db"]


def test_a_chart_holds_only_so_many(tmp_path: Path) -> None:
    folder = write_chart(tmp_path / "web", {})
    for number in range(1000):
        write_chart(folder / "charts" / f"sub{number}", {})

    with pytest.raises(SourceError, match="contains more than 1000 charts"):
        find_lacks(read_chart(folder, "web"), HelmOptions(), make_renderer("embedded"))
