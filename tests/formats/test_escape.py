"""What each place takes for text, checked with what reads that place where one can have it."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from auditor.formats import escape

ANYTHING = st.text(st.characters(), max_size=40)
"""Control characters, bidirectional marks and lone surrogates included."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ghcr.io/acme/web:1", "ghcr.io/acme/web:1"),
        ("Größe/日本", "Größe/日本"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\u202eb\u200bc", r"a\u202eb\u200bc"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\udc80", r"\udc80"),
    ],
)
def test_nothing_hides(text: str, shown: str) -> None:
    assert escape.visible(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("##[error]x", r"#\x23[error]x"),
        ("a ##vso[task.setvariable]b", r"a #\x23vso[task.setvariable]b"),
        ("###[x", r"##\x23[x"),
        ("## Heading", "## Heading"),
        ("# comment [1]", "# comment [1]"),
    ],
)
def test_a_logging_command_within_a_line_is_broken(text: str, shown: str) -> None:
    assert escape.terminal(text) == shown


def test_no_line_of_a_log_is_a_workflow_command() -> None:
    text = "::error::a\n  ::set-output name=x::b\nfine [::1]:5000/a\n::\n"

    assert escape.log(text) == (
        "\\x3a:error::a\n  \\x3a:set-output name=x::b\nfine [::1]:5000/a\n\\x3a:\n"
    )


def test_workflow_commands_are_escaped_as_the_runner_reads_them() -> None:
    assert escape.workflow_data("100%\r\n::x") == "100%25%0D%0A::x"
    assert escape.workflow_property("a:b,c%") == "a%3Ab%2Cc%25"


@given(ANYTHING)
def test_markdown_comes_back_as_text(text: str) -> None:
    html = MarkdownIt("commonmark").enable("table").renderInline(f"x{escape.markdown(text)}x")

    assert _text(html) == f"x{escape.visible(text)}x"
    assert "<" not in html


@pytest.mark.parametrize(
    "text", ["https://evil.test", "www.evil.test", "@team", "#12", ":smile:", "a|b", "![x](y)"]
)
def test_github_makes_nothing_of_a_name(text: str) -> None:
    """What its own extensions would link: told by the character that starts them being gone."""
    written = escape.markdown(text)

    assert not re.search(r"://|www\.|[@|\[]|(?<!&)#\d|:\w+:", written)


def test_backticks_are_code_where_they_are_in_pairs() -> None:
    assert escape.markdown_prose("run `podfit lock`") == "run <code>podfit lock</code>"
    assert escape.html_prose("`<b>` and") == "<code>&lt;b&gt;</code> and"
    assert escape.html_prose("a ` b") == "a ` b"
    assert escape.markdown_prose("a ` b") == "a &#96; b"


@given(ANYTHING)
def test_html_comes_back_as_text(text: str) -> None:
    assert _text(escape.html(text)) == escape.visible(text)
    assert not re.search(r"[<>\"']", escape.html(text))


@given(st.recursive(ANYTHING, lambda inner: st.lists(inner, max_size=3)))
def test_json_comes_back_as_it_was_in_plain_ascii(value: object) -> None:
    for text in (escape.json_text(value), escape.script_json(value)):
        assert json.loads(text) == value
        assert text.isascii()
    assert not re.search(r"##\w*\[", escape.json_text(value))
    assert not re.search(r"[<>&]", escape.script_json(value))


def test_a_script_cannot_be_closed_by_its_data() -> None:
    assert escape.script_json("</script><!--") == r'"\u003c/script\u003e\u003c!--"'


def test_a_serialised_document_holds_no_command() -> None:
    assert escape.xml_document("<a>##[x]\n::x::</a>") == "<a>#&#35;[x]\n&#58;:x::</a>"


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = ""

    def handle_data(self, data: str) -> None:
        self.found += data


def _text(html: str) -> str:
    parser = _Texts()
    parser.feed(html)
    parser.close()
    return parser.found
