"""Kustomizations, built by the real kustomize or kubectl."""

import http.server
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auditor.errors import Problem
from auditor.kubernetes.manifests import Document
from auditor.sources.kustomize import KustomizationSource, edited_copy
from auditor.sources.open import open_sources
from tests.support.charts import POD, read, write_chart, write_tree
from tests.support.tools import require_kustomize

WEB = POD.replace("{name}", "web")
BASE = {"base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": WEB}
PROD = {"prod/kustomization.yaml": "resources: [../base]\nnamePrefix: prod-\n"}
TEST = {
    "test/kustomization.yaml": "resources: [../base]\nimages: [{name: registry.example/main}]\n"
}


@pytest.fixture(autouse=True)
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    require_kustomize(monkeypatch, tmp_path)
    folder = tmp_path / "repo"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def audited(*sources: str) -> tuple[list[Document], list[Problem]]:
    found = [read(source) for source in open_sources(sources or ["."])]
    return [d for one, _ in found for d in one], [p for _, some in found for p in some]


def test_objects_come_from_the_files_of_their_base(repo: Path) -> None:
    write_tree(repo, {**BASE, **PROD})

    [document], problems = audited("prod")

    assert problems == []
    assert (document.path, document.source, document.template) == (
        "base/web.yaml",
        "prod",
        "kustomize/prod",
    )
    assert document.identity == "base/web.yaml"
    assert "name: prod-web" in document.text
    assert "origin" not in document.text
    assert document.rendered


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
@pytest.mark.parametrize("source", ["k", "./k/", "k/{}"])
def test_every_way_to_name_one(repo: Path, name: str, source: str) -> None:
    write_tree(repo, {f"k/{name}": "resources: [web.yaml]\n", "k/web.yaml": WEB})

    [document], problems = audited(source.format(name))

    assert (document.path, problems) == ("k/web.yaml", [])


def test_bases_that_others_build_upon_are_not_built_alone(repo: Path) -> None:
    write_tree(repo, {**BASE, **PROD, **TEST, "plain.yaml": WEB})

    documents, problems = audited()

    assert problems == []
    assert [(item.path, item.template) for item in documents] == [
        ("plain.yaml", ""),
        ("base/web.yaml", "kustomize/prod"),
        ("base/web.yaml", "kustomize/test"),
    ]


def test_a_base_that_is_named_is_built(repo: Path) -> None:
    write_tree(repo, {**BASE, **PROD})

    documents, _ = audited("base")

    assert [item.template for item in documents] == ["kustomize/base"]


def test_no_file_of_a_kustomization_is_read_besides(repo: Path) -> None:
    write_tree(repo, {**BASE, "base/patches/web.yaml": WEB, "base/unused.yaml": WEB})

    documents, problems = audited()

    assert [item.path for item in documents] == ["base/web.yaml"]
    assert problems == []


def test_charts_below_a_kustomization_are_charts(repo: Path) -> None:
    write_tree(repo, BASE)
    write_chart(repo / "base" / "chart")

    names = [type(part).__name__ for source in open_sources(["."]) for part in source.parts]  # type: ignore[attr-defined]

    assert names == ["KustomizationSource", "ChartSource"]


def test_components_are_not_built_alone(repo: Path) -> None:
    write_tree(
        repo,
        {"c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"},
    )

    assert audited() == ([], [])


def test_what_kustomize_makes_itself_comes_from_the_kustomization(repo: Path) -> None:
    write_tree(repo, {"k/kustomization.yaml": "configMapGenerator: [{name: x, literals: [a=b]}]\n"})

    [document], _ = audited("k")

    assert document.path == "k/kustomization.yaml"


def test_one_that_cannot_be_built(repo: Path) -> None:
    write_tree(repo, {**BASE, "k/kustomization.yaml": "resources: [gone.yaml]\n"})

    documents, [problem] = audited()

    assert [item.path for item in documents] == ["base/web.yaml"]
    assert (problem.what, problem.where) == (
        "kustomization k cannot be built",
        "k/kustomization.yaml",
    )
    assert "gone.yaml" in problem.why


def test_files_outside_are_not_read(repo: Path, tmp_path: Path) -> None:
    write_tree(tmp_path, {"secret.yaml": WEB})
    write_tree(repo, {"k/kustomization.yaml": "resources: [../../secret.yaml]\n"})

    documents, [problem] = audited("k")

    assert documents == []
    assert problem.why == "../../secret.yaml is outside the repository"
    assert problem.hint == "pipe in its output: `kustomize build k | podfit audit -`"


@pytest.mark.parametrize("key", ["resources", "components", "transformers"])
def test_folders_outside_of_the_repository_are_not_read(
    repo: Path, tmp_path: Path, key: str
) -> None:
    write_tree(tmp_path / "outside", {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": WEB})
    write_tree(repo, {"base/kustomization.yaml": f"{key}: [../../outside]\n", **PROD})

    documents, [problem] = audited("prod")

    assert documents == []
    assert (problem.what, problem.why) == (
        "kustomization prod cannot be built",
        "../../outside is outside the repository",
    )


def test_without_a_repository_bases_may_lie_anywhere(repo: Path, tmp_path: Path) -> None:
    (repo / ".git").rmdir()
    write_tree(tmp_path / "outside", {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": WEB})
    write_tree(repo, {"base/kustomization.yaml": "resources: [../../outside]\n", **PROD})

    documents, problems = audited("prod")

    assert (len(documents), problems) == (1, [])


@pytest.mark.parametrize(
    "address",
    [
        "https://example.test/deploy.yaml",
        "github.com/acme/base?ref=v1",
        "git@example.test:acme/base.git",
        "example.test/acme/base.git//prod?ref=v1",
    ],
)
def test_bases_elsewhere_are_not_fetched(repo: Path, address: str) -> None:
    write_tree(repo, {"base/kustomization.yaml": f"resources: ['{address}']\n", **PROD})

    documents, [problem] = audited("prod")

    assert documents == []
    assert problem.why == f"it uses the remote resource {address}, which podfit does not fetch"
    assert problem.hint == "pipe in its output: `kustomize build prod | podfit audit -`"


def test_a_folder_may_be_called_like_an_address(repo: Path) -> None:
    write_tree(repo, {"k/github.com/base/kustomization.yaml": "resources: [a.yaml]\n"})
    write_tree(repo, {"k/github.com/base/a.yaml": WEB})
    write_tree(repo, {"k/kustomization.yaml": "resources: [github.com/base]\n"})

    documents, problems = audited("k")

    assert (len(documents), problems) == (1, [])


def test_a_complaint_is_the_same_each_time(repo: Path) -> None:
    write_tree(repo, {"k/kustomization.yaml": "resources: [gone.yaml]\n"})

    first, second = (audited("k")[1][0].why for _ in "12")

    assert first == second
    assert first.startswith("accumulating resources: ")
    assert "'gone.yaml'" in first
    assert str(repo) not in first


def test_what_is_no_path_is_left_to_kustomize(repo: Path) -> None:
    write_tree(repo, {"k/kustomization.yaml": 'resources: ["a\\0b"]\n'})

    documents, problems = audited()

    assert (documents, len(problems)) == ([], 1)


@contextmanager
def listening(asked: list[str]) -> Iterator[str]:
    """A server on loopback that notes what it is asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(10)


def test_nor_are_patches_elsewhere(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    patch = "patches: [{path: 'http://bases.test/a.yaml', target: {kind: Pod}}]\n"
    write_tree(repo, {"k/kustomization.yaml": patch})
    with listening(asked) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        documents, [problem] = audited("k")

    assert (documents, asked) == ([], [])
    assert problem.what == "kustomization k cannot be built"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes the network away")
@pytest.mark.parametrize(
    "text",
    [
        "resources: ['{url}/a.yaml']",
        "resources: ['{url}/a.git//b?ref=main']",
        "configMapGenerator: [{{name: a, files: ['{url}/a']}}]",
        "patches: [{{path: '{url}/a.yaml', target: {{kind: Pod}}}}]",
    ],
)
def test_nor_is_this_machine_asked(repo: Path, text: str) -> None:
    """Programs in Go ask no proxy for it."""
    asked: list[str] = []
    with listening(asked) as url:
        write_tree(repo, {"k/kustomization.yaml": text.format(url=url)})
        documents, problems = audited("k")

    assert (documents, len(problems), asked) == ([], 1, [])


def test_neither_program_is_one_clear_error(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo))
    write_tree(repo, {**BASE, **PROD, **TEST, "plain.yaml": WEB})

    documents, problems = audited()

    assert [item.path for item in documents] == ["plain.yaml"]
    assert [item.what for item in problems] == [
        "kustomizations cannot be built: neither kustomize nor kubectl was found"
    ]


def test_an_edited_copy_leaves_out_links_to_other_folders(repo: Path) -> None:
    write_tree(repo, {"secret.yaml": WEB, "k/kustomization.yaml": "resources: [web.yaml]"})
    write_tree(repo, {"k/web.yaml": WEB})
    (repo / "k" / "secret.yaml").symlink_to("../secret.yaml")
    (repo / "k" / "same.yaml").symlink_to("web.yaml")

    with edited_copy(KustomizationSource(repo / "k", "k"), "resources: []") as copied:
        assert copied is not None
        names = sorted(path.name for path in copied.path.iterdir())

    assert names == ["kustomization.yaml", "same.yaml", "web.yaml"]
