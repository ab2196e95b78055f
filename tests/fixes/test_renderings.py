"""What names a workload in every rendering, whatever else comes and goes."""

import pytest
from msgspec.structs import replace

from auditor.fixes.renderings import ChartView, WorkloadId
from tests.support.fake_helm import FakeHelm, pod, view

TEMPLATE = "shop/templates/all.yaml"


def chart(*audited: str) -> ChartView:
    """A chart whose only template made Deployments of these names when it was audited."""
    names = {_id(place): name for place, name in enumerate(audited)}
    return replace(view(FakeHelm({}), {}), names=names)


def _id(place: int) -> WorkloadId:
    return TEMPLATE, "Deployment", place, ""


def read(seen: ChartView, *names: str) -> dict[str, int]:
    """The places that Deployments of these names get."""
    workloads = seen.read({TEMPLATE: "---\n".join(map(pod, names))}).workloads
    assert all(name[:2] == (TEMPLATE, "Deployment") for name in workloads)
    return {item.ref.name: name[2] for name, item in workloads.items()}


@pytest.mark.parametrize(
    ("audited", "found", "places"),
    [
        (("web", "db"), ("web", "db"), {"web": 0, "db": 1}),
        (("web", "db"), ("db", "web"), {"web": 0, "db": 1}),
        (("web",), ("new", "web"), {"web": 0, "new": 1}),
        (("old", "web"), ("web",), {"web": 1}),
        (("old", "web"), ("web", "new"), {"web": 1, "new": 0}),
        (("test-x1", "web"), ("test-x2", "web"), {"web": 1, "test-x2": 0}),
        (("test-x1",), ("test-x2", "test-x3"), {"test-x2": 1, "test-x3": 2}),
        ((), ("a", "b"), {"a": 0, "b": 1}),
    ],
    ids=[
        "the same",
        "another order",
        "one more before it",
        "one less before it",
        "one for another",
        "a name that is made up",
        "one more, and names that are made up",
        "not audited",
    ],
)
def test_objects_are_told_by_their_names_and_else_by_their_order(
    audited: tuple[str, ...], found: tuple[str, ...], places: dict[str, int]
) -> None:
    assert read(chart(*audited), *found) == places


def test_objects_of_another_kind_do_not_count() -> None:
    service = "kind: Service\napiVersion: v1\nmetadata: {name: web}\n"

    found = chart("web").read({TEMPLATE: f"{service}---\n{pod('web')}"})

    assert list(found.workloads) == [_id(0)]


def test_what_nobody_can_read_is_counted() -> None:
    found = chart("web").read({TEMPLATE: f"a: [\n---\n{pod('web')}"})

    assert (list(found.workloads), found.unreadable) == ([_id(0)], 1)


def test_a_name_that_two_objects_have_tells_neither() -> None:
    found = chart("web").read({TEMPLATE: f"{pod('web')}---\n{pod('web')}"})

    assert list(found.workloads) == [_id(1), _id(2)]
