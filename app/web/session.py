"""Who reads a page: a user of Supabase Auth, the operator, or an anonymous visitor.

Programs send a bearer token. A browser has cookies: of a user who signed in with e-mail and password, the access token
and the refresh token, so that a restart of the service ends no session; of the operator, and of a user who pasted an
access token, the random id of a session, while the token stays in the memory of the service.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, cast
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.keys import claims_of, derive_key
from app.problems import Problem, problem
from app.supabase.auth import AuthRefusedError, UserTokens
from app.supabase.errors import SupabaseError, problem_of_reader
from app.web.auth import bearer_token, is_json_web_token, is_one_of, is_same_secret

COOKIE = "monitoring_status"
ACCESS_COOKIE = "monitoring_access"
REFRESH_COOKIE = "monitoring_refresh"
VISITOR_COOKIE = "monitoring_visitor"
SESSION_SECONDS = 12 * 3600.0
# The open page refreshes itself every 30 s, which counts as use.
IDLE_SECONDS = 3600.0
READER_LIMIT = 50
USERS_LIMIT = 1000
# Of a user's cookies; each refresh starts it again. Supabase Auth may end the session before.
USER_SECONDS = 14 * 86_400.0
# An access token is replaced so long before it expires.
_REFRESH_SECONDS = 30.0
_ENDED_LIMIT = 10_000
_NAME_LENGTH = 200
# A long access token has several cookies. Together they stay below the limits of proxies on the head of a request.
_PART_LENGTH = 3_500
_PARTS = 2
# Keys of the scope of a request.
_READER, _CHANGES = "monitoring.reader", "monitoring.cookies"

UNAUTHORIZED = "Send your Supabase access token or the operator token as Authorization: Bearer."
_ENDED = "Your session has ended. Sign in again."


@dataclass(frozen=True)
class Reader:
    """A caller with a token. The operator has no access token: the service reads with its own key."""

    access_token: str | None = field(repr=False)
    name: str = "operator"
    form_key: str | None = field(default=None, repr=False)
    """What the tokens of forms are bound to. None for a program: its forms need no token."""
    expires_at: float = field(default=float("inf"), repr=False)
    """When the access token in a cookie expires, in seconds since 1970: as it says, so it may be a large integer."""

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
    return user_with(token) if is_json_web_token(token) else None


def user_with(access_token: str) -> Reader:
    """A user. The name is for pages, and not verified; the database reads its own from the token."""
    claims = claims_of(access_token)
    name = next((each for each in (claims.get("email"), claims.get("phone")) if isinstance(each, str) and each), "user")
    # In JSON a text may have half a character, which cannot be written on a page.
    return Reader(access_token, name[:_NAME_LENGTH].encode(errors="replace").decode())


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
        self._ended: dict[bytes, float] = {}  # of users with cookies, and until when

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

    def end_user_session(self, access_token: str) -> None:
        """Refuse the access tokens of this session here until they expire: the database would still accept them."""
        now = self._clock()
        while self._ended:
            key, until = next(iter(self._ended.items()))
            if until > now and len(self._ended) < _ENDED_LIMIT:
                break
            del self._ended[key]
        self._ended[_digest(_user_session(access_token))] = now + USER_SECONDS

    def has_ended(self, access_token: str) -> bool:
        """Whether the user has signed out of the session of this token."""
        return _digest(_user_session(access_token)) in self._ended

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


def _user_session(access_token: str) -> str:
    """The session of Supabase Auth that an access token belongs to."""
    session_id = claims_of(access_token).get("session_id")
    return f"session {session_id}" if isinstance(session_id, str) else f"token {access_token}"


def _digest(session_id: str) -> bytes:
    """The store holds no ids: neither a memory dump nor the time of a lookup reveals one."""
    return hashlib.sha256(session_id.encode(errors="replace")).digest()


def session_key(request: Request[Any]) -> bytes:
    """The key that signs refresh tokens in cookies: only those that this service has set reach Supabase Auth."""
    return derive_key(request.state["settings"].supabase_secret_key, "refresh tokens in cookies")


def reader_of(request: Request[Any]) -> Reader | None:
    """As read_reader(), but without a refresh: the reader of an access token that has expired has no session."""
    token, session_id = bearer_token(request.headers.get("authorization")), session_id_of(request)
    if token is not None:
        reader, refusal = reader_with(token, request.state["settings"].operator_token), UNAUTHORIZED
    elif session_id is not None:
        reader, refusal = request.state["sessions"].find(session_id), _ENDED
        reader = reader and replace(reader, form_key=f"session {session_id}")
    else:
        return _user_of(request, _read_parts(request, ACCESS_COOKIE))
    if reader is None:
        raise problem("unauthorized", refusal)
    return reader


async def read_reader(request: Request[Any]) -> Reader | None:
    """Who sends the request: by the bearer token, or else by the cookies; None for an anonymous visitor.

    An access token that has expired is replaced; save_session() sends the new one to the browser. The result is kept
    for the request. Raises the Problem `unauthorized` if the bearer token is refused or the session has ended, and
    `unavailable` while Supabase Auth does not answer.
    """
    if _READER not in request.scope:
        request.scope[_READER] = await _read_reader(request)
    reader: Reader | None = request.scope[_READER]
    return reader


async def _read_reader(request: Request[Any]) -> Reader | None:
    sealed = request.cookies.get(_cookie_name(request, REFRESH_COOKIE))
    try:
        reader = reader_of(request)
    except Problem:
        forget_session(request)
        raise
    if reader is not None and (sealed is None or reader.expires_at > time.time() + _REFRESH_SECONDS):
        return reader
    if sealed is None:
        if _read_parts(request, ACCESS_COOKIE) is None:
            return None
        forget_session(request)
        raise problem("unauthorized", _ENDED)
    try:
        tokens = await _refresh(request, sealed)
    except AuthRefusedError:
        forget_session(request)
        raise problem("unauthorized", _ENDED) from None
    except Problem:
        if reader is not None:
            return reader  # its token has not expired yet
        raise
    return start_user_session(request, tokens)


async def _refresh(request: Request[Any], sealed: str) -> UserTokens:
    """New tokens. Raises AuthRefusedError if the cookie is not one of this service, or the session has ended."""
    refresh_token = _opened(request, sealed)
    tokens = None if refresh_token is None else await request.state["refreshes"].tokens(refresh_token)
    if tokens is None or request.state["sessions"].has_ended(tokens.access_token):
        raise AuthRefusedError(_ENDED)
    return cast(UserTokens, tokens)


def _user_of(request: Request[Any], access_token: str | None) -> Reader | None:
    """The user with a current access token. Only the database can verify it."""
    if access_token is None or not is_json_web_token(access_token):
        return None
    if request.state["sessions"].has_ended(access_token):
        raise problem("unauthorized", _ENDED)
    return _user_with_cookies(access_token)


def _user_with_cookies(access_token: str) -> Reader:
    claims = claims_of(access_token)
    expiry = claims.get("exp")
    expires_at = expiry if isinstance(expiry, int | float) else 0.0
    form_key = f"user {claims.get('sub')} {claims.get('session_id')}"
    return replace(user_with(access_token), form_key=form_key, expires_at=expires_at)


def start_session(request: Request[Any], reader: Reader) -> None:
    """Sign in the operator, or a user who has pasted an access token. The token stays in the memory of the service."""
    forget_session(request)
    _change(request, COOKIE, request.state["sessions"].start(reader), SESSION_SECONDS)


def start_user_session(request: Request[Any], tokens: UserTokens) -> Reader:
    """Keep the tokens of a user in the browser's cookies. Raises the Problem `parameter` if they are too long."""
    if len(tokens.access_token) > _PART_LENGTH * _PARTS:
        raise problem("parameter", "The access token is too long: remove metadata of this user in Supabase Auth.")
    forget_session(request)
    texts = [tokens.access_token[at : at + _PART_LENGTH] for at in range(0, len(tokens.access_token), _PART_LENGTH)]
    for name, text in zip(_part_names(ACCESS_COOKIE), texts, strict=False):
        _change(request, name, text, USER_SECONDS)
    sealed = f"{tokens.refresh_token}.{_signature(request, tokens.refresh_token)}"
    _change(request, REFRESH_COOKIE, sealed, USER_SECONDS)
    return _user_with_cookies(tokens.access_token)


async def end_session(request: Request[Any], reader: Reader | None) -> None:
    """Sign out: a copy of the cookies is worth nothing afterwards. reader is who the cookies belong to, if known.

    While Supabase Auth does not answer, a copy of the refresh token stays valid there, but not here. Sessions end here
    only if this service or Supabase Auth knows them: with forged tokens anybody could fill the list of those.
    """
    access_token = _read_parts(request, ACCESS_COOKIE)
    sealed = request.cookies.get(_cookie_name(request, REFRESH_COOKIE), "")
    if access_token is not None:
        if _opened(request, sealed) is not None:
            request.state["sessions"].end_user_session(access_token)
        if reader is not None and reader.access_token is not None:
            with suppress(AuthRefusedError, Problem):
                await request.state["auth"].sign_out(reader.access_token)
                request.state["sessions"].end_user_session(access_token)
    forget_session(request)


def save_session(request: Request[Any], response: Response) -> None:
    """Set and delete the cookies that this request has changed. Scripts cannot read them.

    Lax: the link in a message of a chat opens the page of the signed-in reader, but forms of other sites have no
    cookies. A second call does nothing.
    """
    changes: dict[str, tuple[str, float]] = request.scope.pop(_CHANGES, {})
    for name, (text, seconds) in changes.items():
        response.set_cookie(
            _cookie_name(request, name),
            text,
            max_age=int(seconds),
            path="/",
            secure=_is_https(request),
            httponly=True,
            samesite="lax",
        )


def sign_in_redirect(request: Request[Any]) -> Response:
    """To the form, which leads back to this page."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    root = "../" * (path.count("/") - 1)
    target = f"{path}?{query}" if query else path
    return RedirectResponse(f"{root}sign-in?next={quote(target, safe='')}", 303)


def is_operator(request: Request[Any]) -> bool:
    """Whether the request comes from the operator."""
    try:
        reader = reader_of(request)
    except Problem:
        return False
    return reader is not None and reader.is_operator


def has_signed_in(request: Request[Any]) -> bool:
    """Whether this service has signed somebody in in this browser. A session of Supabase Auth may have ended since."""
    session_id = session_id_of(request)
    if session_id is not None:
        return request.state["sessions"].find(session_id) is not None
    sealed = request.cookies.get(_cookie_name(request, REFRESH_COOKIE))
    return sealed is not None and _opened(request, sealed) is not None


def session_id_of(request: Request[Any]) -> str | None:
    """The session id in the cookie; not verified."""
    return request.cookies.get(_cookie_name(request, COOKIE))


def has_session_cookie(request: Request[Any]) -> bool:
    """Whether the browser has a cookie of a reader; not verified."""
    return any(_cookie_name(request, name) in request.cookies for name in (COOKIE, ACCESS_COOKIE, REFRESH_COOKIE))


def visitor_id(request: Request[Any]) -> str:
    """A random text in a cookie of somebody who is not signed in, which the token of the sign-in form is bound to."""
    changed: dict[str, tuple[str, float]] = request.scope.get(_CHANGES, {})
    known = changed.get(VISITOR_COOKIE, ("", 0.0))[0] or request.cookies.get(_cookie_name(request, VISITOR_COOKIE))
    if not known:
        known = secrets.token_urlsafe(24)
        _change(request, VISITOR_COOKIE, known, SESSION_SECONDS)
    return known


def forget_session(request: Request[Any]) -> None:
    """End the session here and delete its cookies, of both kinds."""
    session_id = session_id_of(request)
    if session_id is not None:
        request.state["sessions"].end(session_id)
    request.scope[_READER] = None
    changed = request.scope.get(_CHANGES, {})
    for name in (COOKIE, *_part_names(ACCESS_COOKIE), REFRESH_COOKIE):
        if name == COOKIE or name in changed or _cookie_name(request, name) in request.cookies:
            _change(request, name, "", 0)


def _change(request: Request[Any], name: str, text: str, seconds: float) -> None:
    request.scope.setdefault(_CHANGES, {})[name] = (text, seconds)


def _part_names(name: str) -> list[str]:
    return [name, *(f"{name}.{number}" for number in range(1, _PARTS))]


def _read_parts(request: Request[Any], name: str) -> str | None:
    """A text that has one cookie or several: browsers drop those of more than 4,096 characters."""
    found = [request.cookies.get(_cookie_name(request, each)) for each in _part_names(name)]
    return "".join(each or "" for each in found) or None


def _opened(request: Request[Any], sealed: str) -> str | None:
    """The refresh token in a cookie, if this service has set the cookie."""
    refresh_token, _, signature = sealed.rpartition(".")
    return refresh_token if is_same_secret(signature, _signature(request, refresh_token)) else None


def _signature(request: Request[Any], text: str) -> str:
    return hmac.new(session_key(request), text.encode(errors="replace"), hashlib.sha256).hexdigest()


def _cookie_name(request: Request[Any], name: str) -> str:
    """With https, browsers refuse a cookie of this prefix from any other host, and from a page without https."""
    return f"__Host-{name}" if _is_https(request) else name


def _is_https(request: Request[Any]) -> bool:
    """Whether the browser uses https, although a proxy may forward the request without."""
    outermost = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return "https" in (request.url.scheme, outermost)
