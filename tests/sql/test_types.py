"""supabase/types.ts is what the migrations say."""

from __future__ import annotations

from local import Stack
from local.types_file import TYPES_FILE, written


def test_types_are_up_to_date(stack: Stack) -> None:
    assert written(stack.generate_types()) == TYPES_FILE.read_text(encoding="utf-8"), "run `make types`"
