"""What the documents quote is what podfit prints."""

import subprocess
import sys

from tests.support.tools import ROOT


def test_quoted_output_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/write_docs.py", "--check"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr


def test_an_audit_and_the_help_are_quoted() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    reference = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")

    assert "<!-- last finding of: podfit audit examples" in readme
    assert "<!-- output of: podfit audit --help -->" in reference
