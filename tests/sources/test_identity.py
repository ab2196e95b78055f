"""A document has the same name in every run, and so has what is found in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.audit.audit import Auditor
from auditor.checks.rulebook import load_builtin_rules
from auditor.kubernetes.manifests import Document
from auditor.sources.interface import HelmOptions, SourceOptions
from tests.support.charts import open_source
from tests.support.reports import HYBRID, IMAGES, FakeInspector, workload

NAMED: dict[str, Callable[[Path], str]] = {
    "dot": lambda _: ".",
    "relative": lambda _: "./charts/shop",
    "absolute": lambda root: str(root / "charts" / "shop"),
    "parent": lambda _: "charts/../charts/shop/",
    "a file of it": lambda _: "charts/shop/values.yaml",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a chart and a manifest."""
    repository = tmp_path / "repo"
    chart = repository / "charts" / "shop"
    (chart / "templates").mkdir(parents=True)
    (repository / ".git").mkdir()
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: store\nversion: 1.0.0\n")
    (chart / "values.yaml").touch()
    (chart / "templates" / "web.yaml").write_text(workload("{{ .Release.Name }}-web"))
    (repository / "deploy").mkdir()
    (repository / "deploy" / "api.yaml").write_text(workload("api"))
    monkeypatch.chdir(repository)
    return repository


def documents(source: str) -> list[Document]:
    return [item for item in open_source(source).documents() if isinstance(item, Document)]


def fingerprints(source: str, *, release: str = "release-name") -> dict[tuple[str, str], str]:
    """Fingerprint of each finding, by its document and template."""
    options = SourceOptions(HelmOptions(release_name=release))
    auditor = Auditor(FakeInspector(IMAGES), (HYBRID,), load_builtin_rules())
    report = auditor.audit([open_source(source, options)])
    assert report.problems == ()
    documents = [finding.observation.workload.document for finding in report.findings]
    keys = [(document.stable_path, document.template) for document in documents]
    return dict(zip(keys, (finding.fingerprint for finding in report.findings), strict=True))


@pytest.mark.parametrize("name", NAMED)
def test_a_chart_however_it_is_named(root: Path, name: str) -> None:
    found = {item.identity: item.home for item in documents(NAMED[name](root))}

    assert found["charts/shop/templates/web.yaml"] == str(root)


@pytest.mark.parametrize(
    ("folder", "source"), [("deploy", "."), ("deploy", "api.yaml"), (".", ".")]
)
def test_a_manifest_from_wherever_podfit_runs(
    root: Path, monkeypatch: pytest.MonkeyPatch, folder: str, source: str
) -> None:
    monkeypatch.chdir(root / folder)

    assert "deploy/api.yaml" in {item.identity for item in documents(source)}


@pytest.mark.parametrize("name", NAMED)
def test_findings_however_the_chart_is_named(root: Path, name: str) -> None:
    key = ("charts/shop/templates/web.yaml", "store/templates/web.yaml")

    assert fingerprints(NAMED[name](root))[key] == fingerprints("charts/shop")[key]


def test_findings_whatever_the_release_is_called(root: Path) -> None:
    assert fingerprints("charts", release="blue") == fingerprints("charts", release="green")


def test_findings_differ_from_file_to_file(root: Path) -> None:
    found = fingerprints(".")

    assert {path for path, _ in found} == {"charts/shop/templates/web.yaml", "deploy/api.yaml"}
    assert len(set(found.values())) == 2


def test_outside_of_repositories_a_chart_names_itself(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / ".git").rmdir()
    monkeypatch.chdir(tmp_path)
    names = {item.identity for item in documents("repo")}

    assert names == {"shop/templates/web.yaml", "api.yaml"}


def test_two_aliases_of_a_subchart_are_two_documents(root: Path) -> None:
    chart = root / "charts" / "shop"
    (chart / "charts" / "db" / "templates").mkdir(parents=True)
    (chart / "charts" / "db" / "Chart.yaml").write_text(
        "apiVersion: v2\nname: db\nversion: 1.0.0\n"
    )
    (chart / "charts" / "db" / "templates" / "db.yaml").write_text(workload("db"))
    (chart / "Chart.yaml").write_text(
        "apiVersion: v2\nname: store\nversion: 1.0.0\ndependencies:\n"
        "  - {name: db, version: 1.0.0, alias: orders}\n"
        "  - {name: db, version: 1.0.0, alias: users}\n"
    )

    path = "charts/shop/charts/db/templates/db.yaml"
    assert [item.identity for item in documents("charts/shop")].count(path) == 2
    assert len(set(fingerprints("charts/shop").values())) == 3


def test_a_stream_has_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    from auditor.sources.interface import Identifier

    document = Identifier()(Document("<stdin>", "", "-"))

    assert isinstance(document, Document)
    assert (document.home, document.stable_path) == ("", "<stdin>")
