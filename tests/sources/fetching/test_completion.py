"""Dependencies fetched into a temporary copy, by a real Helm, from real repositories."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from auditor.errors import Problem
from auditor.kubernetes.manifests import Document
from auditor.sources.interface import HelmOptions, SourceOptions
from auditor.sources.open import open_sources
from tests.support.chart_repository import ChartRepository, run_chart_repository
from tests.support.charts import (
    POD,
    RENDERERS,
    make_renderer,
    read,
    require_library,
    write_chart,
    write_tree,
)
from tests.support.registry import Registry
from tests.support.tools import put_on_path

RendererName = Literal["embedded", "cli"]
DB_POD = POD.replace("{name}", "db")
WEB_POD = POD.replace("{name}", "web")


@pytest.fixture(params=RENDERERS)
def renderer(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> RendererName:
    make_renderer(request.param)
    require_library()  # it indexes repositories and packs charts
    put_on_path(monkeypatch, tmp_path, "helm")
    name: RendererName = request.param
    return name


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[ChartRepository]:
    with run_chart_repository(tmp_path / "published") as running:
        yield running


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repo"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def make_web(folder: Path, *dependencies: str) -> Path:
    listed = "".join(f"- {item}\n" for item in dependencies)
    return write_chart(folder / "web", {"pod.yaml": WEB_POD}, chart_yaml=f"dependencies:\n{listed}")


def audited(renderer: RendererName, *, update: bool = True) -> tuple[list[Document], list[Problem]]:
    wanted = SourceOptions(HelmOptions(renderer=renderer), dependency_update=update)
    (source,) = open_sources(["web"], wanted)
    return read(source)


def contents(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_from_a_chart_repository(
    repo: Path, tmp_path: Path, repository: ChartRepository, renderer: RendererName
) -> None:
    repository.add(write_chart(tmp_path / "db", {"pod.yaml": DB_POD}), "0.1.0")
    web = make_web(repo, f"{{name: db, version: ~0.1.0, repository: '{repository.url}'}}")
    before = contents(web)

    documents, problems = audited(renderer)

    assert problems == []
    assert [item.path for item in documents] == [
        "web/Chart.yaml",
        "web/templates/pod.yaml",
    ]
    assert contents(web) == before


def test_the_lock_decides_the_version(
    repo: Path, tmp_path: Path, repository: ChartRepository, renderer: RendererName
) -> None:
    import helm_python

    db = write_chart(tmp_path / "db", {"pod.yaml": DB_POD})
    repository.add(db, "0.1.0")
    web = make_web(repo, f"{{name: db, version: ~0.1.0, repository: '{repository.url}'}}")
    helm_python.dependency_update(str(web))
    shutil.rmtree(web / "charts")
    write_tree(db, {"Chart.yaml": "{apiVersion: v2, name: db, version: 0.1.7}"})
    write_tree(db, {"templates/pod.yaml": DB_POD.replace("main:1", "main:7")})
    repository.add(db, "0.1.7")

    documents, problems = audited(renderer)

    assert problems == []
    assert "main:1" in documents[0].text


def test_from_beside_the_chart_and_what_that_depends_on(repo: Path, renderer: RendererName) -> None:
    write_chart(repo / "libs" / "inner", {"pod.yaml": POD.replace("{name}", "inner")})
    write_chart(
        repo / "libs" / "db",
        {"pod.yaml": DB_POD},
        chart_yaml="dependencies: [{name: inner, version: 0.1.0, repository: 'file://../inner'}]\n",
    )
    make_web(repo, "{name: db, version: 0.1.0, repository: 'file://../libs/db', alias: store}")

    documents, problems = audited(renderer)

    assert problems == []
    assert [item.template for item in documents] == [
        "web/charts/store/charts/inner/templates/pod.yaml",
        "web/charts/store/templates/pod.yaml",
        "web/templates/pod.yaml",
    ]
    assert not (repo / "libs" / "db" / "charts").exists()


def test_from_a_registry(
    repo: Path, tmp_path: Path, registry: Registry, renderer: RendererName
) -> None:
    import helm_python

    db = write_chart(tmp_path / "db", {"pod.yaml": DB_POD})
    archive = helm_python.package(str(db), destination=str(tmp_path))
    address = f"oci://{registry.host}/completion-{renderer}"
    with helm_python.RegistryClient(plain_http=True) as client:
        client.push(archive, address, plain_http=True)
    make_web(repo, f"{{name: db, version: 0.1.0, repository: '{address}'}}")

    documents, problems = audited(renderer)

    assert problems == []
    assert documents[0].path == "web/Chart.yaml"


@pytest.mark.parametrize("where", ["file://../../outside", "file:///etc"])
def test_nothing_outside_of_the_repository_is_read(
    repo: Path, tmp_path: Path, where: str, renderer: RendererName
) -> None:
    write_chart(tmp_path / "outside", {"pod.yaml": POD.replace("{name}", "secret")})
    make_web(repo, f"{{name: outside, version: 0.1.0, repository: '{where}'}}")

    documents, problems = audited(renderer)

    assert [item.path for item in documents] == ["web/templates/pod.yaml"]
    assert problems[0] == Problem(
        "dependency outside is outside the repository and was not read",
        where="web",
        why=f"Chart.yaml names {where}",
        hint="move it into the repository, or publish it",
        part="dependency",
    )
    assert "is incomplete" in problems[1].what


def test_charts_that_depend_on_each_other(repo: Path, renderer: RendererName) -> None:
    make_web(repo, "{name: db, version: 0.1.0, repository: 'file://../db'}")
    write_chart(
        repo / "db",
        {"pod.yaml": DB_POD},
        chart_yaml="dependencies: [{name: web, version: 0.1.0, repository: 'file://../web'}]\n",
    )

    _, problems = audited(renderer)

    assert problems[0].what == "web depends on itself"


def test_what_cannot_be_fetched(repo: Path, repository: ChartRepository, renderer: str) -> None:
    make_web(repo, f"{{name: db, version: ~0.1.0, repository: '{repository.url}'}}")

    documents, problems = audited("embedded" if renderer == "embedded" else "cli")

    assert [item.path for item in documents] == ["web/templates/pod.yaml"]
    assert [problem.what for problem in problems] == [
        "the dependencies of chart web could not be fetched",
        "chart web is incomplete: dependencies are not in its charts/",
    ]
    assert "db" in problems[0].why or "index" in problems[0].why
    assert "--dependency-update" not in problems[1].hint


def test_nobody_is_asked_unless_the_user_wants_it(
    repo: Path, tmp_path: Path, repository: ChartRepository, renderer: RendererName
) -> None:
    repository.add(write_chart(tmp_path / "db", {"pod.yaml": DB_POD}), "0.1.0")
    make_web(repo, f"{{name: db, version: ~0.1.0, repository: '{repository.url}'}}")

    _, problems = audited(renderer, update=False)

    assert "is incomplete" in problems[0].what
    assert repository.requests == []


def test_nobody_is_asked_for_a_chart_that_is_complete(
    repo: Path, repository: ChartRepository, renderer: RendererName
) -> None:
    web = make_web(repo, f"{{name: db, version: ~0.1.0, repository: '{repository.url}'}}")
    write_chart(web / "charts" / "db", {"pod.yaml": DB_POD})

    documents, problems = audited(renderer)

    assert (len(documents), problems) == (2, [])
    assert repository.requests == []


def test_variants_share_what_was_fetched(
    repo: Path, tmp_path: Path, repository: ChartRepository, renderer: RendererName
) -> None:
    repository.add(write_chart(tmp_path / "db", {"pod.yaml": DB_POD}), "0.1.0")
    web = make_web(repo, f"{{name: db, version: ~0.1.0, repository: '{repository.url}'}}")
    write_tree(web, {"ci/a-values.yaml": "a: 1\n", "ci/b-values.yaml": "a: 2\n"})

    documents, problems = audited(renderer)

    assert (len(documents), problems) == (6, [])
    assert sum(path.endswith(".tgz") for path in repository.requests) == 1
