import os
import sys
from pathlib import Path

import pytest

from auditor.errors import Problem
from auditor.kubernetes.manifests import Document
from auditor.sources.open import ChartFolder, walk
from tests.support.charts import open_source, write_chart, write_tree


def _names(folder: Path) -> list[str]:
    names = []
    for found in walk(folder):
        assert not isinstance(found, Problem)
        path = found if isinstance(found, Path) else found.path
        names.append(path.relative_to(folder).as_posix())
    return names


def test_manifests_and_charts_in_order(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        dict.fromkeys(("z.yaml", "a/b.yml", "a/c.json", "a/readme.md", "b/d/e.yaml"), ""),
    )
    write_chart(tmp_path / "b" / "chart", {"pod.yaml": ""}, values="a: 1")

    assert _names(tmp_path) == ["z.yaml", "a/b.yml", "a/c.json", "b/chart", "b/d/e.yaml"]


def test_nothing_inside_a_chart_is_a_manifest(tmp_path: Path) -> None:
    write_chart(tmp_path / "one", {"pod.yaml": "kind: Pod"})
    write_tree(tmp_path / "one", {"examples/pod.yaml": "kind: Pod", "crds/crd.yaml": ""})
    write_chart(tmp_path / "one" / "charts" / "two", {"pod.yaml": "kind: Pod"})

    assert list(walk(tmp_path)) == [ChartFolder(tmp_path / "one")]


def test_what_is_hidden_is_read_as_kubectl_reads_it_but_nothing_of_git(tmp_path: Path) -> None:
    names = (".h.yaml", ".yaml", ".podfit.yaml", "podfit.lock.json", ".svn/y.yaml", "a/.b/w.json")
    write_tree(tmp_path, dict.fromkeys((*names, "node_modules/p/x.yml", ".git/x.yaml"), ""))

    assert sorted(_names(tmp_path)) == sorted((*names, "node_modules/p/x.yml"))


def test_links_are_followed_to_files_of_the_folder(tmp_path: Path) -> None:
    write_tree(tmp_path, {"out/secret.yaml": "", "in/real.yaml": "", "in/below/x.yaml": ""})
    folder = tmp_path / "in"
    (folder / "away").symlink_to(tmp_path / "out")
    (folder / "broken.yaml").symlink_to(folder / "gone.yaml")
    (folder / "loop").symlink_to(folder)
    (folder / "near.yaml").symlink_to(folder / "real.yaml")

    assert _names(folder) == ["near.yaml", "real.yaml", "below/x.yaml"]


@pytest.mark.parametrize("target", ["out/secret.yaml", "gone.yaml", "in/.git/config"])
def test_a_link_that_leads_out_is_a_problem(tmp_path: Path, target: str) -> None:
    write_tree(tmp_path, {"out/secret.yaml": "", "in/.git/config": "", "in/real.yaml": ""})
    folder = tmp_path / "in"
    (folder / "away.yaml").symlink_to(tmp_path / target)

    problem, real = walk(folder)

    assert isinstance(problem, Problem)
    assert problem.where.endswith("/in/away.yaml")
    assert "links to a file outside the folder and was not read" in problem.what
    assert real == folder / "real.yaml"
    assert list(walk(folder, skips=lambda path: path.name == "away.yaml")) == [real]


def test_a_link_may_lead_to_elsewhere_in_the_repository(tmp_path: Path) -> None:
    write_tree(tmp_path, {".git/config": "", "common/x.yaml": "", "deploy/real.yaml": ""})
    (tmp_path / "deploy" / "x.yaml").symlink_to("../common/x.yaml")

    assert _names(tmp_path / "deploy") == ["real.yaml", "x.yaml"]


def test_a_folder_named_through_a_link_is_walked(tmp_path: Path) -> None:
    write_tree(tmp_path, {"real/x.yaml": ""})
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")

    assert _names(link) == ["x.yaml"]


def test_depth_is_bounded_and_the_rest_is_walked(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a/b/c/deep.yaml": "", "a/b/here.yaml": "", "z.yaml": "", "q/r.yaml": ""})

    found = list(walk(tmp_path, max_depth=2))

    assert [item for item in found if isinstance(item, Path)] == [
        tmp_path / "z.yaml",
        tmp_path / "a/b/here.yaml",
        tmp_path / "q/r.yaml",
    ]
    [problem] = [item for item in found if isinstance(item, Problem)]
    assert problem.where == (tmp_path / "a" / "b").as_posix()
    assert "folders more than 2 deep; the rest was not read" in problem.what


@pytest.mark.parametrize(("limit", "problems"), [(4, 0), (3, 1)])
def test_the_number_of_entries_is_bounded(tmp_path: Path, limit: int, problems: int) -> None:
    folder = tmp_path / "in"
    write_tree(folder, {"a/1.yaml": "", "a/2.yaml": "", "b.yaml": ""})

    found = list(walk(folder, max_entries=limit))

    assert sum(isinstance(item, Problem) for item in found) == problems
    assert folder / "b.yaml" in found


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_a_name_that_is_no_text_can_be_shown(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"odd-\xff")
    write_tree(odd, {"pod.yaml": "apiVersion: v1\nkind: Pod\n"})

    [document] = open_source(str(tmp_path)).documents()
    [problem] = walk(odd / "gone")

    assert isinstance(document, Document)
    assert document.path.endswith("/odd-?/pod.yaml")
    assert isinstance(problem, Problem)
    assert problem.where.endswith("/odd-?/gone")


def test_a_folder_that_cannot_be_listed_is_a_problem(tmp_path: Path) -> None:
    [problem] = walk(tmp_path / "gone")

    assert isinstance(problem, Problem)
    assert problem.where == (tmp_path / "gone").as_posix()
    assert "cannot be read" in problem.what
