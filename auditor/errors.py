"""Everything that can go wrong, as one tree.

A `Problem` is the value: what failed, where, why, what to do. A `PodfitError` carries one through
the stack; the stage that can go on without the failed part catches it and keeps the problem.

    PodfitError
    ├── UsageError              exit 2   an option or argument that makes no sense
    ├── ConfigurationError      exit 2   a file of the user's that steers podfit is wrong
    └── IncompleteError         exit 3   a part of the audit could not be done
        ├── SourceError                  a file, folder or chart cannot be read or rendered
        └── ManifestError                a document is not what the API server would read
"""

from __future__ import annotations

from typing import ClassVar, Final

from msgspec import Struct

EXIT_CLEAN: Final = 0
EXIT_FINDINGS: Final = 1
EXIT_USAGE: Final = 2
EXIT_INCOMPLETE: Final = 3
EXIT_INTERRUPTED: Final = 130

MAX_WHY: Final = 600
"""Characters of a foreign error text that are kept: Helm can print 200 KB of it."""


class Problem(Struct, frozen=True, order=True):
    """A part of the audit that could not be done.

    what: one sentence without a full stop. where: `path[:line[:column]]`, or "". why: the cause in
    the words of whoever found it. hint: what the user can do about it.
    """

    what: str
    where: str = ""
    why: str = ""
    hint: str = ""


class PodfitError(Exception):
    """The root: anything podfit itself reports to the user without a traceback."""

    exit_code: ClassVar[int] = EXIT_USAGE

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.problem = Problem(what, where, shorten(why), hint)


class UsageError(PodfitError):
    """An option or argument that makes no sense."""


class ConfigurationError(PodfitError):
    """A file that steers podfit (cluster, rules, lock, configuration) is wrong."""


class IncompleteError(PodfitError):
    """A part of the audit could not be done; the rest goes on."""

    exit_code = EXIT_INCOMPLETE


class SourceError(IncompleteError):
    """A file, folder or chart that cannot be read or rendered."""


class ManifestError(IncompleteError):
    """A document, or an object in it, that the API server would not accept."""


def shorten(text: str, limit: int = MAX_WHY) -> str:
    """The head and the tail of a long text: errors name the place first and the cause last."""
    text = text.strip()
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half].rstrip()} … {text[-half:].lstrip()}"


def printable(text: str) -> str:
    """Foreign text that cannot steer a terminal: what is not printable is written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
