"""Charts that objects install, found in the repository and elsewhere, with the values they get."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.errors import Problem
from auditor.kubernetes.manifests import Document
from auditor.sources.interface import SourceOptions
from auditor.sources.open import OpenedSource, open_sources
from tests.support.chart_repository import ChartRepository, run_chart_repository
from tests.support.charts import POD, read, require_library, write_chart, write_tree

TEMPLATE = POD.replace("{name}", "{{ .Release.Name }}-{{ .Values.mode }}")
ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}}}
spec:
  destination: {{namespace: prod}}
  source: {source}
"""


@pytest.fixture(autouse=True)
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    require_library()
    folder = tmp_path / "repo"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    write_chart(folder / "charts" / "shop", {"pod.yaml": TEMPLATE}, values="mode: plain\n")
    write_tree(folder, {"charts/shop/prod.yaml": "mode: file\n", "envs/prod.yaml": "mode: env\n"})
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[ChartRepository]:
    with run_chart_repository(tmp_path / "published") as running:
        yield running


def opened(repo: Path, *, follow: bool = True) -> OpenedSource:
    options = SourceOptions(follow=follow, cache=repo.parent / "cache")
    (source,) = open_sources(["apps"], options)
    assert isinstance(source, OpenedSource)
    return source


def followed(repo: Path) -> tuple[list[Document], list[Problem]]:
    documents, problems = read(opened(repo))
    return [item for item in documents if item.chart], problems


def write_app(repo: Path, source: str, name: str = "eu") -> None:
    write_tree(repo, {f"apps/{name}.yaml": ARGO.format(name=name, source=source)})


def test_a_chart_of_the_repository(repo: Path) -> None:
    write_app(repo, "{repoURL: x, path: charts/shop, helm: {values: 'mode: own'}}")

    [document], problems = followed(repo)

    assert problems == []
    assert (document.path, document.variant, document.namespace) == (
        "charts/shop/templates/pod.yaml",
        "Application/eu",
        "prod",
    )
    assert "name: eu-own\n" in document.text


@pytest.mark.parametrize(("file", "mode"), [("prod.yaml", "file"), ("../../envs/prod.yaml", "env")])
def test_values_files_of_the_repository(repo: Path, file: str, mode: str) -> None:
    write_app(repo, f"{{repoURL: x, path: charts/shop, helm: {{valueFiles: ['{file}']}}}}")

    [document], _ = followed(repo)

    assert f"name: eu-{mode}\n" in document.text


@pytest.mark.parametrize("path", ["../outside", "charts/gone", "/etc"])
def test_nothing_outside_of_the_repository_is_read(repo: Path, path: str) -> None:
    write_chart(repo.parent / "outside", {"pod.yaml": TEMPLATE})
    write_app(repo, f"{{repoURL: x, path: '{path}'}}")

    documents, [problem] = followed(repo)

    assert documents == []
    assert problem == Problem(
        "Application/eu was not followed to its chart",
        where="apps/eu.yaml:1:1",
        why=f"the repository has no chart {path}",
        hint="audit the chart itself, with its values",
        part="release",
    )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (r"""{repoURL: x, path: "a\0b"}""", "the repository has no chart a\0b"),
        (
            r"""{repoURL: x, path: charts/shop, helm: {valueFiles: ["a\0b"]}}""",
            "the repository has no values file a\0b",
        ),
    ],
)
def test_what_is_no_path(repo: Path, source: str, why: str) -> None:
    write_app(repo, source)

    _, [problem] = followed(repo)

    assert problem.why == why


def clone(repo: Path, url: str) -> None:
    write_tree(repo / ".git", {"config": f'[remote "origin"]\n\turl = {url}\n'})


def test_a_folder_of_another_repository_is_not_taken_from_this_one(repo: Path) -> None:
    clone(repo, "https://me:s3cret@git.test/acme/shop.git")
    write_app(repo, "{repoURL: 'git@git.test:acme/other.git', path: charts/shop}")

    documents, [problem] = followed(repo)

    assert documents == []
    assert problem == Problem(
        "Application/eu was not followed to its chart",
        where="apps/eu.yaml:1:1",
        why="its source is git.test/acme/other, but this is a clone of git.test/acme/shop",
        hint="audit the chart itself, with its values",
        part="release",
    )


def test_a_folder_of_this_repository_however_its_address_is_written(repo: Path) -> None:
    clone(repo, "git@git.test:acme/shop")
    write_app(repo, "{repoURL: 'https://git.test/Acme/shop.git', path: charts/shop}")

    documents, problems = followed(repo)

    assert (len(documents), problems) == (1, [])


def test_dependencies_of_charts_that_are_followed_are_fetched(
    repo: Path, repository: ChartRepository, tmp_path: Path
) -> None:
    repository.add(
        write_chart(tmp_path / "db", {"pod.yaml": TEMPLATE}, values="mode: db\n"), "1.0.0"
    )
    declared = f"dependencies: [{{name: db, version: 0.1.0, repository: '{repository.url}'}}]\n"
    write_chart(repo / "charts" / "shop", {"pod.yaml": TEMPLATE}, chart_yaml=declared)
    write_app(repo, "{repoURL: x, path: charts/shop}")
    options = SourceOptions(follow=True, cache=tmp_path / "cache", dependency_update=True)

    documents, problems = read(open_sources(["apps"], options)[0])

    assert problems == []
    assert sum(item.chart == "charts/shop" for item in documents) == 2


def test_no_values_file_outside_of_the_repository_is_read(repo: Path) -> None:
    (repo.parent / "secret.yaml").write_text("mode: secret\n")
    write_app(repo, "{repoURL: x, path: charts/shop, helm: {valueFiles: ['../../../secret.yaml']}}")

    documents, [problem] = followed(repo)

    assert documents == []
    assert problem.why == "the repository has no values file ../../../secret.yaml"


def test_a_chart_elsewhere_with_a_values_file_of_its_own(
    repo: Path, repository: ChartRepository
) -> None:
    repository.add(repo / "charts" / "shop", "0.1.0")
    write_app(
        repo,
        f"{{repoURL: '{repository.url}', chart: shop, targetRevision: 0.1.0, "
        "helm: {valueFiles: [prod.yaml]}}",
    )

    [document], problems = followed(repo)

    assert problems == []
    assert document.path == f"{repository.url}/shop/templates/pod.yaml"
    assert "name: eu-file\n" in document.text


def test_charts_that_install_charts(repo: Path) -> None:
    app = ARGO.format(name="inner", source="{repoURL: x, path: charts/shop}")
    write_chart(repo / "charts" / "apps", {"app.yaml": app})
    write_app(repo, "{repoURL: x, path: charts/apps}")

    documents, problems = followed(repo)

    assert problems == []
    assert [item.variant for item in documents] == ["Application/eu", "Application/inner"]


def test_without_follow_they_are_told(repo: Path) -> None:
    write_app(repo, "{repoURL: x, path: charts/shop}")
    source = opened(repo, follow=False)

    documents, problems = read(source)

    assert ([item.path for item in documents], problems) == (["apps/eu.yaml"], [])
    [notice] = source.notices
    assert notice == (
        "1 object installs a chart that podfit did not follow: Application/eu "
        "(apps/eu.yaml:1:1); --follow audits them"
    )


def test_a_source_can_be_read_twice(repo: Path) -> None:
    write_app(repo, "{repoURL: x, path: charts/shop}")
    source = opened(repo)

    assert read(source) == read(source)
    assert source.notices == ()


def test_the_reason_and_the_way_out_are_those_of_the_chart(repo: Path) -> None:
    write_app(repo, "{repoURL: registry.example/charts, chart: web, targetRevision: 1.0.0}")
    (source,) = open_sources(
        ["apps"], SourceOptions(follow=True, offline=True, cache=repo.parent / "cache")
    )

    _, [problem] = read(source)

    assert problem.why == "chart oci://registry.example/charts/web is not in the cache"
    assert problem.hint == "run once without --offline to pull it"


def test_an_application_of_manifests(repo: Path) -> None:
    """They are audited where they are."""
    write_app(repo, "{repoURL: x, path: plain}")
    write_tree(repo, {"plain/pod.yaml": POD.replace("{name}", "web")})
    options = SourceOptions(follow=True)

    _, [problem] = read(open_sources(["apps"], options)[0])
    both = [read(source) for source in open_sources(["apps", "plain"], options)]

    assert problem.why == "plain contains manifests and is not among the audited sources"
    assert problem.hint == "add it as a SOURCE"
    assert [problems for _, problems in both] == [[], []]
    assert [item.path for item in both[1][0]] == ["plain/pod.yaml"]


def test_values_for_manifests(repo: Path) -> None:
    write_app(repo, "{repoURL: x, path: plain, helm: {values: 'a: 1'}}")
    write_tree(repo, {"plain/pod.yaml": POD.replace("{name}", "web")})

    _, [problem] = followed(repo)

    assert problem.why == "the repository has no chart plain"
