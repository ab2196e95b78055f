"""Configurations that were found are held within their repository; those of the runner are not."""

from pathlib import Path

import pytest

from auditor.checks.rulebook import load_builtin_rules
from auditor.config.files import ConfigFile, find_config, read_config
from auditor.errors import ConfigurationError
from auditor.files.paths import Home

RULES = load_builtin_rules()
REGISTRIES = "version: 1\nregistries: {evil.test: {insecure: skip-verify}}\n"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repo"
    (folder / ".git").mkdir(parents=True)
    (folder / ".github").mkdir()
    monkeypatch.chdir(folder)
    return folder


def read(path: Path, text: str = "", *, within: Path | None, trusted: bool = False) -> ConfigFile:
    if text:
        path.write_text(text)
    return read_config(path, RULES, within=within, trusted=trusted)


def test_it_lies_at_the_root_or_in_github(repository: Path) -> None:
    home = Home(repository, is_repository=True)
    assert find_config(home) is None

    (repository / ".github" / ".podfit.yaml").touch()
    assert find_config(home) == repository / ".github" / ".podfit.yaml"


def test_two_are_one_too_many(repository: Path) -> None:
    for path in (repository / ".podfit.yaml", repository / ".github" / ".podfit.yaml"):
        path.touch()

    with pytest.raises(ConfigurationError, match="two configuration files"):
        find_config(Home(repository, is_repository=True))


@pytest.mark.parametrize("name", [".podfit.yml", "podfit.yaml", ".github/.podfit.yml"])
def test_one_under_another_name_is_not_passed_over_in_silence(repository: Path, name: str) -> None:
    (repository / name).touch()

    with pytest.raises(ConfigurationError) as caught:
        find_config(Home(repository, is_repository=True))
    assert (caught.value.problem.where, caught.value.problem.hint) == (
        name,
        "rename it to .podfit.yaml",
    )


def test_what_is_said_twice_is_not_passed_over_in_silence(repository: Path) -> None:
    text = "version: 1\nignore: []\nfail-on: never\nignore: []\n"
    with pytest.raises(ConfigurationError, match="contains the key `ignore` twice") as caught:
        read(repository / ".podfit.yaml", text, within=repository)

    assert caught.value.problem.where == ".podfit.yaml:4:1"


def test_registries_of_a_file_that_anybody_can_change_are_left_out(repository: Path) -> None:
    file = read(repository / ".podfit.yaml", REGISTRIES, within=repository)

    assert (file.left_out, file.settings.registries) == (True, {})


def test_registries_of_a_trusted_file_are_heeded(repository: Path) -> None:
    file = read(repository / ".podfit.yaml", REGISTRIES, within=repository, trusted=True)

    assert (file.left_out, list(file.settings.registries)) == (False, ["evil.test"])


def test_registries_that_are_left_out_must_be_right_all_the_same(repository: Path) -> None:
    with pytest.raises(ConfigurationError, match="insecure"):
        read(repository / ".podfit.yaml", REGISTRIES.replace("skip-verify", "x"), within=repository)


def test_a_link_out_of_the_repository_is_not_followed(repository: Path) -> None:
    secret = repository.parent / "secret"
    secret.write_text("password: hunter2\n")
    (repository / ".podfit.yaml").symlink_to(secret)

    with pytest.raises(ConfigurationError) as caught:
        read(repository / ".podfit.yaml", within=repository)
    assert "outside of the repository" in caught.value.problem.what
    assert "hunter2" not in str(caught.value.problem)


def test_a_dangling_link_is_an_error_too(repository: Path) -> None:
    (repository / ".podfit.yaml").symlink_to(repository / "gone")
    found = find_config(Home(repository, is_repository=True))

    assert found is not None
    with pytest.raises(ConfigurationError, match="cannot read"):
        read(found, within=repository)


def test_files_count_from_the_folder_of_the_configuration(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "deploy").mkdir()
    monkeypatch.chdir(repository / "deploy")
    text = "version: 1\nlock-file: ../locks/a.json\n"

    file = read(repository / ".github" / ".podfit.yaml", text, within=repository)
    assert file.shown == "../.github/.podfit.yaml"
    assert file.settings.lock_file == Path("../locks/a.json")


def test_a_link_among_the_files_leads_out(repository: Path) -> None:
    (repository / "out").symlink_to(repository.parent)

    with pytest.raises(ConfigurationError, match="outside of the repository"):
        read(repository / ".podfit.yaml", "version: 1\nbaseline: out/b.json\n", within=repository)


def test_the_runners_own_configuration_may_name_any_file(repository: Path) -> None:
    (repository.parent / "clusters.yaml").touch()
    own = repository.parent / "own.yaml"

    file = read(own, "version: 1\ncluster: clusters.yaml\n", within=None)
    assert file.settings.cluster == ("../clusters.yaml",)


def test_places_and_what_is_written(repository: Path) -> None:
    text = "version: 1\nrules:\n  inert-guard: off\nexclude:\n  - a\n  - b\n"
    file = read(repository / ".podfit.yaml", text, within=repository)

    assert file.place("rules", "inert-guard") == ".podfit.yaml:3:3"
    assert file.place("exclude", 1) == ".podfit.yaml:6:5"
    assert file.raw("rules") == {"inert-guard": False}
    assert file.raw("exclude", 1) == "b"


def test_one_glob_stands_for_a_list(repository: Path) -> None:
    file = read(repository / ".podfit.yaml", "version: 1\nexclude: a\n", within=repository)

    assert (file.settings.exclude, file.raw("exclude", 0)) == (("a",), "a")
    assert file.place("exclude", 0) == ".podfit.yaml:2:10"


def test_a_huge_file_is_not_read(repository: Path) -> None:
    with pytest.raises(ConfigurationError, match="more than 1 MiB"):
        read(repository / ".podfit.yaml", "#" * (2**20 + 1), within=repository)


def test_a_file_for_its_findings(repository: Path) -> None:
    file = read(repository / ".podfit.yaml", "version: 1\n", within=repository)

    assert (file.document.path, file.document.text) == (".podfit.yaml", "version: 1\n")
