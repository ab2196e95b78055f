"""Whether the container runtime of a pool can run an image: yes, no or unknown, with reasons.

A runtime selects a row of an index when it pulls. It pulls a bare manifest without checking the
platform, so an incompatible one fails when the container starts.

Sources: containerd `platforms` (compare.go, platform_windows_compat.go, defaults) and
`core/images/image.go`; containers/image `platform_matcher.go` for CRI-O; Microsoft's Windows
container version compatibility; KEP-1981 for HostProcess.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, IntEnum
from typing import Final

from msgspec import Struct

from auditor.images.images import KnownPlatforms
from auditor.images.platforms import Platform, normalise
from auditor.scheduling.nodes import CONTAINERD, CRI_O, DOCKER, NodePool, Runtime
from auditor.scheduling.windows import (
    Generation,
    matcher_generation,
    windows_build_runs,
    windows_row_matches,
)

_CRI_O_ARM: Final = ("v8", "v7", "v6", "v5", "")
_ONLY_ARM: Final = ("v5", "v6", "v7", "v8")
"""The variants of 32-bit ARM that `platforms.Only` tries (compare.go, platformVector)."""
_FALLBACKS: Final = (("amd64", "386"), ("arm64", "arm"))
"""Pairs of host and image architecture: these hosts may support the 32-bit instruction set."""


class Runnable(Enum):
    """Whether a pool can run an image. The value is used in JSON."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Mismatch(IntEnum):
    """The first property in which the nearest platform of an image differs from a pool.

    Higher values are closer matches.
    """

    OS = 0
    ARCHITECTURE = 1
    VARIANT = 2
    FEATURES = 3
    WINDOWS_BUILD = 4


class Failure(Enum):
    """How a pod that cannot run fails. The value is used in JSON."""

    PULL = "ImagePullBackOff"
    CREATE = "CreateContainerError"
    EXEC_FORMAT = "CrashLoopBackOff"
    KUBELET = "rejected by the kubelet"
    PENDING = "Pending"


class Compatibility(Struct, frozen=True):
    """Whether a pool can run an image.

    Attributes:
        message: A clause that explains NO or UNKNOWN.
        mismatch: Why the image does not run, if so.
        failure: How the container fails, if so.
        event: The text of the event or container log.
    """

    runnable: Runnable
    message: str = ""
    mismatch: Mismatch | None = None
    failure: Failure | None = None
    event: str = ""


def compatibility(
    image: KnownPlatforms, pool: NodePool, *, host_process: bool = False, mounted: bool = False
) -> Compatibility:
    """Return whether a container of this image starts on a node of the pool.

    Args:
        host_process: It is a Windows HostProcess container, so the build does not matter.
        mounted: The image is mounted as a volume (KEP-4639): it must be pulled but need not run.
    """
    if mounted:
        return _mounted_image(image, pool)
    if not image.platforms:
        return Compatibility(
            Runnable.NO, "it has no runnable platform", Mismatch.OS, *_pull_failure(pool)
        )
    if image.kind == "manifest":
        return _bare_manifest(image.platforms[0], pool, host_process=host_process)
    answers = [_index_row(row, pool, host_process=host_process) for row in image.platforms]
    for runnable in (Runnable.YES, Runnable.UNKNOWN):
        for answer in answers:
            if answer.runnable is runnable:
                return answer
    return max(answers, key=lambda answer: answer.mismatch or 0)


def lacking_platforms(image: KnownPlatforms, required: Iterable[Platform]) -> tuple[Platform, ...]:
    """Return the required platforms on which a current containerd would not start the image.

    A Windows platform without a version stands for any build.
    """
    return tuple(platform for platform in required if not _supports(image, platform))


def _supports(image: KnownPlatforms, platform: Platform) -> bool:
    if platform.os == "windows" and not platform.os_version:
        return any(
            (row.os, row.architecture) == (platform.os, platform.architecture)
            for row in image.platforms
        )
    answer = compatibility(image, NodePool(str(platform), platform, {})).runnable
    native = any(row.architecture == platform.architecture for row in image.platforms)
    return answer is Runnable.YES or (answer is Runnable.UNKNOWN and native)


def _mounted_image(image: KnownPlatforms, pool: NodePool) -> Compatibility:
    """Return whether the image can be mounted.

    An index must have a row for the node; a bare manifest must only have the same OS.
    """
    pulled = compatibility(image, pool, host_process=True)
    if pulled.failure is not Failure.EXEC_FORMAT or pulled.mismatch is Mismatch.OS:
        return pulled
    return Compatibility(
        Runnable.UNKNOWN,
        f"it is built for {image.platforms[0]}, which matters if it contains executables",
    )


def _index_row(row: Platform, pool: NodePool, *, host_process: bool) -> Compatibility:
    mismatch = row_mismatch(row, pool)
    if mismatch is not None:
        return Compatibility(
            Runnable.NO, _no_message(mismatch, row, pool), mismatch, *_pull_failure(pool)
        )
    if row.os == "windows":
        return _windows_start(row, pool, host_process=host_process)
    if row.architecture != pool.platform.architecture and row.architecture == "arm":
        return Compatibility(Runnable.UNKNOWN, f"{row} needs a CPU that supports 32-bit code")
    return Compatibility(Runnable.YES)


def row_mismatch(row: Platform, pool: NodePool) -> Mismatch | None:
    """Return why the pool's runtime does not select this index row; None if it matches."""
    host = pool.platform
    if row.os != host.os:
        return Mismatch.OS
    architecture = _architecture_mismatch(row, pool)
    if architecture is not None:
        return architecture
    generation = matcher_generation(pool.runtime)
    if generation >= Generation.FEATURES:
        ignored = {"win32k"} if host.os == "windows" else set()
        if not set(row.os_features) - ignored <= set(host.os_features):
            return Mismatch.FEATURES
    if host.os == "windows" and not windows_row_matches(row, host, generation):
        return Mismatch.WINDOWS_BUILD
    return None


def _architecture_mismatch(row: Platform, pool: NodePool) -> Mismatch | None:
    host = pool.platform
    if _is_cri_o(pool):
        if row.architecture != host.architecture:
            return Mismatch.ARCHITECTURE
        return None if row.variant in _cri_o_variants(host) else Mismatch.VARIANT
    if row.architecture == "arm64" and row.variant in _later_spellings(pool.runtime):
        return Mismatch.VARIANT if host.architecture == "arm64" else Mismatch.ARCHITECTURE
    row, host = normalise(row), normalise(host)
    if row.architecture == host.architecture:
        # containerd's DefaultSpec has no variant for amd64 and arm64.
        wanted = host.variant if host.architecture == "arm" else ""
        older = _has_fallback(pool) and row.variant in _ONLY_ARM and row.variant < wanted
        return None if row.variant == wanted or older else Mismatch.VARIANT
    if _has_fallback(pool) and (host.architecture, row.architecture) in _FALLBACKS:
        # platformVector: 386 has no variant, 32-bit ARM those of its versions.
        known = _ONLY_ARM if row.architecture == "arm" else ("",)
        return None if row.variant in known else Mismatch.VARIANT
    return Mismatch.ARCHITECTURE


def _cri_o_variants(host: Platform) -> tuple[str, ...]:
    if host.architecture == "arm64":
        return ("v8", "")
    variant = normalise(host).variant
    if host.architecture == "arm" and variant in _CRI_O_ARM:
        return _CRI_O_ARM[_CRI_O_ARM.index(variant) :]
    return (variant, "")


def _has_fallback(pool: NodePool) -> bool:
    """Return whether the pull falls back to 386 on amd64 and to 32-bit or older ARM.

    `platforms.Only` does. containerd's CRI uses the transfer service since 2.1, which uses
    `platforms.Ordered` instead.
    """
    runtime = pool.runtime
    if runtime is None:
        return False
    return runtime.name == DOCKER or (runtime.name == CONTAINERD and runtime.version < (2, 1, 0))


def _later_spellings(runtime: Runtime | None) -> tuple[str, ...]:
    """Return spellings of an ARM64 variant that only containerd since 2.0 reads (normalizeArch)."""
    old = runtime is not None and runtime.name == CONTAINERD and runtime.version < (2, 0, 0)
    return ("v8.0",) if old else ()


def _is_cri_o(pool: NodePool) -> bool:
    return pool.runtime is not None and pool.runtime.name == CRI_O


def _windows_start(row: Platform, pool: NodePool, *, host_process: bool) -> Compatibility:
    """Return whether a pulled Windows image starts: the host compares its build with its own."""
    if host_process:
        return Compatibility(Runnable.YES)
    if not row.os_version:
        return Compatibility(Runnable.UNKNOWN, f"{row.family} has no Windows build (os.version)")
    if not pool.platform.os_version:
        return Compatibility(Runnable.UNKNOWN, "the Windows build of the pool is unknown")
    if windows_build_runs(row.os_version, pool.platform.os_version, newest=False):
        return Compatibility(Runnable.YES)
    return Compatibility(
        Runnable.NO,
        _no_message(Mismatch.WINDOWS_BUILD, row, pool),
        Mismatch.WINDOWS_BUILD,
        Failure.CREATE,
        "The container operating system does not match the host operating system (0xc0370101)",
    )


def _bare_manifest(platform: Platform, pool: NodePool, *, host_process: bool) -> Compatibility:
    """Return whether a bare manifest runs; it is pulled without a check of its platform."""
    host = pool.platform
    if platform.os != host.os:
        failure = _other_system_failure(platform, pool)
        return Compatibility(
            Runnable.NO, _no_message(Mismatch.OS, platform, pool), Mismatch.OS, *failure
        )
    if platform.architecture not in (host.architecture, *pool.emulation):
        if (host.architecture, platform.architecture) in _FALLBACKS:
            return Compatibility(
                Runnable.UNKNOWN, f"{platform} needs a CPU that supports 32-bit code"
            )
        message = _no_message(Mismatch.ARCHITECTURE, platform, pool)
        return Compatibility(
            Runnable.NO, message, Mismatch.ARCHITECTURE, Failure.EXEC_FORMAT, "exec format error"
        )
    if host.os == "windows":
        return _windows_start(platform, pool, host_process=host_process)
    return Compatibility(Runnable.YES)


def _other_system_failure(platform: Platform, pool: NodePool) -> tuple[Failure, str]:
    runtime = pool.runtime
    if runtime is not None and runtime.name == DOCKER:
        return (
            Failure.PULL,
            f'image operating system "{platform.os}" cannot be used on this platform',
        )
    if pool.platform.os == "windows":
        if matcher_generation(runtime) >= Generation.FEATURES:
            return Failure.CREATE, "failed to create containerd container"
        return Failure.PULL, "failed to extract layer"
    return Failure.EXEC_FORMAT, "exec format error"


def _pull_failure(pool: NodePool) -> tuple[Failure, str]:
    if _is_cri_o(pool):
        return Failure.PULL, "no image found in manifest list for architecture"
    if pool.runtime is not None and pool.runtime.name == DOCKER:
        return Failure.PULL, f"no matching manifest for {pool.platform.family} in the manifest list"
    return Failure.PULL, "no match for platform in manifest: not found"


def _no_message(mismatch: Mismatch, platform: Platform, pool: NodePool) -> str:
    host = pool.platform
    match mismatch:
        case Mismatch.OS:
            return f"it is not built for {host.os}"
        case Mismatch.ARCHITECTURE:
            return f"it is not built for {host.os}/{host.architecture}"
        case Mismatch.VARIANT:
            return f"its {platform.family} needs another CPU variant than {host.family}"
        case Mismatch.FEATURES:
            return f"{platform} needs OS features that the nodes do not have"
    return f"its Windows build {platform.windows_build} does not run on {host.windows_build}"
