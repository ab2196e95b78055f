"""Cluster files written by hand."""

import textwrap

import pytest

from auditor.clusters.profiles import read_profile
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import read_documents
from auditor.images.platforms import Platform
from auditor.kubernetes.pod_spec import Toleration
from auditor.scheduling.nodes import ClusterProfile, NodePool, Runtime, RuntimeClass, Taint


def root(text: str) -> Node:
    (node,) = read_documents(textwrap.dedent(text))
    assert isinstance(node, Node), node
    return node


def profile(text: str) -> ClusterProfile:
    return read_profile(root(text), "file")


WHOLE = """
    name: mine
    description: my own
    pools:
    - name: linux
      platform: linux/x86_64
      runtime: containerd://2.1.6
      labels: {disk: ssd, empty: ""}
      varying: [topology.kubernetes.io/zone]
      taints: ["dedicated=linux:NoSchedule", "gpu:NoExecute"]
      nodes: [node-1, node-2, node-1]
      emulation: [arm64, aarch64, s390x]
      resources: [nvidia.com/gpu, hugepages-2Mi]
      unschedulable: true
      openLabels: true
    - name: windows
      platform: windows(10.0.20348.1970)/amd64
    runtimeClasses:
    - name: windows-2022
      handler: runhcs-wcow-process
      nodeSelector: {kubernetes.io/os: windows}
      tolerations: [{key: os, operator: Exists}]
    - apiVersion: node.k8s.io/v1
      kind: RuntimeClass
      metadata: {name: gvisor}
      handler: runsc
    plugins: [PodNodeSelector]
    namespaces: {shop: {nodeSelector: {team: shop}}, plain: {}}
    defaultNodeSelector: {team: none}
    featureGates: [TaintTolerationComparisonOperators]
    selectorTolerations: ["kubernetes.io/arch=arm64"]
"""


def test_the_whole_form() -> None:
    cluster = profile(WHOLE)

    linux, windows = cluster.pools
    assert linux == NodePool(
        name="linux",
        platform=Platform("linux", "amd64"),
        labels={
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            "beta.kubernetes.io/arch": "amd64",
            "disk": "ssd",
            "empty": "",
        },
        taints=(Taint("dedicated", "linux", "NoSchedule"), Taint("gpu", "", "NoExecute")),
        runtime=Runtime("containerd", (2, 1, 6)),
        nodes=("node-1", "node-2"),
        open_labels=True,
        unschedulable=True,
        emulation=frozenset({"arm64", "s390x"}),
        varying=frozenset({"topology.kubernetes.io/zone"}),
        resources=frozenset({"nvidia.com/gpu", "hugepages-2Mi"}),
    )
    assert windows.resources is None
    assert windows.labels["node.kubernetes.io/windows-build"] == "10.0.20348"
    assert not windows.open_labels
    assert cluster.runtime_classes == {
        "windows-2022": RuntimeClass(
            "windows-2022",
            {"kubernetes.io/os": "windows"},
            (Toleration("os", "Exists"),),
        ),
        "gvisor": RuntimeClass("gvisor"),
    }
    assert cluster.all_classes_known
    assert (cluster.name, cluster.description) == ("mine", "my own")
    assert cluster.plugins == {"PodNodeSelector"}
    assert cluster.namespace_selectors == {"shop": {"team": "shop"}, "plain": {}}
    assert cluster.default_selector == {"team": "none"}
    assert cluster.gates == {"TaintTolerationComparisonOperators"}
    assert cluster.selector_tolerations == (("kubernetes.io/arch", "arm64"),)


def test_the_short_form() -> None:
    cluster = profile("pools: [{name: a, platform: linux/arm64}]")

    assert cluster.name == "file"
    assert not cluster.all_classes_known
    assert cluster.pools[0].runtime is None


def test_an_empty_list_of_classes_says_that_there_are_none() -> None:
    assert profile(
        "{pools: [{name: a, platform: linux/arm64}], runtimeClasses: []}"
    ).all_classes_known


POOL = "name: a, platform: linux/amd64"


@pytest.mark.parametrize(
    ("text", "message", "there"),
    [
        ("{}", "a cluster profile needs `pools`", "{}"),
        ("pools:", "a cluster profile needs `pools`", "pools:"),
        ("pools: []", "a cluster profile needs at least one pool", "pools: ["),
        ("pools: {}", "expected a list, not a mapping", "{}"),
        ("pools: [a]", "a pool must be a mapping, not text", "a"),
        ("pool: []", "a cluster profile has no key `pool`; did you mean `pools`?", "pool: ["),
        (
            "colour: red",
            "a cluster profile has no key `colour`; known keys: name, desc",
            "colour: red",
        ),
        ("pools: [{platform: linux/amd64}]", "a pool needs `name`", "{platform: linux"),
        ("pools: [{name: ' ', platform: linux/amd64}]", "name must not be blank", "{name: ' '"),
        ("pools: [{name: a}]", "pool `a` needs `platform`", "{name: a"),
        (
            f"pools: [{{{POOL}, taint: []}}]",
            "has no key `taint`; did you mean `taints`?",
            "taint: [",
        ),
        (f"pools: [{{{POOL}}}, {{{POOL}}}]", "duplicate pool `a`", "{name: a"),
        ("pools: [{name: a, platform: linux}]", "`linux` is not a platform", "linux"),
        (
            "pools: [{name: a, platform: darwin/arm64}]",
            "no Kubernetes node runs darwin",
            "darwin/arm64",
        ),
        ("pools: [{name: a, platform: linux/arm46}]", "did you mean `arm64`?", "linux/arm46"),
        ("pools: [{name: a, platform: 1}]", "expected text, not the number 1", "1"),
        (f"pools: [{{{POOL}, taints: [os=windows]}}]", "'os=windows' is not a taint", "os=windows"),
        (
            f"pools: [{{{POOL}, taints: ['a:no']}}]",
            "Effect with one of NoSchedule",
            "'a:no'",
        ),
        (
            f"pools: [{{{POOL}, runtime: containerd}}]",
            "'containerd' is not a runtime",
            "containerd",
        ),
        (f"pools: [{{{POOL}, labels: {{a: true}}}}]", "put it in quotes", "true"),
        (f"pools: [{{{POOL}, labels: {{a: b c}}}}]", "`a=b c` is not a valid label", "a: b c"),
        (f"pools: [{{{POOL}, labels: {{a b: c}}}}]", "`a b=c` is not a valid label", "a b: c"),
        (
            f"pools: [{{{POOL}, labels: {{kubernetes.io/os: windows}}}}]",
            "label kubernetes.io/os=windows contradicts the platform, which sets linux",
            "kubernetes.io/os",
        ),
        (
            f"pools: [{{{POOL}, labels: {{kubernetes.io/hostname: b}}}}]",
            "kubernetes.io/hostname differs for each node; list the names as `nodes`",
            "kubernetes.io/ho",
        ),
        (f"pools: [{{{POOL}, varying: [a b]}}]", "`a b` is not a valid label key", "a b"),
        (f"pools: [{{{POOL}, emulation: [arm46]}}]", "`arm46` is not an architecture", "arm46"),
        (f"pools: [{{{POOL}, unschedulable: 'yes'}}]", "expected true or false", "'yes'"),
        (
            f"{{pools: [{{{POOL}}}], plugins: [PodNodeSelectors]}}",
            "`PodNodeSelector`?",
            "PodNodeSelectors",
        ),
        (
            f"{{pools: [{{{POOL}}}], plugins: [AlwaysPull]}}",
            "valid values: PodNodeSelector",
            "AlwaysPull",
        ),
        (f"{{pools: [{{{POOL}}}], featureGates: [Other]}}", "that affects placement", "Other"),
        (
            f"{{pools: [{{{POOL}}}], namespaces: {{a: {{b: c}}}}}}",
            "a namespace has no key",
            "b: c",
        ),
        (f"{{pools: [{{{POOL}}}], selectorTolerations: [a]}}", "write it as key=value", "a"),
        (f"{{pools: [{{{POOL}}}], selectorTolerations: ['a b=c']}}", "is not a label", "'a b=c'"),
        (
            f"{{pools: [{{{POOL}}}], runtimeClasses: [{{}}]}}",
            "a RuntimeClass needs `name`",
            "{}",
        ),
        (f"{{pools: [{{{POOL}}}], runtimeClasses: [a]}}", "must be a mapping, not text", "a"),
        (
            f"{{pools: [{{{POOL}}}], runtimeClasses: [{{name: a, handle: b}}]}}",
            "a RuntimeClass has no key `handle`; did you mean `handler`?",
            "handle: b",
        ),
        (
            f"{{pools: [{{{POOL}}}], runtimeClasses: [{{name: a}}, {{name: a}}]}}",
            "duplicate RuntimeClass `a`",
            "{name: a",
        ),
        (
            f"{{pools: [{{{POOL}}}], runtimeClasses: [{{kind: Pod, metadata: {{name: a}}}}]}}",
            "expected a RuntimeClass, not a Pod",
            "{kind: Pod",
        ),
        (
            f"{{pools: [{{{POOL}}}], runtimeClasses: [{{kind: RuntimeClass, metadata: {{}}}}]}}",
            "a RuntimeClass needs `name`",
            "{}",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str, there: str) -> None:
    with pytest.raises(ShapeError) as caught:
        profile(text)

    assert message in caught.value.message
    assert caught.value.line == 1
    assert text[caught.value.column - 1 :].startswith(there)
