"""`Platform` of an image or a node: parsing, formatting and normalisation.

Names follow the OCI image specification (descriptor `platform`, image config) and containerd's
`platforms` package.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

from msgspec import Struct
from msgspec.structs import replace

from auditor.errors import printable, shorten

_WORD: Final = r"(?:[A-Za-z0-9_.-]|%[0-9A-Fa-f]{2})"
_SYNTAX: Final = re.compile(
    rf"""(?P<os>{_WORD}+)
        (?:\((?P<version>{_WORD}*)(?P<features>(?:\+{_WORD}+)*)\))?
        /(?P<architecture>{_WORD}+)
        (?:/(?P<variant>{_WORD}+))?""",
    re.VERBOSE,
)
_OS_ALIASES: Final = {"macos": "darwin"}
_ARCHITECTURE_ALIASES: Final[dict[str, tuple[str, str | None]]] = {
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "aarch64": ("arm64", None),
    "i386": ("386", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
"""The architecture and, if the alias implies one, the variant (containerd `normalizeArch`)."""
_VARIANTS: Final = {
    "amd64": {"v1": ""},
    "arm64": {"8": "", "v8": "", "v8.0": "", "9": "v9", "9.0": "v9", "v9.0": "v9"},
    "arm": {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"},
}


class Platform(Struct, frozen=True, order=True):
    """An operating system and architecture, with variant, OS version and OS features.

    `str()` returns containerd's `FormatAll` form: `linux/arm64/v8`,
    `windows(10.0.20348.1970)/amd64`, `windows(10.0.17763.1+win32k)/amd64`. Characters other than
    letters, digits, `_`, `.` and `-` are percent-encoded, so untrusted values cannot add parts.
    """

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    def __str__(self) -> str:
        options = "+".join(map(_encode, (self.os_version, *self.os_features)))
        system = f"{_encode(self.os)}({options})" if options else _encode(self.os)
        return "/".join(filter(None, (system, _encode(self.architecture), _encode(self.variant))))

    @property
    def family(self) -> str:
        """The platform without OS version and features: `windows/amd64`."""
        return str(replace(self, os_version="", os_features=()))

    @property
    def windows_build(self) -> str:
        """`major.minor.build` of a Windows platform, as in `node.kubernetes.io/windows-build`."""
        return ".".join(self.os_version.split(".")[:3]) if self.os == "windows" else ""

    @property
    def is_attestation(self) -> bool:
        """Whether it is `unknown/unknown`, as buildx marks attestation manifests."""
        return "unknown" in (self.os, self.architecture)


def parse_platform(text: str) -> Platform:
    """Parse `os[(version[+feature]...)]/architecture[/variant]`.

    Raises ValueError with a sentence for the user.
    """
    if match := _SYNTAX.fullmatch(text):
        os, version, features, architecture, variant = (part or "" for part in match.groups())
        platform = make_platform(
            _decode(os),
            _decode(architecture),
            _decode(variant),
            _decode(version),
            tuple(map(_decode, features.split("+"))),
        )
        if platform.os and platform.architecture:
            return platform
    raise ValueError(
        f"`{shorten(printable(text), 80)}` is not a platform; write it as linux/amd64, "
        "linux/arm64/v8 or windows(10.0.20348)/amd64"
    )


def make_platform(
    os: str,
    architecture: str,
    variant: str = "",
    os_version: str = "",
    os_features: tuple[str, ...] = (),
) -> Platform:
    """Create a platform, resolving aliases of the operating system and architecture.

    The variant is not normalised, so that reports show what the registry has.
    """
    os = os.strip().lower()
    architecture = architecture.strip().lower()
    architecture, implied = _ARCHITECTURE_ALIASES.get(architecture, (architecture, None))
    return Platform(
        os=_OS_ALIASES.get(os, os),
        architecture=architecture,
        variant=variant.strip().lower() if implied is None else implied,
        os_version=os_version.strip(),
        os_features=tuple(sorted(set(filter(None, os_features)))),
    )


def normalise(platform: Platform) -> Platform:
    """Return a comparable form (containerd `platforms.Normalize`).

    `amd64/v1` becomes `amd64`; `arm64/8` and `arm64/v8` become `arm64`; `arm` becomes `arm/v7`.
    """
    variants = _VARIANTS.get(platform.architecture, {})
    return replace(platform, variant=variants.get(platform.variant, platform.variant))


def missing_platforms(
    platforms: tuple[Platform, ...], others: tuple[Platform, ...]
) -> tuple[Platform, ...]:
    """Return the platforms that others do not contain, ignoring the revision of Windows builds."""
    known = set(map(_comparable, others))
    return tuple(platform for platform in platforms if _comparable(platform) not in known)


def _comparable(platform: Platform) -> Platform:
    return replace(normalise(platform), os_version=platform.windows_build)


def _encode(part: str) -> str:
    return quote(part, safe="", errors="replace").replace("~", "%7E")


def _decode(part: str) -> str:
    return unquote(part, errors="replace")
