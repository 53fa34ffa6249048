"""The calls to PostgREST that the service makes, as service_role or with a caller's own token, and their limits.

Built on the `postgrest` package. `supabase`, which wraps it, also loads the clients of Realtime, Storage, Auth and
Functions, which the service does not use: imported, it takes 55 MB of memory where `postgrest` takes 41.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Mapping, Sequence
from ssl import SSLContext
from typing import Any, Literal, TypeVar, cast

import httpx
from postgrest import AsyncPostgrestClient

from app.keys import request_headers
from app.logs import log_fields
from app.metrics import FEEDS
from app.settings import Settings
from app.supabase.connections import Connections, Origin, Reply, encode_head, encode_lines, origin_of
from app.supabase.errors import OlderSchemaError, ResponseError, SupabaseError, UnreachableError
from app.supabase.retry import deadline_after, retry

_CALL_SECONDS = 16.0
_WAIT_SECONDS = 2.0
# After this many calls in a row without a turn, none having succeeded in between, the connections are replaced.
TIMEOUTS_IN_A_ROW = 20
# A feed uses up to 4 calls at a time: two batches, and two of its replay.
_INGEST_CALLS = 5
_READER_CALLS = 6
_EMAIL_CALLS = 2
# One takes looks at targets, one records them.
_LOOK_CALLS = 2
_OPERATOR_CALLS = 4
# The monitor, the page for anonymous visitors, the kill switch, failed signatures, and the bootstrap.
_OWN_CALLS = 6
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NO_SUCH_FUNCTION = "PGRST202"  # with these parameters

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")
PageFunction = Literal["search_incidents", "incident_page", "target_page"]
# A member of each page's document. What a proxy in between answers does not have it.
_PAGE_MEMBERS: Mapping[PageFunction, str] = {
    "search_incidents": "incidents",
    "incident_page": "incident",
    "target_page": "target",
}
StatusFunction = Literal["system_status", "status_page", "public_status", "service_health"]
# What the operator calls with the service's key. The kill switch does not wait for these: it uses the service's calls.
_OF_OPERATOR = frozenset({*_PAGE_MEMBERS, "change_incident", "status_page", "system_status"})


class SupabaseClient:
    """Each call raises a SupabaseError if it fails, and no other exception.

    Reports, readers, the operator's pages, events of e-mail providers, looks at targets and the service's own calls
    (the monitor's among them) have connections of their own, so that none of them waits for another.
    """

    def __init__(self, settings: Settings) -> None:
        self._base_url = f"{settings.supabase_url}/rest/v1"
        self._origin = origin_of(httpx.URL(self._base_url))
        self._publishable_key = settings.supabase_publishable_key
        secret_key = settings.supabase_secret_key
        certificates = httpx.create_ssl_context(trust_env=False)
        self._ingest = {feed: _transport(feed, _INGEST_CALLS, certificates) for feed in FEEDS}
        self._ingest_heads: dict[str, bytes] = {}  # by function
        self._own = self._client(_http_client("the service", _OWN_CALLS, certificates), secret_key)
        self._operator = self._client(_http_client("the operator", _OPERATOR_CALLS, certificates), secret_key)
        self._email = self._client(_http_client("e-mail events", _EMAIL_CALLS, certificates), secret_key)
        self._looks = self._client(_http_client("looks", _LOOK_CALLS, certificates), secret_key)
        self._reader_http = _http_client("readers", _READER_CALLS, certificates)

    async def aclose(self) -> None:
        """Close the connections."""
        for transport in self._ingest.values():
            await transport.aclose()
        for client in (self._own, self._operator, self._email, self._looks):
            await client.session.aclose()
        await self._reader_http.aclose()

    async def store(self, feed: str, function: str, body: bytes) -> object:
        """Store a batch of reports of a feed by one of the ingest RPCs: one result per report, in order."""

        head = self._ingest_heads.get(function)
        if head is None:
            self._ingest_heads[function] = head = self._ingest_head(function)
        return await _translate_errors(self._store(self._ingest[feed], head, body))

    async def _store(self, transport: "BoundedTransport", head: bytes, body: bytes) -> object:
        """httpx.AsyncClient, between this and the transport, would take more CPU time than both of them."""
        request_id = _request_id()
        if request_id is not None:
            head += encode_lines([b"X-Request-Id: " + request_id.encode()])
        reply = await transport.exchange(self._origin, head, body)
        _raise_for_status(reply.status, reply.headers, reply.content)
        return cast(object, json.loads(reply.content))

    def _ingest_head(self, function: str) -> bytes:
        client = self._own
        headers = {**client.headers, "Content-Type": "application/json"}
        return encode_head(
            client.session.build_request("POST", f"{self._base_url}/rpc/{function}", content=b"", headers=headers)
        )

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

    async def write_service_url(self, url: str) -> object:
        """Make notifications link to the pages of the service at this address. Returns the outcome. Safe to repeat."""
        return await self._call("write_service_url", {"url": url})

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
        return await self._read(function, {}, access_token)

    async def page(
        self, function: PageFunction, parameters: dict[str, Any], access_token: str | None
    ) -> Mapping[str, Any]:
        """The data of a page, with the rights of the token, or of service_role without one."""
        return await self._read(function, parameters, access_token, _PAGE_MEMBERS[function])

    async def change_incident(
        self, incident_id: str, change: Mapping[str, str], access_token: str | None, operator: str | None
    ) -> str:
        """Change an incident with the rights of the token, or as the operator of this name. Returns its id.

        Not retried: a call whose answer got lost may have been executed, see is_change_unknown().
        """
        parameters = {"incident_id": incident_id, "change": change, "operator": operator}
        result = await self._call("change_incident", parameters, access_token)
        changed = result.get("incident_id") if isinstance(result, Mapping) else None
        if not isinstance(changed, str):
            raise UnreachableError("the response is not that of change_incident()")
        return changed

    async def _read(
        self, function: str, parameters: dict[str, Any], access_token: str | None, member: str | None = None
    ) -> Mapping[str, Any]:
        """The object that a function returns, which has this member."""

        async def call() -> Mapping[str, Any]:
            result = await self._call(function, parameters, access_token)
            if not isinstance(result, Mapping) or (member is not None and member not in result):
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
        own = self._operator if function in _OF_OPERATOR else self._own
        client = own if access_token is None else self._reader(access_token)
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


def _transport(name: str, calls: int, certificates: SSLContext) -> "BoundedTransport":
    return BoundedTransport(name, calls, _WAIT_SECONDS, _CALL_SECONDS, certificates)


def _http_client(name: str, calls: int, certificates: SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=_transport(name, calls, certificates),
        headers={"Accept-Encoding": "identity"},
        trust_env=False,
        event_hooks={"request": [_add_request_id], "response": [_raise_response_error]},
    )


def _request_id() -> str | None:
    """The id of the batch, or else of the request, so that both logs can be compared. PostgREST shows it to SQL."""
    fields = log_fields()
    request_id = fields.get("batch_id") or fields.get("request_id")
    return None if request_id is None else str(request_id)


async def _add_request_id(request: httpx.Request) -> None:
    request_id = _request_id()
    if request_id is not None:
        request.headers["X-Request-Id"] = request_id


async def _raise_response_error(response: httpx.Response) -> None:
    """A response hook for httpx, because postgrest's APIError drops the HTTP status."""
    content = await response.aread()
    # The response and its stream refer to each other: the content would stay until the garbage collector runs.
    response.stream = httpx.ByteStream(b"")
    _raise_for_status(response.status_code, response.headers.raw, content)


def _raise_for_status(status: int, headers: Sequence[tuple[bytes, bytes]], content: bytes) -> None:
    """Raises ResponseError for an error, and for a redirect, which is not followed."""
    is_redirect = status in _REDIRECTS and any(name.lower() == b"location" for name, _ in headers)
    if status < 400 and not is_redirect:
        return
    try:
        body: object = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    members = body if isinstance(body, dict) else {}
    texts = [members.get(name) for name in ("code", "message", "details", "hint")]
    raise ResponseError(status, *(text if isinstance(text, str) else None for text in texts))


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


class _Lane:
    """The connections of one transport and the turns of the calls that use them."""

    def __init__(self, calls: int, certificates: SSLContext) -> None:
        self.connections = Connections(certificates)
        self.turns = asyncio.Semaphore(calls)
        self.calls = 0
        self.is_retired = False

    def end_call(self) -> None:
        self.calls -= 1
        self.turns.release()
        if self.is_retired and self.calls == 0:
            self.connections.close()


class BoundedTransport(httpx.AsyncBaseTransport):
    """Runs at most `calls` at a time; each reads its whole response.

    A call that gets no turn within wait_seconds raises httpx.PoolTimeout; one that takes longer than call_seconds,
    httpx.ReadTimeout, however often a byte of it arrives.
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
        self._current = _Lane(calls, certificates)
        self._retired: _Lane | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response with its content."""
        reply = await self.exchange(origin_of(request.url), encode_head(request), await request.aread())
        return httpx.Response(reply.status, headers=reply.headers, content=reply.content)

    async def exchange(self, origin: Origin, head: bytes, content: bytes) -> Reply:
        """The response to a request whose head is that of encode_head(). Raises httpx.RequestError."""
        lane = self._current
        if lane.turns.locked():
            await self._wait_for_turn(lane)
        else:
            await lane.turns.acquire()
        lane.calls += 1
        try:
            reply = await lane.connections.exchange(origin, head, content, self._call_seconds)
        finally:
            lane.end_call()
        self._timeouts = 0
        return reply

    async def aclose(self) -> None:
        """Close all connections."""
        self._current.connections.close()
        if self._retired is not None:
            self._retired.connections.close()

    async def _wait_for_turn(self, lane: _Lane) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                await lane.turns.acquire()
        except TimeoutError:
            self._timeouts += 1
            self._replace_if_stuck(lane)
            raise httpx.PoolTimeout("no turn within the time") from None

    def _replace_if_stuck(self, lane: _Lane) -> None:
        """Continue with new connections. The old ones are closed when their last call ends.

        One replacement at a time: if the database does not answer, at most twice as many calls wait for it.
        """
        is_replacing = self._retired is not None and self._retired.calls > 0
        if self._timeouts < TIMEOUTS_IN_A_ROW or is_replacing or lane is not self._current:
            return
        _logger.error("%s calls in a row got no turn: the connections for %s are replaced", self._timeouts, self._name)
        self._timeouts = 0
        lane.is_retired = True
        self._retired, self._current = lane, _Lane(self._limit, self._certificates)
