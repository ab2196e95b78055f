"""`IgnoreEntry`: what the configuration silences: whole folders, charts that cannot be edited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from auditor.findings import Finding
from auditor.globs import covers
from auditor.images import ImageReference
from auditor.manifests import Location
from auditor.references import parse_reference

Globs = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """Globs that a finding must meet, each kind with any of its own; () is met by everything.

    kind: in any case. container, image: of every container that the finding is about, so that one
    ignored container does not hide another. image: with or without registry and tag. path: from the
    root of the repository; a folder stands for all that is in it.
    """

    kind: Globs = ()
    name: Globs = ()
    namespace: Globs = ()
    container: Globs = ()
    image: Globs = ()
    path: Globs = ()

    def meets(self, finding: Finding) -> bool:
        workload = finding.observation.workload
        subjects = finding.observation.subjects
        return (
            _meets(tuple(map(str.lower, self.kind)), (workload.ref.kind.lower(),))
            and _meets(self.name, (workload.ref.name,))
            and _meets(self.namespace, (workload.ref.namespace,))
            and _meets_all(self.container, ((item.container,) for item in subjects))
            and _meets_all(self.image, (_image_names(item.image) for item in subjects))
            and _lies_in(self.path, workload.document.stable_path)
        )


@dataclass(frozen=True, slots=True)
class IgnoreEntry:
    """One entry of `ignore` in the configuration.

    expires: the last day on which it holds; None for ever. location: in the configuration.
    """

    rules: tuple[str, ...]
    match: Match
    reason: str
    location: Location
    expires: date | None = None

    def expired(self, today: date) -> bool:
        return self.expires is not None and self.expires < today

    def silences(self, finding: Finding, today: date) -> bool:
        return finding.rule in self.rules and not self.expired(today) and self.match.meets(finding)


def _image_names(text: str) -> tuple[str, ...]:
    reference = parse_reference(text)
    return (text, *(reference.names if isinstance(reference, ImageReference) else ()))


def _meets(globs: Globs, names: Iterable[str]) -> bool:
    return not globs or any(fnmatchcase(name, glob) for name in names for glob in globs)


def _meets_all(globs: Globs, subjects: Iterable[tuple[str, ...]]) -> bool:
    """A finding about no container in particular is about none that is named."""
    if not globs:
        return True
    each = [_meets(globs, names) for names in subjects]
    return bool(each) and all(each)


def _lies_in(globs: Globs, path: str) -> bool:
    return not globs or any(covers(glob, path) for glob in globs)
