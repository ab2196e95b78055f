"""Windows builds: the tables of scheduling.md sections 6.1 and 6.2."""

import pytest

from auditor.images.platforms import Platform
from auditor.scheduling.nodes import parse_runtime
from auditor.scheduling.windows import (
    Generation,
    matcher_generation,
    windows_build_runs,
    windows_row_matches,
)

STRICT, EXACT, FLOOR, LTSC, FEATURES, PREVIOUS = Generation


@pytest.mark.parametrize(
    ("runtime", "generation"),
    [
        ("containerd://1.5.9", STRICT),
        ("containerd://1.6.0", STRICT),
        ("containerd://1.6.17", STRICT),
        ("containerd://1.6.18", EXACT),
        ("containerd://1.6.22", EXACT),
        ("containerd://1.6.23", FLOOR),
        ("containerd://1.6.38", FLOOR),
        ("containerd://1.7.0", EXACT),
        ("containerd://1.7.5", EXACT),
        ("containerd://1.7.6", FLOOR),
        ("containerd://1.7.11-k3s2", FLOOR),
        ("containerd://2.0.4", FLOOR),
        ("containerd://2.1.0", FLOOR),
        ("containerd://2.1.5", FLOOR),
        ("containerd://2.1.6", LTSC),
        ("containerd://2.2.9", LTSC),
        ("containerd://2.3.0", FEATURES),
        ("containerd://2.3.4", FEATURES),
        ("containerd://2.3.5", PREVIOUS),
        ("containerd://3.0.0", PREVIOUS),
        ("docker://28.0.1", FLOOR),
        ("cri-o://1.34.0", FLOOR),
    ],
)
def test_generations(runtime: str, generation: Generation) -> None:
    assert matcher_generation(parse_runtime(runtime)) is generation


def test_without_a_runtime_it_is_that_of_containerd_2_2() -> None:
    assert matcher_generation(None) is LTSC


IMAGES = ("10.0.14393", "10.0.17763.3770", "10.0.20348.1970", "10.0.25398.1", "10.0.26100.2894")
NONE, ONLY_2019, ONLY_2022 = "     ", " x   ", "  x  "

MATRIX = [
    # host, generation, which of the images match: 2016, 2019, 2022, 23H2, 2025
    ("10.0.17763.1", EXACT, ONLY_2019),
    ("10.0.17763.1", FLOOR, ONLY_2019),
    ("10.0.17763.1", LTSC, ONLY_2019),
    ("10.0.20348", STRICT, ONLY_2022),
    ("10.0.20348", EXACT, ONLY_2022),
    ("10.0.20348", FLOOR, ONLY_2022),
    ("10.0.20348", LTSC, ONLY_2022),
    ("10.0.20348", FEATURES, ONLY_2022),
    ("10.0.25398", EXACT, "   x "),
    ("10.0.25398", FLOOR, "  xx "),
    ("10.0.25398", LTSC, "  xx "),
    ("10.0.26100", STRICT, "    x"),
    ("10.0.26100", EXACT, "    x"),
    ("10.0.26100", FLOOR, "  xxx"),
    ("10.0.26100", LTSC, "  xxx"),
    ("10.0.26100", FEATURES, "  xxx"),
    ("10.0.26200", FLOOR, "  xxx"),
    ("10.0.26200", LTSC, "    x"),
    ("10.0.26200", FEATURES, "    x"),
    ("10.0.20347", LTSC, NONE),
    ("10.1.20348", LTSC, NONE),
    ("11.0.20348", LTSC, NONE),
    ("10.0", LTSC, NONE),
    ("nonsense", LTSC, NONE),
    ("10.0.x", LTSC, NONE),
]


def windows(version: str) -> Platform:
    return Platform("windows", "amd64", "", version)


@pytest.mark.parametrize(("host", "generation", "expected"), MATRIX)
def test_the_index_matcher(host: str, generation: Generation, expected: str) -> None:
    answers = [windows_row_matches(windows(image), windows(host), generation) for image in IMAGES]

    assert "".join("x" if answer else " " for answer in answers) == expected


@pytest.mark.parametrize("generation", Generation)
def test_a_row_without_a_version_matches_but_for_the_first_generation(
    generation: Generation,
) -> None:
    matches = windows_row_matches(windows(""), windows("10.0.20348"), generation)

    assert matches is (generation is not STRICT)


@pytest.mark.parametrize("generation", Generation)
def test_a_host_without_a_build_takes_any_row(generation: Generation) -> None:
    assert windows_row_matches(windows("10.0.17763.1"), windows(""), generation)


LONG = "10.0." + "9" * 5000
"""More digits than Python makes a number of."""


@pytest.mark.parametrize("version", ["", "10.0", "10.0.", "a.b.c", "10.0.²", ".0.1", LONG])
def test_a_version_that_is_none_matches_no_build(version: str) -> None:
    assert not windows_build_runs(version, "10.0.20348")
    assert not windows_build_runs("10.0.20348", version)


def test_the_host_itself_goes_down_to_server_2022() -> None:
    """hcsshim `CheckHostAndContainerCompat`, which knows no later floor."""
    assert windows_build_runs("10.0.20348", "10.0.26200", newest=False)
    assert not windows_build_runs("10.0.20348", "10.0.26200")
    assert not windows_build_runs("10.0.26201", "10.0.26200", newest=False)
    assert not windows_build_runs("10.0.20347", "10.0.26200", newest=False)


@pytest.mark.parametrize(
    ("generation", "matches"), [(LTSC, False), (FEATURES, False), (PREVIOUS, True)]
)
def test_a_host_newer_than_the_last_ltsc_release(generation: Generation, matches: bool) -> None:
    row = Platform("windows", "amd64", os_version="10.0.20348.1")
    host = Platform("windows", "amd64", os_version="10.0.26200")
    assert windows_row_matches(row, host, generation) is matches
