"""Children end when the supervisor ends, even by SIGKILL.

Linux only (prctl); elsewhere a killed supervisor leaves its children running.

This file is also run by itself, between the fork and the program: what asks the kernel must be the
child. (subprocess's preexec_fn would do it after the fork, beside threads that may hold locks.)
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def dying_with_this_process(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The command that runs `arguments`, and that the kernel kills when this process ends."""
    if sys.platform != "linux":
        return arguments
    # -I -S: neither the environment nor site-packages matter here, and it starts in 10 ms.
    return (sys.executable, "-I", "-S", __file__, str(os.getpid()), *arguments)


def main(parent: int, arguments: list[str]) -> None:
    """Ask the kernel, then become the program."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(1)
    os.execvp(arguments[0], arguments)  # noqa: S606 - the supervisor's own command


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
