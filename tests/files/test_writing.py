"""Values written as YAML are read back as they were."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.files import yaml_writing
from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import read_documents
from auditor.files.yaml_writing import block, flow

SCALARS = st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def read(text: str) -> Any:
    (root,) = read_documents(text)
    assert isinstance(root, Node), root
    return root.plain()


@given(st.dictionaries(st.text(min_size=1, max_size=8), VALUES, min_size=1, max_size=3))
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    assert read(flow(value)) == value
    assert read(block(value)) == value


USUAL = st.text(st.sampled_from(" -:#ayn01.'\"\\{}[]|>~=<\n\té"), max_size=9)
ANY = st.recursive(
    SCALARS | USUAL | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(USUAL | st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=400)
@given(ANY)
def test_usual_values_are_written_as_ruamel_writes_them(value: Any) -> None:
    assert block(value) == yaml_writing._written(value, in_flow=False)


def test_flow() -> None:
    value = {"kubernetes.io/os": "linux", "build": "10.0.20348", "on": "yes", "list": [1, {}, None]}

    assert flow(value) == (
        '{kubernetes.io/os: linux, build: "10.0.20348", "on": "yes", list: [1, {}, null]}'
    )


def test_block() -> None:
    value = {
        "zones": [{"name": "a", "nodeSelector": {"disk": "ssd"}}, {}],
        "empty": {},
        "patch": "- op: add\n  path: /spec\n",
        "text": "one\ntwo",
    }

    assert block(value) == (
        "zones:\n"
        "  - name: a\n"
        "    nodeSelector:\n"
        "      disk: ssd\n"
        "  - {}\n"
        "empty: {}\n"
        "patch: |\n"
        "  - op: add\n"
        "    path: /spec\n"
        "text: |-\n"
        "  one\n"
        "  two\n"
    )


@pytest.mark.parametrize("text", ["a: b", "\x1b[31m", "true", "1e3", "", " x", "x\n\n", "é", "🐧"])
def test_odd_text_is_quoted(text: str) -> None:
    assert read(flow({"x": text})) == {"x": text}
    assert flow(text).isprintable()
