"""A report that the service sends on as it came means the same to jsonb as one that it writes again."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ingest import payload
from app.ingest.payload import read_report
from app.problems import Problem
from local import Stack
from tests.support.json_texts import TEXTS, VALUES, write_object


def test_jsonb_reads_the_same(stack: Stack) -> None:
    sent_on = 0
    with psycopg.connect(stack.database_url, autocommit=True) as connection:

        @settings(max_examples=500, deadline=None, database=None, derandomize=True)
        @given(st.lists(st.tuples(TEXTS, VALUES), max_size=5))
        def compare(members: list[tuple[str, str]]) -> None:
            nonlocal sent_on
            raw, now = write_object(members).encode(), datetime(2026, 11, 24, tzinfo=UTC)
            try:
                sent = read_report(raw, "key", "server:shop", now).payload
            except Problem:
                return
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(payload, "_is_sendable", lambda _raw: False)
                written = read_report(raw, "key", "server:shop", now).payload
            sent_on += raw[:-1] in sent
            row = connection.execute(
                "select (%s::jsonb)::text, (%s::jsonb)::text", [sent.decode(), written.decode()]
            ).fetchone()
            assert row is not None
            ours, theirs = (json.loads(each) for each in row)
            assert ours == theirs

        compare()
    assert sent_on > 50
