"""Supabase over HTTPS: PostgREST, and nothing else of it.

Built on the `postgrest` package. `supabase`, which wraps it, also loads realtime, storage, auth and functions
clients that nothing here uses: imported, it holds 55 MB resident where `postgrest` holds 41.
"""

from collections.abc import Awaitable, Mapping
from typing import Any, Literal

import httpx
from postgrest import AsyncPostgrestClient, CountMethod

from app.filters import IncidentQuery
from app.postgrest_answers import raise_refusal, read_json, translated
from app.retry import deadline_from_now, retrying
from app.settings import Settings
from app.verdicts import Refusal, Unreachable

# Reading waits longer than the API roles' statement_timeout of 8 s, so that a slow statement ends with the
# database's own word and not with a guess of ours.
_TIMEOUT = httpx.Timeout(connect=2.0, read=9.0, write=5.0, pool=2.0)
_LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=30.0)

StatusFunction = Literal["system_status", "status_page", "public_status"]


class SupabaseRest:
    """The calls that the service makes. Each raises Unreachable or Refusal, and nothing else."""

    def __init__(self, settings: Settings) -> None:
        self._base_url = f"{settings.supabase_url}/rest/v1"
        self._anon_key = settings.supabase_anon_key
        # HTTP/1.1: for two calls in flight HTTP/2 brings nothing and costs memory. Not trust_env: no .netrc
        # and no proxy variable may change where the service key goes.
        self._http = httpx.AsyncClient(
            timeout=_TIMEOUT, limits=_LIMITS, trust_env=False, event_hooks={"response": [raise_refusal]}
        )
        self._service = self._client(settings.supabase_service_role_key, settings.supabase_service_role_key)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ingest_events(self, body: bytes) -> object:
        """One call for a batch of error reports."""
        return await self._ingest("ingest_events", body)

    async def ingest_sentry(self, body: bytes) -> object:
        """One call for a batch of Sentry's deliveries."""
        return await self._ingest("ingest_sentry", body)

    async def note_forged_signature(self, address: str | None) -> object:
        """Tell the database of a request that nobody vouches for."""
        parameters = {"ip_address": address or ""}
        return (await translated(self._service.rpc("note_forged_signature", parameters).execute())).data

    async def _ingest(self, function: str, body: bytes) -> object:
        """A call with a body that is JSON already.

        postgrest's rpc() takes objects and would encode all of a batch again; its session and headers do.
        """
        response = await translated(
            self._http.post(
                f"{self._base_url}/rpc/{function}",
                content=body,
                headers={**self._service.headers, "Content-Type": "application/json"},
            )
        )
        return read_json(response)

    async def service_health(self) -> object:
        """Ask the database whether it is there, and how it is. One try: the caller measures it."""
        return (await translated(self._service.rpc("service_health", {}).execute())).data

    async def write_service_targets(self, backend_url: str | None, console_url: str | None) -> object:
        """Have the service's own targets watched: what became of each."""
        given = {"backend_url": backend_url, "console_url": console_url}
        parameters = {name: url for name, url in given.items() if url is not None}
        return (await translated(self._service.rpc("write_service_targets", parameters).execute())).data

    async def start_health_check_round(self) -> object:
        """Start this minute's round: how many requests were sent."""
        return (await translated(self._service.rpc("start_health_check_round", {}).execute())).data

    async def status(self, function: StatusFunction, json_web_token: str | None) -> Mapping[str, Any]:
        """What the token's owner may know of the whole system; without a token, what the service may."""
        client = self._service if json_web_token is None else self._caller(json_web_token)

        async def call() -> Mapping[str, Any]:
            answer = await translated(client.rpc(function, {}).execute())
            if not isinstance(answer.data, Mapping):
                raise Unreachable(f"the answer is not {function}()'s")
            return answer.data

        return await retrying(call, deadline_from_now())

    async def incidents(self, json_web_token: str, query: IncidentQuery) -> tuple[list[Any], int]:
        """The incidents that the token's owner may see, and how many there are without limit and offset."""

        def call() -> Awaitable[tuple[list[Any], int]]:
            return self._incidents(json_web_token, query)

        return await retrying(call, deadline_from_now())

    async def _incidents(self, json_web_token: str, query: IncidentQuery) -> tuple[list[Any], int]:
        select = self._caller(json_web_token).from_("incidents").select("*", count=CountMethod.exact)
        # `eq.<value>` is taken as it stands to its end: commas, dots and brackets mean nothing in it.
        for column, value in query.equals.items():
            select = select.eq(column, value)
        if query.since is not None:
            select = select.gte("last_seen", query.since)
        ordered = select.order("last_seen", desc=True).order("id").limit(query.limit).offset(query.offset)
        try:
            answer = await translated(ordered.execute())
        except Refusal as refusal:
            if refusal.status != 416:
                raise
            # The offset is beyond the end: an empty page, not a mistake.
            return [], int((refusal.content_range or "*/0").partition("/")[2] or 0)
        return list(answer.data), answer.count or 0

    async def incident(self, json_web_token: str, incident_id: str) -> object | None:
        """One incident, or None where there is none that the token's owner may see."""

        async def call() -> object | None:
            select = (
                self._caller(json_web_token).from_("incidents").select("*").eq("id", incident_id).limit(1)
            )
            answer = await translated(select.execute())
            return answer.data[0] if answer.data else None

        return await retrying(call, deadline_from_now())

    def _caller(self, json_web_token: str) -> AsyncPostgrestClient:
        return self._client(self._anon_key, json_web_token)

    def _client(self, api_key: str, bearer: str) -> AsyncPostgrestClient:
        # Its own retries sleep 1, 2 and 4 s: ours fit the budget.
        return AsyncPostgrestClient(
            self._base_url,
            headers={"apikey": api_key, "Authorization": f"Bearer {bearer}"},
            http_client=self._http,
            retry_enabled=False,
        )
