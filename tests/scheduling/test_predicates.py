"""The scheduler's tests of one node, against scheduling.md sections 4.1 and 4.2."""

import pytest

from auditor.kubernetes.pod_spec import NodeSelectorTerm, Requirement, Toleration
from auditor.scheduling.nodes import Taint
from auditor.scheduling.predicates import (
    COMPARISON_GATE,
    Answer,
    NodeView,
    every,
    field_holds,
    requirement_holds,
    some,
    term_matches,
    tolerates,
    untolerated,
    view,
    views,
)
from tests.support.objects import pool, workload

NODE = NodeView("a", {"zone": "z1", "gpus": "4", "empty": "", "big": str(2**63)})
OPEN = NodeView("", {"zone": "z1"}, varying=frozenset({"host"}), open_labels=True)

REQUIREMENTS = [
    ("zone", "In", ["z1"], True),
    ("zone", "In", ["z2", "z1"], True),
    ("zone", "In", ["z2"], False),
    ("zone", "In", ["Z1"], False),
    ("zone", "In", [], False),
    ("empty", "In", [""], True),
    ("absent", "In", [""], False),
    ("absent", "In", ["z1"], False),
    ("zone", "NotIn", ["z1"], False),
    ("zone", "NotIn", ["z2"], True),
    ("zone", "NotIn", [], False),
    ("absent", "NotIn", ["z1"], True),
    ("zone", "Exists", [], True),
    ("empty", "Exists", [], True),
    ("absent", "Exists", [], False),
    ("zone", "Exists", ["z1"], False),
    ("zone", "DoesNotExist", [], False),
    ("absent", "DoesNotExist", [], True),
    ("absent", "DoesNotExist", ["z1"], False),
    ("gpus", "Gt", ["3"], True),
    ("gpus", "Gt", ["4"], False),
    ("gpus", "Gt", ["-5"], False),
    ("gpus", "Gt", ["+3"], False),
    ("gpus", "Gt", ["03"], True),
    ("gpus", "Gt", ["3", "2"], False),
    ("gpus", "Gt", [], False),
    ("gpus", "Gt", ["three"], False),
    ("gpus", "Lt", ["5"], True),
    ("gpus", "Lt", ["4"], False),
    ("gpus", "Lt", [str(2**63 - 1)], True),
    ("gpus", "Lt", [str(2**63)], False),
    ("gpus", "Lt", ["9" * 5000], False),
    ("zone", "Gt", ["0"], False),
    ("zone", "Lt", ["9"], False),
    ("absent", "Lt", ["9"], False),
    ("big", "Gt", ["0"], False),
    ("zone", "in", ["z1"], False),
    ("zone", "Equal", ["z1"], False),
    ("zone", "", ["z1"], False),
]


@pytest.mark.parametrize(("key", "operator", "values", "expected"), REQUIREMENTS)
def test_a_requirement_on_a_known_node(
    key: str, operator: str, values: list[str], expected: bool
) -> None:
    assert requirement_holds(Requirement(key, operator, tuple(values)), NODE) is expected


@pytest.mark.parametrize(
    ("key", "operator", "values", "expected"),
    [
        ("zone", "In", ["z2"], False),
        ("unknown", "In", ["x"], None),
        ("unknown", "In", [], False),
        ("unknown", "NotIn", ["x"], True),
        ("unknown", "NotIn", [], False),
        ("unknown", "Exists", [], None),
        ("unknown", "Exists", ["x"], False),
        ("unknown", "DoesNotExist", [], True),
        ("unknown", "Gt", ["3"], None),
        ("unknown", "Lt", ["3"], None),
        ("unknown", "Gt", ["x"], False),
        ("unknown", "Lt", [], False),
        ("unknown", "Equals", ["x"], False),
        ("host", "In", ["x"], None),
        ("host", "NotIn", ["x"], True),
        ("host", "Exists", [], True),
        ("host", "DoesNotExist", [], False),
        ("host", "Gt", ["3"], None),
        # The labels that follow from the platform are known whatever else is not.
        ("node.kubernetes.io/windows-build", "Exists", [], False),
        ("kubernetes.io/os", "In", ["linux"], False),
    ],
)
def test_a_requirement_on_what_nobody_told_us(
    key: str, operator: str, values: list[str], expected: Answer
) -> None:
    assert requirement_holds(Requirement(key, operator, tuple(values)), OPEN) is expected


def test_a_varying_label_is_present_though_labels_are_closed() -> None:
    node = NodeView("", {}, varying=frozenset({"zone"}))

    assert requirement_holds(Requirement("zone", "Exists"), node) is True
    assert requirement_holds(Requirement("zone", "In", ("z1",)), node) is None
    assert requirement_holds(Requirement("rack", "In", ("r1",)), node) is False


@pytest.mark.parametrize(
    ("key", "operator", "values", "expected"),
    [
        ("metadata.name", "In", ["a"], True),
        ("metadata.name", "In", ["b"], False),
        ("metadata.name", "NotIn", ["a"], False),
        ("metadata.name", "NotIn", ["b"], True),
        ("metadata.name", "In", ["a", "b"], False),
        ("metadata.name", "NotIn", [], False),
        ("metadata.name", "Exists", [], False),
        ("metadata.namespace", "In", ["a"], False),
        ("metadata.namespace", "In", [""], True),
        ("metadata.namespace", "NotIn", ["a"], True),
    ],
)
def test_a_field(key: str, operator: str, values: list[str], expected: bool) -> None:
    assert field_holds(Requirement(key, operator, tuple(values)), NODE) is expected


def test_a_field_of_a_node_whose_name_nobody_knows() -> None:
    assert field_holds(Requirement("metadata.name", "In", ("a",)), OPEN) is None
    assert field_holds(Requirement("metadata.name", "NotIn", ("a",)), OPEN) is True
    assert field_holds(Requirement("metadata.labels", "In", ("a",)), OPEN) is False


def test_a_term_demands_all_and_an_empty_one_matches_nothing() -> None:
    here, elsewhere = Requirement("zone", "In", ("z1",)), Requirement("zone", "In", ("z2",))
    named = Requirement("metadata.name", "In", ("a",))
    other = Requirement("metadata.name", "In", ("b",))

    assert term_matches(NodeSelectorTerm(), NODE) is False
    assert term_matches(NodeSelectorTerm((here,)), NODE) is True
    assert term_matches(NodeSelectorTerm((here, elsewhere)), NODE) is False
    assert term_matches(NodeSelectorTerm((), (named,)), NODE) is True
    assert term_matches(NodeSelectorTerm((here,), (other,)), NODE) is False
    assert term_matches(NodeSelectorTerm((here,), (named,)), OPEN) is None


def test_and_and_or_of_three_values() -> None:
    assert [every(x) for x in ([], [True, None], [None, False], [True])] == [
        True,
        None,
        False,
        True,
    ]
    assert [some(x) for x in ([], [False, None], [None, True], [False])] == [
        False,
        None,
        True,
        False,
    ]


TAINT = Taint("os", "windows", "NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        (Toleration("os", "Equal", "windows", "NoSchedule"), True),
        (Toleration("os", "", "windows"), True),
        (Toleration("os", "Equal", "Windows"), False),
        (Toleration("os", "Equal", "windows", "NoExecute"), False),
        (Toleration("OS", "Equal", "windows"), False),
        (Toleration("os", "Exists"), True),
        (Toleration("os", "Exists", effect="NoSchedule"), True),
        (Toleration("os", "Exists", effect="NoExecute"), False),
        (Toleration("arch", "Exists"), False),
        (Toleration("", "Exists"), True),
        (Toleration("", "Exists", effect="NoSchedule"), True),
        (Toleration("", "Exists", effect="PreferNoSchedule"), False),
        (Toleration("os", "In", "windows"), False),
        (Toleration("os"), False),
    ],
)
def test_tolerates(toleration: Toleration, expected: bool) -> None:
    assert tolerates(toleration, TAINT) is expected


def test_an_equal_toleration_without_a_value_matches_a_taint_without_one() -> None:
    assert tolerates(Toleration("dedicated"), Taint("dedicated", "", "NoSchedule"))


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "expected"),
    [
        ("Gt", "900", "950", True),
        ("Gt", "950", "950", False),
        ("Gt", "-1", "0", True),
        ("Lt", "951", "950", True),
        ("Lt", "950", "950", False),
        ("Lt", "9" * 5000, "950", False),
        ("Lt", "007", "1", False),
        ("Lt", "7", "01", False),
        ("Gt", "+1", "5", False),
        ("Gt", "-0", "5", False),
        ("Lt", str(2**63 - 1), "5", True),
        ("Lt", str(2**63), "5", False),
        ("Gt", "5", str(2**63), False),
        ("Gt", "", "5", False),
        ("Gt", str(-(2**63)), "5", True),
        ("Gt", str(-(2**63) - 1), "5", False),
        ("Lt", "5", "-1", True),
    ],
)
def test_comparisons_of_taints_need_canonical_integers(
    operator: str, wanted: str, actual: str, expected: bool
) -> None:
    toleration = Toleration("sla", operator, wanted)
    taint = Taint("sla", actual, "NoSchedule")

    assert tolerates(toleration, taint, {COMPARISON_GATE}) is expected
    assert not tolerates(toleration, taint)


def test_untolerated_names_each_taint_that_no_toleration_matches() -> None:
    other = Taint("gpu", "", "NoExecute")
    soft = Taint("soft", "", "PreferNoSchedule")
    effects = ("NoSchedule", "NoExecute")

    assert untolerated((TAINT, other, soft), (), effects) == (TAINT, other)
    assert untolerated((TAINT, other), (Toleration("os", "Exists"),), effects) == (other,)
    assert untolerated((TAINT, other), (), ("NoExecute",)) == (other,)


def test_a_view_of_a_named_node_has_its_own_labels() -> None:
    nodes = pool(
        labels={"shared": "s"},
        nodes=("a", "b"),
        node_labels={"a": {"zone": "z1"}, "b": {"kubernetes.io/hostname": "host-b"}},
        varying=frozenset({"rack"}),
    )

    node, other, anyone = view(nodes, "a"), view(nodes, "b"), view(nodes)
    assert node.name == "a"
    assert (node.labels["zone"], node.labels["shared"]) == ("z1", "s")
    assert node.labels["kubernetes.io/hostname"] == "a"
    assert other.labels["kubernetes.io/hostname"] == "host-b"
    assert anyone.presence("kubernetes.io/hostname") is True
    assert anyone.labels.get("kubernetes.io/hostname") is None
    assert anyone.presence("rack") is True
    assert anyone.presence("zone") is False


def test_no_windows_node_is_of_the_control_plane() -> None:
    for role in ("control-plane", "master"):
        label = f"node-role.kubernetes.io/{role}"

        assert view(pool(open_labels=True)).presence(label) is None
        windows = pool("windows(10.0.20348)/amd64", open_labels=True)
        assert view(windows).presence(label) is False
        assert view(windows).presence("node-role.kubernetes.io/worker") is None
        labelled = pool("windows(10.0.20348)/amd64", labels={label: ""})
        assert view(labelled).presence(label) is True


AFFINITY = """
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms: [{}]
"""


def test_alike_nodes_are_looked_at_once() -> None:
    nodes = pool(nodes=("a", "b", "c"), node_labels={"c": {"zone": "z1"}})

    def seen(spec: str) -> list[str]:
        return [node.name for node in views(nodes, workload(spec).scheduling)]

    assert seen("") == ["a"]
    assert seen("nodeSelector: {zone: z1}") == ["a", "c"]
    assert seen("nodeSelector: {kubernetes.io/hostname: b}") == ["a", "b", "c"]
    assert seen("nodeName: b") == ["a", "b", "c"]
    pin = "{matchFields: [{key: metadata.name, operator: In, values: [b]}]}"
    assert seen(AFFINITY.format(f"{pin}, {{}}")) == ["a", "b", "c"]
