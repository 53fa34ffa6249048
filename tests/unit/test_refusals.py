"""Which errors of service_health() are refusals, and that their sentences are for everybody to read."""

from __future__ import annotations

import re

import pytest

from app.supabase import refusals
from app.supabase.errors import OlderSchemaError, ResponseError, SupabaseError, UnreachableError
from app.supabase.refusals import Refusal, refusal_of


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, None, "does not accept the secret key"),
        (401, "PGRST301", "does not accept the secret key"),
        (401, "PGRST303", "does not accept the secret key"),
        (400, "22023", "does not accept the secret key"),
        (401, "42501", "does not permit this key"),
        (403, "42501", "does not permit this key"),
        (406, "PGRST106", "not exposed"),
        (404, "PGRST202", "migrations are missing"),
        (404, "42883", "migrations are missing"),
        (300, "PGRST203", "incomplete"),
        (404, "42P01", "incomplete"),
        (400, "42703", "incomplete"),
        (400, "0A000", "read-only"),
        (405, "25006", "read-only"),
        (540, None, "paused"),
        (402, None, "restricts"),
        (404, None, "no Supabase project"),
        (404, "PGRST125", "no Supabase project"),
        (301, None, "redirects"),
        (403, None, "refuses the calls of the service (HTTP 403, code None)"),
    ],
)
def test_an_answer_that_waiting_does_not_change_is_a_refusal(status: int, code: str | None, words: str) -> None:
    refusal = refusal_of(ResponseError(status, code))
    assert refusal is not None
    assert words in refusal.cause


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("ConnectError"),
        ResponseError(500),
        ResponseError(502),
        ResponseError(503, "PGRST000"),
        ResponseError(503, "PGRST002"),
        ResponseError(504, "PGRST003"),
        ResponseError(521),
        ResponseError(544),
        ResponseError(429),
        ResponseError(408),
        ResponseError(500, "57014"),
        ResponseError(503, "53300"),
        ResponseError(500, "XX000"),
    ],
)
def test_an_error_that_may_pass_is_no_refusal(error: SupabaseError) -> None:
    assert refusal_of(error) is None


def test_an_older_schema_has_a_sentence_of_its_own() -> None:
    refusal = refusal_of(OlderSchemaError(404, "PGRST202"))
    assert refusal is not None
    assert "older than this service" in refusal.cause


def test_sentences_are_sentences_and_name_no_version() -> None:
    texts = [
        text for each in vars(refusals).values() if isinstance(each, Refusal) for text in (each.cause, each.remedy)
    ]
    assert len(texts) >= 20
    assert [text for text in texts if not text.endswith(".") or re.search(r"\d+\.\d+", text)] == []
