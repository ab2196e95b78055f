"""What a command says beside its report."""

import subprocess
import sys
from pathlib import Path

import pytest

from auditor.cli.console import say, tell, tell_problems
from auditor.errors import Problem
from tests.support.command import Done, podfit
from tests.support.tools import ROOT

HOSTILE = "x\x1b[31mred\n::error::no\n##[error]no"
SHOWN = "x\\x1b[31mred\\n::error::no\\n#\\x23[error]no"


def test_what_failed_where_why_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    tell_problems(
        [Problem("it broke", "a.yaml:1:2", "one\n\ntwo", "mend it"), Problem("so did it")]
    )

    expected = """\
error: it broke
  --> a.yaml:1:2
   = why:  one
           two
   = help: mend it
error: so did it
"""
    assert capsys.readouterr() == ("", expected)


def test_nothing_steers_a_terminal_or_a_build_log(capsys: pytest.CaptureFixture[str]) -> None:
    tell_problems([Problem(HOSTILE, HOSTILE, HOSTILE)])
    tell(HOSTILE)
    say("::error::no")

    out, err = capsys.readouterr()
    expected = f"""\
error: {SHOWN}
  --> {SHOWN}
   = why:  x\\x1b[31mred
           \\x3a:error::no
           #\\x23[error]no
{SHOWN}
"""
    assert (out, err) == ("\\x3a:error::no\n", expected)


@pytest.mark.parametrize("command", ["matrix", "images", "lock", "baseline"])
def test_every_command_names_a_hostile_source_harmlessly(command: str, tmp_path: Path) -> None:
    lock = tmp_path / "lock.json"
    done = podfit(command, HOSTILE, *(("--lock-file", lock) if command == "lock" else ()))

    assert f"error: {SHOWN} does not exist\n" in done.err
    assert "\x1b" not in done.out + done.err
    assert "\n::" not in done.out + done.err


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(130)])
def test_an_interrupt_is_told_whoever_caught_it_first(
    end: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(**_: object) -> None:
        raise end

    monkeypatch.setattr("auditor.cli.app.app", interrupted)
    assert podfit("rules") == Done(130, "", "interrupted\n")


def test_a_reader_that_goes_away_is_told_nothing() -> None:
    command = [sys.executable, "-m", "auditor", "rules"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, told = process.communicate(timeout=60)

    assert (process.returncode, told) == (1, b"")


def test_a_crash_is_told_in_harmless_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError(HOSTILE)

    monkeypatch.delenv("PODFIT_DEBUG", raising=False)
    monkeypatch.setattr("auditor.formats.listings.list_rules", crash)
    done = podfit("rules")

    expected = f"""\
error: internal error: RuntimeError: {SHOWN}
   = help: this is a bug: please report it with the traceback that PODFIT_DEBUG=1 prints
"""
    assert (done.code, done.out, done.err) == (3, "", expected)
