"""The calls to PostgREST that the service makes, as service_role or with a caller's own token, and their limits.

Built on the `postgrest` package. `supabase`, which wraps it, also loads the clients of Realtime, Storage, Auth and
Functions, which the service does not use: imported, it takes 55 MB of memory where `postgrest` takes 41.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any, Literal, TypeVar, cast

import httpx
from postgrest import AsyncPostgrestClient

from app.keys import request_headers
from app.logs import log_fields
from app.metrics import FEEDS
from app.settings import Settings
from app.supabase.errors import OlderSchemaError, ResponseError, SupabaseError, UnreachableError
from app.supabase.retry import deadline_after, retry

# Longer than the statement_timeout of 8 s of the API roles, so that a slow statement ends with the database's own
# error instead of an unknown outcome.
_TIMEOUT = httpx.Timeout(connect=2.0, read=9.0, write=5.0, pool=2.0)
_CALL_SECONDS = 16.0
_WAIT_SECONDS = 2.0
RESPONSE_LIMIT = 8 * 1024 * 1024
# After this many calls in a row without a turn, none having succeeded in between, the connections are replaced.
TIMEOUTS_IN_A_ROW = 20
# A feed uses up to 4 calls at a time: two batches, and two of its replay.
_INGEST_CALLS = 5
_READER_CALLS = 6
_EMAIL_CALLS = 2
# One takes looks at targets, one records them.
_LOOK_CALLS = 2
# The monitor, the page for anonymous visitors, failed signatures, the bootstrap, and the operator's pages.
_OWN_CALLS = 6
_NO_SUCH_FUNCTION = "PGRST202"  # with these parameters
_POOL = httpx.Limits(max_connections=None, max_keepalive_connections=8, keepalive_expiry=30.0)

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")
StatusFunction = Literal["system_status", "status_page", "public_status", "service_health"]


class SupabaseClient:
    """Each call raises a SupabaseError if it fails, and no other exception.

    Reports, readers, events of e-mail providers, looks at targets and the service's own calls (the monitor's among
    them) have connections of their own, so that none of them waits for another.
    """

    def __init__(self, settings: Settings) -> None:
        self._base_url = f"{settings.supabase_url}/rest/v1"
        self._publishable_key = settings.supabase_publishable_key
        secret_key = settings.supabase_secret_key
        certificates = httpx.create_ssl_context(trust_env=False)
        self._ingest = {
            feed: self._client(_http_client(feed, _INGEST_CALLS, certificates), secret_key) for feed in FEEDS
        }
        self._own = self._client(_http_client("the service", _OWN_CALLS, certificates), secret_key)
        self._email = self._client(_http_client("e-mail events", _EMAIL_CALLS, certificates), secret_key)
        self._looks = self._client(_http_client("looks", _LOOK_CALLS, certificates), secret_key)
        self._reader_http = _http_client("readers", _READER_CALLS, certificates)

    async def aclose(self) -> None:
        """Close the connections."""
        ingest = (each.session for each in self._ingest.values())
        for http in (*ingest, self._own.session, self._email.session, self._looks.session, self._reader_http):
            await http.aclose()

    async def store(self, feed: str, function: str, body: bytes) -> object:
        """Store a batch of reports of a feed by one of the ingest RPCs: one result per report, in order."""

        async def call() -> object:
            return (await self._post(self._ingest[feed], function, body)).json()

        return await _translate_errors(call())

    async def record_invalid_signature(self, address: str | None) -> object:
        """Record a request whose signature does not match."""
        return await self._call("record_invalid_signature", {"ip_address": address or ""})

    async def record_email_event(self, provider: str, event: Mapping[str, object]) -> Mapping[str, Any]:
        """Record what an e-mail provider says about an e-mail. Safe to repeat."""
        parameters: dict[str, Any] = {"provider": provider, "event": event}

        async def call() -> Mapping[str, Any]:
            request = self._email.rpc("record_provider_email_event", parameters)
            result = (await _translate_errors(request.execute())).data
            if not isinstance(result, Mapping) or "effect" not in result:
                raise UnreachableError("the response is not that of record_provider_email_event()")
            return result

        return await retry(call, deadline_after())

    async def service_health(self, service_version: str) -> object:
        """The health of the database and its jobs. Not retried: the caller measures the latency.

        Raises OlderSchemaError if only an older form of the function exists.
        """
        try:
            return await self._call("service_health", {"service_version": service_version})
        except ResponseError as error:
            if error.code != _NO_SUCH_FUNCTION:
                raise
            await self._call("service_health")  # raises the same error if there is no such function at all
            raise OlderSchemaError(error.status, error.code) from error

    async def check_installation(self) -> object:
        """The checks of the database's installation, as rows."""
        return await self._call("check_installation")

    async def try_publishable_key(self) -> object:
        """The result of a call that the publishable key does not permit. Raises ResponseError, unless it does."""
        client = self._client(self._reader_http, self._publishable_key)
        return (await _translate_errors(client.rpc("service_health", {}).execute())).data

    async def write_service_targets(self, backend_url: str | None, console_url: str | None) -> object:
        """Add the service's own health-check targets. Returns the outcome of each."""
        given = {"backend_url": backend_url, "console_url": console_url}
        parameters = {name: url for name, url in given.items() if url is not None}
        return await self._call("write_service_targets", parameters)

    async def start_health_check_round(self) -> object:
        """Start the health checks of this minute. Returns the number of requests that were sent."""
        return await self._call("start_health_check_round")

    async def take_looks(self, max_looks: int) -> object:
        """The targets at which the service is to look now, with secrets of their headers. Not retried."""
        parameters: dict[str, Any] = {"max_looks": max_looks}
        return (await _translate_errors(self._looks.rpc("take_looks", parameters).execute())).data

    async def record_looks(self, looks: Sequence[Mapping[str, Any]]) -> object:
        """Record what the service saw. Safe to repeat."""
        parameters: dict[str, Any] = {"looks": list(looks)}
        return (await _translate_errors(self._looks.rpc("record_looks", parameters).execute())).data

    async def list_target_states(self, most: int) -> object:
        """States and certificates of targets, at most so many, as rows."""
        select = self._own.from_("target_status").select("target,status,is_paused,certificate_expires_at")
        return (await _translate_errors(select.order("target").limit(most).execute())).data

    async def is_kill_switch_on(self) -> bool:
        """Whether agents may not act, as the database says now."""
        return _read_kill_switch(await self.status("service_health", None))

    async def set_kill_switch(self, enabled: bool, reason: str, requested_by: str) -> object:
        """Stop all agents, or let them act again. Safe to repeat."""
        parameters = {"enabled": enabled, "reason": reason, "requested_by": requested_by}

        async def call() -> object:
            result = await self._call("set_kill_switch", parameters)
            _read_kill_switch(result)
            return result

        return await retry(call, deadline_after())

    async def status(self, function: StatusFunction, access_token: str | None) -> Mapping[str, Any]:
        """The result of a status function, with the rights of the token, or of service_role without one."""

        async def call() -> Mapping[str, Any]:
            result = await self._call(function, {}, access_token)
            if not isinstance(result, Mapping):
                raise UnreachableError(f"the response is not that of {function}()")
            return result

        return await retry(call, deadline_after())

    async def list_incidents(self, access_token: str, filters: Mapping[str, str]) -> bytes:
        """A page of the incidents that the token may read, as JSON text.

        Not parsed: as Python objects a page would take several times its size. Not streamed either: a reader with a
        slow connection would occupy one to PostgREST. list_incidents() in the database limits a page to 1 MiB, so that
        PostgreSQL and PostgREST hold no more than that either.
        """
        body = json.dumps({"filters": filters}).encode()

        async def call() -> bytes:
            content = (await self._post(self._reader(access_token), "list_incidents", body)).content
            if not (content.startswith(b"{") and content.endswith(b"}")):
                raise UnreachableError("the response is not that of list_incidents()")
            return content

        return await retry(call, deadline_after())

    async def get_incident(self, access_token: str, incident_id: str) -> object | None:
        """One incident, as in the list of incidents, or None if there is none that the token may read."""

        async def call() -> object | None:
            select = self._reader(access_token).from_("incidents").select("*").eq("id", incident_id).limit(1)
            response = await _translate_errors(select.execute())
            if not response.data:
                return None
            activity = await self._call("incident_activity", {"incident_id": incident_id}, access_token)
            if not isinstance(activity, Mapping):
                raise UnreachableError("the response is not that of incident_activity()")
            incident = cast(Mapping[str, Any], response.data[0])
            return {**incident, "rate": activity.get("rate"), "hours": activity.get("hours")}

        return await retry(call, deadline_after())

    async def _call(
        self, function: str, parameters: dict[str, Any] | None = None, access_token: str | None = None
    ) -> object:
        client = self._own if access_token is None else self._reader(access_token)
        return (await _translate_errors(client.rpc(function, parameters or {}).execute())).data

    async def _post(self, client: AsyncPostgrestClient, function: str, body: bytes) -> httpx.Response:
        """A call whose body is JSON text already: rpc() of postgrest takes objects and would encode them again."""
        headers = {**client.headers, "Content-Type": "application/json"}
        return await _translate_errors(
            client.session.post(f"{self._base_url}/rpc/{function}", content=body, headers=headers)
        )

    def _reader(self, access_token: str) -> AsyncPostgrestClient:
        return self._client(self._reader_http, self._publishable_key, access_token)

    def _client(self, http: httpx.AsyncClient, api_key: str, access_token: str | None = None) -> AsyncPostgrestClient:
        # postgrest's own retries pause for 1, 2 and 4 s; app.supabase.retry stays within the budget.
        return AsyncPostgrestClient(
            self._base_url,
            headers=request_headers(api_key, access_token),
            http_client=http,
            retry_enabled=False,
        )


def _read_kill_switch(result: object) -> bool:
    """Whether it is on. Raises UnreachableError if the result does not say so: agents must not be believed stopped."""
    is_on = result.get("is_kill_switch_on") if isinstance(result, Mapping) else None
    if not isinstance(is_on, bool):
        raise UnreachableError("the response does not say whether the kill switch is on")
    return is_on


def _http_client(name: str, calls: int, certificates: SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=BoundedTransport(name, calls, _WAIT_SECONDS, _CALL_SECONDS, certificates),
        timeout=_TIMEOUT,
        headers={"Accept-Encoding": "identity"},
        trust_env=False,
        event_hooks={"request": [_add_request_id], "response": [_raise_response_error]},
    )


async def _add_request_id(request: httpx.Request) -> None:
    """The id of the batch, or else of the request, so that both logs can be compared. PostgREST shows it to SQL."""
    fields = log_fields()
    request_id = fields.get("batch_id") or fields.get("request_id")
    if request_id is not None:
        request.headers["X-Request-Id"] = str(request_id)


async def _raise_response_error(response: httpx.Response) -> None:
    """A response hook for httpx, because postgrest's APIError drops the HTTP status."""
    if not (response.is_error or response.has_redirect_location):
        return
    await response.aread()
    try:
        body: object = response.json()
    except (ValueError, RecursionError):
        body = None
    members = body if isinstance(body, dict) else {}
    texts = [members.get(name) for name in ("code", "message", "details", "hint")]
    raise ResponseError(response.status_code, *(text if isinstance(text, str) else None for text in texts))


async def _translate_errors(call: Awaitable[Result]) -> Result:
    """The result of the call; every other failure becomes an UnreachableError.

    Each exception, because a response that is not PostgREST's fails in many ways: its charset, encoding, depth, shape.
    """
    try:
        return await call
    except SupabaseError:
        raise
    except httpx.HTTPError as error:
        # Only the class: the text may quote the URL, and with it a caller's filter.
        raise UnreachableError(type(error).__name__) from error
    except Exception as error:
        raise UnreachableError(f"the response is not PostgREST's JSON ({type(error).__name__})") from error


class _Connections:
    """The connections of one transport and the turns of the calls that use them."""

    def __init__(self, calls: int, certificates: SSLContext) -> None:
        # Without trust_env no .netrc file and no proxy variable changes where the service key is sent. HTTP/1.1: for so
        # few concurrent calls HTTP/2 gains nothing and costs memory.
        self.http = httpx.AsyncHTTPTransport(certificates, limits=_POOL, trust_env=False)
        self.turns = asyncio.Semaphore(calls)
        self.calls = 0
        self.is_retired = False

    async def end_call(self) -> None:
        self.calls -= 1
        self.turns.release()
        if self.is_retired and self.calls == 0:
            await self.http.aclose()


class BoundedTransport(httpx.AsyncBaseTransport):
    """Runs at most `calls` at a time; each reads its whole response.

    The limit on calls is a semaphore in front of the connections, and the connection pool has none: httpcore 1.0.9 does
    not give back the place of a call that gave up while it waited for a connection of a full pool. After twenty such
    calls every further one failed until the process was restarted.

    A call that gets no turn within wait_seconds raises httpx.PoolTimeout; one that takes longer than call_seconds,
    httpx.ReadTimeout: the timeouts of httpx itself begin again with each byte.
    """

    def __init__(
        self, name: str, calls: int, wait_seconds: float, call_seconds: float, certificates: SSLContext
    ) -> None:
        self._name = name
        self._limit = calls
        self._wait_seconds = wait_seconds
        self._call_seconds = call_seconds
        self._timeouts = 0
        self._certificates = certificates
        self._current = _Connections(calls, certificates)
        self._retired: _Connections | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response with its content."""
        async with self._turn() as http:
            try:
                async with asyncio.timeout(self._call_seconds):
                    response = await http.handle_async_request(request)
                    try:
                        content = await _read(response)
                    finally:
                        await response.aclose()
            except TimeoutError:
                raise httpx.ReadTimeout("the call took too long") from None
        self._timeouts = 0
        return httpx.Response(
            response.status_code, headers=response.headers, content=content, extensions=response.extensions
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._current.http.aclose()
        if self._retired is not None:
            await self._retired.http.aclose()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[httpx.AsyncHTTPTransport]:
        connections = self._current
        try:
            async with asyncio.timeout(self._wait_seconds):
                await connections.turns.acquire()
        except TimeoutError:
            self._timeouts += 1
            self._replace_if_stuck(connections)
            raise httpx.PoolTimeout("no turn within the time") from None
        connections.calls += 1
        try:
            yield connections.http
        finally:
            await connections.end_call()

    def _replace_if_stuck(self, connections: _Connections) -> None:
        """Continue with new connections. The old ones are closed when their last call ends.

        One replacement at a time: if the database does not answer, at most twice as many calls wait for it.
        """
        is_replacing = self._retired is not None and self._retired.calls > 0
        if self._timeouts < TIMEOUTS_IN_A_ROW or is_replacing or connections is not self._current:
            return
        _logger.error("%s calls in a row got no turn: the connections for %s are replaced", self._timeouts, self._name)
        self._timeouts = 0
        connections.is_retired = True
        self._retired, self._current = connections, _Connections(self._limit, self._certificates)


async def _read(response: httpx.Response) -> bytes:
    """The content, as it was sent: a compressed response could be a thousand times larger than what is counted."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise httpx.DecodingError("the response is compressed, which was not asked for")
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > RESPONSE_LIMIT:
            raise httpx.DecodingError("the response is too large")
    return bytes(content)
