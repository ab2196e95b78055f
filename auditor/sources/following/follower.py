"""Follow objects of Argo CD, Flux and k3s that install a chart to the chart and its values.

A chart in a git repository is read only if the working tree is a clone of it. Its remotes are read
from git's files, without running git.
"""

from __future__ import annotations

import json
import re
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.errors import Problem, SourceError
from auditor.files.paths import REPOSITORY_MARK, find_home, real_path
from auditor.files.yaml_nodes import ShapeError
from auditor.kubernetes.manifests import Document, Manifest, read_manifests
from auditor.kubernetes.unseen import installs_chart
from auditor.sources.chart import ArchiveError, is_chart_folder, open_members
from auditor.sources.dependencies import Completion, find_completion
from auditor.sources.fetching.remote import find_elsewhere
from auditor.sources.files import read_text
from auditor.sources.following.argo import read_application, read_application_set
from auditor.sources.following.flux import read_helm_release
from auditor.sources.following.k3s import read_helm_chart, read_helm_chart_config
from auditor.sources.helm import ChartSource, Places, Release, UnknownError
from auditor.sources.interface import SourceOptions
from auditor.sources.rendering import Renderer

_SECTION: Final = re.compile(r'\s*\[\s*([\w.-]+)\s*(?:"(?:[^"\\]|\\.)*"\s*)?\](.*)')
_URL: Final = re.compile(r"\s*url\s*=\s*\"?([^\s\"#;]+)", re.IGNORECASE)


def remotes_of(root: Path) -> frozenset[str]:
    """Return the names of a clone's remotes (see `repository_name`).

    Args:
        root: The folder that contains `.git`.
    """
    try:
        text = read_text(_git_folder(root / REPOSITORY_MARK) / "config", "config")
    except SourceError:
        return frozenset()
    return frozenset(filter(None, map(repository_name, _remote_urls(text))))


def repository_name(url: str) -> str:
    """Return `github.com/acme/shop` for any URL of a repository: no scheme, login, port or `.git`.

    Returns "" if the URL has no host. Azure DevOps has other paths for SSH.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    host, path = parts.hostname or "", parts.path
    if "://" not in url:
        host, _, path = url.rpartition("@")[2].partition(":")
    path = path.strip("/").removesuffix(".git").replace("/_git/", "/").removeprefix("v3/")
    is_named = host and path and "/" not in host
    return f"{host.removeprefix('ssh.')}/{path}".casefold() if is_named else ""


def is_among(name: str, remotes: frozenset[str]) -> bool:
    """Whether a repository is one of the remotes. A host without a dot is an SSH alias."""
    path = name.partition("/")[2]
    hosts = {host for host, _, there in (item.partition("/") for item in remotes) if there == path}
    return name in remotes or any("." not in host for host in hosts)


def _git_folder(mark: Path) -> Path:
    """Return the folder of git's configuration. Raises SourceError.

    In worktrees and submodules `.git` is a file with its path.
    """
    if mark.is_dir():
        return mark
    folder = mark.parent / read_text(mark, mark.name).removeprefix("gitdir:").strip()
    shared = folder / "commondir"
    return folder / read_text(shared, shared.name).strip() if shared.exists() else folder


def _remote_urls(text: str) -> Iterator[str]:
    inside = False
    for line in text.splitlines():
        rest = line
        if section := _SECTION.match(line):
            inside, rest = section[1].casefold() == "remote", section[2]
        if inside and (found := _URL.match(rest)):
            yield found[1]


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
_MAX_LISTED: Final = 5


_CHART_TEXT: Final = re.compile(
    r"(?<![\w./-])(?:helm)?(?:charts?|releases)(?:name|ref)?[\"']?[ \t]*:", re.IGNORECASE
)
_REPOSITORY_TEXT: Final = re.compile(
    r"(?<![\w./-])(?:repo|repository|repositories|url|version)(?:name|url)?[\"']?[ \t]*:"
    r"|oci://",
    re.IGNORECASE,
)
_INSTALLER_TEXT: Final = re.compile(
    r"\b(?:HelmChartProxy|HelmReleaseProxy|HelmOp|ManagedChart|chartPath|remoteChart)\b"
    r"|\bhelm\.(?:m\.)?crossplane\.io/|\bhelm\.k0sproject\.io/|open-cluster-management\.io/"
)
"""What texts hold that name a chart to install. No other text is read for such objects."""
_INSTALLER_FILES: Final = re.compile(
    r"(?:.*/)?(?:helmfile[^/]*\.ya?ml(?:\.gotmpl)?|helmfile\.d/[^/]+\.ya?ml(?:\.gotmpl)?"
    r"|(?:devspace|fleet|helm-chart|zarf)\.ya?ml)"
)
"""Files of helmfile, DevSpace, Fleet, kluctl and Zarf, which need not be Kubernetes objects."""
_CHART_LINE: Final = re.compile(
    r"^[ \t-]*(?:chart|chartName|charts|helmChart|releases)[ \t]*:", re.MULTILINE
)


def is_installer_file(path: str) -> bool:
    """Return whether a file of this name may install charts without being a Kubernetes object."""
    return _INSTALLER_FILES.fullmatch(path) is not None


class Releases(Struct):
    """The installing objects of one SOURCE, and the places that they name.

    others, files: names and locations of objects and files that podfit cannot follow.
    """

    manifests: list[Manifest] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    _read: int = 0
    _may_install: dict[str, bool] = field(default_factory=dict)

    def look(self, document: Document) -> None:
        """Collect such objects from a document."""
        if _GROUPS.search(document.text):
            self.manifests += (
                item
                for item in read_manifests(document)
                if isinstance(item, Manifest) and item.ref.kind in _READERS.keys() | _PLACES
                if _GROUPS.search(item.ref.api_version)
            )
        text = document.text
        if text not in self._may_install:  # variants of a chart render many of the same texts
            self._may_install[text] = _may_install(text)
        if self._may_install[text]:
            self.others += (
                f"{item.ref} ({item.location})"
                for item in read_manifests(document)
                if isinstance(item, Manifest) and not _GROUPS.search(item.ref.api_version)
                if installs_chart(item)
            )

    def look_at(self, path: Path, shown: str) -> None:
        """Keep a file that installs charts, and that need not be a Kubernetes object."""
        if not is_installer_file(path.as_posix()):
            return
        try:
            text = read_text(path, shown)
        except SourceError:
            return  # its part of the SOURCE reports the error
        if _CHART_LINE.search(text):
            self.files.append(shown)

    @property
    def notices(self) -> tuple[str, ...]:
        """A notice about objects and files that were not followed."""
        followable = self._followable
        shown = [f"{item.ref} ({item.location})" for item in followable] + self.others + self.files
        if not shown:
            return ()
        named = ", ".join(shown[:_MAX_LISTED])
        more = f" and {len(shown) - _MAX_LISTED} more" if len(shown) > _MAX_LISTED else ""
        objects = len(shown) - len(self.files)
        counts = ((objects, "object"), (len(self.files), "file"))
        nouns = " and ".join(f"{n} {noun}{'s' if n > 1 else ''}" for n, noun in counts if n)
        what = "installs a chart" if objects + len(self.files) == 1 else "install charts"
        which = "them" if len(followable) == len(shown) else f"{len(followable)} of them"
        help_text = f"--follow audits {which}" if followable else "audit the charts themselves"
        return (f"{nouns} {what} that podfit did not follow: {named}{more}; {help_text}",)

    @property
    def unfollowed(self) -> int:
        """Number of objects and files that install charts and were not followed."""
        return len(self._followable) + len(self.others) + len(self.files)

    @property
    def _followable(self) -> tuple[Manifest, ...]:
        return tuple(item for item in self.unread if item.ref.kind != _ONLY_VALUES)

    @property
    def unread(self) -> tuple[Manifest, ...]:
        """The objects that install charts or give them values, and were not followed."""
        return tuple(item for item in self.manifests if item.ref.kind in _READERS)[self._read :]

    def clear(self) -> None:
        self.manifests.clear()
        self.others.clear()
        self.files.clear()
        self._may_install.clear()
        self._read = 0

    def read(self) -> Iterator[Release | Problem]:
        """Yield the releases of new objects, and a `Problem` for each that cannot be read."""
        places = {
            (item.ref.kind, item.ref.namespace, item.ref.name): item for item in self.manifests
        }
        new = self.unread
        self._read += len(new)
        for item in new:
            try:
                yield from _READERS[item.ref.kind](item, places)
            except (ShapeError, UnknownError) as error:
                yield not_followed(str(item.ref), str(item.location), str(error))


def _may_install(text: str) -> bool:
    if _INSTALLER_TEXT.search(text):
        return True
    return bool(_CHART_TEXT.search(text) and _REPOSITORY_TEXT.search(text))


def not_followed(name: str, where: str, why: str, hint: str = "") -> Problem:
    """Return the problem for a release whose chart was not audited."""
    problem = SourceError(
        f"{name} was not followed to its chart",
        where=where,
        why=why,
        hint=hint or "audit the chart itself, with its values",
    ).problem
    return replace(problem, part="release")


class Follower(Struct, weakref=True):
    """Finds the charts of the releases of one SOURCE.

    Values of releases are written to a temporary folder.

    Attributes:
        source: The path of the SOURCE.
        named: The paths of all SOURCEs.
    """

    source: Path
    options: SourceOptions
    renderer: Renderer
    named: tuple[Path, ...] = ()
    _folder: Path | None = None
    _written: int = 0
    _completions: dict[Path, Completion | None] = field(default_factory=dict)

    def follow(self, releases: Releases) -> Iterator[ChartSource | Problem]:
        """Yield the chart of each new release, or a problem if it cannot be found."""
        for release in releases.read():
            if isinstance(release, Problem):
                yield release
                continue
            try:
                self._require_here(release)
                if not (release.is_local and release.may_be_plain and self._is_plain(release)):
                    yield self._chart(release)
            except SourceError as error:
                problem = error.problem
                why = ": ".join(filter(None, (problem.what, problem.why)))
                yield not_followed(release.name, release.where, why, problem.hint)
            except (ArchiveError, OSError) as error:
                yield not_followed(release.name, release.where, str(error))

    def _chart(self, release: Release) -> ChartSource:
        path, shown = self._local(release) if release.is_local else self._remote(release)
        files = [self._values_file(path, name) for name in release.value_files]
        files += [self._write(json.dumps(values).encode()) for values in release.values]
        own = self.options.helm
        options = replace(
            own,
            values_files=(*files, *own.values_files),
            set_values=(*release.set_values, *own.set_values),
            set_strings=(*release.set_strings, *own.set_strings),
            release_name=release.release_name or own.release_name,
            namespace=release.namespace or own.namespace,
        )
        if path not in self._completions:
            self._completions[path] = find_completion(self.options, self.renderer)
        completion = self._completions[path]
        return ChartSource(path, shown, options, self.renderer, release.name, completion, release)

    def _require_here(self, release: Release) -> None:
        """Raise SourceError if the release comes from another git repository than the SOURCE."""
        remotes = remotes_of(self._root)
        for name in filter(None, map(repository_name, release.repositories)):
            if remotes and not is_among(name, remotes):
                clone = ", ".join(sorted(remotes))
                raise SourceError(f"its source is {name}, but this is a clone of {clone}")

    @property
    def _root(self) -> Path:
        home = find_home(self.source)
        inside = real_path(self.source)
        return home.root if home else inside if inside.is_dir() else inside.parent

    def _is_plain(self, release: Release) -> bool:
        """Whether a release consists of manifests, which are audited as files."""
        path = self._folder_of(release)
        if not path.is_dir() or is_chart_folder(path):
            return False
        if not any(path.is_relative_to(real_path(named)) for named in self.named):
            raise SourceError(
                f"{release.chart} contains manifests and is not among the audited sources",
                hint="add it as a SOURCE",
            )
        return True

    def _folder_of(self, release: Release) -> Path:
        """Return the release's folder. Raises SourceError if it is outside the repository."""
        path = real_path(self._root / release.chart.lstrip("/"))
        if not path.is_relative_to(real_path(self._root)):
            raise _no_chart(release)
        return path

    def _local(self, release: Release) -> tuple[Path, str]:
        path = self._folder_of(release)
        if not is_chart_folder(path):
            raise _no_chart(release)
        try:
            return path, path.relative_to(Path.cwd()).as_posix()
        except ValueError:
            return path, path.as_posix()

    def _remote(self, release: Release) -> tuple[Path, str]:
        found = find_elsewhere(release.chart, self.options, named_by_user=False)
        if found is None:
            raise SourceError(f"{release.chart} is not a chart reference that podfit supports")
        return found.archive(), found.chart.shown

    def _values_file(self, chart: Path, name: str) -> str:
        """Return the path of a values file in the repository or the chart."""
        base = self._root if name.startswith("/") or chart.is_file() else chart
        path = real_path(base / name.lstrip("/"))
        if chart.is_file() and not name.startswith("/"):
            for _, content in open_members(chart, name.__eq__):
                return self._write(content)
            raise SourceError(f"the chart has no values file {name}")
        if not path.is_relative_to(real_path(self._root)) or not path.is_file():
            raise SourceError(f"the repository has no values file {name}")
        return path.as_posix()

    def _write(self, content: bytes) -> str:
        import shutil
        import tempfile

        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="podfit-releases-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._written += 1
        path = self._folder / f"values-{self._written}.yaml"
        path.write_bytes(content)
        return path.as_posix()


def _no_chart(release: Release) -> SourceError:
    return SourceError(f"the repository has no chart {release.chart}")
