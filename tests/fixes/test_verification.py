"""What is compared of a chart before and after: only what was not there before is harm."""

import pytest
from msgspec.structs import replace

from auditor.checks.assessment import Assessment, assess
from auditor.fixes.renderings import Judging
from auditor.fixes.verification import Before, judge_outcome
from auditor.kubernetes.workloads import Workload
from tests.support.assessments import UNKNOWN
from tests.support.fake_helm import FakeHelm, pod, view

WEB, OTHER = "shop/templates/web.yaml", "shop/templates/other.yaml"
TWICE = pod("web").replace("name: web", "name: web\n  labels: {}\n  labels: {}")
UNREADABLE = f"{pod('web')}---\na: [\n"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def judge(workload: Workload) -> Assessment:
    return assess(workload, {item.image: (None, UNKNOWN) for item in workload.containers}, ())


def before(text: str) -> Before:
    """A chart whose only template that makes pods made this text."""
    chart = replace(view(FakeHelm({}), {}), judging=Judging(judge))
    reading = chart.read({WEB: text})
    known = {name: judge(item) for name, item in reading.workloads.items()}
    names = {name: item.ref.name for name, item in reading.workloads.items()}
    return Before(replace(chart, names=names), known, (), {WEB: text}, reading.unreadable)


def broken(old: str, new: str, **others: str) -> str:
    texts = {WEB: new, **{f"shop/templates/{name}.yaml": text for name, text in others.items()}}
    return judge_outcome(before(old), (), texts).broken


def harmed(old: str, new: str) -> list[str]:
    return list(judge_outcome(before(old), (), {WEB: new}).harmed.values())


def test_a_template_that_makes_pods_only_now_is_looked_at() -> None:
    assert (
        broken(pod("web"), pod("web"), other=pod("other"))
        == "the chart renders other workloads with it"
    )
    assert broken(pod("web"), pod("web"), other=MAP) == ""


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (UNREADABLE, UNREADABLE, ""),
        (UNREADABLE, pod("web"), ""),
        (pod("web"), UNREADABLE, "a template renders an invalid manifest with it"),
    ],
)
def test_what_nobody_could_read_before_is_no_harm(old: str, new: str, why: str) -> None:
    assert broken(old, new) == why


def test_a_key_that_was_there_twice_before_is_no_harm() -> None:
    assert harmed(TWICE, TWICE) == []
    assert harmed(pod("web"), TWICE) == ["has a duplicate key in its manifest"]
