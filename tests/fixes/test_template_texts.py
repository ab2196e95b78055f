"""The texts of templates, wherever a chart and its subcharts keep them."""

from pathlib import Path

from auditor.fixes.templates import TemplateText, template_texts
from auditor.sources.chart import read_chart
from tests.support.charts import pack_chart, write_chart, write_tree


def texts(chart: Path) -> list[TemplateText]:
    return list(template_texts(read_chart(chart, chart.name)))


def test_a_chart_and_its_subchart_by_every_alias(tmp_path: Path) -> None:
    chart = write_chart(
        tmp_path / "shop",
        {"web.yaml": "web", "_helpers.tpl": "help"},
        chart_yaml="dependencies:\n"
        "  - {name: db, version: 1.0.0, alias: primary}\n"
        "  - {name: db, version: 1.0.0, alias: replica}\n",
    )
    write_chart(chart / "charts" / "db", {"db.yaml": "db"})
    write_chart(chart / "charts" / "db" / "charts" / "agent", {"agent.yaml": "agent"})
    write_tree(chart, {"files/x.yaml": "no template", "crds/y.yaml": "none either"})

    assert texts(chart) == [
        TemplateText((), "templates/_helpers.tpl", "help"),
        TemplateText((), "templates/web.yaml", "web"),
        TemplateText(("primary",), "templates/db.yaml", "db"),
        TemplateText(("primary", "agent"), "templates/agent.yaml", "agent"),
        TemplateText(("replica",), "templates/db.yaml", "db"),
        TemplateText(("replica", "agent"), "templates/agent.yaml", "agent"),
    ]


def test_archives_are_as_good_as_folders(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "shop", {"web.yaml": "web"})
    db = write_chart(tmp_path / "db", {"db.yaml": "db"})
    (chart / "charts").mkdir()
    pack_chart(db, chart / "charts" / "db-1.0.0.tgz")
    whole = pack_chart(chart, tmp_path / "shop-1.0.0.tgz")

    expected = [
        TemplateText((), "templates/web.yaml", "web"),
        TemplateText(("db",), "templates/db.yaml", "db"),
    ]
    assert texts(chart) == expected
    assert texts(whole) == expected


def test_templates_of_a_library_see_the_values_of_whoever_includes_them(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "shop")
    write_chart(chart / "charts" / "common", {"_pod.tpl": "pod"}, chart_yaml="type: library\n")

    assert texts(chart) == [
        TemplateText((), "templates/_pod.tpl", "pod"),
        TemplateText(("common",), "templates/_pod.tpl", "pod"),
    ]


def test_dependencies_of_helm_2(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "shop")
    write_tree(chart, {"requirements.yaml": "dependencies:\n  - {name: db, alias: store}\n"})
    write_chart(chart / "charts" / "db", {"db.yaml": "db"})

    assert [item.values for item in texts(chart)] == [("store",)]


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "shop", {"web.yaml": "web"})
    write_chart(chart / "charts" / "db", {"db.yaml": "db"})
    (chart / "charts" / "db" / "Chart.yaml").write_text("dependencies: none", encoding="utf-8")
    (chart / "charts" / "broken.tgz").write_bytes(b"no archive")

    assert TemplateText(("db",), "templates/db.yaml", "db") in texts(chart) or texts(chart) == []
