"""`Scope`: what the user says about the findings in everything below one folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

from auditor.findings import Severity
from auditor.globs import covers
from auditor.manifests import Document
from auditor.suppression.baseline import Baseline
from auditor.suppression.entries import IgnoreEntry
from auditor.suppression.statements import Statement


@dataclass(frozen=True, slots=True)
class Scope:
    """A repository, or another folder, with its own configuration.

    root: absolute. entries: `ignore` of the configuration. caps: the most severe that findings
    below a glob may be. config: the configuration itself, for messages about its entries. whole:
    all of the folder was audited, so what concerns no finding is stale. streams: it speaks for
    standard input too. honours: whether a comment or annotation counts.
    """

    root: str
    entries: tuple[IgnoreEntry, ...] = ()
    caps: tuple[tuple[str, Severity], ...] = ()
    baseline: Baseline | None = None
    config: Document | None = None
    whole: bool = False
    streams: bool = False
    honours: Callable[[Statement], bool] = field(default=lambda _: True, compare=False)

    def cap(self, severity: Severity, document: Document) -> Severity:
        """A severity as it counts in a document: the first glob that covers it decides."""
        for glob, most in self.caps:
            if covers(glob, document.stable_path):
                return min(severity, most)
        return severity


NO_SCOPE: Final = Scope("")


def scope_of(document: Document, scopes: Iterable[Scope]) -> Scope:
    """The scope with the innermost folder around a document; one without settings for any other."""
    if not document.home:
        return next((scope for scope in scopes if scope.streams), NO_SCOPE)
    path = PurePath(document.home, document.identity)
    around = [scope for scope in scopes if path.is_relative_to(scope.root)]
    return max(around, key=lambda scope: len(PurePath(scope.root).parts), default=NO_SCOPE)
