"""Remote charts: parse the SOURCE, and pull it from a registry, chart repository or URL."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct
from msgspec.structs import replace

from auditor.errors import SourceError
from auditor.sources.chart import MAX_UNPACKED, is_archive
from auditor.sources.fetching.fetch import (
    OCI,
    Fetcher,
    Pull,
    Repository,
    choose_fetcher,
    helm_repositories,
)
from auditor.sources.interface import SourceOptions
from auditor.sources.rendering import RenderError

_HTTP: Final = ("http://", "https://")
_PINNED: Final = re.compile(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")
"""An exact version; anything else is a range or a tag that can move."""
_DIGEST: Final = "@sha256:"


class RemoteChart(Struct, frozen=True):
    """A remote chart. `shown` is its stable name, without version and login."""

    shown: str
    pull: Pull

    @property
    def is_pinned(self) -> bool:
        return bool(_PINNED.fullmatch(self.pull.version)) or _DIGEST in self.pull.chart


def parse_remote(argument: str, repositories: Sequence[Repository] = ()) -> RemoteChart | None:
    """Parse the SOURCE of a remote chart; None if it is something else.

    Accepts `oci://host/path[:version]`, a URL that ends in `.tgz`, and for chart repositories
    `https://host/path/chart[@version]` or `name/chart[@version]` with a name of `helm repo add`.
    """
    if argument.startswith(OCI):
        return _in_registry(argument)
    if argument.startswith(_HTTP):
        return _at_address(argument)
    name, _, rest = argument.partition("/")
    known = next((item for item in repositories if item.name == name), None)
    chart, _, version = rest.partition("@")
    if known is None or not chart or "/" in chart:
        return None
    return RemoteChart(f"{known.url.rstrip('/')}/{chart}", Pull(chart, version, known))


class ChartElsewhere(Struct, frozen=True):
    """A remote chart and its cache.

    Attributes:
        cache: The folder of archives, as `<hash of the reference>/<digest>.tgz`.
        fetcher: None if Helm is not installed.
        offline: Whether to use only the cache.
    """

    chart: RemoteChart
    cache: Path
    fetcher: Fetcher | None
    offline: bool

    def archive(self) -> Path:
        """Return the archive's path; a pinned version is pulled only once. Raises SourceError."""
        shown = self.chart.shown
        folder = self.cache / _key(self.chart.pull)
        known = _kept(folder)
        if known and (self.offline or self.chart.is_pinned):
            with contextlib.suppress(OSError):
                os.utime(known)  # the cache evicts by last use
            return known
        if self.offline:
            raise SourceError(
                f"chart {shown} is not in the cache",
                where=shown,
                hint="run once without --offline to pull it",
            )
        if self.fetcher is None:
            raise SourceError(
                f"chart {shown} cannot be pulled: Helm was not found",
                where=shown,
                hint="run `pip install 'podfit[helm]'`, or install the helm program",
            )
        try:
            return self._pulled(folder, self.fetcher)
        except OSError as error:
            raise SourceError(
                f"chart {shown} cannot be cached", where=str(folder), why=str(error)
            ) from error

    def _pulled(self, folder: Path, fetcher: Fetcher) -> Path:
        import tempfile

        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pull-", dir=folder) as name:
            try:
                fetcher.pull(self.chart.pull, Path(name))
            except RenderError as error:
                raise _failure(self.chart, error) from error
            found = [path for path in Path(name).iterdir() if is_archive(path.name)]
            if len(found) != 1 or found[0].stat().st_size > MAX_UNPACKED:
                shown = self.chart.shown
                raise SourceError(
                    f"{shown} is not one chart archive of at most {MAX_UNPACKED >> 20} MB",
                    where=shown,
                    hint="check the address",
                )
            kept = folder / f"{_digest(found[0])}.tgz"
            for old in folder.glob("*.tgz"):
                old.unlink()
            found[0].replace(kept)
        return kept


def find_elsewhere(
    argument: str, options: SourceOptions, *, named_by_user: bool
) -> ChartElsewhere | None:
    """Return the remote chart of a SOURCE, if it is one and there is a cache.

    Args:
        named_by_user: Whether the user named it, as opposed to an untrusted file. Its host is
            then allowed.
    """
    if options.cache is None:
        return None
    chart = parse_remote(argument, helm_repositories())
    if chart is None:
        return None
    hosts = options.hosts.with_named(chart.pull.address) if named_by_user else options.hosts
    fetcher = choose_fetcher(replace(options, hosts=hosts))
    return ChartElsewhere(chart, options.cache, fetcher, options.offline)


def _in_registry(argument: str) -> RemoteChart:
    address, digest, rest = argument.partition(_DIGEST)
    before, slash, last = address.rpartition("/")
    chart, _, version = last.partition(":")
    shown = f"{before}{slash}{chart}"
    return RemoteChart(_without_login(shown), Pull(f"{shown}{digest}{rest}", version))


def _at_address(argument: str) -> RemoteChart:
    if is_archive(urlsplit(argument).path):
        return RemoteChart(_without_login(argument), Pull(argument))
    before, _, last = argument.rpartition("/")
    chart, _, version = last.partition("@")
    parts = urlsplit(before)
    url = _without_login(before)
    repository = Repository("", url, parts.username or "", parts.password or "")
    return RemoteChart(f"{url}/{chart}", Pull(chart, version, repository))


def _without_login(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def _key(pull: Pull) -> str:
    named = "\0".join((pull.repository.url, _without_login(pull.chart), pull.version))
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def _kept(folder: Path) -> Path | None:
    """Return the cached archive if its digest is still right."""
    found = sorted(folder.glob("*.tgz")) if folder.is_dir() else []
    return next((path for path in found if _digest(path) == path.stem), None)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _failure(chart: RemoteChart, error: RenderError) -> SourceError:
    """Return the error with the login removed, as Helm may print the address."""
    why = error.text or error.cause.value
    login = urlsplit(chart.pull.chart).netloc.rpartition("@")[0]
    for secret in filter(None, (login, chart.pull.repository.password)):
        why = why.replace(secret, "***")
    return SourceError(
        f"chart {chart.shown} cannot be pulled",
        where=chart.shown,
        why=why,
        hint="check the name and version; log in with `helm registry login` or `helm repo add`",
    )
