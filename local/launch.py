"""Started in front of every child: gives up root where asked, ties its life to ours, becomes the child.

A shim of its own, because `preexec_fn` is unsafe in a process with threads (and Python 3.12 warns about it).
Python -I -S runs it in about 20 ms. Only the standard library: it may run before anything is installed.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import Any

SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>


def become_user(name: str) -> None:
    """Takes the user's identity and no other group. Needs root."""
    import pwd  # not on every platform; only needed where root runs the stack

    entry = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def follow_parent(signal_number: int) -> None:
    """Has the kernel send us the signal when the thread that started us ends, even by SIGKILL. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal_number, 0, 0, 0)


def main() -> None:
    orders: dict[str, Any] = json.loads(sys.argv[1])
    if orders["user"]:
        become_user(orders["user"])
    follow_parent(orders["signal"])  # after the change of user, which clears it
    if os.getppid() != orders["parent"]:
        sys.exit("the stack was gone before its child had started")
    try:
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  # an argument list of ours; becoming it is the purpose
    except OSError as error:
        sys.exit(f"{sys.argv[2]} cannot be run as {orders['user'] or 'this user'}: {error.strerror}")


if __name__ == "__main__":
    main()
