"""What is proposed holds when it is tried; what does harm is left out, with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from auditor.checks.assessment import Assessment, assess
from auditor.checks.rulebook import load_builtin_rules
from auditor.fixes.candidates import Candidates, find_candidates
from auditor.fixes.charts import Proposal, propose
from auditor.fixes.paths import NODE_SELECTOR, Key, value_at
from auditor.fixes.renderings import Budget, Judging
from auditor.fixes.value_search import Knob, Search
from auditor.fixes.verification import Before, find_needs
from auditor.images.images import ImageReference, KnownPlatforms, Platforms
from auditor.images.platforms import parse_platform
from auditor.images.references import parse_reference
from auditor.kubernetes.workloads import Workload
from auditor.sources.interface import HelmOptions
from tests.support.fake_helm import FakeHelm, Template, fail, pod, view
from tests.support.reports import HYBRID, IMAGES, LINUX_ONLY

LINUX = {"kubernetes.io/os": "linux"}
WEB: Key = ("web", "nodeSelector")
DB: Key = ("db", "nodeSelector")
GLOBAL: Key = ("global", "nodeSelector")


@dataclass(frozen=True)
class Case:
    """A chart of fake templates with some knobs. tried: the values of each render."""

    proposal: Proposal
    candidates: Candidates
    tried: list[Any]
    shortage: str

    @property
    def keys(self) -> list[str]:
        return [str(item.knob) for item in self.proposal.chosen]

    @property
    def objections(self) -> dict[str, str]:
        return {str(knob): why for knob, why in self.proposal.objections.items()}


def judge(workload: Workload) -> Assessment:
    return assess(
        workload, {item.image: _answer(item.image) for item in workload.containers}, (HYBRID,)
    )


def _answer(image: str) -> tuple[ImageReference | None, Platforms]:
    reference = parse_reference(image)
    assert isinstance(reference, ImageReference)
    return reference, KnownPlatforms(tuple(map(parse_platform, IMAGES[image])), "index", "sha256:0")


def case(
    knobs: Mapping[Key, str], budget: Budget | None = None, *, place: int = 0, **templates: Template
) -> Case:
    """knobs: for each key, the templates that it reaches. place: of the Deployment in each."""
    fake = FakeHelm({f"{name}.yaml": make for name, make in templates.items()})
    chart = replace(view(fake, {}), judging=Judging(judge))
    texts = fake.render(Path("shop"), HelmOptions()).templates
    workloads = chart.read(texts).workloads
    assessments = {name: judge(item) for name, item in workloads.items()}
    chart = replace(chart, names={name: item.ref.name for name, item in workloads.items()})
    rules = [rule for rule in load_builtin_rules() if rule.id == "missing-os-selector"]
    observed = [
        (rule, seen)
        for rule in rules
        for item in assessments.values()
        for seen in rule.check.observe(item, rule.parameters)
    ]
    before = Before(chart, assessments, find_needs(observed, assessments.values()), texts)
    search = Search([Knob(key, NODE_SELECTOR, _fed(names, place)) for key, names in knobs.items()])
    candidates = find_candidates(search, before.needs, assessments)
    fake.asked.clear()
    budget = budget or Budget()
    proposal = propose(before, candidates, budget)
    return Case(proposal, candidates, fake.asked, budget.shortage)


def _fed(names: str, place: int) -> frozenset[tuple[str, str, int, str]]:
    templates = (f"shop/templates/{name}.yaml" for name in names.split())
    return frozenset((name, "Deployment", place, "") for name in templates)


def selected(name: str, *keys: Key) -> Template:
    """A pod that takes the first of the keys that is set."""
    return lambda values: pod(
        name, next(filter(None, (value_at(values, key) for key in keys)), None)
    )


def test_a_global_key_that_alone_is_enough() -> None:
    found = case(
        {WEB: "web", DB: "db", GLOBAL: "web db"},
        web=selected("web", WEB, GLOBAL),
        db=selected("db", DB, GLOBAL),
    )

    assert found.keys == ["global.nodeSelector"]
    assert found.tried == [{"global": {"nodeSelector": LINUX}}]


def test_specific_keys_where_the_global_one_does_not_reach_all() -> None:
    found = case(
        {WEB: "web", DB: "db", GLOBAL: "web"},
        web=selected("web", WEB, GLOBAL),
        db=selected("db", DB),
    )

    assert found.keys == ["db.nodeSelector", "web.nodeSelector"]


def test_what_does_not_render_is_left_out_when_helm_names_it() -> None:
    def guard(values: Mapping[str, Any]) -> str:
        bad = value_at(values, GLOBAL)
        return fail("values:\nshop:\n- at '/global/nodeSelector': no\n") if bad else ""

    found = case(
        {WEB: "web", DB: "db", GLOBAL: "web db"},
        web=selected("web", WEB),
        db=selected("db", DB),
        guard=guard,
    )

    assert found.keys == ["db.nodeSelector", "web.nodeSelector"]
    assert found.objections == {"global.nodeSelector": "the chart does not render with it"}


def test_who_breaks_the_chart_is_found_by_trying_each() -> None:
    def guard(values: Mapping[str, Any]) -> str:
        return fail("no") if value_at(values, DB) else ""

    found = case(
        {WEB: "web", DB: "db"}, web=selected("web", WEB), db=selected("db", DB), guard=guard
    )

    assert found.keys == ["web.nodeSelector"]
    assert found.objections == {"db.nodeSelector": "the chart does not render with it"}


def test_a_key_that_comes_out_otherwise_than_the_mark_is_none() -> None:
    found = case(
        {WEB: "web", DB: "db"},
        web=selected("web", WEB),
        db=lambda values: pod("db", {"other": "x"} if value_at(values, DB) else None),
    )

    assert found.keys == ["web.nodeSelector"]
    [why] = found.objections.values()
    assert why.startswith("with it, Deployment/db is kept off linux-amd64")


def test_a_key_that_does_nothing_when_it_is_set_is_none() -> None:
    found = case({WEB: "web", DB: "db"}, web=selected("web", WEB), db=lambda _: pod("db"))

    assert found.keys == ["web.nodeSelector"]
    assert found.objections == {
        "db.nodeSelector": "it does not have the expected effect on the pod"
    }


def test_a_key_that_meets_a_part_of_its_needs_keeps_that_part() -> None:
    found = case({GLOBAL: "web db"}, web=selected("web", GLOBAL), db=lambda _: pod("db"))

    assert found.keys == ["global.nodeSelector"]
    [candidate] = found.proposal.chosen
    assert len(candidate.meets) == 1


def test_a_workload_that_is_gone_is_harm() -> None:
    found = case(
        {WEB: "web", DB: "db"},
        web=lambda values: "" if value_at(values, WEB) else pod("web"),
        db=selected("db", DB),
    )

    assert found.keys == ["db.nodeSelector"]
    assert found.objections == {"web.nodeSelector": "with it, Deployment/web is no longer rendered"}


def test_harm_to_a_workload_that_the_key_was_not_known_to_reach() -> None:
    found = case(
        {WEB: "web", DB: "db"},
        web=selected("web", WEB),
        db=selected("db", DB),
        pause=lambda values: pod("pause", value_at(values, WEB)).replace("nginx:1.31", "pause:3.8"),
    )

    assert found.keys == ["db.nodeSelector"]
    assert found.objections == {"web.nodeSelector": "it changes other workloads too"}


def test_more_workloads_than_before_are_harm() -> None:
    found = case(
        {WEB: "web"},
        web=lambda values: (
            pod("web", value_at(values, WEB)) + "---\n" + pod("other", LINUX)
            if value_at(values, WEB)
            else pod("web")
        ),
    )

    assert found.keys == []
    assert found.objections == {"web.nodeSelector": "the chart renders other workloads with it"}


def test_a_workload_of_another_template_is_one_more_too() -> None:
    found = case(
        {WEB: "web"},
        web=selected("web", WEB),
        extra=lambda values: pod("extra", LINUX) if value_at(values, WEB) else "",
    )

    assert found.objections == {"web.nodeSelector": "the chart renders other workloads with it"}


def test_a_workload_that_is_gone_is_named_and_not_the_one_after_it() -> None:
    found = case(
        {WEB: "both"},
        both=lambda values: (
            pod("web", value_at(values, WEB))
            if value_at(values, WEB)
            else pod("cache", LINUX) + "---\n" + pod("web")
        ),
        place=1,
    )

    assert found.objections == {"web.nodeSelector": "it changes other workloads too"}


def test_a_key_written_twice_is_harm() -> None:
    found = case(
        {WEB: "web"},
        web=lambda values: (
            pod("web", LINUX).replace(
                "spec:\n      node", "spec:\n      nodeSelector: {}\n      node"
            )
            if value_at(values, WEB)
            else pod("web")
        ),
    )

    assert found.objections == {
        "web.nodeSelector": "with it, Deployment/web has a duplicate key in its manifest"
    }


def test_a_template_that_nobody_can_read_is_harm() -> None:
    found = case(
        {WEB: "web", DB: "db"},
        web=selected("web", WEB),
        db=lambda values: (
            pod("db", value_at(values, DB)) + ("---\na: [\n" if value_at(values, DB) else "")
        ),
    )

    assert found.keys == ["web.nodeSelector"]
    assert found.objections == {"db.nodeSelector": "a template renders an invalid manifest with it"}


def test_a_key_that_feeds_a_windows_workload_is_never_tried() -> None:
    found = case(
        {GLOBAL: "web iis"},
        web=selected("web", GLOBAL),
        iis=lambda _: pod("iis", {"kubernetes.io/os": "windows"}).replace(
            "nginx:1.31", "pause:3.8"
        ),
    )

    assert (found.keys, found.tried) == ([], [])
    assert found.objections == {
        "global.nodeSelector": "it also affects Deployment/iis and would keep it off windows-2022 "
        "and windows-2025, which may run it"
    }


def test_a_key_that_feeds_a_constrained_workload_is_never_tried() -> None:
    found = case(
        {GLOBAL: "web agent"},
        web=selected("web", GLOBAL),
        agent=lambda _: pod("agent").replace(
            "      containers", f"      {LINUX_ONLY}\n      containers"
        ),
    )

    assert (found.keys, found.tried) == ([], [])
    assert found.objections == {
        "global.nodeSelector": "it also affects Deployment/agent, which already selects its nodes"
    }


def test_keys_that_need_each_other_are_proposed_together() -> None:
    found = case(
        {WEB: "web", DB: "db"},
        web=selected("web", WEB),
        db=lambda values: pod("db", value_at(values, DB) if value_at(values, WEB) else None),
    )

    assert found.keys == ["db.nodeSelector", "web.nodeSelector"]
    by_key = {
        key: [str(item.knob) for item in items] for key, items in found.proposal.partners.items()
    }
    assert by_key == {DB: ["web.nodeSelector"]}


def test_without_renders_for_more_all_are_proposed_together() -> None:
    found = case(
        {WEB: "web", DB: "db"},
        Budget(renders=1),
        web=selected("web", WEB),
        db=selected("db", DB),
    )

    assert found.keys == ["db.nodeSelector", "web.nodeSelector"]
    assert {len(items) for items in found.proposal.partners.values()} == {1}
    assert found.shortage == "it takes more than 1 render"


def test_without_renders_nothing_is_proposed() -> None:
    found = case({WEB: "web"}, Budget(renders=0), web=selected("web", WEB))

    assert found.keys == []
    assert found.shortage == "it takes more than 0 renders"
