"""How many requests podfit needs. Never how long: that is another machine's business."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import resolve
from bench.registries import Counts, Far, far_registries


@pytest.fixture
def far() -> Iterator[Far]:
    with far_registries(0) as running:
        yield running


def test_requests_of_podfit(far: Far, tmp_path: Path) -> None:
    """Nothing known; within the time to live; after it one HEAD each, 20 of them redirected."""
    counts = [resolve.measure(far, client, run).counts for client, run in resolve.podfits(tmp_path)]

    assert counts == [Counts(111, 0, 60), Counts(0, 0, 0), Counts(111, 81, 0)]


def test_requests_of_a_sequential_loop(far: Far) -> None:
    assert resolve.measure(far, "loop", resolve.sequential).counts == Counts(170, 0, 60)


def test_the_table_is_written_between_its_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{resolve.BEGIN}\nold\n{resolve.END}\nafter\n")
    monkeypatch.setattr(resolve, "DOCUMENT", document)
    loop = resolve.Measured("loop", Counts(170, 0, 60), 8.0)
    table = resolve.table_of((loop, resolve.Measured("podfit", Counts(111, 0, 60), 0.4)))

    resolve.write(table)

    assert document.read_text() == (
        f"before\n{resolve.BEGIN}\n"
        "| client | requests | of them HEAD | manifests downloaded | time, of the loop's |\n"
        "|---|---:|---:|---:|---:|\n"
        "| loop | 170 | 0 | 60 | 100.0 % |\n"
        "| podfit | 111 | 0 | 60 | 5.0 % |\n"
        f"{resolve.END}\nafter\n"
    )


def test_promises() -> None:
    def measured(requests: int, manifests: int, seconds: float) -> resolve.Measured:
        return resolve.Measured("x", Counts(requests, 0, manifests), seconds)

    loop, known, old = measured(170, 60, 10), measured(0, 0, 0), measured(111, 0, 1)
    assert resolve.keeps_promises((loop, measured(111, 60, 1), known, old))
    assert not resolve.keeps_promises((loop, measured(112, 60, 1), known, old))
    assert not resolve.keeps_promises((loop, measured(111, 60, 1.1), known, old))
    assert not resolve.keeps_promises((loop, measured(111, 60, 1), measured(1, 0, 0), old))
    assert not resolve.keeps_promises((loop, measured(111, 60, 1), known, measured(99, 1, 1)))
