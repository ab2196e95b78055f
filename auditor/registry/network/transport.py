"""One request, one bounded answer. The only module that knows `requests`.

What `requests` would do of its own accord is switched off, as each has leaked credentials or lost
data before: netrc entries, environment, cookies, redirects, `Accept: */*`, unbounded bodies.
"""

from __future__ import annotations

import http.cookiejar
import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import requests.adapters
import requests.structures
import requests.utils
import urllib3.exceptions

from auditor import __version__
from auditor.addresses import is_loopback_name, is_public, origin_of, without_query
from auditor.registry.network.bodies import (
    MAX_ERROR_BODY,
    MAX_IGNORED_BODY,
    read_beginning,
    read_whole,
)
from auditor.registry.network.connections import BlockedPeer, LiveConnections, pool_classes
from auditor.registry.network.faults import Fault, FaultKind, fault_of, proxy_fault
from auditor.registry.network.tls import tls_context
from auditor.registry.options import HostOptions

_POOL: Final = 16


@dataclass(frozen=True, slots=True)
class Request:
    """headers and form may hold secrets. limit: bytes of a body that are taken, decoded."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    limit: int
    form: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """headers: names in lower case, in their order, repeated where the server repeats them.

    body: of a success in full; of an error its beginning; of a redirect nothing.
    """

    status: int
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """The first header of that name, or ""."""
        return next(iter(self.all_headers(name)), "")

    def all_headers(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that was answered, as it can be shown. authentication: its scheme, or ""."""

    method: str
    url: str
    status: int
    authentication: str


Observer = Callable[[Sent], None]


class Transport:
    """Keeps connections, one set per way of speaking TLS and per trust in private addresses.

    Used from many threads. observer: told of every answer.
    """

    def __init__(self, observer: Observer | None = None) -> None:
        self.live = LiveConnections()
        self._observer = observer
        self._lock = threading.Lock()
        self._sessions: dict[tuple[HostOptions, bool], requests.Session] = {}
        # It logs URLs with their queries, even as warnings, and a presigned query is a secret.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)

    def send(
        self, request: Request, options: HostOptions, timeout: tuple[float, float], *, private: bool
    ) -> Answer:
        """The answer, whatever its status. timeout: to connect, and for every read.

        private: the address need not be public. Raises Fault.
        """
        origin = origin_of(request.url)
        if not private and not is_public(origin.host):
            raise Fault(FaultKind.BLOCKED, origin.host)
        session = self._session(options, private=private)
        fault: Fault
        try:
            return self._exchange(session, request, timeout)
        except Fault as found:
            fault = found
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            BlockedPeer,
            OSError,
            ValueError,
        ) as error:
            fault = fault_of(error)
        # Raised out here: what was caught knows the URL and must not be anyone's context.
        raise fault

    def close(self) -> None:
        with self._lock:
            for session in self._sessions.values():
                session.close()
            self._sessions.clear()

    def _exchange(
        self, session: requests.Session, request: Request, timeout: tuple[float, float]
    ) -> Answer:
        prepared = session.prepare_request(
            requests.Request(
                request.method, request.url, headers=dict(request.headers), data=request.form
            )
        )
        proxies = _proxies(request.url)
        response = session.send(
            prepared, stream=True, timeout=timeout, allow_redirects=False, proxies=proxies
        )
        try:
            body = b"" if request.method == "HEAD" else _body(response, request.limit)
        finally:
            response.close()
        headers = tuple((name.lower(), value) for name, value in response.raw.headers.items())
        self._tell(request, response.status_code)
        return Answer(response.status_code, request.url, headers, body)

    def _tell(self, request: Request, status: int) -> None:
        if self._observer:
            scheme = request.headers.get("Authorization", "").partition(" ")[0]
            self._observer(Sent(request.method, without_query(request.url), status, scheme))

    def _session(self, options: HostOptions, *, private: bool) -> requests.Session:
        with self._lock:
            key = (options, private)
            if key not in self._sessions:
                self._sessions[key] = self._new_session(options, private=private)
            return self._sessions[key]

    def _new_session(self, options: HostOptions, *, private: bool) -> requests.Session:
        session = _Session()
        session.trust_env = False
        session.auth = _as_it_is
        session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        session.headers = requests.structures.CaseInsensitiveDict(
            {"User-Agent": f"podfit/{__version__}", "Accept-Encoding": "identity"}
        )
        if options.insecure == "skip-verify":
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        context = tls_context(options, Path(requests.utils.DEFAULT_CA_BUNDLE_PATH))
        direct = pool_classes(self.live, private=private)
        adapter = _Adapter(context, direct, pool_classes(self.live, private=True))
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: `requests` would read the whole body of a redirect to prepare the next request."""


class _Adapter(requests.adapters.HTTPAdapter):
    def __init__(
        self, context: ssl.SSLContext, direct: Mapping[str, Any], proxied: Mapping[str, Any]
    ) -> None:
        self._context, self._direct, self._proxied = context, direct, proxied
        super().__init__(pool_connections=_POOL, pool_maxsize=_POOL)

    def init_poolmanager(self, *args: Any, **keywords: Any) -> None:
        super().init_poolmanager(*args, **keywords, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = dict(self._direct)

    def proxy_manager_for(self, proxy: str, **keywords: Any) -> Any:
        """A proxy's own address may be private, and only the proxy knows whom it reaches."""
        manager = super().proxy_manager_for(proxy, **keywords, ssl_context=self._context)
        manager.pool_classes_by_scheme = dict(self._proxied)
        return manager

    def cert_verify(self, conn: Any, *_: Any) -> None:
        """Leaves trust to the context; `requests` would add certifi's roots to the system's."""
        conn.cert_reqs = self._context.verify_mode


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No authentication of `requests`' own: without this it consults ~/.netrc."""
    return request


def _proxies(url: str) -> dict[str, str]:
    if is_loopback_name(origin_of(url).host):
        return {}
    proxies = dict(requests.utils.get_environ_proxies(url))
    if proxy := requests.utils.select_proxy(url, proxies):
        _check_proxy(proxy)
    return proxies


def _check_proxy(proxy: str) -> None:
    """Raises Fault; `requests` would blame the registry. With PySocks the guards were not kept."""
    if proxy.lower().startswith("socks"):
        raise proxy_fault("is a SOCKS proxy, and podfit speaks to HTTP proxies alone")
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise proxy_fault("is not written as http://host:port")


def _body(response: requests.Response, limit: int) -> bytes:
    if response.is_redirect:
        read_beginning(response.raw, MAX_IGNORED_BODY)
        return b""
    if not response.ok:
        return read_beginning(response.raw, MAX_ERROR_BODY)
    length = response.headers.get("Content-Length", "")
    encoding = response.headers.get("Content-Encoding", "")
    return read_whole(response.raw, length, encoding, limit)
