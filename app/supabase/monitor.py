"""Polls the health of the database in the background, so that /health answers from memory."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Literal

from app.supabase.errors import SupabaseError, UnreachableError
from app.supabase.refusals import Refusal, refusal_of
from app.supabase.scheduler import SchedulerState, assess_scheduler

INTERVAL_SECONDS = 10.0
TIMEOUT_SECONDS = 2.0
# A refusal of a service that was accepted before counts if a second probe, at least this long after the first one, is
# refused too: for some seconds after a migration PostgREST does not know the new functions.
CONFIRM_SECONDS = 5.0

_WAIT = "Check SUPABASE_URL and whether the project is running. Until it answers, reports wait in the spool."

State = Literal["ok", "refused", "down", "unknown"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatabaseState:
    """The result of the last probe. latency_ms is the time of the whole call.

    refused: Supabase answered that it does not accept the service. down: it is unreachable. Both have a cause and a
    remedy for everybody to read.
    """

    state: State = "unknown"
    checked_at: datetime | None = None
    latency_ms: float | None = None
    cause: str | None = None
    remedy: str | None = None


class DatabaseMonitor:
    """Calls service_health() every 10 s and on demand, at most one call at a time."""

    def __init__(
        self, service_health: Callable[[], Awaitable[object]], timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._service_health = service_health
        self._timeout_seconds = timeout_seconds
        self._probe: asyncio.Task[DatabaseState] | None = None
        self._facts: Mapping[str, object] = {}
        self._facts_at = 0.0
        self._was_accepted = False
        self._refused_at: float | None = None
        self._logged: tuple[str | None, ...] = ("unknown", None)
        self.last = DatabaseState()
        self.refusal: DatabaseState | None = None
        """The refusal that Supabase's last answer was; None after an answer that was none, and before the first.

        An unreachable Supabase changes nothing, because it sent no response.
        """

    @property
    def facts(self) -> Mapping[str, object]:
        """The last result of service_health(); empty while the database is unavailable."""
        return self._facts

    @property
    def version_problem(self) -> Refusal | None:
        """What service_health() says about the versions of the service and the schema, if they differ."""
        return _read_version_problem(self._facts)[0]

    @property
    def scheduler(self) -> SchedulerState:
        """Whether pg_cron still runs the health checks, computed from the last result and its age."""
        return assess_scheduler(self._facts, perf_counter() - self._facts_at)

    async def run(self) -> None:
        """Probe until cancelled. The jitter keeps replicas from probing at the same moment."""
        while True:
            await self.probe()
            await asyncio.sleep(INTERVAL_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret

    async def probe(self) -> DatabaseState:
        """A new result. Concurrent callers share one call, so that many requests cost the database one."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._measure())
        return await asyncio.shield(self._probe)

    async def stop(self) -> None:
        """Cancel a probe in progress."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)

    async def _measure(self) -> DatabaseState:
        started = perf_counter()
        state: State = "ok"
        why: Refusal | None = None
        facts: Mapping[str, object] = {}
        try:
            async with asyncio.timeout(self._timeout_seconds):
                facts = _read_facts(await self._service_health())
            problem, is_compatible = _read_version_problem(facts)
            if not is_compatible:
                state, why = "refused", problem
        except (SupabaseError, TimeoutError) as error:
            state, why = _explain(error)
        ended = perf_counter()
        self._facts, self._facts_at = facts, ended
        self.last = DatabaseState(
            state,
            datetime.now(UTC),
            round((ended - started) * 1000, 1),
            why.cause if why else None,
            why.remedy if why else None,
        )
        self._judge(ended)
        self._log()
        return self.last

    def _judge(self, now: float) -> None:
        """Whether Supabase refuses the service: at once, or confirmed by a second probe if it was accepted before."""
        if self.last.state == "ok":
            self._was_accepted, self._refused_at, self.refusal = True, None, None
        elif self.last.state == "refused":
            self._refused_at = now if self._refused_at is None else self._refused_at
            if not self._was_accepted or now - self._refused_at >= CONFIRM_SECONDS:
                self.refusal = self.last

    def _log(self) -> None:
        """One line for each change: not for each probe."""
        problem, last = self.version_problem, self.last
        changed = (last.state, last.cause, problem.cause if problem else None)
        if changed == self._logged:
            return
        self._logged = changed
        found = self._facts.get("version_problem")
        names = ("service_version", "schema_version")
        versions = {name: found.get(name) for name in names} if isinstance(found, Mapping) else {}
        if last.state == "ok" and problem is not None:
            _logger.warning("database is ok: %s %s", problem.cause, problem.remedy, extra={"fields": versions})
        elif last.state == "ok":
            _logger.info("database is ok")
        else:
            _logger.error("database is %s: %s %s", last.state, last.cause, last.remedy, extra={"fields": versions})


def _explain(error: SupabaseError | TimeoutError) -> tuple[State, Refusal]:
    """Whether the database refuses the service or is down, with the cause and the remedy."""
    refusal = refusal_of(error) if isinstance(error, SupabaseError) else None
    if refusal is not None:
        return "refused", refusal
    return "down", Refusal(f"Supabase does not answer ({str(error) or 'no response within the timeout'}).", _WAIT)


def _read_facts(result: object) -> Mapping[str, object]:
    """The result of service_health(). Raises UnreachableError for anything else, such as a proxy's own 200."""
    if isinstance(result, Mapping) and result.get("status") == "ok" and isinstance(result.get("server_time"), str):
        return result
    raise UnreachableError("the response is not that of service_health()")


def _read_version_problem(facts: Mapping[str, object]) -> tuple[Refusal | None, bool]:
    """The difference between the versions of service and schema, as SQL judges it, and whether they are compatible."""
    problem = facts.get("version_problem")
    if not isinstance(problem, Mapping):
        return None, True
    return Refusal(str(problem.get("cause")), str(problem.get("remedy"))), problem.get("is_compatible") is True
