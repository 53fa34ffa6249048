"""Sign-in, refresh and sign-out of users by Supabase Auth, with the `supabase` package.

The package is imported when it is used first: a service in which nobody signs in does not need its 4 MB. Each call has
a client of its own, because a client remembers who signed in last; they share connections.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from ssl import SSLContext
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from app.keys import request_headers
from app.problems import Problem, problem
from app.settings import Settings
from app.supabase.client import BoundedTransport

if TYPE_CHECKING:
    from supabase import ASupabaseAuthClient

# Supabase Auth compares passwords for 0.1 s of CPU time each.
_CALLS = 4
_WAIT_SECONDS = 4.0
_CALL_SECONDS = 10.0
# What a request gets whose cookies have just been replaced by another one's: also a slow page has its new cookies then.
_SHARED_SECONDS = 60.0
_SHARED_LIMIT = 1000

WRONG_PASSWORD = "E-mail or password is wrong."  # noqa: S105 - a sentence
# Reasons that Supabase Auth gives to somebody who knows the password, or to everybody. All others are one sentence.
_REFUSALS = {
    "email_not_confirmed": "Confirm your e-mail address first: Supabase Auth has sent you a link.",
    "email_provider_disabled": "Sign-in with e-mail and password is turned off in this project's Supabase Auth.",
    "captcha_failed": "This project's Supabase Auth asks for a CAPTCHA, which this page does not have.",
}

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True)
class UserTokens:
    """What a signed-in user has: an access token for about an hour, and one to get the next."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


class AuthRefusedError(Exception):
    """Supabase Auth does not accept the password or the refresh token. The message is for the user."""


class AuthClient:
    """Calls Supabase Auth with the publishable key.

    Each call raises AuthRefusedError, or the Problem `unavailable`, `misconfigured` or `rate-limited`.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = f"{settings.supabase_url}/auth/v1"
        self._headers = request_headers(settings.supabase_publishable_key)
        certificates = httpx.create_ssl_context(trust_env=False)
        # Anybody may try to sign in; who has signed in does not wait for them.
        self._sign_ins = _http_client("sign-ins", certificates)
        self._sessions = _http_client("sessions of users", certificates)

    async def aclose(self) -> None:
        """Close the connections."""
        for http in (self._sign_ins, self._sessions):
            await http.aclose()

    async def sign_in(self, email: str, password: str) -> UserTokens:
        """A new session of the user with this password."""
        client = await self._client(self._sign_ins)
        return await _call(client.sign_in_with_password({"email": email, "password": password}), _tokens_of)

    async def refresh(self, refresh_token: str) -> UserTokens:
        """New tokens of the session. The refresh token is used up."""
        client = await self._client(self._sessions)
        return await _call(client.refresh_session(refresh_token), _tokens_of)

    async def sign_out(self, access_token: str) -> None:
        """End the session of this token at Supabase Auth: its refresh tokens are revoked."""
        client = await self._client(self._sessions)
        await _call(client.admin.sign_out(access_token, "local"), lambda _nothing: None)

    async def _client(self, http: httpx.AsyncClient) -> "ASupabaseAuthClient":
        make = await asyncio.to_thread(_import_client)
        return make(
            url=self._url,
            headers=dict(self._headers),
            auto_refresh_token=False,
            persist_session=False,
            http_client=http,
        )


def _http_client(name: str, certificates: SSLContext) -> httpx.AsyncClient:
    transport = BoundedTransport(name, _CALLS, _WAIT_SECONDS, _CALL_SECONDS, certificates)
    return httpx.AsyncClient(transport=transport, headers={"Accept-Encoding": "identity"}, trust_env=False)


def _import_client() -> "type[ASupabaseAuthClient]":
    """In a thread: it takes 60 ms the first time."""
    from supabase import ASupabaseAuthClient

    return ASupabaseAuthClient


def _tokens_of(response: Any) -> UserTokens:
    return UserTokens(response.session.access_token, response.session.refresh_token)


async def _call(call: Coroutine[Any, Any, Any], read: Callable[[Any], Result]) -> Result:
    """What read() finds in the response. Each exception, because the response may not be Supabase Auth's."""
    try:
        return read(await call)
    except Exception as error:
        status, code = getattr(error, "status", None), getattr(error, "code", None)
        _logger.info("supabase auth: %s, HTTP %s, code %s", type(error).__name__, status, code)
        raise _translate(status, code) from error


def _translate(status: int | None, code: str | None) -> Exception:
    if status == 429:  # of all users of the service together, which has one address
        return problem("rate-limited", "Supabase Auth has had too many requests. Try again in a minute.")
    if status is not None and 400 <= status < 500 and status not in (408, 409):
        if code is None and status not in (400, 422):  # the gateway's; older versions of Supabase Auth send no codes
            return problem("misconfigured", "Supabase Auth does not accept this service: its URL or key is wrong.")
        return AuthRefusedError(_REFUSALS.get(code or "", WRONG_PASSWORD))
    return problem("unavailable", "Supabase Auth does not answer. Nothing is lost: try again in a moment.")


@dataclass
class _Refresh:
    task: "asyncio.Task[UserTokens]"
    started_at: float


class SharedRefresh:
    """Refreshes each token once, whoever else asks at the same time or with cookies of a moment ago.

    A refresh goes on if the request that started it is cancelled: Supabase Auth has replaced the token already.
    """

    def __init__(self, refresh: Callable[[str], Awaitable[UserTokens]], clock: Callable[[], float] = monotonic) -> None:
        self._refresh = refresh
        self._clock = clock
        self._refreshes: dict[bytes, _Refresh] = {}  # the oldest first

    def __len__(self) -> int:
        return len(self._refreshes)

    async def tokens(self, refresh_token: str) -> UserTokens:
        """The new tokens. Raises what the refresh raises; what may pass is not kept."""
        key, now = hashlib.sha256(refresh_token.encode()).digest(), self._clock()
        self._forget_old(now)
        known = self._refreshes.get(key)
        if known is None:
            known = _Refresh(asyncio.create_task(self._run(refresh_token)), now)
            self._refreshes[key] = known
        try:
            return await asyncio.shield(known.task)
        except Problem:
            if self._refreshes.get(key) is known:
                del self._refreshes[key]
            raise

    async def stop(self) -> None:
        """Cancel refreshes in progress."""
        tasks = [each.task for each in self._refreshes.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, refresh_token: str) -> UserTokens:
        return await self._refresh(refresh_token)

    def _forget_old(self, now: float) -> None:
        while self._refreshes:
            key, each = next(iter(self._refreshes.items()))
            is_old = now - each.started_at >= _SHARED_SECONDS or len(self._refreshes) > _SHARED_LIMIT
            if not (each.task.done() and is_old):
                break
            del self._refreshes[key]
