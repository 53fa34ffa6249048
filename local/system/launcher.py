"""Starts every child process: drops root if requested, sets the parent-death signal, then executes the
program.

This is a script of its own because `preexec_fn` is unsafe in a process with threads (Python 3.12 warns about
it) and because the kernel clears the parent-death signal at a change of user, so that it has to be set
between setuid and exec. `python -I -S` runs it in about 20 ms. Standard library only: it may run before
anything is installed.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import Any

SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>


def drop_privileges(user: str) -> None:
    """Becomes the user, in the user's primary group only. Needs root."""
    import pwd  # not on every platform, and needed only if root runs the stack

    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def set_parent_death_signal(signal_number: int) -> None:
    """Has the kernel send this process the signal when the thread that started it ends, even by SIGKILL.

    Linux only; does nothing elsewhere.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal_number, 0, 0, 0)


def main() -> None:
    options: dict[str, Any] = json.loads(sys.argv[1])
    if options["user"]:
        drop_privileges(options["user"])
    set_parent_death_signal(options["signal"])
    if os.getppid() != options["parent"]:
        sys.exit("the parent process ended before its child had started")
    try:
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  # the argument list is ours, and no shell is wanted
    except OSError as error:
        sys.exit(f"cannot run {sys.argv[2]} as {options['user'] or 'the current user'}: {error.strerror}")


if __name__ == "__main__":
    main()
