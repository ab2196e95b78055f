"""What a run of the tests says of programs that are missing (tests/support/tools.py)."""

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest
from tests.support.tools import missing

@pytest.mark.parametrize("number", [1, 2])
def test_one(number):
    missing("helm is not installed; `make tools` fetches it")

def test_another():
    missing("chromium is not installed")

def test_a_third():
    pytest.skip("root reads everything")

def test_a_fourth():
    pass
"""
HEADING = "not tested, because a program is missing"


def run(pytester: pytest.Pytester, text: str) -> pytest.RunResult:
    pytester.makepyfile(text)
    return pytester.runpytest_inprocess("-p", "tests.support.tools", "-p", "no:cacheprovider")


def test_the_last_lines_name_each_missing_program_once(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)

    result = run(pytester, TESTS)

    result.assert_outcomes(skipped=4, passed=1)
    start = next(number for number, line in enumerate(result.outlines) if HEADING in line)
    assert result.outlines[start + 1 : start + 3] == [
        "1 skipped: chromium is not installed",
        "2 skipped: helm is not installed; `make tools` fetches it",
    ]


def test_nothing_is_said_where_nothing_is_missing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)

    result = run(pytester, "import pytest\ndef test_one():\n    pytest.skip('missing a reason')\n")

    result.assert_outcomes(skipped=1)
    result.stdout.no_fnmatch_line(f"*{HEADING}*")


def test_in_ci_a_missing_program_is_a_failure(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")

    result = run(pytester, TESTS)

    result.assert_outcomes(failed=3, skipped=1, passed=1)
    result.stdout.no_fnmatch_line(f"*{HEADING}*")
