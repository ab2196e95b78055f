import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from auditor.audit.audit import take_inventory
from auditor.errors import Problem
from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions, SourceOptions
from auditor.sources.open import OpenedSource, open_sources
from tests.support.charts import (
    POD,
    open_source,
    pack_chart,
    read,
    require_library,
    write_chart,
    write_tree,
)

POD_TEMPLATE = POD.replace("{name}", "{{ .Release.Name }}")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with manifests and a chart, as the working folder."""
    require_library()
    work = tmp_path / "work"
    found = '{"kind": "List", "apiVersion": "v1"}'
    write_tree(work, {"deploy/pod.yaml": POD, "deploy/list.json": found, "x.txt": ""})
    write_chart(work / "charts" / "web", {"pod.yaml": POD_TEMPLATE}, values="a: 1\n")
    write_chart(work / "charts" / "web" / "charts" / "db", {"pod.yaml": POD_TEMPLATE})
    monkeypatch.chdir(work)
    return work


def _paths(arguments: Sequence[str]) -> list[list[str]]:
    paths = []
    for source in open_sources(arguments):
        documents, problems = read(source)
        assert problems == []
        paths.append([document.path for document in documents])
    return paths


WEB = ["charts/web/charts/db/templates/pod.yaml", "charts/web/templates/pod.yaml"]


@pytest.mark.parametrize(
    ("argument", "paths"),
    [
        ("deploy/pod.yaml", ["deploy/pod.yaml"]),
        ("x.txt", ["x.txt"]),
        ("deploy", ["deploy/list.json", "deploy/pod.yaml"]),
        (".", [*WEB, "deploy/list.json", "deploy/pod.yaml"]),
        ("./deploy/../deploy/", ["deploy/list.json", "deploy/pod.yaml"]),
        ("charts/web", WEB),
        ("charts/web/Chart.yaml", WEB),
        ("charts/web/values.yaml", WEB),
        ("charts/web/templates", WEB),
        ("charts/web/templates/pod.yaml", WEB),
        ("charts/web/charts/db/templates/pod.yaml", WEB),
        ("charts/web/charts/db", WEB[:1]),
        ("charts/web/charts", WEB[:1]),
    ],
)
def test_what_a_source_stands_for(folder: Path, argument: str, paths: list[str]) -> None:
    assert _paths([argument]) == [paths]


def test_an_absolute_path_stays_absolute(folder: Path) -> None:
    assert _paths([str(folder / "deploy" / "pod.yaml")]) == [
        [f"{folder.as_posix()}/deploy/pod.yaml"]
    ]


def test_from_within_a_chart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = ["charts/db/templates/pod.yaml", "templates/pod.yaml"]
    monkeypatch.chdir(folder / "charts" / "web")
    assert _paths(["."]) == [inside]
    assert _paths(["templates/pod.yaml"]) == [inside]

    monkeypatch.chdir(folder / "charts" / "web" / "templates")
    [[_, path]] = _paths(["pod.yaml"])
    assert path == f"{folder.as_posix()}/charts/web/templates/pod.yaml"


def test_a_file_beside_the_templates_is_a_manifest(folder: Path) -> None:
    write_tree(folder, {"charts/web/examples/pod.yaml": POD, "charts/web/ci/pipeline.yaml": POD})

    for name in ("examples/pod.yaml", "ci/pipeline.yaml"):
        [document] = read(open_source(f"charts/web/{name}"))[0]
        assert (document.path, document.chart) == (f"charts/web/{name}", "")


def test_test_values_of_a_chart_stand_for_it(folder: Path) -> None:
    write_tree(folder, {"charts/web/ci/windows-values.yaml": "a: 1"})

    [paths] = _paths(["charts/web/ci/windows-values.yaml"])

    assert sorted(set(paths)) == WEB


def test_an_archive(folder: Path) -> None:
    pack_chart(folder / "charts" / "web", folder / "web-0.1.0.tgz")

    [document, own] = read(open_source("web-0.1.0.tgz"))[0]

    assert document.path == "web-0.1.0.tgz/charts/db/templates/pod.yaml"
    assert (own.path, own.chart) == ("web-0.1.0.tgz/templates/pod.yaml", "web-0.1.0.tgz")


def test_archives_met_on_the_way_are_passed_over(folder: Path) -> None:
    pack_chart(folder / "charts" / "web", folder / "deploy" / "web-0.1.0.tgz")

    assert _paths(["deploy"]) == [["deploy/list.json", "deploy/pod.yaml"]]


def test_what_several_sources_name_is_read_once(folder: Path) -> None:
    assert _paths([".", "deploy", "charts/web/values.yaml", "deploy/../deploy/pod.yaml"]) == [
        [*WEB, "deploy/list.json"],
        ["deploy/pod.yaml"],
    ]


def test_a_named_file_is_taken_at_its_word(folder: Path) -> None:
    write_tree(folder, {"deploy/notes.yaml": "a: 1\n"})

    [_, named] = open_sources(["deploy", "deploy/notes.yaml"])

    [document] = read(named)[0]
    assert document.path == "deploy/notes.yaml"
    assert not document.lenient
    assert all(item.lenient for item in read(open_source("deploy"))[0])


def test_a_folder_with_nothing_in_it_is_a_source_without_documents(folder: Path) -> None:
    (folder / "empty").mkdir()

    [source] = open_sources(["empty"])

    assert (source.name, list(source.documents())) == ("empty", [])


@pytest.mark.parametrize("argument", ["gone.yaml", "gone/x.yaml", "", "deploy/pod.yaml/x"])
def test_a_source_that_does_not_exist(folder: Path, argument: str) -> None:
    documents, [problem] = read(open_source(argument))

    assert documents == []
    assert "does not exist" in problem.what
    assert problem.hint == "check the path"


@pytest.mark.parametrize(
    ("argument", "name"),
    [("deploi", "deploy"), ("Deploy/pod.yaml", "deploy"), ("deploy/pod.yml", "pod.yaml")],
)
def test_a_typo_in_a_source_is_answered_with_what_is_there(
    folder: Path, argument: str, name: str
) -> None:
    _, [problem] = read(open_source(argument))

    assert problem.hint == f"did you mean `{name}`?"


def test_a_name_that_cannot_be_asked_for(folder: Path) -> None:
    documents, [problem] = read(open_source("x" * 5000))

    assert documents == []
    assert problem.what.endswith(("cannot be read", "does not exist"))  # as Python's version says


def test_one_bad_source_does_not_hide_the_others(folder: Path) -> None:
    bad, good = open_sources(["gone.yaml", "deploy/pod.yaml"])

    assert read(bad)[1]
    assert [document.path for document in read(good)[0]] == ["deploy/pod.yaml"]


def test_the_release_namespace_is_that_of_manifests_too(folder: Path) -> None:
    options = SourceOptions(HelmOptions(namespace="shop"))

    documents, _ = read(open_source(".", options))

    assert {document.namespace for document in documents} == {"shop"}
    by_default = {item.chart: item.namespace for item in read(open_source("."))[0]}
    assert by_default == {"charts/web": "default", "": ""}


def test_a_chart_that_fails_does_not_hide_the_others(folder: Path) -> None:
    write_chart(folder / "charts" / "bad", {"x.yaml": "{{ fail `no` }}"})

    documents, problems = read(open_source("charts"))

    assert [document.path for document in documents] == WEB
    assert [problem.where for problem in problems] == ["charts/bad/templates/x.yaml:1:3"]


def test_a_problem_of_all_charts_is_told_once(folder: Path) -> None:
    write_chart(folder / "charts" / "other", {"pod.yaml": POD})
    options = SourceOptions(HelmOptions(values_files=("gone.yaml",)))

    documents, problems = read(open_source("charts", options))

    assert documents == []
    assert problems == [
        Problem(
            "values file gone.yaml does not exist",
            where="gone.yaml",
            hint="check the path; no chart was rendered",
            part="chart",
        )
    ]


def test_standard_input_is_one_source_however_often_it_is_named() -> None:
    assert [source.name for source in open_sources(["-", "-"])] == ["-"]


def test_what_is_wrong_with_a_folder_is_told_beside_what_it_holds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = folder / "deploy" / "/".join("d" * 45)
    write_tree(deep, {"pod.yaml": POD})

    documents, [problem] = read(open_source("deploy"))

    assert [document.path for document in documents] == ["deploy/list.json", "deploy/pod.yaml"]
    assert "folders more than 40 deep" in problem.what


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_on_the_way_is_passed_over(folder: Path) -> None:
    os.mkfifo(folder / "deploy" / "pipe.yaml")

    assert _paths(["deploy"]) == [["deploy/list.json", "deploy/pod.yaml"]]


def test_a_library_chart_says_why_it_makes_no_pods(folder: Path) -> None:
    write_chart(folder / "libs" / "common", {"_x.tpl": ""}, chart_yaml="type: library\n")
    write_chart(folder / "libs" / "other", {"_x.tpl": ""}, chart_yaml="type: library\n")

    for argument in ("libs/common", "libs"):
        problems = take_inventory(open_sources([argument])).problems
        assert problems == (
            Problem(
                f"nothing to audit in {argument}: it creates no pods",
                where=argument,
                why="it is a library chart (`type: library`), which other charts include",
                hint="name a chart, a manifest or a folder of them; --allow-empty accepts this",
                part="source",
            ),
        )


def test_a_library_among_other_charts_is_no_reason(folder: Path) -> None:
    write_chart(folder / "charts" / "common", {"_x.tpl": ""}, chart_yaml="type: library\n")
    source = open_source("charts")

    read(source)

    assert source.why_empty == ""


def test_charts_are_watched_as_they_are_read(folder: Path) -> None:
    seen = []
    [source] = open_sources(["charts"])
    assert isinstance(source, OpenedSource)

    def watch(chart: ChartSource) -> ChartSource:
        seen.append(chart.shown)
        return dataclasses.replace(chart, shown="watched")

    watched = dataclasses.replace(source, watch=watch)
    documents, _ = read(watched)

    assert (seen, {item.source for item in documents}) == (["charts/web"], {"watched"})
    assert [chart.shown for chart in watched.charts] == ["watched"]
