"""Credential helpers as real programs."""

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.registry.auth.credentials import HelperAnswer, HelperError, ask_helper
from tests.support.tools import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the helpers here are shell scripts")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on PATH for helpers. The threads that watched them end with the test."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    yield folder
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    for timer in timers:
        timer.join(10)
    assert not any(timer.is_alive() for timer in timers)


def script(folder: Path, name: str, text: str) -> None:
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_an_answer(install: Path) -> None:
    script(
        install,
        "good",
        'read server; echo "{\\"Username\\":\\"$1-$server\\",\\"Secret\\":\\"s\\"}"',
    )

    assert ask_helper("good", "ghcr.io") == HelperAnswer("get-ghcr.io", "s", identity=False)


def test_a_refresh_token(install: Path) -> None:
    script(install, "acr", 'echo \'{"Username":"<token>","Secret":"refresh"}\'')

    assert ask_helper("acr", "x.azurecr.io") == HelperAnswer("<token>", "refresh", identity=True)


@pytest.mark.parametrize(
    "text",
    [
        'echo "credentials not found in native keychain"; exit 1',
        'echo \'{"Username":"","Secret":""}\'',
    ],
)
def test_nothing_known(install: Path, text: str) -> None:
    script(install, "none", text)

    assert ask_helper("none", "ghcr.io") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("echo hunter2; echo hunter2 >&2; exit 3", "docker-credential-odd failed with status 3"),
        ("echo hunter2", "docker-credential-odd did not answer in JSON"),
        ("head -c 200000 /dev/zero", "docker-credential-odd did not answer in JSON"),
        ("exec yes hunter2", "docker-credential-odd did not answer in JSON"),
    ],
)
def test_a_failure_shows_nothing_that_was_printed(install: Path, text: str, why: str) -> None:
    script(install, "odd", text)

    with pytest.raises(HelperError) as caught:
        ask_helper("odd", "ghcr.io")

    assert str(caught.value) == why


@pytest.mark.parametrize("text", ["sleep 60 & sleep 60", "sleep 60 & exit 0", "exec >&-; sleep 60"])
def test_a_helper_that_hangs_is_ended_with_its_children(install: Path, text: str) -> None:
    script(install, "slow", text)
    began = time.monotonic()

    with pytest.raises(HelperError, match=r"did not answer in 0\.2 s"):
        ask_helper("slow", "ghcr.io", timeout=0.2)

    assert time.monotonic() - began < 5


def test_an_interrupted_run_leaves_no_helper(install: Path, tmp_path: Path) -> None:
    """A pipe says when the last process that could write to it has ended.

    The helper reads first: it is told the server once it is known what to end.
    """
    pipe, begun = tmp_path / "pipe", tmp_path / "begun"
    os.mkfifo(pipe)
    script(install, "slow", f"read server; exec 3>{pipe}; mkdir {begun}; exec sleep 60")
    run = (
        "import pathlib, sys, threading, time\n"
        "from auditor.registry.auth.credentials import ask_helper\n"
        "threading.Thread(target=ask_helper, args=('slow', 'r.example'), daemon=True).start()\n"
        "while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)\n"
    )
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        subprocess.run([sys.executable, "-c", run, str(begun)], check=True, timeout=30, cwd=ROOT)
        ended, _, _ = select.select([reader], [], [], 5)
    finally:
        os.close(reader)
    assert ended == [reader]


def test_a_helper_that_is_not_there() -> None:
    with pytest.raises(HelperError, match="docker-credential-ecr-login not found on PATH"):
        ask_helper("ecr-login", "ghcr.io")


@pytest.mark.parametrize("name", ["", ".", "..", "../evil", "a/b", "a b", "a;b", "x\n", "x" * 101])
def test_a_name_that_is_no_name(install: Path, name: str) -> None:
    with pytest.raises(HelperError, match="not valid"):
        ask_helper(name, "ghcr.io")


def test_no_shell_is_involved(install: Path) -> None:
    script(
        install, "echo", 'read server; echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"$server\\"}"'
    )

    answer = ask_helper("echo", "$(touch pwned); `id`")

    assert answer == HelperAnswer("u", "$(touch pwned); `id`", identity=False)
