"""Who reads the status: someone with the operator's token, someone signed in to Supabase, or anybody.

Programs send a bearer token; a browser, which cannot, is given a cookie by the form on the page.
"""

from dataclasses import dataclass, field

from starlette.responses import Response

from app.credentials import bearer_token, is_json_web_token, is_same_secret
from app.reading import told_to_reader
from app.state import ServiceRequest
from app.verdicts import Refusal, Unreachable

COOKIE = "monitoring_status"
COOKIE_LIMIT = 4000  # browsers drop what is longer, without a word
_COOKIE_SECONDS = 12 * 3600


@dataclass(frozen=True)
class Reader:
    """Somebody who gave a token. The operator has no JWT of his own: the service reads for him."""

    json_web_token: str | None = field(repr=False)

    @property
    def is_operator(self) -> bool:
        """Whether it is he."""
        return self.json_web_token is None


def token_of(request: ServiceRequest) -> str | None:
    """What the Authorization header or else the cookie says, rightly or not."""
    return bearer_token(request.headers.get("authorization")) or request.cookies.get(COOKIE)


def reader_with(request: ServiceRequest, token: str) -> Reader | None:
    """The reader with this token. Whether a JWT is good is PostgREST's to say."""
    operator_token = request.state["settings"].operator_token
    if operator_token is not None and is_same_secret(token, operator_token):
        return Reader(None)
    return Reader(token) if is_json_web_token(token) else None


def is_refused(reader: Reader, failure: Refusal | Unreachable) -> bool:
    """Whether the failure is about the reader's own token. For the operator the service's is used."""
    return not reader.is_operator and told_to_reader(failure).status in (401, 403)


def remember(request: ServiceRequest, response: Response, token: str) -> None:
    """Give the browser a cookie that no script reads and no other site sends."""
    outermost = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    is_https = "https" in (request.url.scheme, outermost)
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
