"""Who reads the status page: the operator, a user signed in to Supabase, or an anonymous visitor.

Programs send a bearer token. A browser signs in with the form of the page and gets a cookie with the random id of a
session. The token stays in the memory of the service, so that a copied cookie is worth nothing after the sign-out.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.keys import claims_of
from app.problems import Problem, problem
from app.supabase.errors import SupabaseError, problem_of_reader
from app.web.auth import bearer_token, is_json_web_token, is_one_of

COOKIE = "monitoring_status"
SESSION_SECONDS = 12 * 3600.0
# The open page refreshes itself every 30 s, which counts as use.
IDLE_SECONDS = 3600.0
READER_LIMIT = 50
USERS_LIMIT = 1000

UNAUTHORIZED = "Send your Supabase access token or the operator token as Authorization: Bearer."
_ENDED = "Your session has ended. Sign in again."


@dataclass(frozen=True)
class Reader:
    """A caller with a token. The operator has no access token: the service reads with its own key."""

    access_token: str | None = field(repr=False)
    name: str = "operator"

    @property
    def is_operator(self) -> bool:
        """True for the operator token."""
        return self.access_token is None

    def is_refused(self, error: SupabaseError) -> bool:
        """Whether the database refused the reader's own token. The operator's calls use the service's key."""
        return not self.is_operator and problem_of_reader(error).status in (401, 403)


def reader_with(token: str, operator_tokens: Iterable[str]) -> Reader | None:
    """The reader with this token, or None if it is neither an operator token nor of the form of a JWT."""
    if is_one_of(token, operator_tokens):
        return Reader(None)
    return Reader(token) if is_json_web_token(token) else None


@dataclass
class _Session:
    reader: Reader
    owner: str
    ends_at: float
    used_at: float


class Sessions:
    """The sessions of this process, by the SHA-256 of their ids. When the process ends, so do they.

    Start one only for a token that was verified. The number of sessions is limited for each reader and for all users
    together: beyond it the oldest ends. Users cannot end sessions of the operator in this way.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._sessions: dict[bytes, _Session] = {}  # the oldest first

    def start(self, reader: Reader) -> str:
        """The id of a new session."""
        now, owner = self._clock(), _owner(reader)
        self._sessions = {key: each for key, each in self._sessions.items() if self._is_live(each, now)}
        own = [key for key, each in self._sessions.items() if each.owner == owner]
        users = [key for key, each in self._sessions.items() if not each.reader.is_operator]
        if len(own) >= READER_LIMIT:
            del self._sessions[own[0]]
        elif not reader.is_operator and len(users) >= USERS_LIMIT:
            del self._sessions[users[0]]
        session_id = secrets.token_urlsafe(32)
        self._sessions[_digest(session_id)] = _Session(reader, owner, now + SESSION_SECONDS, now)
        return session_id

    def find(self, session_id: str) -> Reader | None:
        """The reader of a session that has not ended."""
        session = self._sessions.get(_digest(session_id))
        now = self._clock()
        if session is None or not self._is_live(session, now):
            self.end(session_id)
            return None
        session.used_at = now
        return session.reader

    def end(self, session_id: str) -> None:
        """End a session, if it exists."""
        self._sessions.pop(_digest(session_id), None)

    def _is_live(self, session: _Session, now: float) -> bool:
        token = session.reader.access_token
        is_current = token is None or is_json_web_token(token)
        return is_current and now < session.ends_at and now - session.used_at < IDLE_SECONDS


def _owner(reader: Reader) -> str:
    """The same text for every session of one reader: a user gets a new access token every hour."""
    if reader.access_token is None:
        return "operator"
    subject = claims_of(reader.access_token).get("sub")
    return f"user {subject}" if isinstance(subject, str) else f"token {reader.access_token}"


def _digest(session_id: str) -> bytes:
    """The store holds no ids: neither a memory dump nor the time of a lookup reveals one."""
    return hashlib.sha256(session_id.encode()).digest()


def reader_of(request: Request[Any]) -> Reader | None:
    """The reader with the bearer token, or else with the session. Raises the Problem `unauthorized`."""
    token, session_id = bearer_token(request.headers.get("authorization")), session_id_of(request)
    if token is not None:
        reader, refusal = reader_with(token, request.state["settings"].operator_token), UNAUTHORIZED
    elif session_id is not None:
        reader, refusal = request.state["sessions"].find(session_id), _ENDED
    else:
        return None
    if reader is None:
        raise problem("unauthorized", refusal)
    return reader


async def read_reader(request: Request[Any]) -> Reader | None:
    """The reader of a page. Raises the Problem `unauthorized` if the token is refused or the session has ended."""
    return reader_of(request)


def save_session(request: Request[Any], response: Response) -> None:
    """Set or delete the cookies that this request has changed."""


def sign_in_redirect(request: Request[Any]) -> Response:
    """To the form, which leads back to this page."""
    root = "../" * (request.url.path.count("/") - 1)
    return RedirectResponse(f"{root}sign-in?next={quote(request.url.path, safe='')}", 303)


def is_operator(request: Request[Any]) -> bool:
    """Whether the request comes from the operator."""
    try:
        reader = reader_of(request)
    except Problem:
        return False
    return reader is not None and reader.is_operator


def session_id_of(request: Request[Any]) -> str | None:
    """The session id in the cookie; not verified."""
    return request.cookies.get(_cookie_name(request))


def set_cookie(request: Request[Any], response: Response, session_id: str) -> None:
    """Set a cookie that scripts cannot read and that browsers do not send with requests from other sites."""
    response.set_cookie(
        _cookie_name(request),
        session_id,
        max_age=int(SESSION_SECONDS),
        path="/",
        secure=_is_https(request),
        httponly=True,
        samesite="strict",
    )


def delete_cookie(request: Request[Any], response: Response) -> None:
    """Delete the cookie."""
    response.delete_cookie(_cookie_name(request), path="/", secure=_is_https(request), httponly=True, samesite="strict")


def _cookie_name(request: Request[Any]) -> str:
    """With https, browsers refuse a cookie of this prefix from any other host, and from a page without https."""
    return f"__Host-{COOKIE}" if _is_https(request) else COOKIE


def _is_https(request: Request[Any]) -> bool:
    """Whether the browser uses https, although a proxy may forward the request without."""
    outermost = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return "https" in (request.url.scheme, outermost)
