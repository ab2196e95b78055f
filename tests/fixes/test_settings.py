"""The value of a knob: the guard, with what the knob holds already."""

from typing import Any

from auditor.checks.findings import Guard
from auditor.fixes.paths import AFFINITY, NODE_SELECTOR, TOLERATIONS, Field
from auditor.fixes.value_search import Knob, Setting, narrowed, setting
from auditor.kubernetes.pod_spec import Requirement, Toleration

OS = Requirement("kubernetes.io/os", "In", ("linux",))
ARCHES = Requirement("kubernetes.io/arch", "In", ("amd64", "arm64"))
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def knob(current: Any = None, field: Field = NODE_SELECTOR, *, as_text: bool = False) -> Knob:
    return Knob(("web", field.name), field, frozenset(), current, as_text)


def value(made: Setting | None) -> Any:
    assert made is not None
    return made.value


def test_entries_that_are_there_are_kept() -> None:
    held = {"disk": "ssd", "kubernetes.io/os": "windows"}

    made = setting(knob(held), Guard((OS,)), {"zone": "a"})

    assert value(made) == {"zone": "a", "disk": "ssd", "kubernetes.io/os": "linux"}
    assert held == {"disk": "ssd", "kubernetes.io/os": "windows"}
    assert str(made) == "web.nodeSelector: {zone: a, disk: ssd, kubernetes.io/os: linux}"


def test_a_value_that_is_no_mapping_gives_way() -> None:
    empty: list[Any] = [None, [], ""]
    for current in empty:
        assert value(setting(knob(current), Guard((OS,)), {})) == {"kubernetes.io/os": "linux"}


def test_text_where_the_template_wants_text() -> None:
    arch = Requirement("kubernetes.io/arch", "In", ("amd64",))

    assert value(setting(knob(as_text=True), Guard((OS, arch)), {})) == (
        "kubernetes.io/os: linux\nkubernetes.io/arch: amd64"
    )


def test_a_selector_cannot_say_one_of_several_values() -> None:
    assert setting(knob(), Guard((OS, ARCHES)), {}) is None


def test_affinity_says_everything() -> None:
    made = setting(knob({}, AFFINITY), Guard((OS, ARCHES)), {})

    assert value(made) == {
        "nodeAffinity": {
            REQUIRED: {
                "nodeSelectorTerms": [
                    {
                        "matchExpressions": [
                            {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
                            {
                                "key": "kubernetes.io/arch",
                                "operator": "In",
                                "values": ["amd64", "arm64"],
                            },
                        ]
                    }
                ]
            }
        }
    }


def test_every_term_of_affinity_gets_the_demand_and_the_rest_is_left_to_helm() -> None:
    terms = [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"matchFields": ["b"]}]
    held = {"podAffinity": {"x": 1}, "nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}
    demand = {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}

    made = setting(knob(held, AFFINITY), Guard((OS,)), {})

    assert value(made) == {
        "nodeAffinity": {
            REQUIRED: {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "a", "operator": "Exists"}, demand]},
                    {"matchFields": ["b"], "matchExpressions": [demand]},
                ]
            }
        }
    }
    assert terms[0] == {"matchExpressions": [{"key": "a", "operator": "Exists"}]}


def test_tolerations_lose_what_harms() -> None:
    held = [{"operator": "Exists"}, {"key": "logs", "operator": "Exists"}]

    made = narrowed(knob(held, TOLERATIONS), [Toleration(operator="Exists")])

    assert value(made) == [{"key": "logs", "operator": "Exists"}]


def test_tolerations_that_the_values_do_not_hold_are_not_theirs_to_lose() -> None:
    harmful = [Toleration(operator="Exists")]

    assert narrowed(knob([{"key": "logs"}], TOLERATIONS), harmful) is None
    assert narrowed(knob(None, TOLERATIONS), harmful) is None
    assert setting(knob([], TOLERATIONS), Guard((OS,)), {}) is None
