"""Kustomizations: a patch for the kustomization itself, tried by building it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.audit.audit import Auditor
from auditor.audit.report import Report
from auditor.checks.findings import Remedy, RemedyKind
from auditor.checks.rulebook import load_builtin_rules
from auditor.errors import Problem
from auditor.fixes.finder import RemedyFinder
from auditor.kubernetes.manifests import Document
from auditor.sources.kustomize import KustomizationSource
from auditor.sources.open import OpenedSource
from tests.support.charts import write_tree
from tests.support.remedies import of
from tests.support.reports import HYBRID, IMAGES, FakeInspector, joined, workload
from tests.support.tools import require_kustomize

BASE = {"base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": workload("web")}


@pytest.fixture(autouse=True)
def _repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_kustomize(monkeypatch, tmp_path)
    monkeypatch.chdir(tmp_path)


def audit(folder: str) -> Report:
    source = KustomizationSource(Path(folder), folder)
    rules = tuple(rule for rule in load_builtin_rules() if not rule.pedantic)
    finder = RemedyFinder(lambda: (source,))
    return Auditor(FakeInspector(IMAGES), (HYBRID,), rules, remedies=finder).audit(
        [OpenedSource(folder, (source,))]
    )


def remedies(folder: str) -> list[Remedy]:
    report = audit(folder)
    assert report.problems == ()
    return [
        remedy
        for finding in of(report, "missing-os-selector")
        for remedy in finding.observation.remedies
    ]


def test_the_patch_of_a_kustomization(tmp_path: Path) -> None:
    write_tree(tmp_path, BASE)

    [remedy] = remedies("base")

    assert remedy == Remedy(
        RemedyKind.KUSTOMIZE,
        "patches:\n"
        "  - target:\n"
        "      group: apps\n"
        "      version: v1\n"
        "      kind: Deployment\n"
        "      name: web\n"
        "    patch: |\n"
        "      apiVersion: apps/v1\n"
        "      kind: Deployment\n"
        "      metadata:\n"
        "        name: web\n"
        "      spec:\n"
        "        template:\n"
        "          spec:\n"
        "            nodeSelector:\n"
        "              kubernetes.io/os: linux\n",
        where="base/kustomization.yaml:1",
        verified=True,
    )


def test_it_belongs_to_the_patches_that_are_there(tmp_path: Path) -> None:
    patches = (
        "patches:\n  - target: {kind: Service}\n    patch: |\n"
        "      - {op: add, path: /metadata/labels, value: {a: b}}\n"
    )
    write_tree(tmp_path, {**BASE, "base/kustomization.yaml": f"resources: [web.yaml]\n{patches}"})

    [remedy] = remedies("base")

    assert remedy.where == "base/kustomization.yaml:2"


OVERLAYS = {
    "a prefix": "namePrefix: prod-\n",
    "a suffix and a namespace": "nameSuffix: -eu\nnamespace: shop\n",
    "labels": "labels: [{pairs: {a: b}, includeTemplates: true}]\n",
}


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize("prefix", ["", "namePrefix: inner-\n"])
def test_written_into_the_kustomization_it_resolves_the_finding(
    name: str, prefix: str, tmp_path: Path
) -> None:
    files = {**BASE, "base/kustomization.yaml": BASE["base/kustomization.yaml"] + prefix}
    file = "resources: [../base]\n" + OVERLAYS[name]
    write_tree(tmp_path, {**files, "prod/kustomization.yaml": file})

    [remedy] = remedies("prod")
    write_tree(tmp_path, {"prod/kustomization.yaml": file + remedy.text})

    assert remedy.verified
    assert (audit("prod").findings, audit("prod").problems) == ((), ())


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The patches of each build."""
    found: list[str] = []
    build = KustomizationSource.documents

    def noted(source: KustomizationSource) -> Iterator[Document | Problem]:
        found.append(source.patches)
        return build(source)

    monkeypatch.setattr(KustomizationSource, "documents", noted)
    return found


def test_several_workloads_are_tried_in_one_build(tmp_path: Path, builds: list[str]) -> None:
    texts = joined(*(workload(f"web-{number}") for number in range(3)))
    write_tree(tmp_path, {**BASE, "base/web.yaml": texts})

    found = remedies("base")

    assert [item.verified for item in found] == [True] * 3
    assert [text.count("- target:") for text in builds] == [0, 3]


def test_a_kustomization_that_is_in_order_is_not_built_again(
    tmp_path: Path, builds: list[str]
) -> None:
    text = workload("web", spec="nodeSelector: {kubernetes.io/os: linux}")
    write_tree(tmp_path, {**BASE, "base/web.yaml": text})

    assert audit("base").findings == ()
    assert builds == [""]


def test_a_patch_that_finds_another_object_too_is_not_verified(tmp_path: Path) -> None:
    """A target is found by name, whatever the namespace."""
    windows = workload("web", "iis:ltsc2019", namespace="other")
    write_tree(tmp_path, {**BASE, "base/web.yaml": joined(workload("web"), windows)})

    found = remedies("base")

    assert found
    assert not any(item.verified for item in found)
