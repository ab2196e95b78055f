"""Fetch charts with Helm, the only step of reading a source that uses the network.

The user's Helm settings apply (logins, certificates, proxies, repositories); they are only read.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from msgspec import Struct, field

from auditor.errors import SourceError
from auditor.files.addresses import is_loopback_name
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import YamlError, read_documents
from auditor.sources.chart import read_chart
from auditor.sources.files import read_text
from auditor.sources.interface import HostRules, SourceOptions
from auditor.sources.processes.programs import Finished, helm_child, run
from auditor.sources.renderers import error_message, find_helm, is_installed
from auditor.sources.rendering import Cause, RenderError


class Repository(Struct, frozen=True):
    """A chart repository in Helm's repositories.yaml, or one without a name."""

    name: str = ""
    url: str = ""
    username: str = ""
    password: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    def entry(self) -> dict[str, str]:
        """Return the repository as an entry of repositories.yaml (Helm pkg/repo/v1 `Entry`)."""
        return {
            "url": self.url,
            "username": self.username,
            "password": self.password,
            "caFile": self.ca_file,
            "certFile": self.cert_file,
            "keyFile": self.key_file,
        }

    def __repr__(self) -> str:
        return f"Repository({self.name!r}, {self.url!r})"  # no password in a traceback


def helm_repositories(environ: Mapping[str, str] = os.environ) -> tuple[Repository, ...]:
    """Return the repositories of `helm repo add`; () if the file is missing or unreadable."""
    path = repositories_file(environ)
    try:
        documents = list(read_documents(read_text(path, str(path))))
        root = documents[0] if documents else None
        if root is None or isinstance(root, YamlError):
            return ()
        return tuple(map(_configured_repository, root.items_at("repositories")))
    except (SourceError, ShapeError):
        return ()


def repositories_file(environ: Mapping[str, str]) -> Path:
    """Return the path of Helm's repositories.yaml (Helm `helmpath`, `lazypath_*.go`)."""
    if named := environ.get("HELM_REPOSITORY_CONFIG"):
        return Path(named)
    if home := environ.get("HELM_CONFIG_HOME"):
        return Path(home, "repositories.yaml")
    if base := environ.get("XDG_CONFIG_HOME"):
        return Path(base, "helm", "repositories.yaml")
    if sys.platform == "win32":
        return Path(environ.get("APPDATA", ""), "helm", "repositories.yaml")
    home = environ.get("HOME", "")
    below = "Library/Preferences" if sys.platform == "darwin" else ".config"
    return Path(home, below, "helm", "repositories.yaml")


def _configured_repository(entry: Node) -> Repository:
    return Repository(
        name=entry.text_at("name"),
        url=entry.text_at("url"),
        username=entry.text_at("username"),
        password=entry.text_at("password"),
        ca_file=entry.text_at("caFile"),
        cert_file=entry.text_at("certFile"),
        key_file=entry.text_at("keyFile"),
    )


FETCH_SECONDS: Final = 120.0
OCI: Final = "oci://"
_CHILD: Final = Path(__file__).with_name("fetch_child.py")


class Pull(Struct, frozen=True):
    """One chart to download.

    Attributes:
        chart: The name in the repository, or the full `oci://` reference or archive URL.
        version: "" means the newest.
        repository: The repository of `chart`; without a URL for the other forms.
    """

    chart: str
    version: str = ""
    repository: Repository = field(default_factory=Repository)

    @property
    def address(self) -> str:
        """The URL that the chart is requested from."""
        return self.repository.url or self.chart


class Fetcher(Protocol):
    """A form of Helm with network access. Methods raise RenderError."""

    def complete(self, chart: Path) -> None:
        """Fetch the declared dependencies into charts/ of this folder."""
        ...

    def pull(self, wanted: Pull, into: Path) -> None:
        """Download a chart's archive into a folder."""
        ...


class EmbeddedFetcher(Struct, frozen=True):
    """Helm's library, in a separate process for each call."""

    hosts: HostRules

    def complete(self, chart: Path) -> None:
        urls = _repositories(chart)
        _require_allowed(self.hosts, urls)
        self._call("complete", chart=str(chart), plain_http=_plain(urls))

    def pull(self, wanted: Pull, into: Path) -> None:
        _require_allowed(self.hosts, (Repository("", wanted.address),))
        self._call(
            "pull",
            chart=wanted.chart,
            version=wanted.version,
            repository=wanted.repository.url,
            username=wanted.repository.username,
            password=wanted.repository.password,
            into=str(into),
            plain_http=_is_loopback(wanted.address),
        )

    def _call(self, call: str, **arguments: object) -> None:
        request = json.dumps({"call": call, "arguments": arguments})
        command = helm_child(_CHILD)
        with _surroundings(self.hosts) as variables:
            _check(run(command, FETCH_SECONDS, variables, online=True, stdin=request))


class CliFetcher(Struct, frozen=True):
    """The helm program."""

    program: str
    hosts: HostRules

    def complete(self, chart: Path) -> None:
        urls = _repositories(chart)
        _require_allowed(self.hosts, urls)
        flags = ("--plain-http",) if _plain(urls) else ()
        with _surroundings(self.hosts) as variables, _registered(urls) as configured:
            settings = {**variables, **configured}
            _check(self._run(settings, "dependency", "build", str(chart), *flags))

    def pull(self, wanted: Pull, into: Path) -> None:
        repository = wanted.repository
        _require_allowed(self.hosts, (Repository("", wanted.address),))
        flags = [f"--version={wanted.version}"] if wanted.version else []
        flags += ["--plain-http"] if _is_loopback(wanted.address) else []
        with _surroundings(self.hosts) as variables, _registered((repository,)) as configured:
            settings, chart = {**variables, **configured}, wanted.chart
            if repository.url:
                chart = f"{repository.name or _NAME.format(0)}/{chart}"
                _check(self._run(settings, "repo", "update"))
            _check(self._run(settings, "pull", chart, f"--destination={into}", *flags))

    def _run(self, variables: dict[str, str], *arguments: str) -> Finished:
        return run((self.program, *arguments), FETCH_SECONDS, variables, online=True)


def choose_fetcher(options: SourceOptions) -> Fetcher | None:
    """Return the fetcher that matches the options' renderer; None if Helm is not installed."""
    wanted = options.helm.renderer
    if wanted != "cli" and is_installed():
        return EmbeddedFetcher(options.hosts)
    program = find_helm()
    return CliFetcher(program, options.hosts) if program and wanted != "embedded" else None


def _is_loopback(address: str) -> bool:
    """Whether a host is this machine, which registries serve with plain HTTP."""
    return is_loopback_name(urlsplit(address).hostname or "")


def _require_allowed(hosts: HostRules, asked: Sequence[Repository]) -> None:
    for item in asked:
        if "://" in item.url and not hosts.allows(item.url):
            host = urlsplit(item.url).hostname
            raise RenderError(Cause.REFUSED, f"{host} is not an allowed host")


def _repositories(chart: Path) -> tuple[Repository, ...]:
    """Return the repositories of the dependencies, with the user's credentials if configured."""
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
    """Whether all registries are on this machine; Helm has one plain-HTTP setting for all."""
    registries = [item.url for item in repositories if item.url.startswith(OCI)]
    return bool(registries) and all(map(_is_loopback, registries))


_NAME: Final = "podfit-{}"


@contextmanager
def _registered(repositories: Sequence[Repository]) -> Iterator[dict[str, str]]:
    """Yield variables that make the program use a temporary list of these repositories only."""
    import tempfile

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
def _surroundings(hosts: HostRules) -> Iterator[dict[str, str]]:
    """Yield variables for a temporary cache and a proxy that blocks private addresses.

    The user's own repositories may have private addresses. If the proxy refused a request, its
    reason replaces Helm's less specific error.
    """
    import tempfile

    from auditor.sources.fetching.proxy import gate

    own = {urlsplit(item.url).hostname or "" for item in helm_repositories()}
    folders = ("HELM_CACHE_HOME", "HELM_DATA_HOME", "HELM_PLUGINS")
    with (
        tempfile.TemporaryDirectory(prefix="podfit-helm-") as home,
        gate(hosts.private | own) as opened,
    ):
        try:
            yield {
                **opened.variables,
                **dict.fromkeys(folders, home),
                "HELM_NO_PLUGINS": "1",
                "KUBECONFIG": os.devnull,
            }
        except RenderError as error:
            if opened.refusals:
                advice = "if it is yours, list it under `registries` in a trusted configuration"
                raise RenderError(error.cause, f"{opened.refusals[0]}; {advice}") from error
            raise


def _check(done: Finished) -> None:
    if done.status:
        raise RenderError(Cause.REFUSED, error_message(done.stderr))
