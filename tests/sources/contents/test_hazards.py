import json
from pathlib import Path

import pytest

from auditor.sources.chart import ArchiveError
from auditor.sources.chart_safety import (
    Hazard,
    external_references,
    find_hazards,
    walk_chart,
    without_files,
)
from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions
from tests.support.charts import (
    CHARTS,
    POD,
    make_renderer,
    pack,
    pack_chart,
    read,
    write_chart,
    write_tree,
)

REMOTE = '{"$ref": "https://schemas.example/x.json"}'


@pytest.mark.parametrize(
    ("schema", "references"),
    [
        ("{}", set()),
        ('{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#"}}}', set()),
        ('{"$schema": "http://json-schema.org/draft-07/schema#"}', set()),
        ('{"$schema": "https://json-schema.org/draft/2020-12/schema"}', set()),
        (REMOTE, {"https://schemas.example/x.json"}),
        ('{"allOf": [{"items": {"$ref": "file:///etc/passwd"}}]}', {"file:///etc/passwd"}),
        ('{"$ref": "other.json#/a"}', {"other.json#/a"}),
        ('{"\\u0024ref": "http://x"}', {"http://x"}),
        ('{"$dynamicRef": "http://x"}', {"http://x"}),
        ('{"$recursiveRef": "http://x"}', {"http://x"}),
        ('{"$schema": "http://x/meta"}', {"http://x/meta"}),
        (f'"{"x" * 6_000_000}"', {"data that cannot be parsed"}),
        ('{"$schema": "http://json-schema.org.evil/x"}', {"http://json-schema.org.evil/x"}),
        ('{"$id": "http://x/a", "$ref": "http://x/a"}', {"http://x/a"}),
        ('{"properties": {"$ref": {"type": "string"}}}', set()),
        ('{"$ref": "http://x", "$ref": "#"}', set()),
        ("{no json", {"data that cannot be parsed"}),
        ("[" * 200_000, {"data that cannot be parsed"}),
    ],
)
def test_references_that_lead_out_of_a_schema(schema: str, references: set[str]) -> None:
    assert external_references(schema.encode()) == references


def test_a_schema_that_is_not_quite_utf_8_is_still_looked_at() -> None:
    assert external_references(b'{"title": "\xff", "$ref": "http://x"}') == {"http://x"}


@pytest.mark.parametrize("name", ["umbrella", "lifecycle", "fleet"])
def test_honest_charts_lead_nowhere(name: str, tmp_path: Path) -> None:
    archive = pack_chart(CHARTS / name, tmp_path / f"{name}.tgz")

    assert find_hazards(CHARTS / name) == ()
    assert find_hazards(archive) == ()


def test_schemas_of_the_chart_and_of_its_subcharts(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "top", schema=REMOTE)
    write_chart(chart / "charts" / "sub", schema=REMOTE)
    low = pack({"low/values.schema.json": REMOTE.encode()})
    mid = pack({"mid/charts/low.tgz": low, "mid/values.schema.json": b"{}"})
    (chart / "charts" / "mid-1.0.tgz").write_bytes(mid)
    target = "https://schemas.example/x.json"

    assert find_hazards(chart) == tuple(
        Hazard(path, target, is_schema=True)
        for path in (
            "charts/mid-1.0.tgz/charts/low.tgz/values.schema.json",
            "charts/sub/values.schema.json",
            "values.schema.json",
        )
    )
    assert find_hazards(pack_chart(chart, tmp_path / "top.tgz")) == find_hazards(chart)


def test_links_out_of_the_chart(tmp_path: Path) -> None:
    write_tree(tmp_path, {"secret": "", "outside/x": ""})
    chart = write_chart(tmp_path / "web", {"x.yaml": ""})
    (chart / "files").mkdir()
    (chart / "files" / "key").symlink_to(tmp_path / "secret")
    (chart / "charts").symlink_to("../outside")
    (chart / "near").symlink_to(chart / "templates")

    assert find_hazards(chart) == (
        Hazard("charts", "../outside"),
        Hazard("files/key", str(tmp_path / "secret")),
    )


def test_links_within_the_repository_are_followed(tmp_path: Path) -> None:
    write_tree(tmp_path, {".git/config": "token", "LICENSE": "MIT", "crds/x.yaml": "", "up": ""})
    chart = write_chart(tmp_path / "charts" / "web", {"x.yaml": ""})
    (chart / "LICENSE").symlink_to("../../LICENSE")
    (chart / "crds").symlink_to("../../crds")
    (chart / "config").symlink_to("../../.git/config")
    (chart / "git").symlink_to("../../.git")

    found = find_hazards(chart)
    assert [hazard.path for hazard in found] == ["config", "git"]
    with without_files(chart, {hazard.path for hazard in found}) as copy:
        assert (copy / "LICENSE").read_text() == "MIT"
        assert (copy / "crds" / "x.yaml").is_file()
        assert not (copy / "config").exists()


def test_a_chart_named_through_a_link(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "web", {"x.yaml": ""})
    link = tmp_path / "link"
    link.symlink_to(chart)

    assert find_hazards(link) == ()


def test_what_helm_does_not_read_is_left_alone(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "web")
    write_tree(chart, {"files/broken.tgz": "no archive", "values.schema.json/x": ""})
    pack_chart(write_chart(tmp_path / "x", schema='{"$ref": "http://x"}'), chart / "files/x.tgz")

    assert find_hazards(chart) == ()


def test_where_it_cannot_be_told_nothing_is_rendered(tmp_path: Path) -> None:
    """Helm's bounds are other ones: it would read what lies beyond those of podfit."""
    chart = write_chart(tmp_path / "web", {"pod.yaml": POD})
    write_tree(chart, {"charts/broken.tgz": "no archive"})

    documents, [problem] = read(ChartSource(chart, "web", HelmOptions(), make_renderer("cli")))

    assert documents == []
    assert (problem.what, problem.where) == ("chart web cannot be read", "web")
    assert problem.why.startswith("charts/broken.tgz: ")


def test_a_link_within_the_chart_hides_nothing(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "web")
    write_chart(chart / "other", schema='{"$ref": "http://x"}')
    (chart / "charts").mkdir()
    (chart / "charts" / "other").symlink_to("../other")
    found = find_hazards(chart)

    assert [hazard.path for hazard in found] == ["charts/other/values.schema.json"]
    with without_files(chart, {hazard.path for hazard in found}) as copy:
        assert not (copy / "charts" / "other" / "values.schema.json").exists()
        assert (copy / "charts" / "other" / "Chart.yaml").is_file()


def test_links_that_lead_in_circles(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "web", {"pod.yaml": POD})
    (chart / "charts").mkdir()
    (chart / "charts" / "web").symlink_to("..")
    (chart / "templates" / "self.yaml").symlink_to("self.yaml")

    assert [entry.path for entry in sorted(walk_chart(chart))] == [
        "Chart.yaml",
        "templates/pod.yaml",
        "templates/self.yaml",
    ]
    assert find_hazards(chart) == ()


def test_archives_in_archives_are_followed_only_so_far(tmp_path: Path) -> None:
    data = pack({"c/values.schema.json": json.dumps({"$ref": "http://x"}).encode()})
    for _ in range(30):
        data = pack({"c/charts/c.tgz": data})
    (tmp_path / "c.tgz").write_bytes(data)

    with pytest.raises(ArchiveError, match="more than 8 deep"):
        find_hazards(tmp_path / "c.tgz")
