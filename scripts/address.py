"""Write the address of the project everywhere: `address.py OWNER/REPOSITORY`.

`Repository` in pyproject.toml holds the current address. The forms of it are replaced in every
tracked file: `OWNER/REPOSITORY` on GitHub, the image on ghcr.io and the site on GitHub Pages (both
with an owner in lower case), and `@OWNER` of CODEOWNERS.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not _NAME.fullmatch(arguments[0]):
        print("usage: make address NAME=owner/repository", file=sys.stderr)
        return 2
    old, new = current_address(), arguments[0]
    for path in tracked_files():
        text = path.read_bytes()
        if (changed := with_address(text, old, new)) != text:
            path.write_bytes(changed)
            print(f"wrote {path.relative_to(ROOT).as_posix()}")
    return 0


def current_address() -> str:
    """Return the address in pyproject.toml, such as `owner/repository`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["urls"]["Repository"]).removeprefix("https://github.com/")


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    files = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in files if path.is_file() and not path.is_symlink()]


def with_address(text: bytes, old: str, new: str) -> bytes:
    """Return the text with every form of the old address replaced by that of the new one."""
    for before, after in zip(forms(old), forms(new), strict=True):
        whole = rf"(?<![\w./-]){re.escape(before)}(?![\w-])"
        hosted = rf"(?<![\w.-]){re.escape(before)}(?![\w-])"
        pattern = hosted if "." in before.partition("/")[0] else whole
        text = re.sub(pattern.encode(), after.encode(), text)
    return text


def forms(name: str) -> tuple[str, ...]:
    """Return what stands for the address, the forms with a host first."""
    owner, _, repository = name.partition("/")
    return (
        f"github.com/{name}",
        f"raw.githubusercontent.com/{name}",
        f"ghcr.io/{name.lower()}",
        f"{owner.lower()}.github.io/{repository}",
        name,
        f"@{owner}",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
