"""`--help` of every command, as people read it."""

from typing import Any

import pytest
import typer

from auditor.cli.app import app
from tests.support.command import podfit

ROOT: Any = typer.main.get_command(app)
COMMANDS = [
    "",
    "audit",
    "baseline",
    "clusters",
    "diff",
    "doctor",
    "explain",
    "fix",
    "forecast",
    "images",
]
COMMANDS += ["inspect", "lock", "matrix", "rules"]
COMMANDS += ["cache", "cache clear", "cache dir", "cache prune"]
COMMANDS += ["config", "config init", "config schema", "config show"]
WITHOUT_VARIABLE = {"--help", "--check", "--update", "--max-size"}
"""Options that say what one call does, not how podfit works."""


def lines_of(command: str) -> list[str]:
    done = podfit(*command.split(), "--help")
    assert (done.code, done.err) == (0, "")
    return done.out.splitlines()


def test_every_command_is_looked_at() -> None:
    found = {""}
    for name, command in ROOT.commands.items():
        found |= {name, *(f"{name} {inner}" for inner in getattr(command, "commands", ()))}
    assert sorted(found) == sorted(COMMANDS)


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_is_too_long_and_no_word_cut(
    command: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = lines_of(command)
    assert lines[0].startswith(f"Usage: podfit {command}".rstrip())
    assert max(map(len, lines)) <= width
    assert [line for line in lines if line.endswith("...") and "Usage" not in line] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wide_terminal_is_used_up_to_what_reads_well(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert max(map(len, lines_of(command))) <= 100


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_every_option_has_words_and_a_variable_of_its_name(command: str) -> None:
    found = ROOT
    for name in command.split():
        found = found.commands[name]
    for option in found.params:
        assert option.help.endswith(".") or option.name == "help", option.name
        if option.param_type_name == "option" and not WITHOUT_VARIABLE & {*option.opts}:
            long = max(option.opts, key=len)
            expected = "PODFIT_" + long.removeprefix("--").replace("-", "_").upper()
            config_show = command == "config show" and long == "--output"
            several = command in {"diff", "fix", "forecast", "images", "inspect", "matrix"}
            several = several and long == "--output"
            assert option.envvar == (None if config_show or several else expected), long


def test_options_stand_in_sections_that_are_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    lines = lines_of("audit")
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    names = ["Arguments", "Sources", "Policy", "Images", "Output", "Configuration", "Options"]
    assert titles == [f"{name}:" for name in names]
    for text in ("--values FILE", "--strict / --no-strict", "--locked", "--help"):
        (line,) = (line for line in lines if f"{text} " in line)
        assert line[34 - 2 : 34].isspace()
        assert not line[34].isspace()


def test_the_help_of_a_command_with_a_required_argument() -> None:
    assert lines_of("explain")[0] == "Usage: podfit explain [OPTIONS] WORKLOAD [SOURCE]..."
    assert lines_of("inspect")[0] == "Usage: podfit inspect [OPTIONS] IMAGE..."


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_no_option_is_listed_twice(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    names = [
        word.rstrip(",")
        for line in lines_of(command)
        if line.startswith("  -")
        for word in line.split("  ")[1].split()
        if word.startswith("-")
    ]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("audit", ["[default: .]", "[default: hybrid]", "[default: pretty]", "[default: error]"]),
        ("images", ["Formats: table (the default), json."]),
        ("inspect", ["Formats: text (the default), json."]),
        ("matrix", ["Formats: text (the default), json, markdown."]),
        ("config show", ["[default: yaml]"]),
    ],
)
def test_defaults_are_shown(command: str, expected: list[str]) -> None:
    text = " ".join(" ".join(lines_of(command)).split())
    assert [words for words in expected if words not in text] == []


def test_the_list_of_commands() -> None:
    listed = podfit("--help").out.partition("Commands:\n")[2]
    expected = """\
  audit     Report workloads that may be scheduled onto the wrong nodes.
  baseline  Write a baseline of findings that later audits do not report.
  clusters  List the built-in clusters, or show the node pools of one.
  diff      Show what a change of a chart or manifest makes worse.
  doctor    Show what podfit finds on this machine, and what is missing.
  explain   Explain where one workload can be scheduled and run.
  fix       Add selectors and tolerations that resolve findings.
  forecast  Show what a change of the node pools of a cluster breaks.
  images    List images with their platforms and workloads.
  inspect   Show which platforms images support.
  lock      Write podfit.lock.json, for audits without network access.
  matrix    Show which workloads can run on which node pools.
  rules     List the rules, or show the documentation of one.
  cache     Manage the cache of registry responses.
  config    Show or create the configuration, or print its schema.
"""
    assert listed.startswith(expected)
