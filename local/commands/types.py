"""`make types`: writes supabase/types.ts for TypeScript clients. A test fails if the file is out of date."""

from __future__ import annotations

from pathlib import Path

from local.stack.settings import StackSettings
from local.stack.stack import Stack
from local.stack.state_directory import remove_state
from local.system.paths import LOCAL, PROJECT

TYPES_FILE = PROJECT / "supabase" / "types.ts"
_HEADER = "// Written by `make types` from the migrations. Do not edit.\n"


def run(_state: Path) -> None:
    """Generates the types from a temporary database."""
    temporary = LOCAL / "types" / "state"
    remove_state(temporary)
    with Stack.start(StackSettings(temporary)) as stack:
        TYPES_FILE.write_text(file_content(stack.generate_types()), encoding="utf-8")
    remove_state(temporary)
    print(f"Wrote {TYPES_FILE.relative_to(PROJECT)}.")


def file_content(types: str) -> str:
    return _HEADER + types
