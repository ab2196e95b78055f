"""What the user may say about sources; the Helm part is named as Helm names it.

What the audit needs of a source: its documents.

Names of documents that are the same in every run, whatever SOURCE was written for them.
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
"""The slowest honest chart of 506 takes 3 s (it makes RSA keys); an endless loop never ends."""


class HelmOptions(Struct, frozen=True):
    """How charts are rendered.

    values_files, set_values, set_strings: `-f`, `--set` and `--set-string`, in the order given.
    namespace: "" is Helm's `default`. kube_version: "" is the one the renderer's Helm was built
    for. api_versions: told to charts besides the built-in ones. timeout: seconds for one chart.
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
    """A way to render a chart beside its defaults. The fields are those of `HelmOptions`."""

    name: str
    values_files: tuple[str, ...] = ()
    set_values: tuple[str, ...] = ()
    set_strings: tuple[str, ...] = ()


class Tree(Struct, frozen=True):
    """What is said of the sources below a folder.

    root: absolute, links resolved. exclude: globs from there of what is passed over on the way; a
    SOURCE that is named is not. variants: for the charts below a glob.
    """

    root: Path
    exclude: tuple[str, ...] = ()
    variants: tuple[tuple[str, tuple[Variant, ...]], ...] = ()

    def excludes(self, path: Path) -> bool:
        return _covered(self.exclude, path, self.root)

    def variants_of(self, chart: Path) -> tuple[Variant, ...]:
        """Of every entry that covers the chart, in their order."""
        covering = (found for glob, found in self.variants if _covered((glob,), chart, self.root))
        return tuple(variant for found in covering for variant in found)


class HostRules(Struct, frozen=True):
    """Whom Helm may ask for charts.

    allowed: globs of hosts, as `host[:port]`; () for all. private: hosts whose addresses need not
    be public.
    """

    allowed: tuple[str, ...] = ()
    private: frozenset[str] = frozenset()

    def allows(self, address: str) -> bool:
        """Whether somebody at an address may be asked. Where a redirect leads is not looked at."""
        parts = urlsplit(address)
        names = {parts.hostname or "", parts.netloc.rpartition("@")[2].lower()}
        return not self.allowed or any(fnmatchcase(n, glob) for n in names for glob in self.allowed)

    def with_named(self, address: str) -> HostRules:
        """The same for somebody whom the user named: allowed, wherever he is."""
        host = urlsplit(address).hostname or ""
        return HostRules((*self.allowed, host) if self.allowed else (), self.private | {host})


class SourceOptions(Struct, frozen=True):
    """How sources are opened and read.

    ci_values: render charts with their `ci/*-values.yaml` too. dependency_update: fetch what charts
    lack. cache: where charts from elsewhere are kept; without it none are pulled. offline: nobody
    is asked for them. hosts: whom to ask. follow: objects that install charts are followed to
    these.
    """

    helm: HelmOptions = field(default_factory=HelmOptions)
    trees: tuple[Tree, ...] = ()
    ci_values: bool = True
    dependency_update: bool = False
    cache: Path | None = None
    offline: bool = False
    hosts: HostRules = field(default_factory=HostRules)
    follow: bool = False

    def excludes(self, path: Path) -> bool:
        """Whether a file or folder is passed over. path: absolute, links resolved."""
        tree = self._tree_of(path)
        return tree is not None and tree.excludes(path)

    def variants_of(self, chart: Path) -> tuple[Variant, ...]:
        """How else to render a chart. chart: its folder or archive, as it was found."""
        inside = real_path(chart)
        tree = self._tree_of(inside)
        return tree.variants_of(inside) if tree else ()

    def _tree_of(self, path: Path) -> Tree | None:
        """The tree with the innermost root around a path."""
        around = [tree for tree in self.trees if path.is_relative_to(tree.root)]
        return max(around, key=lambda tree: len(tree.root.parts), default=None)


def _covered(globs: Iterable[str], path: Path, root: Path) -> bool:
    relative = path.relative_to(root).as_posix()
    return any(covers(glob, relative) for glob in globs)


class Source(Protocol):
    """Where documents come from: a file, a folder, a chart, a stream.

    name: as the user named it, for messages. why_empty: a clause on why it rightly makes no pods,
    once its documents were read; "" where there is nothing to say.
    """

    @property
    def name(self) -> str: ...

    @property
    def why_empty(self) -> str: ...

    def documents(self) -> Iterator[Document | Problem]:
        """The documents in a stable order; what could not be read comes as a `Problem`.

        Each call reads anew. Never raises for a bad input: one bad chart does not hide the others.
        """
        ...


class Identifier(Struct, frozen=True):
    """Fills in a document's `home` and `identity`. Remembers where folders are at home."""

    _homes: dict[Path, Home] = field(default_factory=dict)

    def __call__(self, item: Document | Problem) -> Document | Problem:
        """Documents from no file, such as standard input or a remote chart, stay as they are."""
        if isinstance(item, Problem) or _is_no_file(item.chart or item.path):
            return item
        home = self._home(real_path(Path(item.chart or item.path)))
        identity = home.relative(real_path(Path(item.path)))
        return dataclasses.replace(
            item, home=str(home.root), identity=identity, in_repository=home.is_repository
        )

    def _home(self, path: Path) -> Home:
        """Outside of any repository: the folder that the file, or the chart, lies in."""
        folder = path if path.is_dir() else path.parent
        if folder not in self._homes:
            self._homes[folder] = find_home(folder) or Home(path.parent, is_repository=False)
        return self._homes[folder]


def _is_no_file(path: str) -> bool:
    return path.startswith("<") or "://" in path
