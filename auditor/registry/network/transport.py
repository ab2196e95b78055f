"""HTTP requests with bounded answers; the only module that imports `requests`.

Features of `requests` that have leaked credentials or lost data are disabled: netrc, environment,
cookies, redirects, `Accept: */*` and unbounded bodies. Trusted CAs are those of the operating
system, of the user's environment, and of the host's settings.
"""

from __future__ import annotations

import http.cookiejar
import logging
import os
import ssl
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import requests
import requests.adapters
import requests.structures
import requests.utils
import urllib3.exceptions
from msgspec import Struct

from auditor import __version__
from auditor.files.addresses import is_loopback_name, is_public, origin_of, without_query
from auditor.registry.network.connections import (
    BlockedPeer,
    Fault,
    FaultKind,
    LiveConnections,
    fault_of,
    pool_classes,
    proxy_fault,
)
from auditor.registry.options import HostOptions

_POOL: Final = 16


@dataclass(frozen=True, slots=True)
class Request:
    """A request. headers and form may be secret.

    `limit` is the maximum size of a successful answer, decompressed.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    limit: int
    form: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response.

    Attributes:
        headers: Names in lower case, in order, including repeated ones.
        body: Complete for a success, the beginning of an error, empty for a redirect.
    """

    status: int
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """Return the first header with that name, or ""."""
        return next(iter(self.all_headers(name)), "")

    def all_headers(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.headers if key == name)


class Sent(Struct, frozen=True):
    """An answered request without secrets. `authentication` is the scheme, or ""."""

    method: str
    url: str
    status: int
    authentication: str


Observer = Callable[[Sent], None]


class Transport:
    """Keeps a session per TLS settings and permission for private addresses. Thread-safe.

    `observer` is called for every answer.
    """

    def __init__(self, observer: Observer | None = None) -> None:
        self.live = LiveConnections()
        self._observer = observer
        self._lock = threading.Lock()
        self._sessions: dict[tuple[HostOptions, bool], requests.Session] = {}
        # urllib3 logs URLs with queries, and presigned queries are secret.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)

    def send(
        self, request: Request, options: HostOptions, timeout: tuple[float, float], *, private: bool
    ) -> Answer:
        """Return the answer, with any status. Raises Fault.

        `timeout` applies to connecting and to each read; `private` allows non-public addresses.
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
        # Raised outside of `except`, as the original exception contains the URL.
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
            body = _body(response, request.limit)
        finally:
            response.close()
        headers = tuple((name.lower(), value) for name, value in response.raw.headers.items())
        status = response.status_code
        if self._observer:
            scheme = request.headers.get("Authorization", "").partition(" ")[0]
            self._observer(Sent(request.method, without_query(request.url), status, scheme))
        return Answer(status, request.url, headers, body)

    def _session(self, options: HostOptions, *, private: bool) -> requests.Session:
        with self._lock:
            key = (options, private)
            if key not in self._sessions:
                self._sessions[key] = self._new_session(options, private=private)
            return self._sessions[key]

    def _new_session(self, options: HostOptions, *, private: bool) -> requests.Session:
        session = _Session()
        session.trust_env = False
        session.auth = lambda request: request  # otherwise it reads ~/.netrc
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
        """Return None; `requests` would read the whole body of a redirect."""


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
        """Allow private addresses for a proxy, as only the proxy connects to the registry."""
        manager = super().proxy_manager_for(proxy, **keywords, ssl_context=self._context)
        manager.pool_classes_by_scheme = dict(self._proxied)
        return manager

    def cert_verify(self, conn: Any, *_: Any) -> None:
        """Use the CAs of the context only; `requests` would add those of certifi."""
        conn.cert_reqs = self._context.verify_mode


def _proxies(url: str) -> dict[str, str]:
    if is_loopback_name(origin_of(url).host):
        return {}
    proxies = dict(requests.utils.get_environ_proxies(url))
    if proxy := requests.utils.select_proxy(url, proxies):
        _check_proxy(proxy)
    return proxies


def _check_proxy(proxy: str) -> None:
    """Raise Fault for an unusable proxy; `requests` would report the registry.

    PySocks would bypass the checks of peer addresses.
    """
    if proxy.lower().startswith("socks"):
        raise proxy_fault("is a SOCKS proxy; podfit supports only HTTP proxies")
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise proxy_fault("is not written as http://host:port")


def _body(response: requests.Response, limit: int) -> bytes:
    if response.request.method == "HEAD":
        response.raw.read()  # returns nothing, and frees the connection for the next request
        return b""
    if response.is_redirect:
        read_beginning(response.raw, MAX_IGNORED_BODY)
        return b""
    if not response.ok:
        return read_beginning(response.raw, MAX_ERROR_BODY)
    length = response.headers.get("Content-Length", "")
    encoding = response.headers.get("Content-Encoding", "")
    return read_whole(response.raw, length, encoding, limit)


_BUNDLE_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def tls_context(options: HostOptions, fallback: Path) -> ssl.SSLContext:
    """Return the TLS settings of a host. Raises Fault if a file of the user cannot be used.

    OpenSSL itself reads `SSL_CERT_FILE` and `SSL_CERT_DIR`. `fallback` has the CAs for systems
    without a store.
    """
    context = ssl.create_default_context()
    # Python 3.13 is stricter with private CAs than nodes, which use Go.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not _has_roots(context):
        context.load_verify_locations(fallback)
    for bundle in map(os.environ.get, _BUNDLE_VARIABLES):
        if bundle:
            _trust(context, Path(bundle))
    for file in options.cas:
        _trust(context, file)
    if options.client_certificate:
        _identify(context, options.client_certificate, options.client_key)
    if options.insecure == "skip-verify":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _has_roots(context: ssl.SSLContext) -> bool:
    """Check for CAs; those in a folder are loaded on demand, so the context does not count them."""
    # None if there is no such folder, unlike in typeshed.
    folder: str | None = ssl.get_default_verify_paths().capath or None
    try:
        in_folder = folder is not None and any(Path(folder).iterdir())
    except OSError:
        in_folder = False
    return in_folder or context.cert_store_stats()["x509_ca"] > 0


def _trust(context: ssl.SSLContext, bundle: Path) -> None:
    try:
        if bundle.is_dir():
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(cafile=bundle)
    except OSError as error:
        raise Fault(FaultKind.TLS, f"the CA file {bundle} cannot be used: {_why(error)}") from error


def _identify(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        # Without a callback OpenSSL would prompt for a password.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as error:
        why = f"the client certificate {certificate} cannot be used: {_why(error)}"
        raise Fault(FaultKind.TLS, why) from error


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "it is not PEM, or certificate and key do not match"
    return (error.strerror or "unknown reason") if isinstance(error, OSError) else str(error)


MAX_ERROR_BODY: Final = 64 * 1024
MAX_IGNORED_BODY: Final = 4096
"""Bytes of a redirect's body that are read to reuse the connection; a longer one closes it."""
_CHUNK: Final = 64 * 1024
_PACKED: Final = ("gzip", "x-gzip", "deflate")


class Stream(Protocol):
    """A response body. `read1` returns the available bytes, so a slow server does not block."""

    def read1(self, amount: int, /, *, decode_content: bool) -> bytes: ...


def read_whole(stream: Stream, length: str, encoding: str, limit: int) -> bytes:
    """Return a decompressed body. Raises Fault if it is too large or damaged.

    Args:
        stream: The body.
        length: The Content-Length header, or "".
        encoding: The Content-Encoding header, or "": some proxies compress unasked.
        limit: Maximum number of bytes, compressed and decompressed.
    """
    if length.isascii() and length.isdigit() and int(length[:20]) > limit:
        raise _too_large(limit)
    body = read_beginning(stream, limit + 1)
    if len(body) > limit:
        raise _too_large(limit)
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _PACKED:
        raise Fault(FaultKind.MALFORMED, "its answer has an encoding that was not requested")
    return _unpacked(body, limit)


def read_beginning(stream: Stream, most: int) -> bytes:
    """Return at most that many bytes of a body."""
    chunks: list[bytes] = []
    while most > 0 and (chunk := stream.read1(min(_CHUNK, most), decode_content=False)):
        chunks.append(chunk)
        most -= len(chunk)
    return b"".join(chunks)


def _unpacked(body: bytes, limit: int) -> bytes:
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: detects gzip or zlib
    try:
        content = inflate.decompress(body, limit + 1)
    except zlib.error:
        raise Fault(FaultKind.MALFORMED, "its compressed answer is damaged") from None
    if len(content) > limit:
        raise _too_large(limit)
    if not inflate.eof:
        raise Fault(FaultKind.CUT, "the connection was closed too early", transient=True)
    return content


def _too_large(limit: int) -> Fault:
    return Fault(FaultKind.TOO_LARGE, f"its answer is larger than {limit} bytes")
