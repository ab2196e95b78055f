"""One chart in several variants: what is the same is told once, and says where it holds."""

import dataclasses

import pytest

from auditor.audit.audit import take_inventory
from auditor.audit.report import Report
from auditor.formats.wording import shown_with
from auditor.kubernetes.manifests import Document
from tests.support.reports import FakeSource, audit

POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  template:
    metadata: {{labels: {{kubernetes.io/os: {label}}}, annotations: {{checksum: {name}}}}}
    spec:
      nodeSelector: {{{selector}}}
      containers: [{{name: app, image: "{image}"}}]
"""
GUARD = "kubernetes.io/os: linux"


def rendered(
    variant: str,
    *,
    name: str = "web",
    image: str = "nginx:1.31",
    selector: str = "",
    label: str = "linux",
    head: str = "",
) -> Document:
    text = head + POD.format(name=name, image=image, selector=selector, label=label)
    return Document(
        "web/templates/a.yaml", text, "web", "web", template="web/templates/a.yaml", variant=variant
    )


def found(*documents: Document) -> list[tuple[str, ...]]:
    inventory = take_inventory([FakeSource(documents)])
    return [workload.variants for workload in inventory.workloads]


def findings(report: Report) -> list[tuple[str, tuple[str, ...]]]:
    return [(item.rule, item.variants) for item in report.findings]


def test_a_chart_rendered_in_one_way() -> None:
    report = audit(rendered(""))

    assert [item.workload.variants for item in report.assessments] == [()]
    assert findings(report) == [("missing-os-selector", ())]


def test_the_same_text_in_several_variants() -> None:
    assert found(rendered("default"), rendered("prod"), rendered("edge")) == [
        ("default", "edge", "prod")
    ]


@pytest.mark.parametrize(
    "change", [{"name": "other"}, {"head": "\n\n"}], ids=["generated name", "other lines"]
)
def test_what_does_not_decide_where_pods_run(change: dict[str, str]) -> None:
    assert found(rendered("default"), rendered("prod", **change)) == [("default", "prod")]


@pytest.mark.parametrize(
    "change",
    [{"image": "nginx:1.32"}, {"selector": GUARD}, {"label": "windows"}],
    ids=["image", "scheduling", "labels"],
)
def test_what_decides_keeps_workloads_apart(change: dict[str, str]) -> None:
    documents = (rendered("default"), rendered("prod", **change), rendered("edge"))

    assert found(*documents) == [("default", "edge"), ("prod",)]


def test_two_objects_of_one_template_stay_two() -> None:
    one = rendered("default")
    two = dataclasses.replace(one, text=f"{one.text}---\n{one.text}")

    assert found(two, dataclasses.replace(two, variant="prod")) == [("default", "prod")] * 2


def test_other_documents_are_left_alone() -> None:
    text = POD.format(name="web", image="nginx:1.31", selector="", label="linux")

    assert found(Document("a.yaml", text, "."), Document("b.yaml", text, ".")) == [(), ()]


def test_a_problem_that_variants_share_is_told_once() -> None:
    bad = dataclasses.replace(rendered("default"), text="a: ]\n")

    inventory = take_inventory(
        [FakeSource((bad, dataclasses.replace(bad, variant="prod", text="a: ]\n#\n")))]
    )

    assert len(inventory.problems) == 1


def test_findings_of_different_workloads_are_merged_over_variants() -> None:
    report = audit(rendered("default"), rendered("prod", image="busybox:1.37"), rendered("edge"))

    assert len(report.assessments) == 2
    assert findings(report) == [("missing-os-selector", ("default", "edge", "prod"))]


@pytest.mark.parametrize("order", [1, -1])
def test_a_chart_and_what_an_object_installs_of_it(order: int) -> None:
    report = audit(*[rendered(""), rendered("Application/eu")][::order])

    assert findings(report) == [("missing-os-selector", ("default", "Application/eu"))]


def test_a_finding_of_one_variant() -> None:
    report = audit(rendered("default", selector=GUARD), rendered("prod"))

    assert findings(report) == [("missing-os-selector", ("prod",))]


def test_a_merged_finding_is_that_of_the_first_variant() -> None:
    report = audit(rendered("default", head="\n\n\n"), rendered("prod", image="busybox:1.37"))

    (finding,) = report.findings
    assert finding.observation.workload.variants == ("default",)


def test_the_defaults_are_named_first_and_the_others_in_order() -> None:
    report = audit(
        rendered("ci/b", image="busybox:1.37"),
        rendered("prod"),
        rendered("ci/a"),
        rendered("default"),
    )

    assert findings(report) == [("missing-os-selector", ("default", "ci/a", "ci/b", "prod"))]


def test_many_variants_are_counted_in_texts() -> None:
    report = audit(*(rendered(f"ci/{number}") for number in range(8)))

    assert shown_with(report.findings[0]) == "ci/0, ci/1, ci/2, ci/3, ci/4 and 3 others"
