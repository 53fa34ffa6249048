"""The classification of failed calls to Supabase."""

import pytest

from app.supabase.errors import (
    ErrorKind,
    ResponseError,
    SupabaseError,
    UnreachableError,
    error_kind,
    is_change_unknown,
    problem_of_page,
)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "22P05", ErrorKind.DATA),  # \u0000
        (400, "22P02", ErrorKind.DATA),
        (500, "54001", ErrorKind.DATA),  # stack depth
        (400, "PGRST102", ErrorKind.DATA),
        (413, None, ErrorKind.DATA),
        (413, "PT413", ErrorKind.DATA),
        (400, "PT400", ErrorKind.DATA),
        (409, "23505", ErrorKind.TRANSIENT),
        (500, "40001", ErrorKind.TRANSIENT),
        (500, "40P01", ErrorKind.TRANSIENT),
        (503, "53300", ErrorKind.TRANSIENT),
        (500, "55P03", ErrorKind.TRANSIENT),
        (500, "57014", ErrorKind.TRANSIENT),
        (503, "57P01", ErrorKind.TRANSIENT),
        (503, "08006", ErrorKind.TRANSIENT),
        (405, "25006", ErrorKind.TRANSIENT),
        (503, "PGRST000", ErrorKind.TRANSIENT),
        (503, "PGRST002", ErrorKind.TRANSIENT),
        (504, "PGRST003", ErrorKind.TRANSIENT),
        (502, None, ErrorKind.TRANSIENT),
        (429, None, ErrorKind.TRANSIENT),
        (401, "PGRST301", ErrorKind.CONFIGURATION),
        (404, "PGRST202", ErrorKind.CONFIGURATION),
        (403, "42501", ErrorKind.CONFIGURATION),
        (404, "42883", ErrorKind.CONFIGURATION),
        (401, None, ErrorKind.CONFIGURATION),
        (404, None, ErrorKind.CONFIGURATION),
        (500, "XX000", ErrorKind.OTHER),
        (400, "42703", ErrorKind.OTHER),
        (400, "P0001", ErrorKind.OTHER),
    ],
)
def test_the_kind_of_an_error_response(status: int, code: str | None, kind: ErrorKind) -> None:
    assert error_kind(ResponseError(status, code)) is kind


def test_no_response_is_transient() -> None:
    assert error_kind(UnreachableError("ConnectError")) is ErrorKind.TRANSIENT


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (
            ResponseError(400, "PT400", "status is unknown", "status", "open, resolved"),
            "parameter",
            "Status is unknown. Allowed: open, resolved.",
        ),
        (
            ResponseError(409, "PT409", "INC-1 was resolved by ann", "status", "Reopen it first."),
            "conflict",
            "INC-1 was resolved by ann. Reopen it first.",
        ),
        (
            ResponseError(404, "PT404", "there is no incident INC-1", hint="GET /rest/v1/open_incidents lists them."),
            "not-found",
            "There is no incident INC-1.",
        ),
        (ResponseError(403, "PT403", "not for users"), "forbidden", "Not for users."),
        (
            ResponseError(409, "PT409", "ann made it LOW: Only staging.", "severity", "Look again."),
            "conflict",
            "Ann made it LOW: Only staging. Look again.",
        ),
        (ResponseError(401, "PGRST301", "JWT expired"), "unauthorized", "The database did not accept this token."),
        (ResponseError(503, "57014", "canceled"), "unavailable", "The database is unavailable."),
        (UnreachableError("ConnectError"), "unavailable", "The database is unavailable."),
    ],
)
def test_a_page_tells_what_the_database_refuses(error: SupabaseError, code: str, detail: str) -> None:
    found = problem_of_page(error)
    assert (found.code, found.detail) == (code, detail)


@pytest.mark.parametrize(
    ("error", "is_unknown"),
    [
        (UnreachableError("ReadTimeout"), True),
        (ResponseError(502), True),
        (ResponseError(503, "08006"), True),
        (ResponseError(503, "PGRST001"), True),
        (ResponseError(500, "40003"), True),
        (ResponseError(503, "PGRST000"), False),
        (ResponseError(504, "PGRST003"), False),
        (ResponseError(500, "57014"), False),
        (ResponseError(409, "PT409"), False),
    ],
)
def test_whether_a_failed_change_may_have_been_made(error: SupabaseError, is_unknown: bool) -> None:
    assert is_change_unknown(error) is is_unknown
