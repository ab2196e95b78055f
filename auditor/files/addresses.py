"""URLs, origins, and which addresses are public.

Image names and redirects come from charts and registries, and could point a CI machine at itself
or at the metadata service of its cloud. The address of the connection is checked, not the name:
a name may resolve differently the second time.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from msgspec import Struct

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOST: Final = re.compile(r"[A-Za-z0-9._:%-]{1,253}")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class Origin(Struct, frozen=True):
    """Scheme, host and port, to which credentials are bound (RFC 6454). `host` is in lower case."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"


def origin_of(url: str) -> Origin:
    """Return the origin of an http or https URL. Raises ValueError with a clause for the user."""
    parts = split(url)
    return Origin(parts.scheme, parts.hostname or "", parts.port or _default_port(parts.scheme))


def split(url: str) -> SplitResult:
    """Split an absolute http or https URL with a host and without credentials.

    Raises ValueError with a clause for the user that does not contain the URL.
    """
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port != 0
    except ValueError:
        raise ValueError("an address that is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        raise ValueError("an address that is not an http or https URL")
    if not _HOST.fullmatch(parts.hostname):
        raise ValueError("an address whose host is not valid")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with credentials in it")
    return parts


def join(base: str, location: str) -> str:
    """Resolve a redirect. Raises ValueError with a clause for the user."""
    try:
        url = urljoin(base, location)
    except ValueError:
        raise ValueError("an address that is not a URL") from None
    split(url)
    return url


def without_query(url: str) -> str:
    """Remove query, fragment and credentials from a URL, as they may be secret."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def is_loopback_name(host: str) -> bool:
    """Return whether a host is `localhost`, in 127.0.0.0/8, or ::1."""
    address = _literal(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def is_public(address: str) -> bool:
    """Return whether an IP address is public: not private, link-local, loopback...

    IPv4 addresses embedded in IPv6 (mapped, 6to4, NAT64) are checked too. Host names count as
    public, as only the connection has the address.
    """
    found = _literal(address)
    return found is None or _is_global(found)


def _is_global(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour
        if embedded is None and address in _NAT64:
            embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if embedded is not None:
            return _is_global(embedded)
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not (address.is_multicast or site_local)


def _literal(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
