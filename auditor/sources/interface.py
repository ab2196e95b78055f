"""The `Source` protocol, the options for sources, and the stable identity of documents.

Helm options have the names of Helm's own flags.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal, Protocol
from urllib.parse import urlsplit

from msgspec import Struct, field

from auditor.errors import Problem
from auditor.files.paths import Home, covers, find_home, real_path
from auditor.kubernetes.manifests import Document

RendererName = Literal["auto", "embedded", "cli"]

RENDER_SECONDS: Final = 30.0
"""Time limit for one chart. The slowest of 506 surveyed charts takes 3 s (it makes RSA keys)."""


class HelmOptions(Struct, frozen=True):
    """How charts are rendered.

    Attributes:
        values_files: The files of `-f`, in order.
        set_values: The expressions of `--set`, in order.
        set_strings: The expressions of `--set-string`, in order.
        namespace: "" means Helm's `default`.
        kube_version: "" means the version that the renderer's Helm was built for.
        api_versions: Added to the built-in ones in `.Capabilities.APIVersions`.
        timeout: Seconds for one chart.
    """

    values_files: tuple[str, ...] = ()
    set_values: tuple[str, ...] = ()
    set_strings: tuple[str, ...] = ()
    release_name: str = "release-name"
    namespace: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    renderer: RendererName = "auto"
    timeout: float = RENDER_SECONDS

    @property
    def give_values(self) -> bool:
        return bool(self.values_files or self.set_values or self.set_strings)


class Variant(Struct, frozen=True):
    """A named set of values to render a chart with. The fields are those of `HelmOptions`."""

    name: str
    values_files: tuple[str, ...] = ()
    set_values: tuple[str, ...] = ()
    set_strings: tuple[str, ...] = ()


class Tree(Struct, frozen=True):
    """The configuration of the sources below a folder.

    Attributes:
        root: Absolute path with links resolved.
        exclude: Globs relative to `root` of entries that the walk skips. A SOURCE on the command
            line is never skipped.
        variants: Variants by glob, for the charts that match.
    """

    root: Path
    exclude: tuple[str, ...] = ()
    variants: tuple[tuple[str, tuple[Variant, ...]], ...] = ()

    def excludes(self, path: Path) -> bool:
        return _covered(self.exclude, path, self.root)

    def variants_of(self, chart: Path) -> tuple[Variant, ...]:
        """Return the variants of every entry whose glob covers the chart, in order."""
        covering = (found for glob, found in self.variants if _covered((glob,), chart, self.root))
        return tuple(variant for found in covering for variant in found)


class HostRules(Struct, frozen=True):
    """The hosts that Helm may fetch charts from.

    Attributes:
        allowed: Globs of `host[:port]`; () allows all.
        private: Hosts that may resolve to private addresses.
    """

    allowed: tuple[str, ...] = ()
    private: frozenset[str] = frozenset()

    def allows(self, address: str) -> bool:
        """Whether requests to an address are allowed. Redirect targets are not checked."""
        parts = urlsplit(address)
        names = {parts.hostname or "", parts.netloc.rpartition("@")[2].lower()}
        return not self.allowed or any(fnmatchcase(n, glob) for n in names for glob in self.allowed)

    def with_named(self, address: str) -> HostRules:
        """Return the rules with the host of an address allowed, even at a private address."""
        host = urlsplit(address).hostname or ""
        return HostRules((*self.allowed, host) if self.allowed else (), self.private | {host})


class SourceOptions(Struct, frozen=True):
    """How sources are opened and read.

    Attributes:
        ci_values: Also render charts with their `ci/*-values.yaml`.
        dependency_update: Fetch missing chart dependencies.
        cache: The folder for remote charts; without it no chart is pulled.
        offline: Use only cached charts.
        hosts: The hosts that charts may be fetched from.
        follow: Audit the charts that objects such as HelmRelease install.
        jobs: Number of charts that are rendered at the same time.
    """

    helm: HelmOptions = field(default_factory=HelmOptions)
    trees: tuple[Tree, ...] = ()
    ci_values: bool = True
    dependency_update: bool = False
    cache: Path | None = None
    offline: bool = False
    hosts: HostRules = field(default_factory=HostRules)
    follow: bool = False
    jobs: int = 1

    def excludes(self, path: Path) -> bool:
        """Whether to skip a file or folder, given as an absolute path with links resolved."""
        tree = self._tree_of(path)
        return tree is not None and tree.excludes(path)

    def variants_of(self, chart: Path) -> tuple[Variant, ...]:
        """Return the configured variants of a chart folder or archive."""
        inside = real_path(chart)
        tree = self._tree_of(inside)
        return tree.variants_of(inside) if tree else ()

    def _tree_of(self, path: Path) -> Tree | None:
        """Return the tree with the innermost root around a path."""
        around = [tree for tree in self.trees if path.is_relative_to(tree.root)]
        return max(around, key=lambda tree: len(tree.root.parts), default=None)


def _covered(globs: Iterable[str], path: Path, root: Path) -> bool:
    relative = path.relative_to(root).as_posix()
    return any(covers(glob, relative) for glob in globs)


class Source(Protocol):
    """A provider of documents: a file, a folder, a chart or standard input.

    Attributes:
        name: The name that the user gave, for messages.
        why_empty: A clause that explains why the source creates no pods although nothing is wrong,
            or "". Valid after the documents are read.
    """

    @property
    def name(self) -> str: ...

    @property
    def why_empty(self) -> str: ...

    def documents(self) -> Iterator[Document | Problem]:
        """Yield the documents in a stable order, and a `Problem` for each part that fails.

        Each call reads the input again. Bad input never raises, so one bad chart does not hide the
        others.
        """
        ...


class Identifier(Struct, frozen=True):
    """Fills in a document's `home` and `identity`, which do not depend on how SOURCE is written."""

    _homes: dict[Path, Home] = field(default_factory=dict)

    def __call__(self, item: Document | Problem) -> Document | Problem:
        """Return the document with its identity; one that comes from no file is unchanged."""
        path = item.chart or item.path if isinstance(item, Document) else ""
        if isinstance(item, Problem) or path.startswith("<") or "://" in path:
            return item
        home = self._home(real_path(Path(path)))
        identity = home.relative(real_path(Path(item.path)))
        return dataclasses.replace(
            item, home=str(home.root), identity=identity, in_repository=home.is_repository
        )

    def _home(self, path: Path) -> Home:
        """Return the repository of a path, or else the folder that contains the file or chart."""
        folder = path if path.is_dir() else path.parent
        if folder not in self._homes:
            self._homes[folder] = find_home(folder) or Home(path.parent, is_repository=False)
        return self._homes[folder]
