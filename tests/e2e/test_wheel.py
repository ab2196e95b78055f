"""What is published works: source distribution to wheel to an audit from another folder."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.programs import podfit
from tests.support.tools import ROOT, missing


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, as `make package` does, but without the network."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "No module named build" in done.stderr:
        missing("the Python package `build` is not installed; `make test` installs it")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(folder.glob("podfit-*.tar.gz"))) == 1
    return next(folder.glob("podfit-*.whl"))


def test_the_wheel_holds_the_package_its_data_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    package = (path for path in (ROOT / "auditor").rglob("*") if "__pycache__" not in path.parts)
    assert names == {
        *(path.relative_to(ROOT).as_posix() for path in package if path.is_file()),
        *(f"auditor/rules/{path.name}" for path in (ROOT / "rules").glob("*.yaml")),
    }
    assert "auditor/py.typed" in names


def test_the_wheel_audits_the_example_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    """Unpacked, as any installer does it: not every environment has pip."""
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    shutil.copytree(ROOT / "examples", tmp_path / "work" / "charts")

    done = podfit(
        *("audit", "charts", "--cluster", "hybrid-arm64", "--locked"),
        cwd=tmp_path / "work",
        PYTHONPATH=str(site),
    )

    assert done.returncode == 1, done.stderr
    assert "missing-os-selector" in done.stdout


def test_the_wheel_has_the_commands(wheel: Path) -> None:
    (entry_points,) = (
        name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("entry_points.txt")
    )
    text = zipfile.ZipFile(wheel).read(entry_points).decode()

    assert text.splitlines() == [
        "[console_scripts]",
        "kubectl-podfit = auditor.cli.app:main",
        "podfit = auditor.cli.app:main",
    ]
