"""Which SOURCE is audited under which configuration."""

from pathlib import Path

import pytest

from auditor.checks.rulebook import load_builtin_rules
from auditor.config.model import Area, Lookup, find_areas
from auditor.errors import ConfigurationError
from auditor.sources.interface import Tree, Variant

RULES = load_builtin_rules()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("one", "two"):
        (tmp_path / name / ".git").mkdir(parents=True)
        (tmp_path / name / "deploy").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(folder: Path, text: str = "") -> Path:
    path = folder / ".podfit.yaml"
    path.write_text(f"version: 1\n{text}")
    return path


def areas(*sources: str, lookup: Lookup | None = None) -> tuple[Area, ...]:
    return find_areas(sources, RULES, lookup or Lookup())


def test_each_repository_has_its_own(here: Path) -> None:
    configure(here / "one", "exclude: [a]\n")

    one, two = areas("one/deploy", "two", "one")
    assert (one.root, one.sources) == (here / "one", ("one/deploy", "one"))
    assert one.settings.exclude == ("a",)
    assert (two.root, two.file) == (here / "two", None)


@pytest.mark.parametrize(
    ("source", "whole"), [("one", True), ("one/deploy", False), ("one/deploy/..", True)]
)
def test_whether_the_whole_repository_is_audited(source: str, whole: bool) -> None:
    (area,) = areas(source)

    assert area.whole is whole


def test_a_folder_around_the_repositories_holds_them_too(here: Path) -> None:
    (area,) = areas(".")

    assert (area.root, area.whole, area.file) == (here, True, None)


def test_outside_of_repositories_the_nearest_configuration_above(here: Path) -> None:
    (here / "loose" / "deploy").mkdir(parents=True)
    configure(here / "loose")

    (area,) = areas("loose/deploy")
    assert (area.root, area.whole) == (here / "loose", False)


@pytest.mark.parametrize("source", ["-", "oci://registry.test/chart:1"])
def test_what_lies_in_no_folder_belongs_to_the_current_one(
    here: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.chdir(here / "one")
    configure(here / "one", "exclude: [a]\n")

    (area,) = areas(source)
    assert (area.root, area.streams, area.settings.exclude) == (here / "one", True, ("a",))
    assert not area.whole
    assert not areas(".")[0].streams
    assert areas(source, ".")[0].whole


def test_no_configuration_is_wanted(here: Path) -> None:
    configure(here / "one", "nonsense: 1\n")

    assert areas("one", lookup=Lookup(wanted=False))[0].file is None


def test_one_that_is_named_takes_the_place_of_all(here: Path) -> None:
    configure(here / "one", "nonsense: 1\n")
    named = configure(here, "exclude: [b]\n")

    one, two = areas("one", "two", lookup=Lookup(named))
    assert one.settings.exclude == two.settings.exclude == ("b",)


def test_one_that_is_named_must_be_there(here: Path) -> None:
    with pytest.raises(ConfigurationError, match="configuration file not found"):
        areas("one", lookup=Lookup(here / "gone.yaml"))


@pytest.mark.parametrize(
    ("where", "trusted", "heeded"),
    [("one", False, False), ("one", True, True), ("", False, True), ("two", False, True)],
)
def test_registries_of_a_named_configuration(
    here: Path, where: str, trusted: bool, heeded: bool
) -> None:
    """Outside of what is audited it is the runner's own; inside, a pull request may change it."""
    named = configure(here / where, "registries: {x.test: {}}\n")

    (area,) = areas("one", lookup=Lookup(named, trusted=trusted))
    assert bool(area.settings.registries) is heeded


@pytest.mark.parametrize(("trusted", "heeded"), [(False, False), (True, True)])
def test_registries_of_a_configuration_that_was_found(
    here: Path, trusted: bool, heeded: bool
) -> None:
    configure(here / "one", "registries: {x.test: {}}\n")

    (area,) = areas("one", lookup=Lookup(trusted=trusted))
    assert bool(area.settings.registries) is heeded


def test_what_it_says_to_the_sources(here: Path) -> None:
    configure(
        here / "one",
        "exclude: [a]\n"
        "charts: [{path: charts/*, variants: [{name: prod}]}, {path: vendor, severity: info}]\n",
    )

    (area,) = areas("one")
    assert area.tree == Tree(here / "one", ("a",), (("charts/*", (Variant("prod"),)),))
    assert area.usual_baseline == here / "one" / ".podfit-baseline.json"
