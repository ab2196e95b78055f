"""The lock in requirements/ says what pyproject.toml allows, with hashes and without addresses."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.tools import ROOT

LOCK = ROOT / "requirements"
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUN: tuple[str, ...] = tuple(PROJECT["project"]["dependencies"])
HELM: tuple[str, ...] = tuple(PROJECT["project"]["optional-dependencies"]["helm"])
GROUPS: Mapping[str, list[Any]] = PROJECT["dependency-groups"]


def group(*names: str) -> tuple[str, ...]:
    """The requirements of dependency groups; those of included ones are in `build`."""
    return tuple(item for name in names for item in GROUPS[name] if isinstance(item, str))


WANTED = {
    "run.txt": RUN,
    "run-helm.txt": RUN + HELM,
    "constraints.txt": RUN + HELM,
    "build.txt": group("build"),
    "dev.txt": RUN + HELM + group("build", "test", "lint"),
    "update.txt": group("update"),
    "go.txt": group("go"),
}
HASHED = sorted(WANTED.keys() - {"constraints.txt"})


def entries(path: Path) -> list[str]:
    """The lines of a lock file, each with its continuations, without comments."""
    lines = [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("#")
    ]
    return [line for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line.strip()]


def pins(path: Path) -> dict[str, set[str]]:
    """The versions of each package; several where it depends on the platform or on Python."""
    found: dict[str, set[str]] = {}
    for entry in entries(path):
        name, _, version = re.split(r"[\s;]", entry, maxsplit=1)[0].partition("==")
        assert version, f"{path.name}: no exact version: {entry}"
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def outside(wanted: Iterable[str], locked: Mapping[str, set[str]]) -> list[str]:
    """The requirements that are not locked, or at a version that they do not allow."""
    return [
        text
        for text in wanted
        for requirement in [Requirement(text)]
        for versions in [locked.get(canonicalize_name(requirement.name), set())]
        if not versions or not all(map(requirement.specifier.contains, versions))
    ]


def test_every_lock_file_is_tested() -> None:
    assert {path.name for path in LOCK.iterdir()} == WANTED.keys()


@pytest.mark.parametrize("name", sorted(WANTED))
def test_what_pyproject_requires_is_locked_at_a_version_that_it_allows(name: str) -> None:
    assert outside(WANTED[name], pins(LOCK / name)) == []


@pytest.mark.parametrize("name", HASHED)
def test_every_pin_has_a_hash(name: str) -> None:
    found = entries(LOCK / name)
    assert found
    assert [
        entry for entry in found if not re.search(r" --hash=sha256:[0-9a-f]{64}\b", entry)
    ] == []


@pytest.mark.parametrize("name", sorted(WANTED))
def test_no_index_is_named(name: str) -> None:
    text = (LOCK / name).read_text(encoding="utf-8")
    assert not re.search(
        r"://|^-|--(extra-)?index-url|--find-links|--trusted-host", text, re.MULTILINE
    )


@pytest.mark.parametrize("name", ["run.txt", "run-helm.txt", "build.txt", "constraints.txt"])
def test_users_get_the_versions_that_are_tested(name: str) -> None:
    tested = pins(LOCK / "dev.txt")
    assert {package: tested.get(package) for package in pins(LOCK / name)} == pins(LOCK / name)


def test_the_build_backend_is_locked() -> None:
    assert outside(PROJECT["build-system"]["requires"], pins(LOCK / "build.txt")) == []


def test_the_hooks_install_what_is_tested() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    expected = [*HELM, "--constraint=requirements/constraints.txt"]
    assert [hook["additional_dependencies"] for hook in hooks] == [expected] * len(hooks)


def test_a_pin_that_is_not_allowed_is_found() -> None:
    locked = {"a-b": {"1.0"}, "c": {"1.0", "3.0"}}
    assert outside(["A_b>=1", "a.b>1", "c<3", "d"], locked) == ["a.b>1", "c<3", "d"]
