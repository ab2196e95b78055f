"""A real browser without a window, for what only a browser can tell."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.tools import find_tool, missing

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def browse(page: Path, *flags: str, profile: Path, query: str = "") -> str:
    """What Chromium prints for a page, with its script run: `--dump-dom` gives the document."""
    program = next(filter(None, map(find_tool, _NAMES)), None)
    if program is None:
        missing("chromium is not installed; `apt-get install chromium`")
    address = page.as_uri() + query
    done = subprocess.run(
        [program, *_FLAGS, f"--user-data-dir={profile}", *flags, address],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
