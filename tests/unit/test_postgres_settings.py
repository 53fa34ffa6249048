"""The embedded PostgreSQL's settings."""

from __future__ import annotations

from local.postgres.server import SERVER_SETTINGS


def test_durability_is_not_switched_off() -> None:
    """An acknowledged report has to be on disk on a laptop as well."""
    assert not {"fsync", "synchronous_commit", "full_page_writes"} & SERVER_SETTINGS.keys()
