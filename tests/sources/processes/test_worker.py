import gc
import importlib.util
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from auditor.sources.processes import render_child, worker
from auditor.sources.processes.programs import helm_child
from auditor.sources.processes.worker import Worker
from auditor.sources.rendering import Cause, RenderError
from tests.support.charts import require_library, write_chart


@pytest.fixture
def asked() -> Worker:
    require_library()
    return Worker()


def _process(worker: Worker) -> "subprocess.Popen[bytes]":
    assert worker._child is not None
    return worker._child._process


def _render(worker: Worker, chart: Path, timeout: float = 20) -> dict[str, str]:
    rendered: dict[str, str] = worker.ask(
        "render", timeout, chart=str(chart), values={}, options={"name": "x"}
    )
    return rendered


def test_calls_share_a_process(asked: Worker) -> None:
    assert asked.ask("parse_set", 20, expression="a=1") == {"a": 1}
    first = _process(asked)
    assert asked.ask("read_values", 20, text="b: 0644") == {"b": 420}

    assert _process(asked) is first


def test_nothing_is_started_before_it_is_needed(asked: Worker) -> None:
    assert asked._child is None


def test_a_refusal_keeps_the_process(asked: Worker) -> None:
    with pytest.raises(RenderError) as raised:
        asked.ask("read_values", 20, text="- a")
    first = _process(asked)

    assert raised.value.cause is Cause.REFUSED
    assert "cannot unmarshal array" in raised.value.text
    assert asked.ask("parse_set", 20, expression="a=1") == {"a": 1}
    assert _process(asked) is first


def test_a_process_that_hangs_is_killed_and_replaced(asked: Worker, tmp_path: Path) -> None:
    loop = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"
    endless = write_chart(tmp_path / "endless", {"x.yaml": loop})
    honest = write_chart(tmp_path / "honest", {"x.yaml": "a: 1"})
    asked.ask("load", 20)
    first, started = _process(asked), time.perf_counter()

    with pytest.raises(RenderError) as raised:
        _render(asked, endless, timeout=0.5)

    assert (raised.value.cause, raised.value.text) == (
        Cause.TIMEOUT,
        "no result within 0.5 seconds",
    )
    assert time.perf_counter() - started < 10
    assert first.returncode is not None
    assert _render(asked, honest) == {"honest/templates/x.yaml": "a: 1"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space")
def test_a_process_that_wants_too_much_memory_is_replaced(asked: Worker, tmp_path: Path) -> None:
    bomb = write_chart(tmp_path / "bomb", {"x.yaml": "{{ repeat 2000000000 `abc` }}"})
    honest = write_chart(tmp_path / "honest", {"x.yaml": "a: 1"})

    with pytest.raises(RenderError) as raised:
        _render(asked, bomb)

    assert raised.value.cause is Cause.MEMORY
    assert "out of memory" in raised.value.text
    assert _render(asked, honest) == {"honest/templates/x.yaml": "a: 1"}


def test_a_log_is_that_of_the_call(asked: Worker, tmp_path: Path) -> None:
    """Helm logs each link that it follows; a later death is not explained by that."""
    (tmp_path / "out of memory").write_text("")
    linked = write_chart(tmp_path / "linked", {"x.yaml": "a: 1"})
    (linked / "link").symlink_to(tmp_path / "out of memory")
    _render(asked, linked)
    os.kill(_process(asked).pid, signal.SIGKILL)

    with pytest.raises(RenderError) as raised:
        _render(asked, linked)

    assert (raised.value.cause, raised.value.text) == (Cause.CRASH, "")


def test_an_answer_that_is_too_large(
    asked: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path(render_child.__file__).read_text(encoding="utf-8")
    small = tmp_path / "child.py"
    small.write_text(text.replace("MAX_ANSWER: Final = 64_000_000", "MAX_ANSWER: Final = 5_000"))
    monkeypatch.setattr(worker, "_CHILD", small)
    chart = write_chart(tmp_path / "large", {"x.yaml": "{{ repeat 2000 `abc` }}"})

    with pytest.raises(RenderError) as raised:
        _render(asked, chart)

    assert raised.value.cause is Cause.SIZE
    assert asked.ask("parse_set", 20, expression="a=1") == {"a": 1}


def test_closing_ends_the_process_and_the_next_call_makes_another(asked: Worker) -> None:
    asked.ask("load", 20)
    first = _process(asked)

    asked.close()
    asked.close()

    assert first.returncode is not None
    assert asked.ask("parse_set", 20, expression="a=1") == {"a": 1}
    assert _process(asked) is not first


def test_a_forgotten_worker_ends_its_process() -> None:
    require_library()
    forgotten = Worker()
    forgotten.ask("load", 20)
    process = _process(forgotten)

    del forgotten
    gc.collect()

    assert process.returncode is not None


def test_the_process_ends_with_its_standard_input_even_in_a_call(tmp_path: Path) -> None:
    require_library()
    loop = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"
    chart = write_chart(tmp_path / "endless", {"x.yaml": loop})
    process = subprocess.Popen(
        [sys.executable, "-P", render_child.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    request = '{"call": "render", "arguments": {"chart": "%s", "values": {}, "options": {}}}\n'

    process.communicate((request % chart.as_posix()).encode(), timeout=30)

    assert process.returncode == 0


def test_without_the_library_no_folder_is_searched_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder would be the working directory."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert helm_child(Path("child.py")) == (sys.executable, "-I", "child.py")


def test_a_library_that_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Worker
) -> None:
    (tmp_path / "helm_python.py").write_text("raise ImportError('wrong architecture')")
    command = (sys.executable, "-I", "-S", render_child.__file__, str(tmp_path))

    with monkeypatch.context() as patched:
        patched.setattr(worker, "helm_child", lambda _: command)
        for _ in range(2):
            with pytest.raises(RenderError) as raised:
                asked.ask("parse_set", 20, expression="a=1")
            assert (raised.value.cause, raised.value.text) == (Cause.CRASH, "wrong architecture")

    assert asked.ask("parse_set", 20, expression="a=1") == {"a": 1}


def test_an_interrupted_call_leaves_no_answer_behind(
    monkeypatch: pytest.MonkeyPatch, asked: Worker
) -> None:
    asked.ask("load", 20)
    assert asked._child is not None

    def interrupt(request: str, timeout: float) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(asked._child, "exchange", interrupt)
    with pytest.raises(KeyboardInterrupt):
        asked.ask("parse_set", 20, expression="a=1")

    assert asked.ask("parse_set", 20, expression="b=2") == {"b": 2}


def test_threads_wait_for_each_other(asked: Worker) -> None:
    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(asked.ask, "parse_set", 20, expression=f"a={n}") for n in range(40)]
        answers = [item.result(timeout=60) for item in asking]

    assert answers == [{"a": number} for number in range(40)]


def test_the_process_does_not_see_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Worker
) -> None:
    (tmp_path / "helm_python.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)

    assert asked.ask("parse_set", 20, expression="a=1") == {"a": 1}
