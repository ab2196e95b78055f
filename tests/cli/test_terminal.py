"""What the environment says of the terminal and of the place where podfit runs."""

import pytest

from auditor.cli.options import ColorMode
from auditor.cli.terminal import source_url, wants_color, wants_progress

GITHUB = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_SHA": "0123abc",
}


def test_files_are_linked_where_github_runs_podfit() -> None:
    assert source_url(GITHUB) == "https://github.com/acme/shop/blob/0123abc/"


@pytest.mark.parametrize("missing", GITHUB)
def test_without_a_repository_nothing_is_linked(missing: str) -> None:
    assert source_url({name: value for name, value in GITHUB.items() if name != missing}) == ""


def test_only_https_is_linked() -> None:
    assert source_url({**GITHUB, "GITHUB_SERVER_URL": "javascript:alert(1)//"}) == ""


@pytest.mark.parametrize(
    ("mode", "environment", "terminal", "wanted"),
    [
        (ColorMode.AUTO, {}, True, True),
        (ColorMode.AUTO, {}, False, False),
        (ColorMode.AUTO, {"TERM": "dumb"}, True, False),
        (ColorMode.AUTO, {"NO_COLOR": "1"}, True, False),
        (ColorMode.AUTO, {"NO_COLOR": ""}, True, True),
        (ColorMode.AUTO, {"FORCE_COLOR": "1"}, False, True),
        (ColorMode.AUTO, {"FORCE_COLOR": "0"}, False, False),
        (ColorMode.AUTO, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        (ColorMode.ALWAYS, {"NO_COLOR": "1"}, False, True),
        (ColorMode.NEVER, {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_color(mode: ColorMode, environment: dict[str, str], terminal: bool, wanted: bool) -> None:
    assert wants_color(mode, environment, terminal=terminal) is wanted


@pytest.mark.parametrize(
    ("environment", "terminal", "wanted"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"CI": "1"}, True, False),
        ({"PRE_COMMIT": "1"}, True, False),
    ],
)
def test_progress_is_for_somebody_who_watches(
    environment: dict[str, str], terminal: bool, wanted: bool
) -> None:
    assert wants_progress(environment, terminal=terminal) is wanted
