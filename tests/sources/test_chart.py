from pathlib import Path

import pytest

from auditor.errors import SourceError
from auditor.sources.chart import Chart, Declaration, enclosing_chart, read_chart
from tests.support.charts import CHARTS, pack, pack_chart, write_chart, write_tree


def test_a_chart_says_what_it_is() -> None:
    chart = read_chart(CHARTS / "umbrella", "umbrella")

    assert (chart.name, chart.shown, chart.is_library) == ("umbrella", "umbrella", False)
    assert chart.dependencies == (
        Declaration("store", "cache", "cache.enabled"),
        Declaration("store", "sessions", "sessions.enabled"),
        Declaration("metrics", "", "metrics.enabled,global.metrics", ("observability",)),
    )
    assert [subchart.shown for subchart in chart.subcharts()] == [
        "umbrella/charts/metrics",
        "umbrella/charts/store",
    ]


def test_an_archive_says_the_same(tmp_path: Path) -> None:
    archive = pack_chart(CHARTS / "umbrella", tmp_path / "umbrella-1.2.0.tgz")

    chart = read_chart(archive, "u.tgz")

    assert chart.dependencies == read_chart(CHARTS / "umbrella", "").dependencies
    assert (chart.name, chart.shown, list(chart.subcharts())) == ("umbrella", "u.tgz", [])


def test_a_library(tmp_path: Path) -> None:
    folder = write_chart(tmp_path / "lib", chart_yaml="type: library\n")

    assert read_chart(folder, "lib").is_library


def test_a_chart_of_helm_2_declares_its_dependencies_beside_it(tmp_path: Path) -> None:
    write_tree(
        tmp_path / "old",
        {
            "Chart.yaml": "apiVersion: v1\nname: old\nversion: 1.0.0\n",
            "requirements.yaml": "dependencies: [{name: db, version: 1.0.0}]",
        },
    )

    assert read_chart(tmp_path / "old", "old").dependencies == (Declaration("db"),)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("umbrella/templates/deployment.yaml", "u/templates/deployment.yaml"),
        ("umbrella/templates/deep/er.yaml", "u/templates/deep/er.yaml"),
        ("umbrella/charts/cache/templates/a.yaml", "u/charts/store/templates/a.yaml"),
        ("umbrella/charts/store/templates/a.yaml", "u/charts/store/templates/a.yaml"),
        ("umbrella/charts/packed/templates/a.yaml", "u/charts/packed/templates/a.yaml"),
        ("umbrella/templates/charts/odd/a.yaml", "u/templates/charts/odd/a.yaml"),
    ],
)
def test_the_path_of_a_template_is_one_to_open(template: str, path: str) -> None:
    assert read_chart(CHARTS / "umbrella", "u").template_path(template) == path


def test_the_path_of_a_template_of_the_working_folder() -> None:
    chart = read_chart(CHARTS / "lifecycle", ".")

    assert chart.template_path("lifecycle/templates/all.yaml") == "templates/all.yaml"


def test_aliases_within_aliases(tmp_path: Path) -> None:
    alias = "dependencies: [{{name: {name}, version: 0.1.0, alias: {alias}}}]\n"
    top = write_chart(tmp_path / "top", chart_yaml=alias.format(name="mid", alias="m"))
    mid = write_chart(top / "charts/mid", chart_yaml=alias.format(name="low", alias="l"))
    write_chart(mid / "charts/low", {"a.yaml": ""})

    path = read_chart(top, "top").template_path("top/charts/m/charts/l/templates/a.yaml")

    assert path == "top/charts/mid/charts/low/templates/a.yaml"


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("a: [", "c/Chart.yaml:2:1", "did not find expected node content"),
        ("- a", "c/Chart.yaml:1:1", "expected a mapping with `name`, not a list"),
        ("name: 7", "c/Chart.yaml:1:7", "`name`: expected text, not the number 7"),
        ("name: x\ndependencies: [7]", "c/Chart.yaml:2:16", "not the number 7"),
    ],
)
def test_what_does_not_describe_a_chart(tmp_path: Path, text: str, where: str, why: str) -> None:
    write_tree(tmp_path, {"Chart.yaml": text})

    with pytest.raises(SourceError) as raised:
        read_chart(tmp_path, "c")

    assert raised.value.problem.where == where
    assert why in raised.value.problem.why


@pytest.mark.parametrize(
    "data", [b"", b"no archive", pack({"c/Chart.yaml": b"name: c"})[:40]], ids=["", "text", "cut"]
)
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "c.tgz").write_bytes(data)

    with pytest.raises(SourceError, match="cannot be read as a chart archive"):
        read_chart(tmp_path / "c.tgz", "c.tgz")


def test_an_archive_without_a_chart(tmp_path: Path) -> None:
    (tmp_path / "c.tgz").write_bytes(pack({"Chart.yaml": b"name: c", "c/sub/Chart.yaml": b""}))

    with pytest.raises(SourceError, match=r"c\.tgz is not a Helm chart: it has no Chart\.yaml"):
        read_chart(tmp_path / "c.tgz", "c.tgz")


@pytest.mark.parametrize(
    ("path", "chart"),
    [
        ("top/templates/a.yaml", "top"),
        ("top/templates/sub/_a.tpl", "top"),
        ("top/values-prod.yml", "top"),
        ("top/values.schema.json", "top"),
        ("top/Chart.lock", "top"),
        ("top/charts/sub/templates/a.yaml", "top"),
        ("top/charts/sub/values.yaml", "top"),
        ("top/files/a.yaml", None),
        ("top/charts/sub/files/a.yaml", None),
        ("top/charts/sub-1.0.tgz", None),
        ("top/crds/values.yaml", None),
        ("other/templates/a.yaml", None),
        ("top/sub/inner/templates/a.yaml", "top/sub/inner"),
    ],
)
def test_which_chart_a_file_is_a_part_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, chart: str | None
) -> None:
    for folder in ("top", "top/charts/sub", "top/sub/inner"):
        write_chart(tmp_path / folder)
    monkeypatch.chdir(tmp_path)

    expected = Path(chart) if chart else None
    assert enclosing_chart(Path(path)) == expected
    assert enclosing_chart(tmp_path / path) == (tmp_path / chart if chart else None)


def test_a_subchart_that_says_nothing_sensible_is_left_to_helm(tmp_path: Path) -> None:
    top = write_chart(tmp_path / "top")
    write_tree(top, {"charts/bad/Chart.yaml": "name: [", "charts/good/Chart.yaml": "name: good"})
    chart = read_chart(top, "top")

    assert [subchart.name for subchart in chart.subcharts()] == ["good"]
    assert chart.template_path("top/charts/bad/charts/x/templates/a.yaml") == (
        "top/charts/bad/charts/x/templates/a.yaml"
    )


def test_a_missing_archive(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.tgz does not exist"):
        read_chart(tmp_path / "gone.tgz", "gone.tgz")


def test_a_chart_without_subcharts() -> None:
    chart = Chart(Path("gone"), "gone", "gone")

    assert list(chart.subcharts()) == []
