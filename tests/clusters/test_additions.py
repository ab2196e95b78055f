"""What the audited manifests change about a cluster."""

from auditor.clusters.profiles import extend_cluster
from auditor.scheduling.nodes import RuntimeClass
from tests.support.objects import cluster, manifest, pool

OLD = RuntimeClass("windows", {"pool": "old"})
CLASS = manifest(
    """
    apiVersion: node.k8s.io/v1
    kind: RuntimeClass
    metadata: {name: windows}
    handler: new
    scheduling:
      nodeSelector: {kubernetes.io/os: windows}
      tolerations: [{key: os, operator: Exists}]
    """
)
NAMESPACE = manifest(
    """
    apiVersion: v1
    kind: Namespace
    metadata:
      name: shop
      annotations:
        scheduler.alpha.kubernetes.io/node-selector: team=shop
        openshift.io/node-selector: team=origin
    """
)


def test_nothing_changes_nothing() -> None:
    given = cluster(pool(), classes=[OLD])

    assert extend_cluster(given, []) == (given, ())
    assert extend_cluster(given, [])[0] is given


def test_a_class_takes_the_place_of_the_clusters_own() -> None:
    extended, problems = extend_cluster(cluster(pool(), classes=[OLD]), [CLASS])

    assert problems == ()
    assert extended.runtime_classes["windows"].node_selector == {"kubernetes.io/os": "windows"}
    assert len(extended.runtime_classes["windows"].tolerations) == 1
    assert not extended.all_classes_known


def test_a_namespace_counts_where_a_plug_in_reads_it() -> None:
    given = {"default": {"a": "b"}}
    for plugin, team in (("PodNodeSelector", "shop"), ("OriginPodNodeEnvironment", "origin")):
        plugged = cluster(pool(), plugins=frozenset({plugin}), namespace_selectors=given)

        extended, _ = extend_cluster(plugged, [NAMESPACE])
        assert extended.namespace_selectors == {"default": {"a": "b"}, "shop": {"team": team}}
    assert extend_cluster(cluster(pool()), [NAMESPACE])[0].namespace_selectors == {}


def test_a_namespace_without_the_annotation_keeps_what_the_cluster_says() -> None:
    plugged = cluster(
        pool(),
        plugins=frozenset({"PodNodeSelector"}),
        namespace_selectors={"shop": {"team": "shop"}},
    )
    plain = manifest("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}")

    assert extend_cluster(plugged, [plain])[0] is plugged


def test_other_objects_of_those_names_are_none() -> None:
    foreign = manifest(
        "apiVersion: example.com/v1\nkind: RuntimeClass\nmetadata: {name: a}\nhandler: 1"
    )
    odd = manifest("apiVersion: example.com/v1\nkind: Namespace\nmetadata: {name: shop}")
    given = cluster(pool(), plugins=frozenset({"PodNodeSelector"}))

    assert extend_cluster(given, [foreign, odd]) == (given, ())


def test_what_cannot_be_read_is_told_and_the_rest_counts() -> None:
    broken = manifest(
        "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: bad}\n"
        "scheduling: {nodeSelector: {gpu: true}}"
    )

    extended, (problem,) = extend_cluster(cluster(pool()), [broken, CLASS])
    assert set(extended.runtime_classes) == {"windows"}
    assert problem.what.startswith("RuntimeClass/bad: `nodeSelector.gpu`: expected text")
    assert problem.where == "app.yaml:4:34"
