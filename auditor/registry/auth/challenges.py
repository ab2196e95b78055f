"""`WWW-Authenticate` headers, by the whole grammar of RFC 7235 section 4.1.

One header may hold several challenges and there may be several headers. A comma separates both
parameters and challenges; what follows tells which: `name =` continues, a bare word begins anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

MAX_HEADER: Final = 16 * 1024

_NAME: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_SCHEME: Final = re.compile(rf"[\s,]*({_NAME})(?=[\s,]|$)")
_TOKEN_68: Final = re.compile(r"[ \t]+[A-Za-z0-9\-._~+/]+=*[ \t]*(?=,|$)")
# Some registries leave quotes out around values with `:`, `/` and `=`.
_PARAMETER: Final = re.compile(
    rf"[\s,]*({_NAME})\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]*))(?=[\s,]|$)", re.DOTALL
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate. scheme and the parameters' names are in lower case."""

    scheme: str
    parameters: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """The parameter, or "": only a realm is ever required."""
        return self.parameters.get(name, "")


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """All challenges in their order. What cannot be read ends its header, not the others."""
    return tuple(
        challenge for header in headers for challenge in _parse(header.strip()[:MAX_HEADER])
    )


def _parse(header: str) -> Iterable[Challenge]:
    position = 0
    while scheme := _SCHEME.match(header, position):
        position = scheme.end()
        parameters: dict[str, str] = {}
        if token68 := _TOKEN_68.match(header, position):
            position = token68.end()
        while parameter := _PARAMETER.match(header, position):
            name, quoted, bare = parameter.groups()
            value = bare if quoted is None else _ESCAPE.sub(r"\1", quoted)
            parameters.setdefault(name.lower(), value)
            position = parameter.end()
        yield Challenge(scheme[1].lower(), MappingProxyType(parameters))
