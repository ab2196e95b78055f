"""What a terminal is given."""

import pytest

from auditor.formats.catalog import Style
from auditor.formats.terminal import Look, Pen, cut, width_of

PLAIN = Pen(Style())
ASCII = Pen(Style(ascii_only=True))
RICH = Pen(Style(color=True, links=True))


def test_ascii_replaces_every_sign_and_escapes_the_rest() -> None:
    assert ASCII.text("✗ “a” … größe → 日") == r'x "a" ... gr\xf6\xdfe -> \u65e5'
    assert PLAIN.text("✗ “a” … größe → 日") == "✗ “a” … größe → 日"


def test_a_text_as_long_as_a_file_is_bounded() -> None:
    assert len(PLAIN.text("a" * 10_000_000)) < 3000


def test_colour_and_links_only_where_they_are_wanted() -> None:
    url = "https://kubernetes.io/docs/"

    assert PLAIN.paint("x", Look.BAD) == PLAIN.link("x", url) == "x"
    assert RICH.paint("x", Look.BAD) == "\x1b[1;31mx\x1b[0m"
    assert RICH.paint("", Look.BAD) == ""
    assert RICH.link("x", url) == f"\x1b]8;;{url}\x1b\\x\x1b]8;;\x1b\\"


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "file:///etc/passwd", "https://a\x1b\\b", "https://a b"]
)
def test_an_odd_address_is_not_linked(url: str) -> None:
    assert RICH.link("x", url) == "x"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("release-name", 12, "release-name"),
        ("release-name", 9, "rele…name"),
        ("release-name", 8, "rele…ame"),
        ("日本語の名前", 7, "日…前"),
        ("abc", 1, "…"),
    ],
)
def test_the_middle_goes_first(text: str, width: int, shown: str) -> None:
    assert cut(text, width, "…") == shown
    assert width_of(shown) <= width


def test_a_word_that_is_too_long_stays_whole() -> None:
    pen = Pen(Style(width=20))

    assert list(pen.wrap(f"see {'a' * 30} there")) == ["see", f"  {'a' * 30}", "  there"]
