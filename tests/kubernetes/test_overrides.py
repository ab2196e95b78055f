"""What a controller makes of a pod spec: patches, flat selectors, defaults, merged fields."""

import pytest

from auditor.kubernetes.pod_finder import find_workloads
from auditor.kubernetes.pod_spec import Scheduling
from tests.support.objects import manifest


def scheduling(text: str) -> Scheduling:
    return next(find_workloads(manifest(text))).scheduling


def selector(found: Scheduling) -> dict[str, str]:
    return {item.key: item.values[0] for item in found.node_selector}


WORKFLOW = """
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    spec:
      nodeSelector: {disk: ssd, zone: a}
      tolerations: [{key: own}]
      podSpecPatch: %s
      templateDefaults: {podSpecPatch: 'nodeSelector: {from: defaults}'}
      templates:
        - name: main
          container: {image: "a:1"}
          %s
"""


@pytest.mark.parametrize(
    ("patch", "template", "expected"),
    [
        ("'nodeSelector: {zone: b}'", "podSpecPatch: '{}'", {"disk": "ssd", "zone": "b"}),
        ('\'{"nodeSelector": {"zone": null}}\'', "podSpecPatch: '{}'", {"disk": "ssd"}),
        ("'nodeSelector: null'", "podSpecPatch: '{}'", {}),
        ("''", "", {"disk": "ssd", "zone": "a", "from": "defaults"}),
        (
            "'nodeSelector: {zone: b}'",
            "podSpecPatch: 'nodeSelector: {zone: c}'",
            {"disk": "ssd", "zone": "c"},
        ),
        (
            "'nodeSelector: {zone: \"{{inputs.parameters.zone}}\"}'",
            "podSpecPatch: '{}'",
            {"disk": "ssd", "zone": "{{inputs.parameters.zone}}"},
        ),
    ],
    ids=["merge", "remove a key", "remove all", "defaults", "in order", "a variable in a value"],
)
def test_a_patch_is_applied(patch: str, template: str, expected: dict[str, str]) -> None:
    found = scheduling(WORKFLOW % (patch, template))

    assert (selector(found), found.unread) == (expected, "")


def test_a_patch_replaces_lists() -> None:
    patch = "'{tolerations: [{key: a}, {key: b}]}'"
    found = scheduling(WORKFLOW % (patch, "podSpecPatch: '{}'"))

    assert [item.key for item in found.tolerations] == ["a", "b"]


@pytest.mark.parametrize(
    "patch",
    [
        "'{{workflow.parameters.patch}}'",
        "'{nodeSelector: {$patch: replace, os: linux}}'",
        "'{nodeSelector: {os: linux'",
        "text",
    ],
)
def test_a_patch_that_cannot_be_applied_is_unread(patch: str) -> None:
    found = scheduling(WORKFLOW % (patch, "podSpecPatch: '{}'"))

    assert (found.unread, found.place("unread")[0]) == ("spec.podSpecPatch", 7)


def test_a_task_of_a_pipeline_run_has_its_own_template() -> None:
    text = """
        apiVersion: tekton.dev/v1
        kind: PipelineRun
        spec:
          taskRunTemplate: {podTemplate: {nodeSelector: {os: all}}}
          taskRunSpecs:
            - {pipelineTaskName: other, podTemplate: {nodeSelector: {os: other}}}
            - {pipelineTaskName: build, podTemplate: {nodeSelector: {os: own}}}
          pipelineSpec:
            tasks:
              - {name: build, taskSpec: {steps: [{name: a, image: "a:1"}]}}
              - {name: test, taskSpec: {steps: [{name: a, image: "a:1"}]}}
    """
    found = {item.component: item for item in find_workloads(manifest(text))}

    assert {name: selector(item.scheduling) for name, item in found.items()} == {
        "build": {"os": "own"},
        "test": {"os": "all"},
    }
    assert found["test"].selector_path == "spec.taskRunTemplate.podTemplate.nodeSelector"


def test_spark_selectors_of_both_and_of_one() -> None:
    text = """
        apiVersion: sparkoperator.k8s.io/v1beta2
        kind: SparkApplication
        spec:
          image: spark:4
          sparkConf:
            spark.kubernetes.node.selector.kubernetes.io/os: linux
            spark.kubernetes.driver.node.selector.disk: ssd
            spark.kubernetes.executor.node.selector.zone: a
          driver: {nodeSelector: {disk: own}}
          executor: {}
    """
    driver, executor = (selector(i.scheduling) for i in find_workloads(manifest(text)))

    assert driver == {"disk": "own", "kubernetes.io/os": "linux"}
    assert executor == {"zone": "a", "kubernetes.io/os": "linux"}


RUNNERS = """
    apiVersion: actions.github.com/v1alpha1
    kind: AutoscalingRunnerSet
    metadata: {labels: {%s}}
    spec:
      listenerTemplate:
        spec: {%s containers: [{name: listener, image: "a:1"}]}
"""


@pytest.mark.parametrize(
    ("labels", "own", "expected"),
    [
        ("", "", {"kubernetes.io/os": "linux"}),
        ("app.kubernetes.io/version: 0.14.0", "", {"kubernetes.io/os": "linux"}),
        ("app.kubernetes.io/version: v0.13.1", "", {}),
        ("app.kubernetes.io/version: canary", "", {"kubernetes.io/os": "linux"}),
        ("", "nodeSelector: {disk: ssd},", {"disk": "ssd"}),
    ],
)
def test_a_default_of_the_controller(labels: str, own: str, expected: dict[str, str]) -> None:
    assert selector(scheduling(RUNNERS % (labels, own))) == expected


def test_fields_that_are_merged() -> None:
    found = scheduling(
        """
        apiVersion: ceph.rook.io/v1
        kind: CephCluster
        spec:
          cephVersion: {image: "ceph:19"}
          placement: {all: {tolerations: [{key: all}]}, mon: {tolerations: [{key: mon}]}}
        """
    )

    assert [item.key for item in found.tolerations] == ["mon", "all"]


def test_a_field_that_is_never_read() -> None:
    found = scheduling(
        """
        apiVersion: apps.kruise.io/v1alpha1
        kind: UnitedDeployment
        spec:
          template:
            deploymentTemplate: {spec: {template: {spec: {containers: [{name: a, image: "a:1"}]}}}}
          topology: {subsets: [{name: one, nodeSelectorTerm: {matchExpressions: []}}]}
        """
    )

    assert found.unread == "spec.topology.subsets[one].nodeSelectorTerm"
