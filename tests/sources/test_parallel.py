"""Several charts at the same time give the same as one after the other."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.errors import Problem
from auditor.kubernetes.manifests import Document
from auditor.sources.interface import SourceOptions
from auditor.sources.open import open_sources
from auditor.sources.parallel import count_cores, in_order
from tests.support.charts import POD, require_library, write_chart


def test_results_come_in_order_and_the_heaviest_item_goes_first() -> None:
    """Two threads meet at a barrier, so that both must run at the same time."""
    meeting = threading.Barrier(2, timeout=20)
    started: list[int] = []

    def work(item: int) -> str:
        started.append(item)
        if item > 2:
            meeting.wait()
        return f"done {item}"

    assert list(in_order(work, [1, 4, 2, 3], 2, weight=float)) == [
        "done 1",
        "done 4",
        "done 2",
        "done 3",
    ]
    assert sorted(started[:2]) == [3, 4]


@pytest.mark.parametrize("jobs", [1, 3])
def test_an_error_is_raised_in_its_turn(jobs: int) -> None:
    def work(item: int) -> int:
        return 10 // item

    results = in_order(work, [1, 2, 0, 5], jobs)

    assert [next(results), next(results)] == [10, 5]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_nothing_more_is_begun_when_nobody_waits() -> None:
    first, released = threading.Event(), threading.Event()
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        if item:
            first.set()
            released.wait(20)
        return item

    results: Iterator[int] = in_order(work, [0, 1, 2, 3, 4], 2)
    assert next(results) == 0
    first.wait(20)
    results.close()  # type: ignore[attr-defined]
    released.set()

    assert len(begun) <= 3


def test_there_is_a_core() -> None:
    assert count_cores() >= 1


def _read(folder: Path, jobs: int) -> list[Document | Problem]:
    (source,) = open_sources([str(folder)], SourceOptions(jobs=jobs))
    return list(source.documents())


def test_charts_read_at_the_same_time_come_in_order(tmp_path: Path) -> None:
    """A chart that fails costs its own result alone."""
    require_library()
    for number in range(5):
        templates = {"pod.yaml": POD.replace("{name}", f"p{number}") + "# x\n" * 1000 * number}
        chart = write_chart(tmp_path / f"chart-{number}", templates, values="a: 1\n")
        (chart / "ci").mkdir()
        (chart / "ci" / "b-values.yaml").write_text("a: 2\n")
    write_chart(tmp_path / "chart-2", {"pod.yaml": "{{ fail `no` }}"})
    write_chart(
        tmp_path / "chart-3",
        {"pod.yaml": '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}'},
    )
    (tmp_path / "pod.yaml").write_text(POD.replace("{name}", "plain"))

    one, several = _read(tmp_path, 1), _read(tmp_path, 3)

    assert one == several
    assert len(one) == 1 + 3 * 2 + 2 * 2
    assert sum(isinstance(item, Problem) for item in one) == 4
