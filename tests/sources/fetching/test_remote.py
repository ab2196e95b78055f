"""Charts elsewhere: how they are named, and pulled from a real registry and chart repository."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from auditor.errors import Problem
from auditor.kubernetes.manifests import Document
from auditor.sources.fetching.fetch import Pull, Repository
from auditor.sources.fetching.remote import RemoteChart, parse_remote
from auditor.sources.interface import HelmOptions, SourceOptions
from auditor.sources.open import open_sources
from tests.support.chart_repository import ChartRepository, run_chart_repository
from tests.support.charts import POD, RENDERERS, make_renderer, read, require_library, write_chart
from tests.support.registry import Registry
from tests.support.tools import put_on_path

STABLE = Repository("stable", "https://charts.test/stable/", "me", "secret")
WEB = POD.replace("{name}", "web")


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (
            "oci://r.test/a/web:1.2",
            RemoteChart("oci://r.test/a/web", Pull("oci://r.test/a/web", "1.2")),
        ),
        ("oci://r.test:50/web", RemoteChart("oci://r.test:50/web", Pull("oci://r.test:50/web"))),
        (
            "oci://reg.test/web:1.2.3@sha256:ab",
            RemoteChart("oci://reg.test/web", Pull("oci://reg.test/web@sha256:ab", "1.2.3")),
        ),
        (
            "https://charts.test/stable/web@1.2.3",
            RemoteChart(
                "https://charts.test/stable/web",
                Pull("web", "1.2.3", Repository(url="https://charts.test/stable")),
            ),
        ),
        (
            "https://me:pw@charts.test/web",
            RemoteChart(
                "https://charts.test/web",
                Pull("web", "", Repository("", "https://charts.test", "me", "pw")),
            ),
        ),
        (
            "https://me:pw@charts.test/web-1.2.3.tgz?token=x",
            RemoteChart(
                "https://charts.test/web-1.2.3.tgz",
                Pull("https://me:pw@charts.test/web-1.2.3.tgz?token=x"),
            ),
        ),
        ("stable/web@1", RemoteChart("https://charts.test/stable/web", Pull("web", "1", STABLE))),
        ("stable/web", RemoteChart("https://charts.test/stable/web", Pull("web", "", STABLE))),
        ("other/web", None),
        ("stable", None),
        ("stable/a/b", None),
        ("ftp://charts.test/web", None),
        ("-", None),
    ],
)
def test_names(argument: str, expected: RemoteChart | None) -> None:
    assert parse_remote(argument, [STABLE]) == expected


@pytest.mark.parametrize(
    ("argument", "pinned"),
    [
        ("oci://r.test/web:1.2.3", True),
        ("oci://r.test/web:v1.2.3-rc.1+b", True),
        ("oci://r.test/web@sha256:ab", True),
        ("oci://r.test/web:1.2", False),
        ("oci://r.test/web:latest", False),
        ("oci://r.test/web", False),
        ("https://r.test/web@>=1.2.3", False),
        ("https://r.test/web-1.2.3.tgz", False),
    ],
)
def test_what_names_one_chart_for_ever(argument: str, pinned: bool) -> None:
    chart = parse_remote(argument)

    assert chart is not None
    assert chart.is_pinned is pinned


@pytest.fixture(params=RENDERERS)
def options(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SourceOptions:
    make_renderer(request.param)
    require_library()
    put_on_path(monkeypatch, tmp_path, "helm")
    monkeypatch.chdir(tmp_path)
    name: Literal["embedded", "cli"] = request.param
    return SourceOptions(HelmOptions(renderer=name), cache=tmp_path / "cache")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[ChartRepository]:
    with run_chart_repository(tmp_path / "published") as running:
        yield running


def make_web(tmp_path: Path) -> Path:
    return write_chart(tmp_path / "web", {"pod.yaml": WEB})


def audited(argument: str, options: SourceOptions) -> tuple[list[Document], list[Problem]]:
    (source,) = open_sources([argument], options)
    return read(source)


def archives(options: SourceOptions) -> list[str]:
    assert options.cache is not None
    return [path.name for path in options.cache.rglob("*.tgz")]


def test_from_a_registry(registry: Registry, tmp_path: Path, options: SourceOptions) -> None:
    import helm_python

    archive = helm_python.package(str(make_web(tmp_path)), destination=str(tmp_path))
    address = f"oci://{registry.host}/remote-{options.helm.renderer}"
    with helm_python.RegistryClient(plain_http=True) as client:
        client.push(archive, address, plain_http=True)

    documents, problems = audited(f"{address}/web:0.1.0", options)

    assert problems == []
    assert [(item.path, item.chart, item.identity) for item in documents] == [
        (f"{address}/web/templates/pod.yaml", f"{address}/web", "")
    ]


@pytest.mark.parametrize("version", ["@0.1.0", "@~0.1", ""])
def test_from_a_chart_repository(
    repository: ChartRepository, tmp_path: Path, options: SourceOptions, version: str
) -> None:
    repository.add(make_web(tmp_path), "0.1.0")

    documents, problems = audited(f"{repository.url}/web{version}", options)

    assert problems == []
    assert [item.path for item in documents] == [f"{repository.url}/web/templates/pod.yaml"]


def test_nothing_is_pulled_before_it_is_read(
    repository: ChartRepository, tmp_path: Path, options: SourceOptions
) -> None:
    repository.add(make_web(tmp_path), "0.1.0")

    sources = open_sources([f"{repository.url}/web"] * 2, options)

    assert len(sources) == 1
    assert repository.requests == []
    assert len(read(sources[0])[0]) == 1


def test_from_an_address(
    repository: ChartRepository, tmp_path: Path, options: SourceOptions
) -> None:
    repository.add(make_web(tmp_path), "0.1.0")

    documents, problems = audited(f"{repository.url}/web-0.1.0.tgz", options)

    assert problems == []
    assert [item.path for item in documents] == [
        f"{repository.url}/web-0.1.0.tgz/templates/pod.yaml"
    ]


def test_from_a_repository_that_was_added_to_helm(
    repository: ChartRepository,
    tmp_path: Path,
    options: SourceOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository.add(make_web(tmp_path), "0.1.0")
    added = tmp_path / "repositories.yaml"
    added.write_text(f"repositories: [{{name: mine, url: '{repository.url}'}}]\n")
    monkeypatch.setenv("HELM_REPOSITORY_CONFIG", str(added))

    documents, problems = audited("mine/web", options)

    assert problems == []
    assert [item.chart for item in documents] == [f"{repository.url}/web"]


def test_what_lies_here_comes_first(
    tmp_path: Path, options: SourceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_chart(tmp_path / "mine" / "web", {"pod.yaml": WEB})
    added = tmp_path / "repositories.yaml"
    added.write_text("repositories: [{name: mine, url: 'http://127.0.0.1:9'}]\n")
    monkeypatch.setenv("HELM_REPOSITORY_CONFIG", str(added))

    documents, problems = audited("mine/web", options)

    assert (len(documents), problems) == (1, [])


def test_a_pinned_chart_is_pulled_once_and_kept_by_its_digest(
    repository: ChartRepository, tmp_path: Path, options: SourceOptions
) -> None:
    import hashlib

    archive = repository.add(make_web(tmp_path), "0.1.0")
    audited(f"{repository.url}/web@0.1.0", options)
    asked = len(repository.requests)

    documents, problems = audited(f"{repository.url}/web@0.1.0", options)

    assert (len(documents), problems) == (1, [])
    assert len(repository.requests) == asked
    assert archives(options) == [f"{hashlib.sha256(archive.read_bytes()).hexdigest()}.tgz"]


def test_what_was_changed_in_the_cache_is_pulled_again(
    repository: ChartRepository, tmp_path: Path, options: SourceOptions
) -> None:
    repository.add(make_web(tmp_path), "0.1.0")
    audited(f"{repository.url}/web@0.1.0", options)
    assert options.cache is not None
    for path in options.cache.rglob("*.tgz"):
        path.write_bytes(b"changed")

    documents, problems = audited(f"{repository.url}/web@0.1.0", options)

    assert (len(documents), problems) == (1, [])


def test_a_newer_chart_is_seen_where_no_version_is_named(
    repository: ChartRepository, tmp_path: Path, options: SourceOptions
) -> None:
    web = make_web(tmp_path)
    repository.add(web, "0.1.0")
    audited(f"{repository.url}/web", options)
    (web / "Chart.yaml").write_text("{apiVersion: v2, name: web, version: 0.2.0}")
    (web / "templates" / "pod.yaml").write_text(WEB.replace("main:1", "main:2"))
    repository.add(web, "0.2.0")

    documents, _ = audited(f"{repository.url}/web", options)

    assert "main:2" in documents[0].text
    assert len(archives(options)) == 1


def test_offline_the_cache_alone_is_used(
    repository: ChartRepository, tmp_path: Path, options: SourceOptions
) -> None:
    repository.add(make_web(tmp_path), "0.1.0")
    offline = replace(options, offline=True)

    _, [problem] = audited(f"{repository.url}/web", offline)
    assert problem.what == f"chart {repository.url}/web is not in the cache"
    assert repository.requests == []
    audited(f"{repository.url}/web", options)
    asked = len(repository.requests)
    documents, problems = audited(f"{repository.url}/web", offline)

    assert (len(documents), problems) == (1, [])
    assert len(repository.requests) == asked


def test_one_that_is_not_there(
    repository: ChartRepository, tmp_path: Path, options: SourceOptions
) -> None:
    repository.add(make_web(tmp_path), "0.1.0")

    documents, [problem] = audited(f"{repository.url}/web@9.9.9", options)

    assert documents == []
    assert problem.what == f"chart {repository.url}/web cannot be pulled"
    assert "9.9.9" in problem.why
    assert archives(options) == []


def test_no_login_is_ever_shown(
    repository: ChartRepository, tmp_path: Path, options: SourceOptions
) -> None:
    address = repository.url.replace("http://", "http://me:s3cret@")

    for argument in (f"{address}/gone", f"{address}/gone-1.0.0.tgz"):
        documents, [problem] = audited(argument, options)
        assert documents == []
        assert "s3cret" not in repr(problem)


def test_what_is_no_chart(
    repository: ChartRepository, tmp_path: Path, options: SourceOptions
) -> None:
    (repository.folder / "bad-1.0.0.tgz").write_bytes(b"nothing")

    documents, [problem] = audited(f"{repository.url}/bad-1.0.0.tgz", options)

    assert documents == []
    assert "bad-1.0.0.tgz" in problem.what
