"""Parts of the audit that failed, and that the configuration accepts as not audited."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from msgspec import Struct

from auditor.errors import Problem
from auditor.files.paths import covers, find_home, real_path
from auditor.kubernetes.manifests import Document, Location
from auditor.policy.baseline import AcceptEntry
from auditor.policy.ignores import Scope, scope_of

_PLACE: Final = re.compile(r"(?::\d+){1,2}$")


class Accepted(Struct, frozen=True):
    """A part that was not audited, with the reason and location of the entry that accepts it."""

    problem: Problem
    reason: str
    where: str

    @property
    def note(self) -> str:
        """The part in one line, with the reason."""
        place = f"{self.problem.where}: " if self.problem.where else ""
        return f"{place}{self.problem.what}; accepted as not audited ({self.where}): {self.reason}"


class Acceptance(Struct, frozen=True):
    """The problems of an audit.

    Attributes:
        problems: Those that nothing accepts.
        used: The locations of the entries that accept a problem.

    """

    problems: tuple[Problem, ...]
    accepted: tuple[Accepted, ...] = ()
    used: frozenset[Location] = frozenset()


def accept(problems: Iterable[Problem], scopes: Sequence[Scope], today: date) -> Acceptance:
    """Find the `accept` entries for each problem; the first counts, as for `ignore`."""
    left: list[Problem] = []
    accepted: list[Accepted] = []
    used: set[Location] = set()
    for problem in problems:
        entries = _entries(problem, scopes, today)
        used.update(entry.location for entry in entries)
        if entries:
            accepted.append(Accepted(problem, entries[0].reason, str(entries[0].location)))
        else:
            left.append(problem)
    return Acceptance(tuple(left), tuple(accepted), frozenset(used))


def _entries(problem: Problem, scopes: Sequence[Scope], today: date) -> list[AcceptEntry]:
    if not problem.part or not problem.where:
        return []
    place = _document(_PLACE.sub("", problem.where))
    return [
        entry
        for entry in scope_of(place, scopes).accepted
        if problem.part in entry.parts and not entry.expired(today)
        if any(covers(glob, place.stable_path) for glob in entry.paths)
    ]


def _document(path: str) -> Document:
    """Return a stand-in for the file or folder of a problem, with its path in the repository."""
    if path.startswith(("<", "-")) or "://" in path:
        return Document(path, "", "")
    real = real_path(Path(path))
    home = find_home(real)
    if home is None:
        return Document(path, "", "", home=str(real.parent), identity=real.name)
    return Document(path, "", "", home=str(home.root), identity=home.relative(real))
