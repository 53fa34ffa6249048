"""The classification of failed calls to Supabase."""

import pytest

from app.verdicts import Refusal, Unreachable, Verdict, is_transient, verdict_on


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (400, "22P05", Verdict.DATA),  # \u0000
        (400, "22P02", Verdict.DATA),
        (500, "54001", Verdict.DATA),  # stack depth
        (400, "PGRST102", Verdict.DATA),
        (413, None, Verdict.DATA),
        (413, "PT413", Verdict.DATA),
        (400, "PT400", Verdict.DATA),
        (409, "23505", Verdict.TRANSIENT),
        (500, "40001", Verdict.TRANSIENT),
        (500, "40P01", Verdict.TRANSIENT),
        (503, "53300", Verdict.TRANSIENT),
        (500, "55P03", Verdict.TRANSIENT),
        (500, "57014", Verdict.TRANSIENT),
        (503, "57P01", Verdict.TRANSIENT),
        (503, "08006", Verdict.TRANSIENT),
        (405, "25006", Verdict.TRANSIENT),
        (503, "PGRST000", Verdict.TRANSIENT),
        (503, "PGRST002", Verdict.TRANSIENT),
        (504, "PGRST003", Verdict.TRANSIENT),
        (502, None, Verdict.TRANSIENT),
        (429, None, Verdict.TRANSIENT),
        (401, "PGRST301", Verdict.OURS),
        (404, "PGRST202", Verdict.OURS),
        (403, "42501", Verdict.OURS),
        (404, "42883", Verdict.OURS),
        (401, None, Verdict.OURS),
        (404, None, Verdict.OURS),
        (500, "XX000", Verdict.BUG),
        (400, "42703", Verdict.BUG),
        (400, "P0001", Verdict.BUG),
    ],
)
def test_the_verdict_on(status: int, code: str | None, verdict: Verdict) -> None:
    assert verdict_on(Refusal(status, code)) is verdict


def test_transient_failures() -> None:
    assert is_transient(Unreachable("ConnectError"))
    assert is_transient(Refusal(503, "57P01"))
    assert not is_transient(Refusal(400, "22P05"))
    assert not is_transient(ValueError())
