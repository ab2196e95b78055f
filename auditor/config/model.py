"""`Config`: what the user wants, from every place where it can be said, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from auditor.policy import Gate
from auditor.sources.options import SourceOptions


class Reach(Enum):
    """How far podfit may go for an answer about an image."""

    ONLINE = "online"
    OFFLINE = "offline"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """Who is asked about images. timeout: seconds for all registries together.

    lock_file: None is looked for beside each source. cache_dir: None is the user's own.
    """

    reach: Reach = Reach.ONLINE
    lock_file: Path | None = None
    cache_dir: Path | None = None
    timeout: float = 300.0


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that decides what an audit does, and nothing of how it looks."""

    sources: tuple[str, ...] = (".",)
    source_options: SourceOptions = field(default_factory=SourceOptions)
    allow_empty: bool = False
    clusters: tuple[str, ...] = ("hybrid",)
    images: ImageConfig = field(default_factory=ImageConfig)
    gate: Gate = field(default_factory=Gate)
    pedantic: bool = False
