"""Option, then variable, then file, then default; and one answer for the whole run."""

from pathlib import Path

import pytest

from auditor.checks.findings import Severity
from auditor.checks.rulebook import load_builtin_rules
from auditor.config.model import Area, Lookup, find_areas
from auditor.config.precedence import Given, Resolved, Setting, resolve
from auditor.errors import ConfigurationError
from auditor.policy.policy import RuleSetting


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def areas(*texts: str) -> tuple[Area, ...]:
    """A repository for each configuration."""
    names = [f"repo{number}" for number, _ in enumerate(texts)]
    for name, text in zip(names, texts, strict=True):
        Path(name, ".git").mkdir(parents=True)
        Path(name, ".podfit.yaml").write_text(f"version: 1\n{text}")
    return find_areas(names, load_builtin_rules(), Lookup())


def resolved(*texts: str, given: Given | None = None) -> Resolved:
    return resolve(given or {}, areas(*texts), cluster="hybrid")


def test_defaults() -> None:
    found = resolved("")

    assert found.cluster == Setting(("hybrid",), ["hybrid"], "default")
    assert found.fail_on == Setting("error", "error", "default")
    assert (found.strict.value, found.pedantic.value) == (False, False)


def test_a_file_goes_before_defaults() -> None:
    found = resolved("cluster: linux\nfail-on: never\nstrict: true\n")

    assert found.cluster == Setting(("linux",), "linux", "repo0/.podfit.yaml:2:1")
    assert found.fail_on == Setting("never", "never", "repo0/.podfit.yaml:3:1")
    assert found.strict == Setting(True, True, "repo0/.podfit.yaml:4:1")


def test_options_go_before_files() -> None:
    option = Setting("info", "info", "--fail-on")

    assert resolved("fail-on: never\n", given={"fail-on": option}).fail_on is option


def test_false_in_a_file_is_said_too() -> None:
    assert resolved("strict: false\n").strict.origin == "repo0/.podfit.yaml:2:1"


def test_who_says_nothing_agrees() -> None:
    assert resolved("", "fail-on: info\n", "fail-on: info\n").fail_on.value == "info"


@pytest.mark.parametrize(
    ("one", "other", "key"),
    [
        ("fail-on: info", "fail-on: never", "fail-on"),
        ("cluster: linux", "cluster: [linux, hybrid]", "cluster"),
        ("strict: true", "strict: false", "strict"),
        ("rules: {inert-guard: off}", "rules: {inert-guard: on}", "rules.inert-guard"),
        (
            "images: {overrides: {a: linux/amd64}}",
            "images: {overrides: {a: linux/arm64}}",
            "images.overrides.a",
        ),
    ],
)
def test_disagreement_is_not_decided_in_silence(one: str, other: str, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolved(f"{one}\n", f"{other}\n")

    problem = caught.value.problem
    assert f"disagree on `{key}`" in problem.what
    assert problem.where.startswith("repo1/.podfit.yaml:2:")
    assert problem.why.startswith("repo0/.podfit.yaml:2:")


def test_an_option_decides() -> None:
    option = Setting(True, True, "--strict")

    assert resolved("strict: true\n", "strict: false\n", given={"strict": option}).strict is option


def test_what_several_files_say_of_different_things_adds_up() -> None:
    found = resolved(
        "rules: {inert-guard: off}\n", "rules: {image-unresolved: {severity: error}}\n"
    )

    assert {name: setting.value for name, setting in found.rules.items()} == {
        "inert-guard": RuleSetting(on=False),
        "image-unresolved": RuleSetting(severity=Severity.ERROR),
    }
    assert found.rules["inert-guard"].origin == "repo0/.podfit.yaml:2:9"


def test_custom_resources_of_all_files() -> None:
    entry = "custom-resources: [{{group: {}.test, kinds: [X], pods: [spec]}}]\n"
    found = resolved(entry.format("a"), entry.format("b"))

    assert [item.value.group for item in found.custom_resources] == ["a.test", "b.test"]


def test_two_files_must_agree_on_a_custom_resource() -> None:
    entry = "custom-resources: [{{group: a.test, kinds: [X], pods: [{}]}}]\n"

    with pytest.raises(ConfigurationError) as caught:
        resolved(*map(entry.format, ("spec", "spec", "spec.pod")))
    assert "disagree on `custom-resources of X`" in caught.value.problem.what
    assert caught.value.problem.where.startswith("repo2/.podfit.yaml:")
