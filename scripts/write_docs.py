"""Write the parts of the documents that follow from the program: `write_docs.py [--check]`.

Every rule gets a page in `docs/rules`. A document quotes a command, or lists the rules, between two
comments, and this script fills in what lies between:

    <!-- output of: podfit audit --help -->
    <!-- end of output -->

    <!-- table of rules -->
    <!-- end of table -->

With `--check` nothing is written; the exit code is 1 where a document is out of date.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
WIDTH: Final = "100"

sys.path.insert(0, str(ROOT))
from auditor.rulebook import load_builtin_rules  # noqa: E402 - the checkout, not an install
from auditor.rules_page import rule_page, rules_index  # noqa: E402

_QUOTE: Final = re.compile(
    r"(?P<begin><!-- output of: podfit(?P<arguments>[^\n]*?) -->\n)"
    r".*?(?P<end><!-- end of output -->)",
    re.DOTALL,
)
_TABLE: Final = re.compile(
    r"(?P<begin><!-- table of rules -->\n).*?(?P<end><!-- end of table -->)", re.DOTALL
)


def main(arguments: list[str]) -> int:
    stale = [(path, text) for path, text in documents() if read(path) != text]
    if arguments == ["--check"]:
        for path, _ in stale:
            name = path.relative_to(ROOT)
            print(f"{name} is out of date; `make docs` writes it anew", file=sys.stderr)
        return 1 if stale else 0
    for path, text in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: written anew")
    return 0


def documents() -> Iterator[tuple[Path, str]]:
    """Each document that is generated or quotes something, with the text it should have."""
    yield ROOT / "docs" / "rules" / "index.md", rules_index(load_builtin_rules())
    for rule in load_builtin_rules():
        yield ROOT / "docs" / "rules" / f"{rule.id}.md", rule_page(rule)
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]):
        text = _QUOTE.sub(quoted, read(path))
        pages = "docs/rules" if path.parent == ROOT else "rules"
        yield path, _TABLE.sub(partial(listed, pages=pages), text)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def listed(block: re.Match[str], *, pages: str) -> str:
    rows = "".join(
        f"| [`{rule.id}`]({pages}/{rule.id}.md) | {rule.severity} | {rule.summary} |\n"
        for rule in sorted(load_builtin_rules(), key=lambda rule: (-rule.severity, rule.id))
    )
    return f"{block['begin']}\n| rule | severity | |\n|---|---|---|\n{rows}\n{block['end']}"


def quoted(block: re.Match[str]) -> str:
    arguments = block["arguments"].strip()
    return (
        f"{block['begin']}\n```console\n$ podfit {arguments}\n{output(arguments)}```\n\n"
        f"{block['end']}"
    )


@cache
def output(arguments: str) -> str:
    """What podfit prints on a terminal of 100 columns without colour."""
    done = subprocess.run(
        [sys.executable, "-m", "auditor", *shlex.split(arguments)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=60,
    )
    if done.returncode not in (0, 1):
        sys.exit(f"`podfit {arguments}` exited with {done.returncode}")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()) + "\n"


def environment() -> dict[str, str]:
    """The same wherever it runs: the user's settings for podfit and for terminals are left out."""
    ours = ("PODFIT_", "FORCE_COLOR", "CLICOLOR", "GITHUB_", "TERM")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    return {**kept, "COLUMNS": WIDTH, "NO_COLOR": "1", "PYTHONUTF8": "1"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
