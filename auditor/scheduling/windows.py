"""Compatibility of Windows builds, as checked by the host and by each containerd version.

Sources: containerd `platforms` (defaults_windows.go, platform_windows_compat.go) of each release;
hcsshim `osversion.CheckHostAndContainerCompat`; Microsoft's version compatibility table.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

from auditor.images.platforms import Platform
from auditor.scheduling.nodes import CONTAINERD, Runtime

WINDOWS_RELEASES: Final = {
    "2019": "10.0.17763",
    "2022": "10.0.20348",
    "23h2": "10.0.25398",
    "2025": "10.0.26100",
}
"""The version of each release of Windows Server that runs containers of Kubernetes."""

_SERVER_2022: Final = 20348
_LTSC: Final = (20348, 26100)
_BUILD: Final = re.compile(r"([0-9]{1,5})\.([0-9]{1,5})\.([0-9]{1,5})(\..*)?", re.DOTALL)


class Generation(IntEnum):
    """Behaviour of containerd's index matcher on Windows, by containerd version."""

    EXACT_STRICT = 1
    EXACT = 2
    SERVER_2022_FLOOR = 3
    LTSC_FLOOR = 4
    FEATURES = 5
    PREVIOUS_LTSC = 6


def matcher_generation(runtime: Runtime | None) -> Generation:
    """Return the generation of a runtime; that of containerd 2.2 if it is unknown."""
    if runtime is None:
        return Generation.LTSC_FLOOR
    if runtime.name != CONTAINERD:
        return Generation.SERVER_2022_FLOOR
    version = runtime.version
    if version >= (2, 3, 0):
        return Generation.PREVIOUS_LTSC if version >= (2, 3, 5) else Generation.FEATURES
    if version >= (2, 1, 6):
        return Generation.LTSC_FLOOR
    if version >= (1, 7, 6) or (1, 6, 23) <= version < (1, 7, 0):
        return Generation.SERVER_2022_FLOOR
    return Generation.EXACT if version >= (1, 6, 18) else Generation.EXACT_STRICT


def windows_row_matches(row: Platform, host: Platform, generation: Generation) -> bool:
    """Return whether the matcher selects a Windows index row for a Windows host."""
    if not row.os_version:
        return generation > Generation.EXACT_STRICT
    if not host.os_version:
        return True  # unknown build: the pull may succeed
    if generation <= Generation.EXACT:
        return _build(row.os_version) == _build(host.os_version)
    newest = generation in (Generation.LTSC_FLOOR, Generation.FEATURES)
    return windows_build_runs(row.os_version, host.os_version, newest=newest)


def windows_build_runs(image: str, host: str, *, newest: bool = True) -> bool:
    """Return whether a host of one Windows version runs a process-isolated container of another.

    Before Server 2022, the builds must be equal. Since then, an image may be older, down to Server
    2022.

    Args:
        newest: Accept images down to the last LTSC release before the host instead (containerd
            2.1.6 to 2.3.4).
    """
    wanted, actual = _build(image), _build(host)
    if wanted is None or actual is None or wanted[:2] != actual[:2]:
        return False
    if actual[2] < _SERVER_2022:
        return wanted == actual
    floor = max((ltsc for ltsc in _LTSC if ltsc < actual[2]), default=_SERVER_2022)
    return (floor if newest else _SERVER_2022) <= wanted[2] <= actual[2]


def _build(version: str) -> tuple[int, ...] | None:
    match = _BUILD.fullmatch(version)
    return tuple(map(int, match.groups()[:3])) if match else None
