"""podfit against the matchers of containerd and CRI-O, with a fixed and a fresh seed.

`make oracle` also compares it with Kubernetes, whose code takes many minutes to compile.
"""

import secrets
from pathlib import Path

import pytest

from scripts.fetch_tools import FetchError
from tests.oracle import compare as comparing
from tests.oracle.build import build
from tests.oracle.cases import Cases
from tests.oracle.compare import AREAS, Case, compare
from tests.support.tools import missing

CASES = 5_000
RUNTIMES = [name for name, area in AREAS.items() if area.program == "runtimes"]


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        return build("runtimes")
    except FetchError as error:
        missing(f"the program of tests/oracle/runtimes cannot be built: {error}")


@pytest.mark.parametrize("seed", ["1", secrets.token_hex(4)], ids=["fixed", "fresh"])
@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.xdist_group("oracle")
def test_podfit_selects_the_rows_that_the_runtime_selects(
    program: Path, name: str, seed: str
) -> None:
    result = compare(name, CASES, seed)
    repeat = f"repeat with: python -m tests.oracle --cases {CASES} --seed {seed} {name}"
    assert not result.differences, "\n".join((repeat, *result.differences[:3]))
    assert result.cases >= CASES


def test_a_difference_is_reported(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(cases: Cases) -> Case | None:
        case = AREAS["cri-o"].make(cases)
        return case and Case(case.question, [not answer for answer in case.expected])

    area = comparing.Area("runtimes", wrong, list, batch=comparing.ROWS)
    monkeypatch.setitem(comparing.AREAS, "wrong", area)
    assert len(compare("wrong", comparing.ROWS, "1").differences) == 1


@pytest.mark.parametrize("name", AREAS)
def test_a_seed_makes_the_same_cases_again(name: str) -> None:
    def cases(seed: str) -> list[Case | None]:
        maker = Cases(seed, hostile=AREAS[name].hostile)
        return [AREAS[name].make(maker) for _ in range(20)]

    assert cases("a") == cases("a")
    assert cases("a") != cases("b")
