"""Text that something else has yet to fill in: template expressions, variables, stand-in words.

None of it is an image's name, and none of it is wrong either: it is not rendered yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from auditor.errors import printable

_RENDER: Final = "render it first; Kubernetes itself expands nothing in `image`"
_REPLACE: Final = "put the image's real name in its place"

_SYNTAXES: Final = (
    (re.compile(r"ko://\S*"), "ko builds it", "`ko resolve -f FILE` writes the built image there"),
    (re.compile(r"\{\{.{0,60}"), "a template expression", _RENDER),
    (re.compile(r"\$\{[^}]{0,60}\}?|\$\([^)]{0,60}\)?|\$\w*"), "a variable", _RENDER),
    (
        re.compile(r"#\{[^}]{0,60}\}?#?|\{[^}]{0,60}\}?|\(\([^)]{0,60}|\[\[.{0,60}"),
        "a token",
        _RENDER,
    ),
    (re.compile(r"<[^>]{0,60}>?"), "a stand-in", _REPLACE),
    (
        re.compile(r"%[^%]{1,60}%|%\w\b|@[A-Za-z_][\w.-]{0,60}@|__[A-Z]\w{0,60}__"),
        "a token",
        _RENDER,
    ),
)
"""Each a regular expression, what it shows, and what to do. No image's name can match one."""

_STAND_IN: Final = re.compile(
    r"(?i:change|replace)[_-]?(?i:me)"
    r"|(?:[A-Z0-9]+[_-])*"
    r"(?:CHANGE|REPLACE|INSERT|YOUR|TODO|FIXME|PLACEHOLDER|XXX+|IMAGE|TAG|VERSION|DIGEST)"
    r"(?:[_-][A-Z0-9]+)*"
)
"""A word that stands in for a name or a tag."""
_STAND_IN_FOR_NAME: Final = re.compile(
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|REGISTRY|REPOSITORY|REPO|PROJECT|ACCOUNT|ORG|NAMESPACE|HOST"
)
"""A word that stands in for a host or a part of a repository, but could be a real tag."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Why a text is not filled in yet, as half a sentence, and what to do about it."""

    what: str
    hint: str


def find_placeholder(text: str) -> Placeholder | None:
    """The first sign in an `image:` text that it is not filled in yet."""
    if text and not text.strip():
        return Placeholder("it is blank", "OpenShift's image triggers fill such a field in")
    if text == "auto":
        return Placeholder(
            "`auto` is what Istio replaces when it injects its proxy",
            "the proxy's image is in the mesh configuration, not in this manifest",
        )
    for syntax, what, hint in _SYNTAXES:
        if match := syntax.search(text):
            return Placeholder(f"{what}, `{printable(match[0])}`", hint)
    return _stand_in(text)


def _stand_in(text: str) -> Placeholder | None:
    name, _, tag = text.rpartition(":")
    if not name or "/" in tag:
        name, tag = text, ""
    for word in re.split(r"[/:@.]", name):
        if _STAND_IN.fullmatch(word) or _STAND_IN_FOR_NAME.fullmatch(word):
            return Placeholder(f"`{word}` stands in for a name", _REPLACE)
    if _STAND_IN.fullmatch(tag):
        return Placeholder(f"`{tag}` stands in for a tag", "put the real tag in its place")
    return None
