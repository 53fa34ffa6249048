"""Paths of the checkout."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
LOCAL = PROJECT / ".local"
"""Everything that the make commands install or write, except supabase/types.ts, docs/sql-api.md and the screenshots in docs/."""
