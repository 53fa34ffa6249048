"""The extensions that the stack brings along: our stand-ins, and pgTAP from its npm package."""

from __future__ import annotations

import hashlib
import re
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from local import tools
from local.errors import StackError

STAND_INS = Path(__file__).parent / "extensions"


@dataclass(frozen=True)
class ExtensionFiles:
    """The control file and install script of one extension."""

    name: str
    control: Path
    script: Path

    @property
    def version(self) -> str:
        return self._option("default_version") or "1.0"

    @property
    def schema(self) -> str | None:
        """The schema that the control file insists on."""
        return self._option("schema")

    @property
    def fingerprint(self) -> str:
        """Tells whether the files have changed since the extension was created."""
        return hashlib.sha256(self.control.read_bytes() + self.script.read_bytes()).hexdigest()[:12]

    def script_for(self, schema: str) -> str:
        """The script as `create extension` would run it."""
        text = self.script.read_text(encoding="utf-8")
        text = re.sub(r"^\\.*$", "", text, flags=re.MULTILINE)  # psql's "use create extension" guard
        return text.replace("@extschema@", schema)

    def _option(self, name: str) -> str | None:
        pattern = rf"^\s*{name}\s*=\s*'?([^'\s]+)'?"
        found = re.search(pattern, self.control.read_text(encoding="utf-8"), flags=re.MULTILINE)
        return found[1] if found else None


def collect(share: Path, with_pgtap: bool) -> dict[str, ExtensionFiles]:
    """Puts the files where extension_control_path looks: `<share>/extension`. Made anew at each start."""
    folder = share / "extension"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source in (*STAND_INS.rglob("*.control"), *STAND_INS.rglob("*.sql")):
        shutil.copyfile(source, folder / source.name)
    if with_pgtap:
        _unpack_pgtap(folder)
    for path in (share, folder):
        path.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
    return {control.stem: _files_of(control) for control in folder.glob("*.control")}


def _files_of(control: Path) -> ExtensionFiles:
    version = ExtensionFiles(control.stem, control, control).version
    script = control.with_name(f"{control.stem}--{version}.sql")
    if not script.exists():
        raise StackError(f"{control.name} names version {version}, but there is no {script.name} beside it.")
    return ExtensionFiles(control.stem, control, script)


def _unpack_pgtap(folder: Path) -> None:
    with tarfile.open(tools.pgtap_archive()) as archive:
        for member in archive.getmembers():
            name = Path(member.name).name
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None and re.fullmatch(r"pgtap(\.control|--[\d.]+\.sql)", name):
                (folder / name).write_bytes(content.read())
