"""Runs a command that ends when its parent does, whatever ends the parent.

``python leash.py PARENT SIGNAL NICE COMMAND…`` asks the kernel to send SIGNAL to this process when its parent is gone
(PR_SET_PDEATHSIG, Linux) and becomes COMMAND. A wrapper, because Python's ``preexec_fn`` is unsafe in a process with
threads. The kernel means the *thread* that started the child: start children from a thread that lives on.

On its own, with the standard library only: it starts in milliseconds, as ``python -I -S``.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def leashed(command: Sequence[str], signal_number: int, nice: int = 0) -> list[str]:
    """Return the command line that runs a command as a child which ends with this process.

    Parameters
    ----------
    command
        Program and arguments.
    signal_number
        What the child gets when this process is gone: SIGTERM to let it close its files, SIGKILL to be sure.
    nice
        How far it stands back when the processors are busy: 0 to 19.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(signal_number)), str(nice), *command]


def main(arguments: Sequence[str]) -> None:
    """Tie this process to its parent and become the command."""
    parent, signal_number, nice, *command = arguments
    os.nice(int(nice))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal_number))
    if os.getppid() == int(parent):  # else it went before the kernel knew
        os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
