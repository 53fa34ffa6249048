"""`make types`: supabase/types.ts, for clients in TypeScript. A test fails when it is out of date."""

from __future__ import annotations

from pathlib import Path

from local.reset import drop_state
from local.settings import LOCAL, PROJECT, StackSettings
from local.stack import Stack

TYPES_FILE = PROJECT / "supabase" / "types.ts"
_HEAD = "// Written by `make types` from the migrations. Do not edit.\n"


def run(_state: Path) -> None:
    """Writes the file from a database of its own."""
    own = LOCAL / "types" / "state"
    drop_state(own)
    with Stack.start(StackSettings(own)) as stack:
        TYPES_FILE.write_text(written(stack.generate_types()), encoding="utf-8")
    drop_state(own)
    print(f"{TYPES_FILE.relative_to(PROJECT)} is written.")


def written(types: str) -> str:
    """The file's text."""
    return _HEAD + types
