"""The repositories that the user added to Helm: found where Helm keeps them, only read."""

from pathlib import Path

import pytest

from auditor.sources.fetching.fetch import Repository, helm_repositories, repositories_file

FILE = """\
apiVersion: ""
repositories:
- {name: stable, url: "https://charts.test/stable", username: me, password: secret}
- {name: other, url: "https://charts.test/other", caFile: ca.pem}
"""


def test_what_helm_repo_add_was_told(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(FILE)

    assert helm_repositories({"HELM_REPOSITORY_CONFIG": str(tmp_path / "r.yaml")}) == (
        Repository("stable", "https://charts.test/stable", "me", "secret"),
        Repository("other", "https://charts.test/other", ca_file="ca.pem"),
    )


@pytest.mark.parametrize("text", [None, "", "[", "repositories: 1", "repositories: [a]"])
def test_a_file_that_helm_cannot_read_either(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "repositories.yaml").write_text(text)

    assert helm_repositories({"HELM_CONFIG_HOME": str(tmp_path)}) == ()


def test_no_password_in_what_is_shown() -> None:
    assert "secret" not in repr(Repository("stable", "https://charts.test", "me", "secret"))


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"HELM_REPOSITORY_CONFIG": "/a/r.yaml", "HELM_CONFIG_HOME": "/b"}, "/a/r.yaml"),
        ({"HELM_CONFIG_HOME": "/b", "XDG_CONFIG_HOME": "/c"}, "/b/repositories.yaml"),
        ({"XDG_CONFIG_HOME": "/c", "HOME": "/d"}, "/c/helm/repositories.yaml"),
    ],
)
def test_where_helm_keeps_them(environ: dict[str, str], path: str) -> None:
    assert repositories_file(environ).as_posix() == path
