"""A Debian tree with PostgreSQL 17 and the real pg_cron, which neither PyPI nor npm carries. Made once."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from local.errors import StackError, log_tail
from local.installation import Stamp
from local.processes import Command, run_to_end
from local.settings import LOCAL
from local.steps import Steps

FOLDER = LOCAL / "engine"
LOG = FOLDER / "logs" / "debootstrap.log"
SUITE = "trixie"
MOUNT_POINT = "/mnt"
BINARIES = Path("/usr/lib/postgresql/17/bin")
PACKAGES = (
    "postgresql-17",
    "postgresql-17-cron",
    "postgresql-17-pgtap",
    "postgresql-17-pgvector",
    "postgresql-17-plpgsql-check",
)
SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def provide(steps: Steps) -> Path:
    """The tree, built where no finished one of these packages is. The caller holds the lock on FOLDER."""
    tree = FOLDER / "tree"
    stamp = Stamp("engine", [SUITE, *PACKAGES], tree / BINARIES.relative_to("/") / "postgres")
    if not stamp.is_current():
        _provide_debootstrap(steps)
        partial = FOLDER / "tree.partial"
        with steps.step(f"Building PostgreSQL 17 from Debian {SUITE}, once (700 MB)"):
            remove(tree)
            _build(partial)
            shutil.rmtree(partial / "var/cache/apt/archives")
            partial.rename(tree)
        stamp.write()
    return tree


def remove(folder: Path) -> None:
    """Refuses while something is mounted inside: what would be deleted then is not ours."""
    if not folder.exists():
        return
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    for mount in (line.split()[4].replace("\\040", " ") for line in mounts):
        if Path(mount).is_relative_to(folder):
            raise StackError(
                f"{mount} is still mounted, so {folder} was not removed. Unmount it: umount {mount}"
            )
    shutil.rmtree(folder)


def _provide_debootstrap(steps: Steps) -> None:
    if shutil.which("debootstrap", path=SYSTEM_PATH):
        return
    if not shutil.which("apt-get"):
        raise StackError("debootstrap is not installed, and there is no apt-get to bring it. Install it.")
    install = [
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "debootstrap",
        "debian-archive-keyring",
    ]
    with steps.step("Installing debootstrap"):
        if _run(install) != 0 and (_run(["apt-get", "update"]) != 0 or _run(install) != 0):
            raise StackError(f"debootstrap could not be installed. Install it yourself.{log_tail(LOG)}")


def _build(partial: Path) -> None:
    """From debootstrap's own mirror, else from the one that this machine's apt uses."""
    prefix, target = _apart(partial)
    packages = ",".join(PACKAGES)
    command = [*prefix, "debootstrap", "--variant=minbase", f"--include={packages}", SUITE, target]
    for mirror in ([], *([mirror] for mirror in _mirrors_of_apt())):
        remove(partial)
        partial.mkdir()
        if _run([*command, *mirror]) == 0:
            return
    raise StackError(f"debootstrap failed. Is a Debian mirror reachable? The end of {LOG}:{log_tail(LOG)}")


def _apart(partial: Path) -> tuple[list[str], str]:
    """In mounts of its own, what debootstrap mounts goes with it, even if it is killed.

    There the folder also has a path without blanks, which debootstrap needs. Some containers forbid it.
    """
    if _run(["unshare", "--mount", "true"]) != 0:
        return [], str(partial)
    bind = f'mount --bind "$0" {MOUNT_POINT} && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", bind, str(partial)], MOUNT_POINT


def _mirrors_of_apt() -> list[str]:
    """Debian mirrors only, read at run time: which ones is the machine's affair and in no file of ours."""
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
    found = _answer_of(targets).split()
    return sorted({mirror for mirror in found if "security" not in mirror})


def _proxy_of_apt() -> dict[str, str]:
    """debootstrap downloads with wget, which does not read apt's settings."""
    line = _answer_of(["apt-config", "shell", "proxy", "Acquire::http::Proxy"])
    proxy = line.partition("=")[2].strip().strip("'")
    return {"http_proxy": proxy} if proxy else {}


def _answer_of(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # ours
    except OSError:
        return ""  # no Debian: debootstrap brings its own mirror
    return done.stdout


def _run(arguments: list[str]) -> int:
    """An interruption ends it with all that it started."""
    kept = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    environment = {
        **_proxy_of_apt(),
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": SYSTEM_PATH,
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    return run_to_end(Command(arguments[0], arguments, LOG, environment, FOLDER))
