"""What is read of a pod spec, each with its place."""

import pytest

from auditor.files.yaml_nodes import ShapeError
from auditor.kubernetes.pod_spec import (
    NodeSelectorTerm,
    Requirement,
    Scheduling,
    Toleration,
    read_scheduling,
)
from tests.support.objects import pod_spec


def read(text: str) -> Scheduling:
    return read_scheduling(pod_spec(text))


def test_a_pod_without_demands() -> None:
    assert read("containers: []") == Scheduling()


def test_the_node_selector() -> None:
    scheduling = read("nodeSelector:\n  kubernetes.io/os: linux\n  disk: ''\n  none: null")

    assert scheduling.node_selector == (
        Requirement("kubernetes.io/os", "In", ("linux",)),
        Requirement("disk", "In", ("",)),
        Requirement("none", "In", ("",)),
    )
    assert [item.place for item in scheduling.node_selector] == [(5, 5), (6, 5), (7, 5)]


@pytest.mark.parametrize("text", ["nodeSelector: {}", "nodeSelector: null", "nodeSelector:"])
def test_an_empty_node_selector(text: str) -> None:
    assert read(text).node_selector == ()


AFFINITY = """
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
      - matchExpressions:
        - {key: zone, operator: In, values: [z1, null]}
        - {key: gpus, operator: Exists}
        matchFields:
        - {key: metadata.name, operator: NotIn, values: [a]}
      - {}
      -
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 5
      preference: {matchExpressions: [{key: os, operator: In, values: [linux]}]}
    - {weight: 1}
"""


def test_node_affinity() -> None:
    scheduling = read(AFFINITY)

    assert scheduling.required_terms == (
        NodeSelectorTerm(
            (Requirement("zone", "In", ("z1", "")), Requirement("gpus", "Exists")),
            (Requirement("metadata.name", "NotIn", ("a",)),),
        ),
        NodeSelectorTerm(),
        NodeSelectorTerm(),
    )
    assert scheduling.preferred_terms == (NodeSelectorTerm((Requirement("os", "In", ("linux",)),)),)
    assert scheduling.required_terms[0].place == (8, 11)
    assert scheduling.required_terms[0].expressions[1].place == (10, 13)


def test_no_terms_are_not_no_affinity() -> None:
    required = (
        "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
        "{nodeSelectorTerms: []}}}"
    )

    assert read(required).required_terms == ()
    assert read("affinity: {nodeAffinity: {}}").required_terms is None
    assert read("affinity: {podAffinity: {}}").required_terms is None
    assert read("affinity:").required_terms is None


def test_tolerations() -> None:
    scheduling = read(
        "tolerations:\n- {key: a, operator: Equal, value: b, effect: NoExecute,"
        " tolerationSeconds: 0}\n- operator: Exists"
    )

    assert scheduling.tolerations == (
        Toleration("a", "Equal", "b", "NoExecute", 0),
        Toleration("", "Exists"),
    )
    assert [item.place for item in scheduling.tolerations] == [(5, 5), (6, 5)]


def test_the_simple_fields_and_their_places() -> None:
    scheduling = read(
        """
nodeName: node-1
os: {name: windows}
runtimeClassName: gvisor
schedulerName: volcano
hostNetwork: true
schedulingGates: [{name: wait}]
resourceClaims: [{name: gpu}, {name: nic}]
"""
    )

    assert scheduling == Scheduling(
        node_name="node-1",
        os_name="windows",
        runtime_class="gvisor",
        scheduler_name="volcano",
        host_network=True,
        gated=True,
        claims=("gpu", "nic"),
    )
    assert scheduling.place("nodeName") == (4, 3)
    assert scheduling.place("schedulerName") == (7, 3)
    assert scheduling.place("affinity") == scheduling.place("") == (4, 3)
    assert Scheduling().place("nodeName") == (0, 0)


def test_only_spread_constraints_that_block_are_kept() -> None:
    scheduling = read(
        "topologySpreadConstraints:\n"
        "- {topologyKey: zone, whenUnsatisfiable: DoNotSchedule}\n"
        "- {topologyKey: rack, whenUnsatisfiable: ScheduleAnyway}"
    )

    assert scheduling.spread_keys == ("zone",)


def test_only_resources_that_not_every_node_offers_are_kept() -> None:
    scheduling = read(
        "initContainers:\n"
        "- {name: a, resources: {requests: {cpu: 1, hugepages-2Mi: 64Mi, amd.com/gpu: '0'}}}\n"
        "containers:\n"
        "- {name: b, resources: {limits: {nvidia.com/gpu: 1, memory: 1Gi, intel.com/xpu: 0}}}\n"
        "- {name: c, resources: {requests: {nvidia.com/gpu: '2', acme.dev/fpga: null}}}\n"
        "- {name: d, resources: {limits: {requests.kubernetes.io/storage: 1}}}\n"
        "- {name: e, resources: {claims: [{name: gpu}]}}"
    )

    assert scheduling.resources == ("hugepages-2Mi", "nvidia.com/gpu")


CONTAINERS = "containers: [{name: a, securityContext: {windowsOptions: {OWN}}}, {name: b}]"


@pytest.mark.parametrize(
    ("pod", "own", "expected"),
    [
        ("", "", {False}),
        ("", "hostProcess: true", {True, False}),
        ("hostProcess: true", "", {True}),
        ("hostProcess: true", "hostProcess: false", {True, False}),
        ("hostProcess: false", "hostProcess: true", {True, False}),
        ("hostProcess: true", "runAsUserName: a", {True}),
    ],
)
def test_host_process(pod: str, own: str, expected: set[bool]) -> None:
    containers = CONTAINERS.replace("OWN", own)

    scheduling = read(f"securityContext: {{windowsOptions: {{{pod}}}}}\n{containers}")
    assert scheduling.host_process == expected


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        (
            "nodeSelector: {foo: true}",
            "`nodeSelector.foo`: expected text, not the boolean",
            (4, 23),
        ),
        ("nodeSelector: {build: 20348}", "expected text, not the number 20348", (4, 25)),
        ("nodeSelector: linux", "`nodeSelector`: expected a mapping, not text", (4, 17)),
        ("containers: [{resources: {limits: [a]}}]", "`limits`: expected a mapping", (4, 37)),
        ("tolerations: {operator: Exists}", "`tolerations`: expected a list", (4, 16)),
        ("tolerations: [{tolerationSeconds: '9'}]", "expected a whole number", (4, 37)),
        ("tolerations: [{tolerationSeconds: true}]", "expected a whole number", (4, 37)),
        ("hostNetwork: 'true'", "`hostNetwork`: expected true or false, not text", (4, 16)),
        ("affinity: []", "expected a mapping with `nodeAffinity`", (4, 13)),
        ("containers: ['x']", "`containers`: a container must be a mapping", (4, 16)),
        ("containers: 'x'", "`containers`: expected a list, not text", (4, 15)),
        ("os: linux", "expected a mapping with `name`", (4, 7)),
        (AFFINITY.replace("[z1, null]", "[1]"), "expected text, not the number 1", (9, 48)),
    ],
)
def test_what_the_api_server_would_not_decode(
    text: str, message: str, place: tuple[int, int]
) -> None:
    with pytest.raises(ShapeError) as caught:
        read(text)

    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Requirement("os", "In", ("linux",)), "os=linux"),
        (Requirement("os", "In", ("a", "b")), "os In [a, b]"),
        (Requirement("os", "NotIn", ("a",)), "os NotIn [a]"),
        (Requirement("os", "Exists"), "os Exists"),
        (NodeSelectorTerm(), "an empty term"),
        (
            NodeSelectorTerm(
                (Requirement("os", "Exists"),), (Requirement("metadata.name", "In", ("n",)),)
            ),
            "os Exists and metadata.name=n",
        ),
        (Toleration("a", "Equal", "b", "NoSchedule"), "a=b:NoSchedule"),
        (Toleration("a", "Exists"), "a"),
        (Toleration("", "Exists", effect="NoExecute"), "every taint:NoExecute"),
    ],
)
def test_in_words(value: object, text: str) -> None:
    assert str(value) == text
