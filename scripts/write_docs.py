"""Write what podfit prints into the documents that quote it: `write_docs.py [--check]`.

A document quotes a command between two comments, and this script fills in what lies between:

    <!-- output of: podfit audit --help -->
    <!-- end of output -->

With `--check` nothing is written; the exit code is 1 where a document is out of date.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
WIDTH: Final = "100"

_BLOCK: Final = re.compile(
    r"(?P<begin><!-- output of: podfit(?P<arguments>[^\n]*?) -->\n)"
    r".*?(?P<end><!-- end of output -->)",
    re.DOTALL,
)


def main(arguments: list[str]) -> int:
    check = arguments == ["--check"]
    stale = 0
    for document in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]):
        text = document.read_text(encoding="utf-8")
        written = _BLOCK.sub(filled, text)
        if written == text:
            continue
        name = document.relative_to(ROOT)
        if check:
            stale += 1
            print(f"{name} is out of date; `make docs` writes it anew", file=sys.stderr)
        else:
            document.write_text(written, encoding="utf-8")
            print(f"{name}: written anew")
    return 1 if stale else 0


def filled(block: re.Match[str]) -> str:
    arguments = block["arguments"].strip()
    return (
        f"{block['begin']}\n```console\n$ podfit {arguments}\n{output(arguments)}```\n\n"
        f"{block['end']}"
    )


@cache
def output(arguments: str) -> str:
    """What podfit prints on a terminal of 100 columns without colour."""
    done = subprocess.run(
        [sys.executable, "-m", "auditor.cli.main", *shlex.split(arguments)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": WIDTH, "NO_COLOR": "1", "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=60,
    )
    if done.returncode not in (0, 1):
        sys.exit(f"`podfit {arguments}` exited with {done.returncode}")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
