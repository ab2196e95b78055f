"""Marks set, and looked for where they come out; what is done when the chart does not render."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from auditor.fixes.paths import AFFINITY, NODE_SELECTOR, TOLERATIONS, Field, Key, value_at
from auditor.fixes.renderings import Budget, SpentError
from auditor.fixes.value_search import Landing, Probe, probe
from auditor.sources.rendering import Cause
from tests.support.fake_helm import FakeHelm, Template, fail, pod, view

WEB: Key = ("web", "nodeSelector")
DB: Key = ("db", "nodeSelector")
IDLE: Key = ("idle", "nodeSelector")
VALUES: dict[str, Any] = {"web": {"nodeSelector": {}}, "db": {"nodeSelector": {}}, "idle": {}}


def helm(**templates: Template) -> FakeHelm:
    both: dict[str, Template] = {
        "web": lambda values: pod("web", value_at(values, WEB)),
        "db": lambda values: pod("db", value_at(values, DB)),
    }
    return FakeHelm({f"{name}.yaml": make for name, make in (both | templates).items()}, VALUES)


def _with_field(name: str, values: Mapping[str, Any]) -> str:
    return pod("web", values.get("x"), field_=name)


def land(fake: FakeHelm, *keys: Key, budget: Budget | None = None) -> Landing:
    return tried(fake, VALUES, [Probe(key) for key in keys], budget=budget)


def tried(
    fake: FakeHelm,
    values: dict[str, Any],
    probes: list[Probe],
    field: Field = NODE_SELECTOR,
    budget: Budget | None = None,
) -> Landing:
    """What came out, before there was no budget any more too."""
    landing = Landing()
    with suppress(SpentError):
        probe(view(fake, values), field, probes, budget or Budget(), landing)
    return landing


def reached(landing: Landing) -> dict[Key, set[str]]:
    return {item.key: {name[0] for name in names} for item, names in landing.reached.items()}


def test_one_render_tells_where_each_key_comes_out() -> None:
    fake = helm(jobs=lambda values: pod("job", value_at(values, WEB)))

    landing = land(fake, WEB, DB, IDLE)

    assert reached(landing) == {
        WEB: {"shop/templates/web.yaml", "shop/templates/jobs.yaml"},
        DB: {"shop/templates/db.yaml"},
    }
    assert (landing.refused, len(fake.asked)) == ([], 1)


def test_nothing_to_try_costs_nothing() -> None:
    fake = helm()

    assert land(fake).reached == {}
    assert fake.asked == []


def test_affinity_and_tolerations_have_marks_of_their_own() -> None:
    key: Key = ("x",)
    for field in (AFFINITY, TOLERATIONS):
        fake = FakeHelm({"web.yaml": partial(_with_field, field.name)})

        landing = tried(fake, {}, [Probe(key)], field)

        assert reached(landing) == {key: {"shop/templates/web.yaml"}}


def test_a_key_that_the_schema_names_is_left_out_at_once() -> None:
    def strict(values: Mapping[str, Any]) -> str:
        if value_at(values, IDLE):
            return fail("values don't meet the schema\nshop:\n- at '/idle/nodeSelector': no\n")
        return ""

    fake = helm(strict=strict)
    landing = land(fake, WEB, IDLE, DB)

    assert set(reached(landing)) == {WEB, DB}
    assert landing.refused == [Probe(IDLE)]
    assert len(fake.asked) == 2


def test_a_key_that_nobody_names_is_found_by_halving() -> None:
    keys: list[Key] = [(f"k{number}", "nodeSelector") for number in range(20)]

    def grumpy(values: Mapping[str, Any]) -> str:
        return fail("no") if value_at(values, keys[13]) else pod("x", value_at(values, keys[3]))

    fake = FakeHelm({"x.yaml": grumpy})
    landing = tried(fake, {}, [Probe(key) for key in keys])

    assert landing.refused == [Probe(keys[13])]
    assert reached(landing) == {keys[3]: {"shop/templates/x.yaml"}}
    assert len(fake.asked) < 12


def test_a_key_that_wants_text_gets_text_and_so_do_its_like() -> None:
    def written(values: Mapping[str, Any]) -> str:
        for key in (WEB, DB):
            if isinstance(value_at(values, key), dict):
                at = f"<.Values.{'.'.join(map(str, key))}>"
                fail(f'executing "shop/templates/a" at {at}: wrong type for value; expected string')
        import json

        text = value_at(values, WEB)
        return pod("web", json.loads(text) if text else None)

    fake = FakeHelm({"web.yaml": written})
    landing = tried(fake, {}, [Probe(WEB), Probe(DB)])

    assert list(landing.reached) == [Probe(WEB, as_text=True)]
    assert len(fake.asked) == 2


def test_a_key_that_holds_a_mapping_gets_no_text() -> None:
    held: dict[str, Any] = {"db": {"nodeSelector": {"disk": "ssd"}}}

    def written(values: Mapping[str, Any]) -> str:
        if isinstance(value_at(values, WEB), dict):
            fail(
                'executing "shop/templates/a" at <.Values.web.nodeSelector>: '
                "wrong type for value; expected string"
            )
        return pod("db", value_at(values, DB))

    landing = tried(FakeHelm({"web.yaml": written}, held), held, [Probe(WEB), Probe(DB)])

    assert list(landing.reached) == [Probe(DB)]


def test_the_budget_bounds_the_search() -> None:
    keys: list[Key] = [(f"k{number}", "nodeSelector") for number in range(64)]
    fake = FakeHelm({"x.yaml": lambda _: fail("never")})
    budget = Budget(renders=10)

    tried(fake, {}, [Probe(key) for key in keys], budget=budget)

    assert len(fake.asked) == 10
    assert budget.shortage == "it takes more than 10 renders"


def test_a_chart_that_takes_too_long_is_not_halved() -> None:
    fake = FakeHelm({"x.yaml": lambda _: fail("", Cause.TIMEOUT)})

    landing = land(fake, WEB, DB)

    assert (len(fake.asked), landing.refused) == (1, [])


def test_what_is_no_workload_any_more_reaches_nothing() -> None:
    fake = helm(web=lambda values: f"kind: Pod\nspec: {value_at(values, WEB)}")

    assert reached(land(fake, WEB, DB)) == {DB: {"shop/templates/db.yaml"}}


def test_marks_that_the_chart_has_of_its_own_are_none() -> None:
    forged = {"probe.podfit.example/n7": "podfit", "probe.podfit.example/n0": "podfit"}

    landing = land(helm(web=lambda _: pod("web", forged)), DB)

    assert reached(landing)[DB] == {"shop/templates/db.yaml", "shop/templates/web.yaml"}
