"""What the API server refuses, against `validation.go`."""

import pytest

from auditor.kubernetes.pod_spec import read_scheduling
from auditor.scheduling.admission import invalidities, is_label_key, is_label_value
from auditor.scheduling.predicates import COMPARISON_GATE
from tests.support.objects import pod_spec, workload

AFFINITY = """
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms: [{TERM}]
"""
PREFERENCE = """
affinity:
  nodeAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - {weight: 1, preference: {matchExpressions: [{key: a, operator: Is, values: [b]}]}}
"""
HOST_PROCESS = "hostNetwork: true\nsecurityContext: {windowsOptions: {hostProcess: true}}\n"

REFUSED = [
    ("nodeSelector: {kubernetes.io/os: 'linux,windows'}", "`linux,windows` is not a valid"),
    ("nodeSelector: {kubernetes.io/os: 'linux '}", "`linux ` is not a valid"),
    ("nodeSelector: {'kubernetes.io/os ': linux}", "`kubernetes.io/os ` is not a valid label key"),
    (AFFINITY.replace("{TERM}", ""), "at least one node selector term"),
    (PREFERENCE, "`Is` is not a node selector operator"),
    ("tolerations: [{key: a, operator: Maybe}]", "`Maybe` is not a toleration operator"),
    (
        "tolerations: [{key: a, operator: Gt, value: '1'}]",
        f"needs the feature gate {COMPARISON_GATE}",
    ),
    (
        "tolerations: [{key: a, operator: Lt, value: '1'}]",
        f"needs the feature gate {COMPARISON_GATE}",
    ),
    ("tolerations: [{key: a, value: 'b c'}]", "`b c` is not a valid taint value"),
    ("tolerations: [{key: a, operator: Equal, value: a=b}]", "`a=b` is not a valid"),
    ("tolerations: [{value: a}]", "without a key must have operator Exists"),
    ("tolerations: [{operator: Equal}]", "without a key must have operator Exists"),
    ("tolerations: [{key: a, operator: Exists, value: b}]", "must have no value"),
    ("tolerations: [{key: 'a b', operator: Exists}]", "`a b` is not a valid taint key"),
    ("tolerations: [{operator: Exists, effect: NoWay}]", "`NoWay` is not a taint effect"),
    (
        "tolerations: [{operator: Exists, effect: NoSchedule, tolerationSeconds: 0}]",
        "tolerationSeconds requires effect NoExecute",
    ),
    ("tolerations: [{operator: Exists, tolerationSeconds: 9}]", "tolerationSeconds requires"),
    ("os: {name: Linux}", "spec.os.name is Linux; it must be linux or windows"),
    ("os: {name: windows}\nhostPID: true", "which forbids hostPID"),
    ("nodeName: a\nschedulingGates: [{name: b}]", "scheduling gates must not name its node"),
    (
        "securityContext: {windowsOptions: {hostProcess: true}}",
        "hostProcess containers need hostNetwork: true",
    ),
    (
        HOST_PROCESS
        + "initContainers: [{name: a, securityContext: {windowsOptions: {hostProcess: false}}}]",
        "hostProcess must be the same for a pod and all its containers",
    ),
]
TERMS = [
    ("{matchExpressions: [{key: a, operator: In}]}", "operator In on a has the wrong number"),
    ("{matchExpressions: [{key: a, operator: NotIn, values: []}]}", "operator NotIn on a has"),
    ("{matchExpressions: [{key: a, operator: Exists, values: [b]}]}", "operator Exists on a has"),
    (
        "{matchExpressions: [{key: a, operator: DoesNotExist, values: [b]}]}",
        "DoesNotExist on a has",
    ),
    ("{matchExpressions: [{key: a, operator: Gt, values: ['1', '2']}]}", "operator Gt on a has"),
    ("{matchExpressions: [{key: a, operator: Lt}]}", "operator Lt on a has the wrong number"),
    ("{matchExpressions: [{key: a, operator: gt, values: ['1']}]}", "`gt` is not a node selector"),
    ("{matchExpressions: [{key: a, operator: In, values: ['b c']}]}", "`b c` is not a valid"),
    ("{matchExpressions: [{key: a, operator: Gt, values: ['-1']}]}", "`-1` is not a valid"),
    ("{matchExpressions: [{key: a b, operator: Exists}]}", "`a b` is not a valid label key"),
    ("{matchFields: [{key: metadata.labels, operator: In, values: [b]}]}", "only metadata.name"),
    ("{matchFields: [{key: metadata.name, operator: In, values: [b, c]}]}", "exactly one value"),
    ("{matchFields: [{key: metadata.name, operator: Exists}]}", "exactly one value"),
]


def problems(spec: str, *gates: str) -> list[str]:
    return list(invalidities(workload(spec).scheduling, gates))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [*REFUSED, *((AFFINITY.replace("{TERM}", term), why) for term, why in TERMS)],
)
def test_refused(spec: str, expected: str) -> None:
    (problem,) = problems(spec)

    assert expected in problem


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "nodeSelector: {kubernetes.io/os: linux, plain: '', example.com/a_b.c-d: A_b.c-d}",
        "os: {name: windows}",
        "os: {name: linux}",
        "os: {name: windows}\nhostPID: false",
        "nodeName: a",
        "schedulingGates: [{name: b}]",
        HOST_PROCESS,
        "securityContext: {windowsOptions: {hostProcess: false}}",
        "tolerations: [{operator: Exists}]",
        "tolerations: [{key: a}]",
        "tolerations: [{key: example.com/a, operator: Equal, value: b, effect: PreferNoSchedule}]",
        "tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 300}]",
        AFFINITY.replace("{TERM}", "{}"),
        AFFINITY.replace(
            "{TERM}",
            "{matchExpressions: [{key: a, operator: In, values: [b, c]},"
            " {key: a, operator: Exists}, {key: a, operator: DoesNotExist},"
            " {key: a, operator: NotIn, values: [b]}, {key: a, operator: Gt, values: ['1']},"
            " {key: a, operator: Lt, values: [x]}],"
            " matchFields: [{key: metadata.name, operator: NotIn, values: [node]}]}",
        ),
    ],
)
def test_accepted(spec: str) -> None:
    assert problems(spec) == []


def test_a_preferred_term_may_name_what_no_label_is() -> None:
    """ValidatePreferredSchedulingTerms lets it through; a required term is refused."""
    assert problems(PREFERENCE.replace("Is, values: [b]", "In, values: [b c]")) == []


def test_comparing_tolerations_are_accepted_behind_their_gate() -> None:
    assert problems("tolerations: [{key: a, operator: Gt, value: '1'}]", COMPARISON_GATE) == []


@pytest.mark.parametrize("value", ["x", "", "01", "1.5", "9223372036854775808"])
def test_comparing_tolerations_want_a_whole_number(value: str) -> None:
    (problem,) = problems(
        f"tolerations: [{{key: a, operator: Lt, value: '{value}'}}]", COMPARISON_GATE
    )

    assert problem == f"toleration operator Lt requires an integer, not `{value}`"


def test_every_reason_is_given() -> None:
    spec = "nodeSelector: {a: 'b c'}\ntolerations: [{value: a, effect: Now}]\nos: {name: bsd}"

    assert len(problems(spec)) == 4


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("a", True),
        ("A-b_c.d", True),
        ("example.com/a", True),
        ("a.b-c.d/x", True),
        ("x" * 63, True),
        ("x" * 64, False),
        (f"{'x' * 253}/a", True),
        (f"{'x' * 254}/a", False),
        ("", False),
        ("/a", False),
        ("a/", False),
        ("a/b/c", False),
        ("Example.com/a", False),
        ("a..b/c", False),
        ("-a", False),
        ("a-", False),
        ("a\n", False),
    ],
)
def test_label_keys(text: str, valid: bool) -> None:
    assert is_label_key(text) is valid


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("", True),
        ("a", True),
        ("a.b_c-D", True),
        ("x" * 63, True),
        ("x" * 64, False),
        ("-a", False),
        ("a.", False),
        ("a b", False),
        ("a\n", False),
        ("ä", False),
    ],
)
def test_label_values(text: str, valid: bool) -> None:
    assert is_label_value(text) is valid


@pytest.mark.parametrize(("own", "problems"), [("true", 0), ("false", 1), ("null", 0)])
def test_the_containers_of_a_host_process_pod(own: str, problems: int) -> None:
    context = f"securityContext: {{windowsOptions: {{hostProcess: {own}}}}}"
    spec = pod_spec(HOST_PROCESS + f"containers: [{{name: a, {context}}}]")

    assert len(list(invalidities(read_scheduling(spec)))) == problems
