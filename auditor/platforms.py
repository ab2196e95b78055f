"""`Platform`: what an image is built for, or what a node is.

Names and spelling follow the OCI image specification (descriptor `platform`, image config) and
containerd's `platforms` package (parse, format, normalise).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

_SYNTAX: Final = re.compile(
    r"""(?P<os>[A-Za-z0-9_.-]+)
        (?:\((?P<version>[A-Za-z0-9_.-]*)(?P<features>(?:\+[A-Za-z0-9_.-]+)*)\))?
        /(?P<architecture>[A-Za-z0-9_.-]+)
        (?:/(?P<variant>[A-Za-z0-9_.-]+))?""",
    re.VERBOSE,
)
_OS_ALIASES: Final = {"macos": "darwin"}
_ARCHITECTURE_ALIASES: Final = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "i386": ("386", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """An operating system and architecture, with variant, OS version and OS features.

    `str()` gives containerd's `FormatAll` form: `linux/arm64/v8`,
    `windows(10.0.20348.1970)/amd64`, `windows(10.0.17763.1+win32k)/amd64`.
    """

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    def __str__(self) -> str:
        options = "+".join((self.os_version, *self.os_features))
        system = f"{self.os}({options})" if options else self.os
        return "/".join(part for part in (system, self.architecture, self.variant) if part)

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
        """buildx marks attestation manifests as `unknown/unknown`: nothing that could run."""
        return "unknown" in (self.os, self.architecture)


def parse_platform(text: str) -> Platform:
    """The platform written as `os[(version[+feature]...)]/architecture[/variant]`.

    Raises ValueError with a sentence for the user.
    """
    match = _SYNTAX.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not a platform; write it as linux/amd64, linux/arm64/v8 or "
            "windows(10.0.20348)/amd64"
        )
    features = tuple(sorted(filter(None, (match["features"] or "").split("+"))))
    return make_platform(
        match["os"], match["architecture"], match["variant"] or "", match["version"] or "", features
    )


def make_platform(
    os: str,
    architecture: str,
    variant: str = "",
    os_version: str = "",
    os_features: tuple[str, ...] = (),
) -> Platform:
    """A platform with the aliases of the operating system and the architecture resolved.

    The variant is kept as it is written, so that a report shows what the registry holds.
    """
    os = os.strip().lower()
    architecture = architecture.strip().lower()
    architecture, implied = _ARCHITECTURE_ALIASES.get(architecture, (architecture, ""))
    return Platform(
        os=_OS_ALIASES.get(os, os),
        architecture=architecture,
        variant=variant.strip().lower() or implied,
        os_version=os_version.strip(),
        os_features=tuple(sorted(os_features)),
    )


def normalise(platform: Platform) -> Platform:
    """The form in which two platforms can be compared (containerd `platforms.Normalize`).

    `amd64/v1` is `amd64`; `arm64`, `arm64/8` and `arm64/v8` are one; `arm` is `arm/v7`.
    """
    variant = platform.variant
    if platform.architecture == "amd64" and variant == "v1":
        variant = ""
    elif platform.architecture == "arm64":
        variant = {
            "8": "",
            "v8": "",
            "v8.0": "",
            "8.0": "",
            "9": "v9",
            "9.0": "v9",
            "v9.0": "v9",
        }.get(variant, variant)
    elif platform.architecture == "arm":
        variant = {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"}.get(variant, variant)
    return replace(platform, variant=variant)
