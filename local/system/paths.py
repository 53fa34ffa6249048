"""Paths of the checkout."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
LOCAL = PROJECT / ".local"
"""Everything that the make commands install or write, except generated files under docs/ and supabase/types.ts."""
