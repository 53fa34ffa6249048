"""Who reads the status: someone with the operator's token, someone signed in to Supabase, or anybody.

Programs send a bearer token; a browser, which cannot, is given a cookie by the form on the page.
"""

from dataclasses import dataclass, field

from starlette.responses import Response

from app.credentials import bearer_token, is_json_web_token, is_same_secret
from app.state import ServiceRequest

COOKIE = "monitoring_status"
_COOKIE_SECONDS = 12 * 3600


@dataclass(frozen=True)
class Reader:
    """Somebody who gave a token. The operator has no JWT of his own: the service reads for him."""

    json_web_token: str | None = field(repr=False)


def has_token(request: ServiceRequest) -> bool:
    """Whether somebody says who he is, rightly or not."""
    return "authorization" in request.headers or COOKIE in request.cookies


def reader_of(request: ServiceRequest) -> Reader | None:
    """The reader, by the Authorization header or else the cookie; None where there is no token to go by."""
    token = bearer_token(request.headers.get("authorization")) or request.cookies.get(COOKIE)
    return reader_with(request, token or "")


def reader_with(request: ServiceRequest, token: str) -> Reader | None:
    """The reader with this token. Whether a JWT is good is PostgREST's to say."""
    operator_token = request.state["settings"].operator_token
    if operator_token is not None and is_same_secret(token, operator_token):
        return Reader(None)
    return Reader(token) if is_json_web_token(token) else None


def remember(request: ServiceRequest, response: Response, token: str) -> None:
    """Give the browser a cookie that no script reads and no other site sends."""
    is_https = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").strip().lower())
    response.set_cookie(
        COOKIE,
        token,
        max_age=_COOKIE_SECONDS,
        path="/status",
        secure=is_https,
        httponly=True,
        samesite="strict",
    )


def forget(response: Response) -> None:
    """Take the cookie back."""
    response.delete_cookie(COOKIE, path="/status", httponly=True, samesite="strict")
