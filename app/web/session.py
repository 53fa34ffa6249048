"""Who reads the status page: the operator, a user signed in to Supabase, or an anonymous visitor.

Programs send a bearer token; a browser gets a cookie from the sign-in form of the page.
"""

from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.supabase.errors import SupabaseError, problem_of_reader
from app.web.auth import bearer_token, is_json_web_token, is_same_secret

COOKIE = "monitoring_status"
COOKIE_LIMIT = 4000  # browsers drop longer cookies silently
_COOKIE_SECONDS = 12 * 3600


@dataclass(frozen=True)
class Reader:
    """A caller with a token. The operator has no access token: the service reads with its own key."""

    access_token: str | None = field(repr=False)

    @property
    def is_operator(self) -> bool:
        """True for the operator token."""
        return self.access_token is None

    def is_refused(self, error: SupabaseError) -> bool:
        """Whether the database refused the reader's own token. The operator's calls use the service's key."""
        return not self.is_operator and problem_of_reader(error).status in (401, 403)


def token_of(request: Request[Any]) -> str | None:
    """The token of the Authorization header or else of the cookie; not verified."""
    return bearer_token(request.headers.get("authorization")) or request.cookies.get(COOKIE)


def reader_with(token: str, operator_token: str | None) -> Reader | None:
    """The reader with this token, or None if it is neither the operator token nor of the form of a JWT."""
    if operator_token is not None and is_same_secret(token, operator_token):
        return Reader(None)
    return Reader(token) if is_json_web_token(token) else None


def set_cookie(request: Request[Any], response: Response, token: str) -> None:
    """Set a cookie that scripts cannot read and that browsers do not send with requests from other sites."""
    outermost = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    is_https = "https" in (request.url.scheme, outermost)
    response.set_cookie(
        COOKIE, token, max_age=_COOKIE_SECONDS, path="/status", secure=is_https, httponly=True, samesite="strict"
    )


def delete_cookie(response: Response) -> None:
    """Delete the cookie."""
    response.delete_cookie(COOKIE, path="/status", httponly=True, samesite="strict")
