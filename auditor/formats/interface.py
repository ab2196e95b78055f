"""What a format is: a report in, a text out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from auditor.audit.report import Report


@dataclass(frozen=True, slots=True)
class Style:
    """How a text may look where it goes.

    color, links: ANSI colours and OSC 8 links may be used. ascii_only: the terminal has no UTF-8.
    width: columns. show_passed: list what is in order too. quiet: nothing but what was found, and
    what could not be done. source_url: what a path from the root of the repository is put behind to
    link to the file, as `https://github.com/o/r/blob/SHA/`; "" for no links.
    """

    color: bool = False
    links: bool = False
    ascii_only: bool = False
    width: int = 100
    show_passed: bool = False
    quiet: bool = False
    source_url: str = ""


PLAIN = Style()


class Format(Protocol):
    """Writes a report as one text that ends in a newline. Escapes whatever comes from outside.

    A format of one line for each finding is empty where there is none.
    """

    def __call__(self, report: Report, style: Style) -> str: ...
