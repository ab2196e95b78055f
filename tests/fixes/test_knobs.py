"""The order of the search: what the values name, what templates name, what was hidden."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from auditor.fixes.paths import AFFINITY, NODE_SELECTOR, TOLERATIONS, Field, Key, key_text, value_at
from auditor.fixes.renderings import Budget
from auditor.fixes.value_search import Search, search_knobs
from tests.support.fake_helm import FakeHelm, Template, fail, pod, view

WEB = ("shop/templates/web.yaml", "Deployment", 0, "")
DB = ("shop/templates/db.yaml", "Deployment", 0, "")


def search(
    values: dict[str, Any],
    *wanted: tuple[str, str, int, str],
    named: Iterable[Key] = (),
    for_affinity: Iterable[tuple[str, str, int, str]] = (),
    **templates: Template,
) -> tuple[Search, int, list[Field]]:
    """What is found; in how many renders; for which fields the templates were read."""
    fake = FakeHelm({f"{name}.yaml": make for name, make in templates.items()}, values)
    read: list[Field] = []

    def in_templates(field: Field) -> Iterable[Key]:
        read.append(field)
        return [key for key in named if field.keys.fullmatch(str(key[-1]))]

    found = search_knobs(
        view(fake, values), wanted, in_templates, Budget(), for_affinity=set(for_affinity)
    )
    return found, len(fake.asked), read


def feeds(found: Search) -> dict[str, set[str]]:
    return {str(knob): {name[0][15:-5] for name in knob.feeds} for knob in found.knobs}


def takes(name: str, *paths: str, field: str = "nodeSelector") -> Template:
    """A pod whose field is the first of the values that is set."""

    def make(values: Mapping[str, Any]) -> str:
        given = (value_at(values, tuple(path.split("."))) for path in paths)
        return pod(name, next(filter(None, given), None), field_=field)

    return make


def test_keys_of_the_values_are_enough() -> None:
    found, renders, read = search(
        {"web": {"nodeSelector": {}}}, WEB, web=takes("web", "web.nodeSelector")
    )

    assert (feeds(found), renders, read) == ({"web.nodeSelector": {"web"}}, 1, [])


def test_templates_are_read_when_a_workload_is_left() -> None:
    found, renders, read = search(
        {},
        WEB,
        named=[("web", "nodeSelector"), ("dead", "nodeSelector")],
        web=takes("web", "web.nodeSelector"),
    )

    assert (feeds(found), renders, read) == ({"web.nodeSelector": {"web"}}, 1, [NODE_SELECTOR])


def test_a_hidden_global_comes_out_once_the_others_are_gone() -> None:
    values: dict[str, Any] = {
        "global": {"nodeSelector": {}},
        "web": {"nodeSelector": {}},
        "db": {"nodeSelector": {}},
    }

    found, renders, _ = search(
        values,
        WEB,
        DB,
        web=takes("web", "web.nodeSelector", "global.nodeSelector"),
        db=takes("db", "db.nodeSelector", "global.nodeSelector"),
    )

    assert feeds(found) == {
        "web.nodeSelector": {"web"},
        "db.nodeSelector": {"db"},
        "global.nodeSelector": {"web", "db"},
    }
    assert renders == 2


def test_a_general_key_that_is_hidden_in_a_part_of_the_pods_shows_all_of_them() -> None:
    values: dict[str, Any] = {"nodeSelector": {}, "web": {"nodeSelector": {}}}

    found, _, _ = search(
        values,
        WEB,
        DB,
        web=takes("web", "web.nodeSelector", "nodeSelector"),
        db=takes("db", "nodeSelector"),
    )

    assert feeds(found) == {"web.nodeSelector": {"web"}, "nodeSelector": {"web", "db"}}


def test_dead_keys_are_not_reported_and_cost_no_render_for_a_single_pod() -> None:
    values: dict[str, Any] = {"web": {"nodeSelector": {}}, "off": {"nodeSelector": {}}}

    found, renders, _ = search(values, WEB, web=takes("web", "web.nodeSelector"))

    assert (feeds(found), renders) == ({"web.nodeSelector": {"web"}}, 1)


def test_affinity_is_tried_for_what_has_no_selector() -> None:
    values: dict[str, Any] = {
        "web": {"nodeSelector": {}},
        "db": {"affinity": {}, "tolerations": []},
    }

    found, _, read = search(
        values,
        WEB,
        DB,
        web=takes("web", "web.nodeSelector"),
        db=takes("db", "db.affinity", field="affinity"),
    )

    assert feeds(found) == {"web.nodeSelector": {"web"}, "db.affinity": {"db"}}
    assert read == [NODE_SELECTOR]
    assert [knob.field for knob in found.reaching(DB)] == [AFFINITY]


def test_affinity_is_tried_where_only_affinity_can_say_it() -> None:
    values: dict[str, Any] = {"nodeSelector": {}, "affinity": {}}

    def both(given: Mapping[str, Any]) -> str:
        affinity = given.get("affinity")
        return (
            pod("web", affinity, field_="affinity")
            if affinity
            else pod("web", given["nodeSelector"])
        )

    found, _, _ = search(values, WEB, for_affinity=[WEB], web=both)

    assert set(feeds(found)) == {"nodeSelector", "affinity"}


def test_tolerations_are_tried_last() -> None:
    values: dict[str, Any] = {"web": {"tolerations": [{"operator": "Exists"}]}}

    found, _, read = search(values, WEB, web=takes("web", "web.tolerations", field="tolerations"))

    [knob] = found.knobs
    assert (knob.field, knob.current) == (TOLERATIONS, [{"operator": "Exists"}])
    assert read == [NODE_SELECTOR, AFFINITY]


def test_text_is_left_alone() -> None:
    found, renders, _ = search(
        {"nodeSelector": "disk: ssd", "web": {"nodeSelector": {}}},
        WEB,
        web=takes("web", "web.nodeSelector"),
    )

    assert (feeds(found), renders) == ({"web.nodeSelector": {"web"}}, 1)


@pytest.mark.parametrize(
    ("field", "names", "others"),
    [
        (
            NODE_SELECTOR,
            ["nodeSelector", "node_selector", "nodeSelectors", "defaultNodeSelector"],
            ["selector", "nodeSelectorTerms", "nodeSelectorLabel"],
        ),
        (
            AFFINITY,
            ["affinity", "extraAffinity"],
            [
                "nodeAffinity",
                "podAffinity",
                "podAntiAffinity",
                "sessionAffinity",
                "hardNodeAffinity",
            ],
        ),
        (TOLERATIONS, ["tolerations", "jobTolerations"], ["toleration", "tolerationSeconds"]),
    ],
)
def test_how_charts_call_them(field: Field, names: list[str], others: list[str]) -> None:
    assert [name for name in names + others if field.keys.fullmatch(name)] == names


def test_a_knob_is_written_as_a_key() -> None:
    found, _, _ = search({"nodeSelector": {}}, WEB, web=takes("web", "nodeSelector"))

    assert [key_text(knob.key) for knob in found.knobs] == [str(knob) for knob in found.knobs]


def test_text_is_left_alone_as_nothing_in_it_could_be_kept() -> None:
    values = {"web": {"nodeSelector": "disk: ssd"}}

    found, renders, _ = search(values, WEB, web=takes("web", "web.nodeSelector"))
    assert (feeds(found), renders) == ({}, 0)
    values = {"web": {"nodeSelector": " "}}
    _, renders, _ = search(values, WEB, web=lambda _: pod("web"))
    assert renders > 0


def test_a_key_with_which_the_chart_does_not_render_is_not_tried_again() -> None:
    bad = ("bad", "nodeSelector")

    found, renders, _ = search(
        {"bad": {"nodeSelector": {}}},
        WEB,
        web=lambda values: fail("no") if value_at(values, bad) else pod("web"),
    )
    assert (found.refused, renders) == ([bad], 1)
