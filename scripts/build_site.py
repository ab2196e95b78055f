"""Build the documentation site into `site/`: `build_site.py`.

The pages are the documents of the repository, with their paths, so that links between them work in
the repository and on the site. The report of the example is added. A broken link is an error.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "docs")
REPORT_PAGE: Final = """\
# Example report

The HTML report of the [example](README.md). To write one, use
`podfit audit charts -o html=report.html`. [Open it in its own page](report.html).

<iframe src="report.html" title="Report of the example" width="100%" height="900"></iframe>
"""


def main() -> int:
    return build(ROOT)


def build(folder: Path) -> int:
    """Build the site into `site` of a folder; return the exit code of Zensical."""
    pages = folder / "build" / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    stage(pages)
    write_report(pages / "examples" / "report.html")
    if folder != ROOT:
        shutil.copy(ROOT / "zensical.toml", folder)
    return zensical(folder)


def zensical(folder: Path) -> int:
    program = Path(sys.executable).with_name("zensical")
    return subprocess.run([program, "build", "--clean", "--strict"], cwd=folder).returncode


def stage(pages: Path) -> None:
    """Copy the documents into an empty folder."""
    for name in PAGES:
        source = ROOT / name
        (pages / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, pages / name)
        else:
            shutil.copy(source, pages / name)
    (pages / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "README.md", pages / "examples" / "README.md")
    (pages / "examples" / "report.md").write_text(REPORT_PAGE, encoding="utf-8")


def write_report(path: Path) -> None:
    """Audit the example offline. Raises `CalledProcessError` if the audit fails."""
    podfit = [sys.executable, "-m", "auditor", "audit", "examples", "--cluster=hybrid-arm64"]
    options = ["--locked", "--no-config", "--fail-on=never", f"--output=html={path}"]
    subprocess.run([*podfit, *options], cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
