"""A small file system in memory, for a spool whose volume becomes full."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_volume(kilobytes: int) -> Iterator[Path | None]:
    """The folder of a file system of this size; None where this process may not mount one.

    It is outside of pytest's folder: the next run could not remove a folder in which a killed run left a mount.
    """
    folder = tempfile.mkdtemp(prefix="monitoring-volume-")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder]
    is_mounted = (
        shutil.which("mount") is not None and subprocess.run(mount, capture_output=True).returncode == 0  # noqa: S603
    )
    try:
        yield Path(folder) if is_mounted else None
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", folder], check=True, capture_output=True)  # noqa: S603, S607
        Path(folder).rmdir()
