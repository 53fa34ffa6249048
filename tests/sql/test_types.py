"""supabase/types.ts is what the migrations say."""

from __future__ import annotations

from local import Stack
from local.commands.types import TYPES_FILE, file_content


def test_types_are_up_to_date(stack: Stack) -> None:
    assert file_content(stack.generate_types()) == TYPES_FILE.read_text(encoding="utf-8"), "run `make types`"
