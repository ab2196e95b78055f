"""podfit as users run it: a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.tools import ROOT


def podfit(*arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `podfit ARGUMENTS` in a folder, with these environment variables set besides."""
    return subprocess.run(
        [sys.executable, "-m", "auditor", *arguments],
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **variables},
        timeout=120,
    )
