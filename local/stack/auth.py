"""A stand-in for Supabase Auth below `/auth/v1`: password and refresh-token grants, `/user` and `/logout`.

Its documents and errors are those of supabase/auth. It has a few users, whom nobody can change. Sessions are in memory:
after a restart of the stack everybody signs in again.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hmac import compare_digest
from json import JSONDecodeError
from typing import Any

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from local.stack.credentials import AUTH_ISSUER, USERS, Secrets, SigningKeys

PREFIX = "/auth/v1"
API_VERSION = "2024-01-01"
REUSE_SECONDS = 10.0
"""Supabase's default: how long a refresh token that was replaced is still accepted."""
MOST_SESSIONS = 1_000

Json = dict[str, Any]


class LocalAuthError(Exception):
    """An error of supabase/auth."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Session:
    """A session, its refresh tokens, and when each that was replaced was replaced."""

    user: User
    amr_at: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    tokens: list[str] = field(default_factory=list)
    replaced_at: dict[str, float] = field(default_factory=dict)


@dataclass
class User:
    id: str
    email: str
    password: str
    last_sign_in_at: float = 0.0


class LocalAuth:
    """The ASGI application. The gateway has checked the `apikey`."""

    def __init__(self, stored: Secrets, keys: SigningKeys) -> None:
        self._keys = keys
        self._created_at = float(stored.keys_issued_at)
        self._users = {email: User(stored.user_id_of(email), email, stored.password_of(email)) for email in USERS}
        self.sessions: dict[str, Session] = {}
        self.access_seconds = 3600
        """How long an access token is valid. Tests change it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except LocalAuthError as problem:
            response = _problem_response(request, problem)
        response.headers["Access-Control-Allow-Origin"] = "*"
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        match request.method, request.url.path.removeprefix(PREFIX):
            case "POST", "/token":
                return JSONResponse(self._grant(request.query_params.get("grant_type"), await _read_json(request)))
            case "GET", "/user":
                return JSONResponse(self._user_document(self._require_session(request).user))
            case "POST", "/logout":
                return self._log_out(request)
        return Response("404 page not found\n", 404, media_type="text/plain")

    def _grant(self, grant_type: str | None, body: Json) -> Json:
        if grant_type == "password":
            return self._grant_password(body)
        if grant_type == "refresh_token":
            return self._grant_refresh(body)
        raise LocalAuthError(400, "validation_failed", "unsupported_grant_type")

    def _grant_password(self, body: Json) -> Json:
        email, password = _text(body, "email"), _text(body, "password")
        if not email:
            raise LocalAuthError(400, "validation_failed", "missing email or phone")
        user = self._users.get(email.lower())
        expected = user.password if user is not None else secrets.token_hex(16)
        if not compare_digest(password.encode(), expected.encode()) or user is None:
            raise LocalAuthError(400, "invalid_credentials", "Invalid login credentials")
        user.last_sign_in_at = time.time()
        session = Session(user, int(user.last_sign_in_at))
        if len(self.sessions) >= MOST_SESSIONS:
            del self.sessions[next(iter(self.sessions))]
        self.sessions[session.id] = session
        session.tokens.append(_new_token())
        return self._token_document(session)

    def _grant_refresh(self, body: Json) -> Json:
        """A token that was replaced is accepted for some seconds, and as long as its successor was not used: then the
        client has not received the answer. Any other reuse ends the session.
        """
        given = _text(body, "refresh_token")
        if not given:
            raise LocalAuthError(400, "validation_failed", "refresh_token required")
        session = next((each for each in self.sessions.values() if given in each.tokens), None)
        if session is None:
            raise LocalAuthError(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")
        now = time.time()
        if given == session.tokens[-1]:
            session.replaced_at[given] = now
            session.tokens.append(_new_token())
        elif given != session.tokens[-2] and now - session.replaced_at[given] > REUSE_SECONDS:
            del self.sessions[session.id]
            raise LocalAuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
        return self._token_document(session)

    def _log_out(self, request: Request) -> Response:
        scope = request.query_params.get("scope") or "global"
        session = self._require_session(request)
        if scope not in ("global", "local", "others"):
            raise LocalAuthError(400, "validation_failed", f'Unsupported logout scope "{scope}"')
        for each in list(self.sessions.values()):
            is_it = each.id == session.id
            if each.user.id == session.user.id and (scope == "global" or is_it == (scope == "local")):
                del self.sessions[each.id]
        return Response(status_code=204)

    def _require_session(self, request: Request) -> Session:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise LocalAuthError(401, "no_authorization", "This endpoint requires a valid Bearer token")
        try:
            claims = self._keys.verify(token)
        except jwt.InvalidTokenError as error:
            message = f"invalid JWT: unable to parse or verify signature, {error}"
            raise LocalAuthError(403, "bad_jwt", message) from None
        if not claims.get("sub"):
            raise LocalAuthError(403, "bad_jwt", "invalid claim: missing sub claim")
        session = self.sessions.get(str(claims.get("session_id")))
        if session is None:
            raise LocalAuthError(403, "session_not_found", "Session from session_id claim in JWT does not exist")
        return session

    def _token_document(self, session: Session) -> Json:
        now = int(time.time())
        user = session.user
        claims = {
            "iss": AUTH_ISSUER,
            "sub": user.id,
            "aud": "authenticated",
            "exp": now + self.access_seconds,
            "iat": now,
            "email": user.email,
            "phone": "",
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": {"email_verified": True},
            "role": "authenticated",
            "aal": "aal1",
            "amr": [{"method": "password", "timestamp": session.amr_at}],
            "session_id": session.id,
            "is_anonymous": False,
        }
        return {
            "access_token": self._keys.sign(claims),
            "token_type": "bearer",
            "expires_in": self.access_seconds,
            "expires_at": now + self.access_seconds,
            "refresh_token": session.tokens[-1],
            "user": self._user_document(user),
        }

    def _user_document(self, user: User) -> Json:
        created, signed_in = _moment(self._created_at), _moment(user.last_sign_in_at)
        return {
            "id": user.id,
            "aud": "authenticated",
            "role": "authenticated",
            "email": user.email,
            "email_confirmed_at": created,
            "phone": "",
            "confirmed_at": created,
            "last_sign_in_at": signed_in,
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": {"email_verified": True},
            "identities": [],
            "created_at": created,
            "updated_at": signed_in,
            "is_anonymous": False,
        }


async def _read_json(request: Request) -> Json:
    try:
        body = await request.json()
    except (JSONDecodeError, UnicodeDecodeError):
        body = None
    if not isinstance(body, dict):
        raise LocalAuthError(400, "bad_json", "Could not parse request body as JSON")
    return body


def _problem_response(request: Request, problem: LocalAuthError) -> Response:
    """In the form of the API version that the client asks for."""
    if request.headers.get("x-supabase-api-version") == API_VERSION:
        body: Mapping[str, object] = {"code": problem.code, "message": problem.message}
        return JSONResponse(body, problem.status, {"X-Supabase-Api-Version": API_VERSION})
    body = {"code": problem.status, "error_code": problem.code, "msg": problem.message}
    return JSONResponse(body, problem.status)


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _new_token() -> str:
    return secrets.token_urlsafe(9).lower().replace("-", "a").replace("_", "b")


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
