"""Which repository a working tree is a clone of."""

from pathlib import Path

import pytest

from auditor.sources.following.follower import is_among, remotes_of, repository_name
from tests.support.charts import write_tree


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/Acme/Shop.git", "github.com/acme/shop"),
        ("https://me:s3cret@github.com/acme/shop/", "github.com/acme/shop"),
        ("git@github.com:acme/shop.git", "github.com/acme/shop"),
        ("github.com:acme/shop", "github.com/acme/shop"),
        ("ssh://git@github.com:22/acme/shop.git", "github.com/acme/shop"),
        ("ssh://git@ssh.github.com:443/acme/shop.git", "github.com/acme/shop"),
        ("git@work:acme/shop.git", "work/acme/shop"),
        ("https://dev.azure.com/acme/p/_git/shop", "dev.azure.com/acme/p/shop"),
        ("git@ssh.dev.azure.com:v3/acme/p/shop", "dev.azure.com/acme/p/shop"),
        ("/srv/git/shop.git", ""),
        ("file:///srv/git/shop.git", ""),
        ("../shop", ""),
        ("https://[x/acme/shop", ""),
        ("https://github.com", ""),
        ("x", ""),
    ],
)
def test_names(url: str, name: str) -> None:
    assert repository_name(url) == name


@pytest.mark.parametrize(
    ("remote", "same"),
    [
        ("github.com/acme/shop", True),
        ("work/acme/shop", True),
        ("gitlab.com/acme/shop", False),
        ("github.com/me/shop", False),
    ],
)
def test_the_same_repository(remote: str, same: bool) -> None:
    assert is_among("github.com/acme/shop", frozenset({"github.com/acme/other", remote})) is same


CONFIG = """\
[core]
\tbare = false
\turl = https://a.test/no/remote
[remote "origin"]
\tpushurl = https://a.test/for/pushing
\turl = git@a.test:acme/shop.git ; the main one
\tfetch = +refs/heads/*:refs/remotes/origin/*
[ Remote "up]stream" ] URL="https://b.test/acme/shop"
[branch "main"]
\tremote = origin
"""
NAMES = {"a.test/acme/shop", "b.test/acme/shop"}


def test_the_remotes_of_a_clone(tmp_path: Path) -> None:
    write_tree(tmp_path, {".git/config": CONFIG})

    assert remotes_of(tmp_path) == NAMES


def test_the_remotes_of_a_submodule(tmp_path: Path) -> None:
    write_tree(
        tmp_path, {"sub/.git": "gitdir: ../.git/modules/sub\n", ".git/modules/sub/config": CONFIG}
    )

    assert remotes_of(tmp_path / "sub") == NAMES


def test_the_remotes_of_a_worktree(tmp_path: Path) -> None:
    files = {"main/.git/config": CONFIG, "main/.git/worktrees/one/commondir": "../..\n"}
    folder = tmp_path / "main" / ".git" / "worktrees" / "one"
    write_tree(tmp_path, {**files, "one/.git": f"gitdir: {folder}\n"})

    assert remotes_of(tmp_path / "one") == NAMES


@pytest.mark.parametrize(
    "files",
    [
        {},
        {".git": "gitdir: /nowhere\n"},
        {".git": "\0"},
        {".git/config": '[remote "origin"]\nurl = /srv/shop.git\n'},
        {".git/config": ""},
    ],
)
def test_where_nothing_says_so(tmp_path: Path, files: dict[str, str]) -> None:
    write_tree(tmp_path, files)

    assert remotes_of(tmp_path) == frozenset()
