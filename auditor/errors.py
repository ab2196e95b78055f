"""The exception hierarchy and the exit codes.

A `PodfitError` carries a `Problem` (what failed, its location, the cause and a hint) up the stack.
A stage that can continue without the failed part catches the error and keeps the problem.

    PodfitError
    ├── UsageError              exit 2   invalid option or argument
    ├── ConfigurationError      exit 2   invalid cluster, rules, lock or configuration file
    └── IncompleteError         exit 3   a part of the audit failed
        ├── SourceError                  a file, folder or chart cannot be read or rendered
        │   └── DependencyError          a dependency of a chart is missing
        └── ManifestError                a document that the API server would not accept
"""

from __future__ import annotations

from typing import ClassVar, Final

from msgspec import Struct

EXIT_CLEAN: Final = 0
EXIT_FINDINGS: Final = 1
EXIT_USAGE: Final = 2
EXIT_INCOMPLETE: Final = 3
EXIT_INTERRUPTED: Final = 130

PARTS: Final = (
    "chart",
    "dependency",
    "file",
    "kustomization",
    "manifest",
    "release",
    "source",
)
"""The parts of an audit that can fail on their own, in alphabetical order."""
MAX_WHY: Final = 600
"""Characters kept of an external error text: Helm can print 200 KB."""


class Problem(Struct, frozen=True, order=True):
    """A part of the audit that failed.

    Attributes:
        what: One sentence without a full stop.
        where: `path[:line[:column]]`, or "".
        why: The cause, as reported by the failing program or library.
        hint: What the user can do about it.
        part: What failed, for `accept` in the configuration: a word of `PARTS`, or "".
        changes_no_pod: Whether the audit is complete without it, so that it is only a note.
    """

    what: str
    where: str = ""
    why: str = ""
    hint: str = ""
    part: str = ""
    changes_no_pod: bool = False

    @property
    def note(self) -> str:
        """The problem in one line, for those that are only notes."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}: {self.why}" if self.why else head


class PodfitError(Exception):
    """An error that is reported to the user without a traceback."""

    exit_code: ClassVar[int] = EXIT_USAGE
    part: ClassVar[str] = ""
    """The part of the audit that failed; that of the source if it is ""."""

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.problem = Problem(what, where, shorten(why), hint, self.part)


class UsageError(PodfitError):
    """An invalid option or argument."""


class ConfigurationError(PodfitError):
    """An invalid cluster, rules, lock or configuration file."""


class IncompleteError(PodfitError):
    """A part of the audit that failed; the rest continues."""

    exit_code = EXIT_INCOMPLETE


class SourceError(IncompleteError):
    """A file, folder or chart that cannot be read or rendered."""


class DependencyError(SourceError):
    """A dependency of a chart that is missing or cannot be fetched."""

    part = "dependency"


class ManifestError(IncompleteError):
    """A document, or an object in it, that the API server would not accept."""

    part = "manifest"


def shorten(text: str, limit: int = MAX_WHY) -> str:
    """Keep the head and the tail of a long text, as errors start with the location and end with
    the cause.
    """
    text = text.strip()
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half].rstrip()} … {text[-half:].lstrip()}"


def printable(text: str) -> str:
    """Escape unprintable characters, so that external text cannot control the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
