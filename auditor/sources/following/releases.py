"""Objects that tell a controller to install a chart: of Argo CD, of Flux, of k3s."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.manifests import Document, Manifest, read_manifests
from auditor.sources.following.argo import read_application, read_application_set
from auditor.sources.following.flux import read_helm_release
from auditor.sources.following.k3s import read_helm_chart, read_helm_chart_config
from auditor.sources.release import Places, Release, UnknownError
from auditor.yaml.nodes import ShapeError

_GROUPS: Final = re.compile(r"argoproj\.io/|toolkit\.fluxcd\.io/|helm\.cattle\.io/")
_READERS: Final[Mapping[str, Callable[[Manifest, Places], Iterator[Release]]]] = {
    "Application": read_application,
    "ApplicationSet": read_application_set,
    "HelmChart": read_helm_chart,
    "HelmChartConfig": read_helm_chart_config,
    "HelmRelease": read_helm_release,
}
_PLACES: Final = frozenset(("GitRepository", "HelmRepository", "OCIRepository"))
_ONLY_VALUES: Final = "HelmChartConfig"
_NAMED: Final = 5


@dataclass(slots=True)
class Releases:
    """The installing objects of one SOURCE, and the places that they name."""

    manifests: list[Manifest] = field(default_factory=list)
    _read: int = 0

    def look(self, document: Document) -> None:
        """Keep what a document holds of them."""
        if _GROUPS.search(document.text):
            self.manifests += (
                item
                for item in read_manifests(document)
                if isinstance(item, Manifest) and item.ref.kind in _READERS.keys() | _PLACES
                if _GROUPS.search(item.ref.api_version)
            )

    @property
    def notices(self) -> tuple[str, ...]:
        """What to tell the user of those that nobody followed."""
        found = [item for item in self.unread if item.ref.kind != _ONLY_VALUES]
        if not found:
            return ()
        named = ", ".join(f"{item.ref} ({item.location})" for item in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        what = "object installs a chart" if len(found) == 1 else "objects install charts"
        return (
            f"{len(found)} {what} that podfit did not follow: {named}{more}; --follow audits them",
        )

    @property
    def unread(self) -> tuple[Manifest, ...]:
        """The objects that install, or give values to those that do, and that nobody followed."""
        return tuple(item for item in self.manifests if item.ref.kind in _READERS)[self._read :]

    def clear(self) -> None:
        self.manifests.clear()
        self._read = 0

    def read(self) -> Iterator[Release | Problem]:
        """What those install that were not read before; what cannot be told is a `Problem`."""
        places = {
            (item.ref.kind, item.ref.namespace, item.ref.name): item for item in self.manifests
        }
        fresh = self.unread
        self._read += len(fresh)
        for item in fresh:
            try:
                yield from _READERS[item.ref.kind](item, places)
            except (ShapeError, UnknownError) as error:
                yield not_followed(str(item.ref), str(item.location), str(error))


def not_followed(name: str, where: str, why: str, hint: str = "") -> Problem:
    """A release whose chart was not audited."""
    return SourceError(
        f"{name} was not followed to its chart",
        where=where,
        why=why,
        hint=hint or "audit the chart itself, with the values that it is given",
    ).problem
