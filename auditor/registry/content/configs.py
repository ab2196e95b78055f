"""The platform in an image's config blob (image-spec `config.md`), and the shape of any platform.

Whatever a registry calls a platform has to look like one, or a report could not be trusted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from auditor.images import VersionSource
from auditor.platforms import Platform, make_platform
from auditor.registry.json_text import JsonError, JsonObject, parse_object, text_at

_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MAX_FEATURES: Final = 16
_BASE_LAYER: Final = re.compile(r"Apply image (10\.0\.[0-9]{4,6}(?:\.[0-9]{1,6})?)\b")


class DocumentError(ValueError):
    """A document that cannot be read, or in more than one way. The message is a clause."""


@dataclass(frozen=True, slots=True)
class ConfigPlatform:
    """What a config says its image is built for, and where the OS version comes from."""

    platform: Platform
    version_source: VersionSource = VersionSource.CONFIG


def parse_config(body: bytes) -> ConfigPlatform:
    """The platform of an image config. Raises DocumentError.

    A Windows config without `os.version` may still tell its base image in its history: Microsoft's
    base layers are written as `Apply image 10.0.26100.33438`.
    """
    try:
        config = parse_object(body)
    except JsonError as error:
        raise DocumentError(f"its config cannot be read: {error}") from error
    platform = read_platform(config)
    if platform.os == "windows" and not platform.os_version:
        build = _build_in_history(config.get("history"))
        if build:
            return ConfigPlatform(replace(platform, os_version=build), VersionSource.HISTORY)
    return ConfigPlatform(platform)


def read_platform(value: JsonObject) -> Platform:
    """The platform that an index row or a config spells out.

    `os.version` is kept for Windows only: on Linux it says nothing about where an image runs.
    Raises DocumentError.
    """
    system, architecture = _word(value, "os"), _word(value, "architecture")
    if not system or not architecture:
        missing = "operating system" if not system else "architecture"
        raise DocumentError(f"it names no {missing}")
    variant, version = _word(value, "variant"), _word(value, "os.version")
    platform = make_platform(system, architecture, variant, version, _features(value))
    return platform if platform.os == "windows" else replace(platform, os_version="")


def _word(value: JsonObject, key: str) -> str:
    found = value.get(key)
    if found is None or found == "":
        return ""
    if not isinstance(found, str) or not _WORD.fullmatch(found):
        raise DocumentError(f"its `{key}` is not a name")
    return found


def _features(value: JsonObject) -> tuple[str, ...]:
    found = value.get("os.features")
    if found is None:
        return ()
    if not isinstance(found, list) or len(found) > _MAX_FEATURES:
        raise DocumentError("its `os.features` is not a list of names")
    for feature in found:
        if not isinstance(feature, str) or not _WORD.fullmatch(feature):
            raise DocumentError("its `os.features` is not a list of names")
    return tuple(dict.fromkeys(found))


def _build_in_history(history: object) -> str:
    if not isinstance(history, list) or not history or not isinstance(history[0], dict):
        return ""
    match = _BASE_LAYER.match(text_at(history[0], "created_by"))
    return match[1] if match else ""
