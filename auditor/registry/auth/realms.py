"""May a registry's token service be asked, and may it see the user's credentials?

A registry names its token service (`realm`) itself, so a hijacked one could name anybody. The
user's credentials go to the registry's own host, to its parent domain or a sibling in it, to
services known to belong to a registry, and to hosts the user trusts. Anyone else is asked without
credentials.
"""

from __future__ import annotations

from typing import Final

from auditor.addresses import Origin, origin_of
from auditor.registry.network.endpoints import Endpoint
from auditor.registry.network.redirects import Realm

_KNOWN: Final = {
    "docker.io": "auth.docker.io",
    "registry.gitlab.com": "gitlab.com",
    "nvcr.io": "authn.nvidia.com",
}
_SHORT_LABEL: Final = 3
_COUNTRY: Final = 2


class RealmError(ValueError):
    """A token service that must not be asked at all. The message is a clause for the user."""


def judge_realm(url: str, registry: Endpoint) -> Realm:
    """The token service at a URL that a registry named. Raises RealmError."""
    try:
        origin = origin_of(url)
    except ValueError as error:
        raise RealmError(f"it names {error} as its token service") from error
    if origin.scheme == "http" and not registry.allows_http:
        raise RealmError(f"it names a token service that speaks plain HTTP ({origin.host})")
    same_host = origin.host == registry.origin.host
    listed = bool({str(origin), origin.host} & registry.options.trusted_realms)
    known = _KNOWN.get(registry.name) == str(origin)
    related = registry.origin.scheme == origin.scheme and _related(registry, origin)
    return Realm(
        url=url,
        origin=origin,
        private=(same_host and registry.private) or listed,
        trusted=same_host or listed or known or related,
    )


def _related(registry: Endpoint, origin: Origin) -> bool:
    """Whether one host is the other's parent domain, or both have the same one."""
    ours, theirs = registry.origin.host, origin.host
    parent, other = _parent(ours), _parent(theirs)
    return bool(parent and parent in (other, theirs)) or bool(other and other == ours)


def _parent(host: str) -> str:
    """The domain above a host, or "" where strangers share it (`io`, `co.uk`)."""
    labels = host.split(".")[1:]
    if len(labels) < 2 or labels[-1].isdigit():  # noqa: PLR2004 - a registrable name has two
        return ""
    public = len(labels) == 2 and len(labels[0]) <= _SHORT_LABEL and len(labels[1]) == _COUNTRY  # noqa: PLR2004
    return "" if public else ".".join(labels)
