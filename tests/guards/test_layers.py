"""The layers of pyproject.toml hold: upper may import lower, never the reverse."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.tools import ROOT, missing


def test_the_import_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    if not linter.exists():
        missing("import-linter is not installed; `make lint` installs it")

    done = subprocess.run(
        [linter, "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
