"""Reading with the caller's own Supabase token: taking it, and telling what the database said against it."""

from collections.abc import Mapping

from app.credentials import bearer_token, is_json_web_token
from app.problems import Problem, problem
from app.state import ServiceRequest
from app.verdicts import Refusal, Unreachable, Verdict, verdict_on

_NO_SUCH_ROLE = "22023"


def json_web_token_of(request: ServiceRequest) -> str:
    """The reader's own token. Whether it is good is PostgREST's to say."""
    token = bearer_token(request.headers.get("authorization"))
    if token is None or not is_json_web_token(token):
        raise problem("unauthorized", "Send your Supabase access token as Authorization: Bearer.")
    return token


def told_to_reader(failure: Refusal | Unreachable, known: Mapping[str, object] | None = None) -> Problem:
    """Here a 401 or 403 is about the reader's token, not about the service's key.

    known is what can be told although the database is away.
    """
    if isinstance(failure, Refusal):
        if failure.status == 401:
            return problem("unauthorized", "The database did not accept this token.")
        if failure.status == 403 or failure.code == _NO_SUCH_ROLE:
            return problem("forbidden")
        if verdict_on(failure) is Verdict.DATA:
            return problem(
                "parameter", "A value cannot be compared with the column.", members={"sqlstate": failure.code}
            )
        if verdict_on(failure) is not Verdict.TRANSIENT:
            return problem("misconfigured")
    return problem("unavailable", members=known or {})
