"""The table of custom resources, podfit's own and a user's."""

import textwrap

import pytest

from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import read_documents
from auditor.kubernetes.custom_resources import (
    ENTRIES,
    PodSource,
    builtin_entries,
    builtin_table,
    check_path,
    table_with,
)

REQUIRED = """
    argoproj.io Rollout, argoproj.io Experiment, argoproj.io AnalysisTemplate,
    argoproj.io Workflow, argoproj.io WorkflowTemplate, argoproj.io ClusterWorkflowTemplate,
    argoproj.io CronWorkflow, serving.knative.dev Service, monitoring.coreos.com Prometheus,
    monitoring.coreos.com PrometheusAgent, monitoring.coreos.com Alertmanager,
    monitoring.coreos.com ThanosRuler, keda.sh ScaledJob, kafka.strimzi.io Kafka,
    kafka.strimzi.io KafkaConnect, tekton.dev Task, tekton.dev TaskRun, tekton.dev PipelineRun,
    tekton.dev Pipeline, apps.kruise.io CloneSet, apps.kruise.io DaemonSet, ray.io RayCluster,
    ray.io RayJob, ray.io RayService, kubeflow.org PyTorchJob, kubeflow.org TFJob,
    kubeflow.org MPIJob, kubeflow.org Notebook, serving.kserve.io InferenceService,
    jobset.x-k8s.io JobSet, leaderworkerset.x-k8s.io LeaderWorkerSet,
    sparkoperator.k8s.io SparkApplication, sparkoperator.k8s.io ScheduledSparkApplication,
    opentelemetry.io OpenTelemetryCollector, postgresql.cnpg.io Cluster,
    elasticsearch.k8s.elastic.co Elasticsearch, kibana.k8s.elastic.co Kibana,
    agent.k8s.elastic.co Agent, datadoghq.com DatadogAgent, fluentbit.fluent.io FluentBit,
    fluentd.fluent.io Fluentd, actions.github.com AutoscalingRunnerSet,
    actions.summerwind.dev RunnerDeployment, cert-manager.io Issuer,
    cert-manager.io ClusterIssuer, acid.zalan.do postgresql
"""


def entries(text: str) -> Node:
    (node,) = read_documents(textwrap.dedent(text))
    assert isinstance(node, Node)
    return node


@pytest.mark.parametrize("kind", [item.strip() for item in REQUIRED.split(",")])
def test_a_kind_that_people_use_is_there(kind: str) -> None:
    group, _, name = kind.partition(" ")

    assert builtin_table()[group, name]


@pytest.mark.parametrize("entry", builtin_entries(), ids=lambda e: f"{e.group} {e.kinds[0]}")
def test_an_entry_says_where_it_is_from(entry: object) -> None:
    assert getattr(entry, "source", "").startswith("https://")


def test_no_kind_is_told_twice() -> None:
    kinds = [(entry.group, kind) for entry in builtin_entries() for kind in entry.kinds]

    assert len(kinds) == len(set(kinds)) == len(builtin_table())


def test_pods_of_one_kind_can_be_told_apart() -> None:
    for key, sources in builtin_table().items():
        told = {(item.at, item.component, str(item.when)) for item in sources}
        assert len(told) == len(sources), key


def test_the_whole_form() -> None:
    (entry,) = ENTRIES.read(
        entries(
            """
            - group: example.com
              kinds: [Shop]
              source: https://example.com
              note: why
              pods:
              - spec.plain
              - at: spec.parts[]
                component: part
                controller: DaemonSet
                when: {mode: daemon, /spec.enabled: true, size: [a, ""]}
                levels: [., /spec]
                fields: {nodeSelector: place.selector, nodeAffinity: [affinity, /spec.affinity]}
                containers: ["sidecars[]", main]
                initContainers: []
                images: {main: [image, "{repository}:{tag}"], other: other.image}
                adds: {kubernetes.io/os: linux}
                nodeSelector: false
                operatorImages: true
            """
        )
    )

    plain, parts = entry.pods
    assert (entry.group, entry.kinds, entry.source, entry.note) == (
        "example.com",
        ("Shop",),
        "https://example.com",
        "why",
    )
    assert plain == PodSource(at="spec.plain", template=True)
    assert parts == PodSource(
        at="spec.parts[]",
        component="part",
        controller="DaemonSet",
        when={"mode": ("daemon",), "/spec.enabled": ("true",), "size": ("a", "")},
        levels=(".", "/spec"),
        fields={
            "nodeSelector": ("place.selector",),
            "nodeAffinity": ("affinity", "/spec.affinity"),
        },
        containers=("sidecars[]", "main"),
        init_containers=(),
        images={"main": ("image", "{repository}:{tag}"), "other": ("other.image",)},
        adds={"kubernetes.io/os": "linux"},
        node_selector=False,
        operator_images=True,
    )


def test_the_short_form_leaves_the_defaults() -> None:
    (entry,) = ENTRIES.read(entries("- {group: a.b, kinds: [C], pods: [{at: spec}]}"))

    (source,) = entry.pods
    assert source == PodSource("spec")
    assert (source.levels, source.containers) == ((".",), ("containers[]",))


def test_a_users_entry_takes_the_place_of_podfits_own() -> None:
    own = ENTRIES.read(
        entries("- {group: argoproj.io, kinds: [Rollout, Mine], pods: [spec.other]}")
    )

    table = table_with(own)
    assert table["argoproj.io", "Rollout"] == (PodSource("spec.other", template=True),)
    assert table["argoproj.io", "Mine"] == table["argoproj.io", "Rollout"]
    assert table["keda.sh", "ScaledJob"] == builtin_table()["keda.sh", "ScaledJob"]
    assert builtin_table()["argoproj.io", "Rollout"] != table["argoproj.io", "Rollout"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "expected a list, not a mapping"),
        ("[text]", "an entry of the table of resources must be a mapping, not text"),
        ("[{group: a, kinds: [B], pod: []}]", "has no key `pod`; did you mean `pods`?"),
        ("[{group: a, kinds: [B]}]", "of resources needs `pods`"),
        ("[{kinds: [B], pods: []}]", "of resources needs `group`"),
        ("[{group: a, kinds: [], pods: []}]", "kinds must not be empty"),
        ("[{group: a, kinds: [B], pods: [a b]}]", "`a b` is not a path"),
        ("[{group: a, kinds: [B], pods: [{template: true}]}]", "pods needs `at`"),
        ("[{group: a, kinds: [B], pods: [{at: a, level: []}]}]", "did you mean `levels`?"),
        ("[{group: a, kinds: [B], pods: [{at: a, levels: [..]}]}]", "`..` is not a path"),
        ("[{group: a, kinds: [B], pods: [{at: a, when: {a b: c}}]}]", "`a b` is not a path"),
        ("[{group: a, kinds: [B], pods: [{at: a, images: {a: b c}}]}]", "`b c` is not a path"),
        ("[{group: a, kinds: [B], pods: [{at: a, images: {a: '{b c}'}}]}]", "`b c` is not a path"),
        (
            "[{group: a, kinds: [B], pods: [{at: a, fields: {selector: b}}]}]",
            "did you mean `nodeSelector`?",
        ),
        ("[{group: a, kinds: [B], pods: [{at: a, controller: Daemonset}]}]", "`DaemonSet`?"),
        (
            "[{group: a, kinds: [B], pods: [{at: a, nodeSelector: linux}]}]",
            "expected true or false",
        ),
        ("[{group: a, kinds: [B], pods: [{at: a, when: {b: {}}}]}]", "expected a string, number"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        ENTRIES.read(entries(text))

    assert message in caught.value.message


@pytest.mark.parametrize("kind", builtin_table(), ids=" ".join)
def test_every_path_of_podfits_own_table_is_one(kind: tuple[str, str]) -> None:
    for source in builtin_table()[kind]:
        for path in (source.at, *source.levels, *source.containers, *source.init_containers):
            assert check_path(path)
