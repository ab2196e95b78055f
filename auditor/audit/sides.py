"""One side of a comparison: what a JSON report says, as values.

The fields have the names of the keys of `docs/schema/report-v1.json`, so that a written report and
the report of an audit of this run are compared in the same way.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field


class Name(Struct, frozen=True):
    """The name of a workload. `component`: the sort of pods, if the object makes several."""

    kind: str
    namespace: str
    name: str
    component: str = ""

    def __str__(self) -> str:
        component = f" ({self.component})" if self.component else ""
        return f"{self.kind}/{self.name}{component}"


class Start(Struct, frozen=True):
    line: int
    col: int


class Place(Struct, frozen=True):
    """A location. `rendered` is None for a file that was not rendered."""

    path: str
    start: Start
    rendered: Start | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.start.line}:{self.start.col}"


class Remedy(Struct, frozen=True):
    kind: str
    keys: tuple[str, ...] = ()


class Fix(Struct, frozen=True):
    text: str
    remedies: tuple[Remedy, ...] = ()


class Subject(Struct, frozen=True):
    name: str


class FindingEntry(Struct, frozen=True):
    """A finding of a report."""

    id: str
    rule: str
    severity: Literal["error", "warning", "info"]
    message: str
    why: str
    fix: Fix
    location: Place
    workload: Name
    containers: tuple[Subject, ...] = ()
    suppressed: Any = None


class Fit(Struct, frozen=True):
    """A workload and a pool: `placement` and `runnable` as in the report."""

    cluster: str
    pool: str
    placement: Literal["admitted", "refused", "undecided"]
    runnable: Literal["yes", "no", "unknown"]


class ContainerEntry(Struct, frozen=True):
    name: str
    role: str
    image: str


class WorkloadEntry(Name, frozen=True):
    """A workload of a report."""

    location: Place = field(default_factory=lambda: Place("", Start(1, 1)))
    containers: tuple[ContainerEntry, ...] = ()
    pools: tuple[Fit, ...] = ()
    variants: tuple[str, ...] = ()


class Image(Struct, frozen=True):
    """An image. `platforms` is the text `unknown` if they were not determined."""

    image: str
    platforms: tuple[str, ...] | str
    digest: str | None = None

    @property
    def known(self) -> tuple[str, ...] | None:
        return None if isinstance(self.platforms, str) else self.platforms


class Pool(Struct, frozen=True):
    name: str
    platform: str


class Cluster(Struct, frozen=True):
    name: str
    pools: tuple[Pool, ...]


class Failure(Struct, frozen=True):
    """What could not be audited."""

    what: str
    where: str = ""
    why: str = ""
    hint: str = ""


class Summary(Struct, frozen=True):
    incomplete: bool
    unresolved: int = 0
    unstated: int = 0
    undecided: int = 0
    unaudited: int = 0


class Overlay(Struct, frozen=True):
    chart: str


class Side(Struct, frozen=True):
    """One side of a comparison.

    Attributes:
        name: What the user compares, such as `HEAD~1:charts/shop`.
        root: The start of the paths of the side, which the other side does not share.
        images_only: Whether it is a lock file, which has neither workloads nor findings.
    """

    summary: Summary
    clusters: tuple[Cluster, ...] = ()
    findings: tuple[FindingEntry, ...] = ()
    workloads: tuple[WorkloadEntry, ...] = ()
    images: tuple[Image, ...] = ()
    errors: tuple[Failure, ...] = ()
    notices: tuple[str, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    name: str = ""
    root: str = ""
    images_only: bool = False

    @property
    def active(self) -> tuple[FindingEntry, ...]:
        """The findings that are not suppressed."""
        return tuple(item for item in self.findings if item.suppressed is None)

    @property
    def failed(self) -> bool:
        """Whether nothing of the side could be audited."""
        return bool(self.errors) and not self.workloads

    @property
    def unresolved(self) -> int:
        """Number of images whose platforms are unknown."""
        return sum(item.known is None for item in self.images)

    @property
    def reserved(self) -> bool:
        """Whether something is unknown, though nothing failed."""
        known = self.summary
        unknown = known.unstated or known.undecided or known.unaudited
        return bool(self.unresolved or unknown)

    def relative(self, path: str) -> str:
        """Return a path without the root of the side."""
        return path.removeprefix(self.root).lstrip("/") if self.root else path
