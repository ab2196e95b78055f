"""Charts that objects install: their values go into the objects, not into a file of the chart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.audit.audit import Auditor
from auditor.audit.report import Report
from auditor.checks.findings import Remedy
from auditor.checks.rulebook import load_builtin_rules
from auditor.fixes.finder import RemedyFinder, RenderedSource
from auditor.sources.interface import SourceOptions
from auditor.sources.open import OpenedSource, open_sources
from tests.support.chart_repository import ChartRepository, run_chart_repository
from tests.support.charts import require_library, write_chart, write_tree
from tests.support.remedies import KNOBS, fixes, of
from tests.support.reports import HYBRID, IMAGES, FakeInspector

ROOT = (KNOBS / "root-selector" / "templates" / "deployment.yaml").read_text(encoding="utf-8")
LINUX = "nodeSelector: {kubernetes.io/os: linux}"
ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
spec:
  source:
    repoURL: https://git.example/shop.git
    path: charts/shop
    helm: {helm}
"""


@pytest.fixture(autouse=True)
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    require_library()
    folder = tmp_path / "repo"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    write_chart(folder / "charts" / "shop", {"web.yaml": ROOT}, values="nodeSelector: {}\n")
    return folder


@pytest.fixture
def repository(tmp_path: Path, repo: Path) -> Iterator[ChartRepository]:
    with run_chart_repository(tmp_path / "published") as running:
        running.add(repo / "charts" / "shop", "0.1.0")
        yield running


def audit(repo: Path, *sources: str) -> Report:
    options = SourceOptions(follow=True, cache=repo.parent / "cache")
    opened = open_sources(sources or ["apps"], options)
    rules = tuple(rule for rule in load_builtin_rules() if not rule.pedantic)

    def charts() -> Iterator[RenderedSource]:
        for source in opened:
            assert isinstance(source, OpenedSource)
            yield from source.charts

    finder = RemedyFinder(charts)
    return Auditor(FakeInspector(IMAGES), (HYBRID,), rules, remedies=finder).audit(opened)


def remedies(report: Report) -> tuple[Remedy, ...]:
    [finding] = of(report, "missing-os-selector")
    return finding.observation.remedies


def write_app(repo: Path, name: str, helm: str = "{}") -> None:
    write_tree(repo, {f"apps/{name}.yaml": ARGO.format(name=name, helm=helm)})


@pytest.mark.parametrize(
    ("helm", "place", "line"),
    [
        ("{}", "spec.source.helm.valuesObject", 9),
        ("{values: 'a: 1'}", "spec.source.helm.values", 9),
        ("\n      valuesObject:\n        a: 1", "spec.source.helm.valuesObject", 10),
    ],
)
def test_an_application(repo: Path, helm: str, place: str, line: int) -> None:
    write_app(repo, "eu", helm)

    report = audit(repo)

    assert fixes(report) == {"Deployment/web": f"values in {place} of Application/eu: {LINUX}"}
    [remedy] = remedies(report)
    assert (remedy.where, remedy.verified) == (f"apps/eu.yaml:{line}", True)
    text = f"# for {place} of Application/eu\nnodeSelector:\n  kubernetes.io/os: linux\n"
    assert remedy.text == text
    assert [overlay.text for overlay in report.overlays] == [text]


def test_the_value_resolves_the_finding_where_it_is_said_to_go(repo: Path) -> None:
    write_app(repo, "eu", f"{{valuesObject: {{{LINUX}}}}}")

    report = audit(repo)

    assert (report.findings, report.overlays) == ((), ())
    assert len(report.assessments) == 1


def test_one_of_several_sources(repo: Path) -> None:
    text = ARGO.format(name="eu", helm="{}").replace(
        "  source:\n    repoURL", "  sources:\n  - {repoURL: x, ref: values}\n  - repoURL"
    )
    write_tree(repo, {"apps/eu.yaml": text})

    [fix] = fixes(audit(repo)).values()

    assert fix == f"values in spec.sources[1].helm.valuesObject of Application/eu: {LINUX}"


def test_an_application_set_has_one_place_for_all(repo: Path) -> None:
    write_tree(
        repo,
        {
            "apps/set.yaml": """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: shops}
spec:
  generators: [{list: {elements: [{name: a}, {name: b}]}}]
  template:
    metadata: {name: "shop-{{name}}"}
    spec:
      source: {repoURL: "https://git.example/shop.git", path: charts/shop}
"""
        },
    )

    report = audit(repo)

    [fix] = fixes(report).values()
    place = "spec.template.spec.source.helm.valuesObject of ApplicationSet/shops"
    assert fix == f"values in {place}: {LINUX}"
    assert {item.where for item in remedies(report)} == {"apps/set.yaml:9"}


def test_a_helm_release(repo: Path) -> None:
    write_tree(
        repo,
        {
            "apps/release.yaml": """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: shop}
spec: {url: "https://git.example/shop.git"}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: shop}
spec:
  chart: {spec: {chart: charts/shop, sourceRef: {kind: GitRepository, name: shop}}}
  values:
    replicas: 2
"""
        },
    )

    report = audit(repo)

    assert fixes(report) == {
        "Deployment/web": f"values in spec.values of HelmRelease/shop: {LINUX}"
    }
    [remedy] = remedies(report)
    assert remedy.where == "apps/release.yaml:11"


K3S = """\
apiVersion: helm.cattle.io/v1
kind: HelmChart
metadata: {{name: shop}}
spec: {{chart: shop, repo: "{url}", version: 0.1.0}}
"""
CONFIG = """\
---
apiVersion: helm.cattle.io/v1
kind: HelmChartConfig
metadata: {name: shop}
spec:
  valuesContent: |
    replicas: 2
"""


@pytest.mark.parametrize(
    ("config", "holder", "line"), [("", "HelmChart", 4), (CONFIG, "HelmChartConfig", 10)]
)
def test_a_helm_chart_of_k3s(
    repo: Path, repository: ChartRepository, config: str, holder: str, line: int
) -> None:
    write_tree(repo, {"apps/chart.yaml": K3S.format(url=repository.url) + config})

    report = audit(repo)

    assert fixes(report) == {
        "Deployment/web": f"values in spec.valuesContent of {holder}/shop: {LINUX}"
    }
    [remedy] = remedies(report)
    assert (remedy.where, remedy.verified) == (f"apps/chart.yaml:{line}", True)


def test_the_same_finding_of_two_releases_names_both_places(repo: Path) -> None:
    write_app(repo, "eu")
    write_app(repo, "us", "{values: 'a: 1'}")

    report = audit(repo)

    [finding] = of(report, "missing-os-selector")
    assert finding.variants == ("Application/eu", "Application/us")
    assert finding.observation.fix == (
        "values in spec.source.helm.valuesObject of Application/eu and "
        f"spec.source.helm.values of Application/us: {LINUX}"
    )
    assert [item.where for item in remedies(report)] == ["apps/eu.yaml:9", "apps/us.yaml:9"]
    assert [(item.variant, item.resolved) for item in report.overlays] == [
        ("Application/eu", 1),
        ("Application/us", 1),
    ]


def test_what_a_release_keeps_is_its_own(repo: Path) -> None:
    """Each has values of its own, so the value that keeps them is another for each."""
    write_app(repo, "eu", "{valuesObject: {nodeSelector: {kubernetes.io/arch: amd64}}}")
    write_app(repo, "us")

    report = audit(repo)

    [finding] = of(report, "missing-os-selector")
    assert finding.observation.fix == (
        "values in spec.source.helm.valuesObject of Application/eu: "
        "nodeSelector: {kubernetes.io/arch: amd64, kubernetes.io/os: linux}; "
        f"values in spec.source.helm.valuesObject of Application/us: {LINUX}"
    )


def test_a_chart_that_is_audited_itself_has_values_of_the_user_too(repo: Path) -> None:
    write_app(repo, "eu")

    report = audit(repo, "charts/shop", "apps")

    [finding] = of(report, "missing-os-selector")
    assert finding.observation.fix == f"values: {LINUX}"
    assert [item.where for item in remedies(report)] == [
        "charts/shop/values.yaml:1",
        "apps/eu.yaml:9",
    ]


def test_a_chart_is_compared_with_itself_and_not_with_a_release_of_it(repo: Path) -> None:
    """What only the release selects is none of the entries that are to be kept."""
    write_app(repo, "eu", "{valuesObject: {nodeSelector: {kubernetes.io/arch: amd64}}}")

    own, released = audit(repo, "charts/shop", "apps").overlays

    assert own.text == "nodeSelector:\n  kubernetes.io/os: linux\n"
    assert released.text.endswith(
        "nodeSelector:\n  kubernetes.io/arch: amd64\n  kubernetes.io/os: linux\n"
    )


def test_what_no_value_reaches_is_told_once(repo: Path) -> None:
    template = (KNOBS / "no-knob" / "templates" / "all.yaml").read_text(encoding="utf-8")
    write_tree(repo, {"charts/shop/templates/web.yaml": template})
    write_app(repo, "eu")
    write_app(repo, "us")

    report = audit(repo)

    [finding] = of(report, "selector-not-configurable")
    assert str(finding.observation.workload) == "Job/migrate"
    assert finding.variants == ("Application/eu", "Application/us")
