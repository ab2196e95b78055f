"""Fetching charts by Helm itself: the only step of a source that goes to the network, if asked to.

The user's own Helm settings count (logins, certificates, proxies); nothing of his is written to.
"""

from __future__ import annotations

import ipaddress
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from auditor.sources.chart import read_chart
from auditor.sources.helm_settings import Repository, helm_repositories
from auditor.sources.options import HelmOptions
from auditor.sources.programs import Finished, run
from auditor.sources.renderer_cli import error_message, find_helm
from auditor.sources.renderer_embedded import is_installed
from auditor.sources.rendering import Cause, RenderError

FETCH_SECONDS: Final = 120.0
OCI: Final = "oci://"
_CHILD: Final = Path(__file__).with_name("fetch_child.py")


@dataclass(frozen=True, slots=True)
class Pull:
    """One chart to be downloaded.

    chart: its name in the repository, or all of `oci://host/path`, or the address of an archive.
    version: "" is the newest. repository: whose chart it is; without an address for the others.
    """

    chart: str
    version: str = ""
    repository: Repository = field(default_factory=Repository)

    @property
    def host(self) -> str:
        return urlsplit(self.repository.url or self.chart).hostname or ""


class Fetcher(Protocol):
    """Helm, in one of its forms, with a way to the network. Both raise RenderError."""

    def complete(self, chart: Path) -> None:
        """Put what Chart.yaml declares into charts/ of this folder."""
        ...

    def pull(self, wanted: Pull, into: Path) -> None:
        """Download a chart's archive into a folder."""
        ...


class EmbeddedFetcher:
    """Helm's library, in a process of its own for each call."""

    def complete(self, chart: Path) -> None:
        self._call("complete", chart=str(chart), plain_http=_plain(_repositories(chart)))

    def pull(self, wanted: Pull, into: Path) -> None:
        self._call(
            "pull",
            chart=wanted.chart,
            version=wanted.version,
            repository=wanted.repository.url,
            username=wanted.repository.username,
            password=wanted.repository.password,
            into=str(into),
            plain_http=is_loopback(wanted.host),
        )

    def _call(self, call: str, **arguments: object) -> None:
        request = json.dumps({"call": call, "arguments": arguments})
        with _own_cache() as variables:
            done = run(
                (sys.executable, "-P", str(_CHILD)),
                FETCH_SECONDS,
                variables,
                online=True,
                stdin=request,
            )
        _check(done)


@dataclass(frozen=True, slots=True)
class CliFetcher:
    """The program helm."""

    program: str

    def complete(self, chart: Path) -> None:
        urls = _repositories(chart)
        with _own_cache() as variables, _registered(urls) as configured:
            flags = ("--plain-http",) if _plain(urls) else ()
            command = (self.program, "dependency", "build", str(chart), *flags)
            done = run(command, FETCH_SECONDS, {**variables, **configured}, online=True)
        _check(done)

    def pull(self, wanted: Pull, into: Path) -> None:
        repository = wanted.repository
        with _own_cache() as variables, _registered((repository,)) as configured:
            named = bool(repository.url)
            chart = (
                f"{repository.name or _NAME.format(0)}/{wanted.chart}" if named else wanted.chart
            )
            flags = [f"--version={wanted.version}"] if wanted.version else []
            flags += ["--plain-http"] if is_loopback(wanted.host) else []
            settings = {**variables, **configured}
            if named:
                _check(self._run(settings, "repo", "update"))
            _check(self._run(settings, "pull", chart, f"--destination={into}", *flags))

    def _run(self, variables: dict[str, str], *arguments: str) -> Finished:
        return run((self.program, *arguments), FETCH_SECONDS, variables, online=True)


def choose_fetcher(options: HelmOptions) -> Fetcher | None:
    """The one that goes with the renderer of the options; None where there is no Helm."""
    if options.renderer != "cli" and is_installed():
        return EmbeddedFetcher()
    program = find_helm()
    return CliFetcher(program) if program and options.renderer != "embedded" else None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, where registries speak plain HTTP."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _repositories(chart: Path) -> tuple[Repository, ...]:
    """Where the dependencies come from: each with the user's credentials for it, if there are."""
    known = helm_repositories()
    declared = [item.repository for item in read_chart(chart, chart.name).dependencies]
    return tuple(_repository(address, known) for address in dict.fromkeys(declared) if address)


def _repository(address: str, known: Sequence[Repository]) -> Repository:
    alias = address.removeprefix("alias:").removeprefix("@")
    for item in known:
        if item.name == alias or item.url.rstrip("/") == address.rstrip("/"):
            return item
    return Repository("", address)


def _plain(repositories: Sequence[Repository]) -> bool:
    """Whether all registries are on this machine: Helm knows only one answer for all."""
    hosts = [urlsplit(item.url).hostname or "" for item in repositories if item.url.startswith(OCI)]
    return bool(hosts) and all(map(is_loopback, hosts))


_NAME: Final = "podfit-{}"


@contextmanager
def _registered(repositories: Sequence[Repository]) -> Iterator[dict[str, str]]:
    """A list of repositories for the program, which takes no others; gone afterwards."""
    listed = [
        {**item.entry(), "name": item.name or _NAME.format(index)}
        for index, item in enumerate(repositories)
        if item.url.startswith(("http://", "https://"))
    ]
    with tempfile.TemporaryDirectory(prefix="podfit-helm-") as folder:
        file = Path(folder, "repositories.yaml")
        file.touch(mode=0o600)
        file.write_text(json.dumps({"apiVersion": "", "repositories": listed}), encoding="utf-8")
        yield {"HELM_REPOSITORY_CONFIG": str(file)}


@contextmanager
def _own_cache() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="podfit-helm-") as home:
        folders = ("HELM_CACHE_HOME", "HELM_DATA_HOME", "HELM_PLUGINS")
        yield {
            **dict.fromkeys(folders, home),
            "HELM_NO_PLUGINS": "1",
            "KUBECONFIG": os.devnull,
        }


def _check(done: Finished) -> None:
    if done.status:
        raise RenderError(Cause.REFUSED, error_message(done.stderr))
