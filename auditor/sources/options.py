"""What the user may say about sources; the Helm part is named as Helm names it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

RendererName = Literal["auto", "embedded", "cli"]

RENDER_SECONDS: Final = 30.0
"""The slowest honest chart of 506 takes 3 s (it makes RSA keys); an endless loop never ends."""


@dataclass(frozen=True, slots=True)
class HelmOptions:
    """How charts are rendered.

    values_files, set_values, set_strings: `-f`, `--set` and `--set-string`, in the order given.
    namespace: "" is Helm's `default`. kube_version: "" is the one the renderer's Helm was built
    for. api_versions: told to charts besides the built-in ones. timeout: seconds for one chart.
    """

    values_files: tuple[str, ...] = ()
    set_values: tuple[str, ...] = ()
    set_strings: tuple[str, ...] = ()
    release_name: str = "release-name"
    namespace: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    renderer: RendererName = "auto"
    timeout: float = RENDER_SECONDS


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How sources are opened and read."""

    helm: HelmOptions = field(default_factory=HelmOptions)
