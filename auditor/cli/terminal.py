"""What the terminal can show, and what the user wants of it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from typing import Final

from auditor.cli.report_flags import ColorMode
from auditor.formats.interface import Style

DEFAULT_WIDTH: Final = 100
_WIDTHS: Final = range(60, 201)
_LINK_VTE: Final = 5000
_LINK_TERMINALS: Final = ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper")


def style(mode: ColorMode) -> Style:
    """How to write to standard output."""
    terminal = sys.stdout.isatty()
    color = wants_color(mode, os.environ, terminal=terminal)
    return Style(
        color=color,
        links=color and terminal and _knows_links(os.environ),
        ascii_only=not (sys.stdout.encoding or "").lower().startswith("utf"),
        width=_width(terminal=terminal),
        source_url=source_url(os.environ),
    )


def source_url(environment: Mapping[str, str]) -> str:
    """What a path from the root of the repository is put behind, where GitHub runs podfit."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_SHA")
    server, repository, commit = (environment.get(name, "") for name in names)
    if not (server.startswith("https://") and repository and commit):
        return ""
    return f"{server}/{repository}/blob/{commit}/"


def wants_color(mode: ColorMode, environment: Mapping[str, str], *, terminal: bool) -> bool:
    """--color, then NO_COLOR, then FORCE_COLOR, then whether it is a terminal."""
    if mode is not ColorMode.AUTO:
        return mode is ColorMode.ALWAYS
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return terminal and environment.get("TERM") != "dumb"


def wants_progress(environment: Mapping[str, str], *, terminal: bool) -> bool:
    """A bar is for somebody who watches: not in CI, nor under pre-commit's pseudo-terminal."""
    return terminal and not environment.get("CI") and not environment.get("PRE_COMMIT")


def _width(*, terminal: bool) -> int:
    columns = DEFAULT_WIDTH
    if terminal or os.environ.get("COLUMNS"):
        columns = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns
    return min(max(columns, _WIDTHS[0]), _WIDTHS[-1])


def _knows_links(environment: Mapping[str, str]) -> bool:
    """Terminals that show OSC 8 links, as far as they say who they are."""
    vte = environment.get("VTE_VERSION", "")
    return (
        environment.get("TERM_PROGRAM") in _LINK_TERMINALS
        or any(environment.get(name) for name in ("WT_SESSION", "KITTY_WINDOW_ID"))
        or (vte.isdigit() and int(vte) >= _LINK_VTE)
    )
