"""Each cell says as much as its columns hold, and never more."""

import pytest

from auditor.formats import layout as cells
from auditor.formats.catalog import Style
from auditor.formats.summary import Outcome, Result
from auditor.formats.terminal import Pen, width_of
from tests.support.reports import audit, workload

PEN = Pen(Style())
DIGEST = "sha256:" + "ab12" * 16


@pytest.mark.parametrize(
    ("name", "width", "shown"),
    [
        ("ghcr.io/acme/web:4.2.0", 30, "ghcr.io/acme/web:4.2.0"),
        ("ghcr.io/acme/web:4.2.0", 18, "…/acme/web:4.2.0"),
        ("ghcr.io/acme/web:4.2.0", 12, "…/web:4.2.0"),
        ("ghcr.io/acme/web:4.2.0", 8, "…/we…2.0"),
        (f"web:1@{DIGEST}", 30, "web:1@sha256:ab12ab1…"),
        (f"web:1@{DIGEST}", 20, "web:1@ab12ab1…"),
        (f"ghcr.io/acme/web:1@{DIGEST}", 20, "…/web:1@ab12ab1…"),
        ("", 10, "(none)"),
    ],
)
def test_an_image_keeps_what_tells_it_apart(name: str, width: int, shown: str) -> None:
    assert cells.image(name, PEN)(width) == shown


@pytest.mark.parametrize(
    ("name", "width", "shown"),
    [
        ("Deployment/web", 14, "Deployment/web"),
        ("Deployment/web", 13, "deploy/web"),
        ("Deployment/storefront", 10, "deplo…ront"),
        ("Rollout/web", 10, "Rollo…/web"),
    ],
)
def test_a_kind_is_abbreviated_before_a_name(name: str, width: int, shown: str) -> None:
    assert cells.workload(name, PEN)(width) == shown


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (40, "linux amd64 arm64, windows 20348 26100"),
        (37, "linux, windows"),
        (13, "linux,…indows"),
    ],
)
def test_platforms_lose_their_details_first(width: int, shown: str) -> None:
    (assessment,) = audit(workload(image="pause:3.8")).assessments

    assert cells.platforms(assessment.uses[0], PEN)(width) == shown


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (50, "missing-os-selector, broad-toleration"),
        (25, "missing-os-selector +1"),
        (15, "missin…ector +1"),
    ],
)
def test_of_several_rules_the_first_is_named(width: int, shown: str) -> None:
    result = Result(Outcome.ERROR, ("missing-os-selector", "broad-toleration"))

    assert cells.result(result, PEN)(width) == shown


def test_two_cells_share_a_column() -> None:
    both = cells.side_by_side(cells.plain("web", PEN), cells.plain("any", PEN), (5, 4), 2)
    long = cells.side_by_side(cells.plain("storefront", PEN), cells.plain("linux", PEN), (10, 4), 2)

    assert both(40) == "web    any"
    assert long(40) == "storefront  li…x"
    assert long(11) == "st…nt  li…x"
    assert width_of(long(4)) <= 6
