import os
import socket
import sys
import time

import pytest

from auditor.sources.processes import programs
from auditor.sources.processes.programs import Finished, run
from auditor.sources.rendering import Cause, RenderError

PYTHON = (sys.executable, "-S", "-c")


def test_what_a_program_prints_and_how_it_ends() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"

    assert run((*PYTHON, code), 20, {}) == Finished(3, "out\n", "err\n")


def test_it_runs_in_isolation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "mine")
    code = (
        "import os; print(os.environ.get('KUBECONFIG'), os.environ['HTTPS_PROXY'], os.environ['X'])"
    )

    assert run((*PYTHON, code), 20, {"X": "given"}).stdout == "None http://127.0.0.1:9 given\n"


CONNECT = """
import socket
try:
    socket.create_connection(("{host}", {port}), 5)
    print("connected")
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes the network away")
@pytest.mark.parametrize(("online", "said"), [(True, "connected"), (False, "unreachable")])
def test_the_network_is_out_of_reach_even_on_this_machine(online: bool, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = CONNECT.format(host="127.0.0.1", port=server.getsockname()[1])
        nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
        for program in (code, nested):
            assert said in run((*PYTHON, program), 20, {}, online=online).stdout


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_signals_are_those_of_a_program_that_was_just_started() -> None:
    with pytest.raises(RenderError):  # it is ended by the signal
        run(("/bin/sh", "-c", "kill -PIPE $$; echo alive"), 20, {})


def test_nothing_is_read_from_the_terminal() -> None:
    assert run((*PYTHON, "import sys; print(repr(sys.stdin.read()))"), 20, {}).stdout == "''\n"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_one_that_ignores_being_asked_to_end_is_killed() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    started = time.perf_counter()

    with pytest.raises(RenderError) as raised:
        run((*PYTHON, code), 0.5, {})

    assert raised.value.cause is Cause.TIMEOUT
    assert raised.value.text == "no result within 0.5 seconds"
    assert time.perf_counter() - started < 20


def test_one_that_is_not_there() -> None:
    with pytest.raises(RenderError) as raised:
        run(("podfit-no-such-program",), 20, {})

    assert (raised.value.cause, raised.value.text) == (
        Cause.CRASH,
        "podfit-no-such-program: No such file or directory",
    )


def test_one_that_prints_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MAX_OUTPUT", 1000)

    with pytest.raises(RenderError) as raised:
        run((*PYTHON, "print('x' * 5000)"), 20, {})

    assert raised.value.cause is Cause.SIZE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds memory")
def test_one_that_wants_too_much_memory() -> None:
    done = run((*PYTHON, "bytearray(5 << 30)"), 30, {})

    assert done.status == 1
    assert "MemoryError" in done.stderr


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Cause.CRASH),
        ("import sys; sys.exit('fatal error: stack overflow')", Cause.RECURSION),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_one_that_breaks_off(code: str, cause: Cause) -> None:
    with pytest.raises(RenderError) as raised:
        run((*PYTHON, code), 20, {})

    assert raised.value.cause is cause
