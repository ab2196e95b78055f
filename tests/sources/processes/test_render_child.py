"""What `render_child` answers, in this process: the calls that run no template."""

import json
from typing import Any

import pytest

from auditor.sources.processes import render_child


def _ask(call: str, **arguments: Any) -> Any:
    return json.loads(render_child.answer({"call": call, "arguments": arguments}))


def test_an_answer_is_one_line() -> None:
    line = render_child.answer({"call": "gone", "arguments": {}})

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1


def test_a_failure_of_any_kind_is_an_answer() -> None:
    assert _ask("gone") == {"error": "'gone'", "kind": "KeyError"}
    assert _ask("load", wrong=1)["kind"] == "TypeError"


def test_what_is_too_large_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(render_child._CALLS, "load", lambda: "x" * 100)
    monkeypatch.setattr(render_child, "MAX_ANSWER", 100)

    answered = _ask("load")

    assert answered["kind"] == "TooLargeError"
    assert answered["error"] == "the result has 115 bytes; the limit is 100"
