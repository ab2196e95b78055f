"""Remedies for plain manifests: a patch that `patch` applies, and one for Kustomize."""

import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from auditor.audit.audit import Auditor
from auditor.audit.report import Report
from auditor.checks.findings import Remedy, RemedyKind
from auditor.checks.rulebook import load_builtin_rules
from auditor.fixes.finder import RemedyFinder
from auditor.kubernetes.manifests import Document
from auditor.scheduling.nodes import ClusterProfile, NodePool
from tests.support.reports import HYBRID, IMAGES, FakeInspector, FakeSource, joined, pool, workload
from tests.support.tools import missing

ARCHES = ClusterProfile(
    "arches", (pool("amd", "linux/amd64"), pool("arm", "linux/arm64"), pool("z", "linux/s390x"))
)


def audit(text: str, cluster: ClusterProfile = HYBRID, *, remedies: bool = True) -> Report:
    rules = tuple(rule for rule in load_builtin_rules() if not rule.pedantic)
    finder = RemedyFinder(tuple) if remedies else None
    auditor = Auditor(FakeInspector(IMAGES), (cluster,), rules, remedies=finder)
    return auditor.audit([FakeSource((Document("deploy/pods.yaml", text, "deploy"),))])


def remedies(text: str, cluster: ClusterProfile = HYBRID) -> list[Remedy]:
    [finding] = audit(text, cluster).findings
    return list(finding.observation.remedies)


def manifest(text: str, cluster: ClusterProfile = HYBRID) -> Remedy | None:
    found = [item for item in remedies(text, cluster) if item.kind is RemedyKind.MANIFEST]
    return found[0] if found else None


def patched(text: str, remedy: Remedy, folder: Path) -> str:
    """What `patch` makes of the file."""
    if shutil.which("patch") is None:
        missing("patch is not installed")
    file = folder / "deploy" / "pods.yaml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8", newline="")
    subprocess.run(
        ["patch", "--batch", "--strip=1", "--binary"],
        input=remedy.text,
        text=True,
        cwd=folder,
        check=True,
        timeout=30,
        capture_output=True,
    )
    with file.open(encoding="utf-8", newline="") as stream:
        return stream.read()


BLOCK = workload(spec="nodeSelector:\n        disk: ssd  # fast\n      priority: 1")
CASES = {
    "no selector": workload(),
    "several documents": joined(
        workload("other", spec="nodeSelector: {kubernetes.io/os: linux}"), workload()
    ),
    "an empty selector": workload(spec="nodeSelector: {}  # none yet"),
    "a selector": BLOCK,
    "no newline at the end": workload().rstrip("\n"),
    "line ends of Windows": workload().replace("\n", "\r\n"),
    "a cron job": (
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: web}\nspec:\n  jobTemplate:\n"
        "    spec:\n      template:\n        spec:\n          containers:\n"
        "          - {name: app, image: 'nginx:1.31'}\n"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_patch_resolves_the_finding(name: str, tmp_path: Path) -> None:
    text = CASES[name]
    cluster = HYBRID if "disk" not in text else ClusterProfile("disks", _with_disks())

    remedy = manifest(text, cluster)

    assert remedy is not None
    assert remedy.verified
    assert audit(patched(text, remedy, tmp_path), cluster, remedies=False).findings == ()


def _with_disks() -> tuple[NodePool, ...]:
    return tuple(replace(item, labels={**item.labels, "disk": "ssd"}) for item in HYBRID.pools)


def test_the_patch_shows_the_lines_around() -> None:
    remedy = manifest(workload())

    assert remedy is not None
    assert remedy.where == "deploy/pods.yaml:8"
    assert remedy.text == (
        "--- a/deploy/pods.yaml\n"
        "+++ b/deploy/pods.yaml\n"
        "@@ -5,6 +5,8 @@\n"
        " spec:\n"
        "   template:\n"
        "     spec:\n"
        "+      nodeSelector:\n"
        "+        kubernetes.io/os: linux\n"
        "       containers:\n"
        "         - name: app\n"
        "           image: nginx:1.31\n"
    )


ONE_LINE = "{containers: [{name: app, image: 'nginx:1.31'}]}"


@pytest.mark.parametrize(
    "text",
    [
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {ONE_LINE}}}\n",
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {ONE_LINE}\n",
        workload(spec="nodeSelector: {kubernetes.io/arch: amd64}"),
    ],
)
def test_what_is_written_on_one_line_is_patched_by_kustomize_alone(text: str) -> None:
    assert [(item.kind, item.verified) for item in remedies(text)] == [
        (RemedyKind.KUSTOMIZE, False)
    ]


def test_affinity_where_a_selector_cannot_say_it(tmp_path: Path) -> None:
    text = workload()

    remedy = manifest(text, ARCHES)

    assert remedy is not None
    assert "affinity:" in remedy.text
    assert remedy.verified
    assert audit(patched(text, remedy, tmp_path), ARCHES, remedies=False).findings == ()


def test_a_patch_for_kustomize() -> None:
    [_, remedy] = remedies(workload(namespace="shop"))

    assert remedy.kind is RemedyKind.KUSTOMIZE
    assert remedy.text == (
        "patches:\n"
        "  - patch: |\n"
        "      apiVersion: apps/v1\n"
        "      kind: Deployment\n"
        "      metadata:\n"
        "        name: web\n"
        "        namespace: shop\n"
        "      spec:\n"
        "        template:\n"
        "          spec:\n"
        "            nodeSelector:\n"
        "              kubernetes.io/os: linux\n"
    )


def test_kustomize_adds_to_terms_that_are_there() -> None:
    text = workload(
        spec="affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
        "{nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: Exists}]}]}}}"
    )

    [remedy] = remedies(text, ARCHES)

    assert remedy.text == (
        "patches:\n"
        "  - target:\n"
        "      group: apps\n"
        "      version: v1\n"
        "      kind: Deployment\n"
        "      name: web\n"
        "    patch: |\n"
        "      - op: add\n"
        "        path: /spec/template/spec/affinity/nodeAffinity/"
        "requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchExpressions/-\n"
        "        value:\n"
        "          key: kubernetes.io/arch\n"
        "          operator: In\n"
        "          values:\n"
        "            - amd64\n"
        "            - arm64\n"
    )


def test_kustomize_leaves_terms_alone_that_take_no_node() -> None:
    terms = (
        "[{matchFields: [{key: metadata.name, operator: In, values: [amd]}]}, {}, "
        "{matchExpressions: [{key: kubernetes.io/os, operator: Exists}]}]"
    )
    text = workload(
        spec="affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
        f"{{nodeSelectorTerms: {terms}}}}}}}"
    )

    [remedy] = remedies(text, ARCHES)

    assert "nodeSelectorTerms/0/matchExpressions\n" in remedy.text
    assert "nodeSelectorTerms/1/" not in remedy.text
    assert "nodeSelectorTerms/2/matchExpressions/-\n" in remedy.text


def test_many_findings_in_one_document_are_tried_together() -> None:
    report = audit(joined(*(workload(f"web-{number}") for number in range(5))))

    assert len(report.findings) == 5
    assert all(item.observation.remedies[0].verified for item in report.findings)


def test_rendered_text_has_no_lines_to_edit() -> None:
    auditor = Auditor(
        FakeInspector(IMAGES), (HYBRID,), load_builtin_rules(), remedies=RemedyFinder(tuple)
    )
    document = Document("-", workload(), "-", chart="shop", template="shop/templates/a.yaml")

    [finding] = auditor.audit([FakeSource((document,))]).findings

    assert finding.observation.remedies == ()
