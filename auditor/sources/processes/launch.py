"""Start a program with resource limits. Run as a script; imports nothing of podfit.

    launch.py MEMORY OUTPUT online|offline PROGRAM ARGUMENT...

MEMORY is bytes of address space, OUTPUT bytes of each written file. On Linux, `offline` blocks all
network access, even to this machine: a proxy setting would stop most requests, but Go programs use
no proxy for `localhost`. The exit status is 127, as in a shell, if PROGRAM cannot be started.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import struct
import sys
from typing import Final

_SOCKET: Final = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""By machine: the audit architecture (linux/audit.h), and the system call number of `socket`."""
_SET_NO_NEW_PRIVILEGES: Final = 38
_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2
_NOT_FOUND: Final = 127


def limit(memory: int, output: int) -> None:
    """Set limits that the program inherits, if the operating system supports them."""
    import resource  # not on Windows

    for kind, wanted in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, output)):
        soft, hard = resource.getrlimit(kind)
        known = [bound for bound in (wanted, soft, hard) if bound != resource.RLIM_INFINITY]
        with contextlib.suppress(OSError, ValueError):  # macOS has the name but not the limit
            resource.setrlimit(kind, (min(known), hard))


def cut_off() -> None:
    """Block internet sockets for this process and its children, on Linux."""
    known = _SOCKET.get(os.uname().machine)
    if sys.platform != "linux" or known is None:
        return
    import ctypes

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))

    instructions = _filter(*known)
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = Program(len(instructions) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None)
    libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)


def _filter(machine: int, number: int) -> bytes:
    """Return BPF (linux/filter.h, linux/seccomp.h) that fails `socket` of AF_INET and AF_INET6."""
    load, equals, answer = 0x20, 0x15, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000 | errno.ENETUNREACH
    program = (
        (load, 0, 0, 4),
        (equals, 0, 5, machine),
        (load, 0, 0, 0),
        (equals, 0, 3, number),
        (load, 0, 0, 16),
        (equals, 2, 0, 2),
        (equals, 1, 0, 10),
        (answer, 0, 0, allow),
        (answer, 0, 0, refuse),
    )
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def main(memory: str, output: str, network: str, *command: str) -> None:
    limit(int(memory), int(output))
    if network == "offline":
        cut_off()
    for name in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; the program must not
        signal.signal(name, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the purpose of this script
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(_NOT_FOUND)


if __name__ == "__main__":
    main(*sys.argv[1:])
