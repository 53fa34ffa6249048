"""Trees of Debian packages, each built once. That of `make test-engine` has PostgreSQL 17 and the real pg_cron."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from local.system.errors import StackError, log_tail
from local.system.paths import LOCAL
from local.system.processes import Command, run_to_completion
from local.system.progress import ProgressReporter

FOLDER = LOCAL / "engine"
LOG = FOLDER / "logs" / "debootstrap.log"
SUITE = "trixie"
MOUNT_POINT = "/mnt"
BUILT_FROM = "built-from"
"""A file in the tree that lists the suite and packages."""
BINARIES = Path("/usr/lib/postgresql/17/bin")
PACKAGES = (
    "postgresql-17",
    "postgresql-17-cron",
    "postgresql-17-pgtap",
    "postgresql-17-pgvector",
    "postgresql-17-plpgsql-check",
)
SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def provide_tree(progress: ProgressReporter) -> Path:
    """The engine's tree. The caller holds the lock on FOLDER."""
    return provide(FOLDER, SUITE, PACKAGES, f"Building PostgreSQL 17 from Debian {SUITE}, once (700 MB)", progress)


def provide(folder: Path, suite: str, packages: Sequence[str], step: str, progress: ProgressReporter) -> Path:
    """Returns the tree in the folder, and builds it first if it is missing or has other packages.

    The caller sees to it that nobody else uses the folder.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)  # of the log
    tree = folder / "tree"
    built_from = "\n".join([suite, *packages])
    if not _is_built_from(tree, built_from):
        _provide_debootstrap(progress)
        partial = folder / "tree.partial"
        with progress.step(step):
            remove(tree)
            _build(partial, suite, packages)
            shutil.rmtree(partial / "var/cache/apt/archives")
            (partial / BUILT_FROM).write_text(built_from, encoding="utf-8")
            partial.rename(tree)  # so that a folder with this name is complete
    return tree


def _is_built_from(tree: Path, built_from: str) -> bool:
    record = tree / BUILT_FROM
    return record.exists() and record.read_text(encoding="utf-8") == built_from


def remove(folder: Path) -> None:
    """Removes the folder. Raises StackError if a file system is mounted inside, which would be emptied."""
    if not folder.exists():
        return
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    for mount in (line.split()[4].replace("\\040", " ") for line in mounts):
        if Path(mount).is_relative_to(folder):
            raise StackError(f"{mount} is still mounted, so {folder} was not removed. Unmount it: umount {mount}")
    shutil.rmtree(folder)


def _provide_debootstrap(progress: ProgressReporter) -> None:
    if shutil.which("debootstrap", path=SYSTEM_PATH):
        return
    if not shutil.which("apt-get"):
        raise StackError("debootstrap is not installed, and apt-get is missing. Install debootstrap.")
    install = [
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "debootstrap",
        "debian-archive-keyring",
    ]
    with progress.step("Installing debootstrap"):
        if _run(install) != 0 and (_run(["apt-get", "update"]) != 0 or _run(install) != 0):
            raise StackError(f"apt-get could not install debootstrap. Install debootstrap.{log_tail(LOG)}")


def _build(partial: Path, suite: str, packages: Sequence[str]) -> None:
    """Downloads from debootstrap's default mirror, else from the mirrors that this machine's apt uses."""
    prefix, target = _mount_namespace(partial)
    included = ",".join(packages)
    command = [*prefix, "debootstrap", "--variant=minbase", f"--include={included}", suite, target]
    for mirror in ([], *([mirror] for mirror in _apt_mirrors())):
        remove(partial)
        partial.mkdir(parents=True)
        if _run([*command, *mirror]) == 0:
            return
    raise StackError(f"debootstrap failed. Is a Debian mirror reachable? The end of {LOG}:{log_tail(LOG)}")


def _mount_namespace(partial: Path) -> tuple[list[str], str]:
    """A command prefix for a separate mount namespace, and the folder's path inside.

    In the namespace, debootstrap's mounts end with debootstrap, even if it is killed, and the folder has a
    path without spaces, which debootstrap needs. Some containers forbid it; then the prefix is empty.
    """
    if _run(["unshare", "--mount", "true"]) != 0:
        return [], str(partial)
    bind = f'mount --bind "$0" {MOUNT_POINT} && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", bind, str(partial)], MOUNT_POINT


def _apt_mirrors() -> list[str]:
    """The Debian mirrors in this machine's apt configuration."""
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
    found = _output_of(targets).split()
    return sorted({mirror for mirror in found if "security" not in mirror})


def _apt_proxy() -> dict[str, str]:
    """apt's proxy as a variable for wget, which debootstrap uses and which ignores apt's settings."""
    line = _output_of(["apt-config", "shell", "proxy", "Acquire::http::Proxy"])
    proxy = line.partition("=")[2].strip().strip("'")
    return {"http_proxy": proxy} if proxy else {}


def _output_of(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # every argument is ours
    except OSError:
        return ""  # not a Debian: debootstrap uses its default mirror
    return done.stdout


def _run(arguments: list[str]) -> int:
    """Runs a command with the log FOLDER/logs and returns its exit code."""
    kept = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    environment = {
        **_apt_proxy(),
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": SYSTEM_PATH,
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    return run_to_completion(Command(arguments[0], arguments, LOG, environment, FOLDER))
