"""Heartbeats as the payload of ingest_heartbeats(), accepted so that a flood of them does no harm.

The key in the URL is the only credential, and only the database knows which keys exist.
"""

import asyncio
import re
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import datetime

from app.ingest.payload import JsonObject, Report, encode
from app.ingest.service import IngestService
from app.logs import log_fields
from app.problems import Problem, problem

_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_SIGNAL = re.compile(r"start|fail|[0-9]{1,3}", re.ASCII)
_WINDOW_SECONDS = 1.0
_SIGNALS_PER_WINDOW = 10
# How many keys are remembered: those of the last second, those that exist, and those that do not.
_KEYS = 10_000
_MISSING_SECONDS = 10.0
# So many keys that do not exist may one client try in a minute. Keys that the database has accepted always work.
_MISSES = 30
_MISSES_SECONDS = 60.0
# While the database is away, nobody can say whether a new key exists: so many of their heartbeats are kept.
_NEW_SPOOLED = 1_000


def read_signal(key: str, signal: str | None) -> tuple[str, str]:
    """The key, and ok, start, fail or an exit code. Raises the Problem `heartbeat-not-found` or `not-found`."""
    if not _KEY.fullmatch(key):
        raise problem("heartbeat-not-found")
    if signal is not None and not (_SIGNAL.fullmatch(signal) and (not signal.isdecimal() or int(signal) <= 255)):
        raise problem("not-found", "After the key comes start, fail or an exit code from 0 to 255.")
    return key.lower(), signal or "ok"


@dataclass(eq=False)
class _Window:
    """What one key sent within a second: how many signals, the last of them, and the answer to it."""

    started: float
    signals: int = 0
    last: str | None = None
    answer: asyncio.Task[JsonObject | None] | None = None


class Heartbeats:
    """Passes heartbeats on. The same signal of a key again within a second is one heartbeat, and shares the answer."""

    def __init__(self, service: IngestService) -> None:
        self._service = service
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._missing: OrderedDict[str, float] = OrderedDict()
        self._misses: Counter[str] = Counter()  # by client
        self._misses_since = 0.0
        # Heartbeats of new keys: those that wait for an answer, and those spooled since the database answered last.
        self._new_asked = 0
        self._new_spooled = 0

    async def accept(self, key: str, signal: str, received_at: datetime, client: str) -> JsonObject | None:
        """The database's result, or None for a heartbeat in the spool.

        Raises the Problem `heartbeat-not-found`, `rate-limited`, `overloaded` or `unavailable`.
        """
        window = self._window_of(key)
        answer = window.answer
        if answer is None or window.last != signal:
            if window.signals == _SIGNALS_PER_WINDOW:
                raise problem("rate-limited", "Too many different signals within a second.", retry_after=1)
            if key not in self._known:
                self._check_new_key(key, client)
            answer = window.answer = asyncio.create_task(self._store(key, signal, received_at, client))
            window.last = signal
            window.signals += 1
            # If all clients are gone, nobody reads its exception.
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            # Shielded: it belongs to the other requests of the window, too.
            return await asyncio.shield(answer)
        finally:
            log_fields().setdefault("outcome", "duplicate")

    def _window_of(self, key: str) -> _Window:
        now = asyncio.get_running_loop().time()
        while self._windows and next(iter(self._windows.values())).started <= now - _WINDOW_SECONDS:
            self._windows.popitem(last=False)
        if key not in self._windows and len(self._windows) == _KEYS:
            raise problem("overloaded")
        return self._windows.setdefault(key, _Window(now))

    def _check_new_key(self, key: str, client: str) -> None:
        """Without the database: whether the key is known to be missing, or its client has tried too many such keys."""
        now = asyncio.get_running_loop().time()
        while self._missing and next(iter(self._missing.values())) <= now - _MISSING_SECONDS:
            self._missing.popitem(last=False)
        if key in self._missing:
            raise problem("heartbeat-not-found")
        if now - self._misses_since > _MISSES_SECONDS:
            self._misses.clear()
            self._misses_since = now
        if self._misses[client] >= _MISSES:
            raise problem("rate-limited", "Too many keys of this client do not exist.", retry_after=60)

    def _note_missing(self, key: str, client: str) -> None:
        self._known.pop(key, None)
        self._missing[key] = asyncio.get_running_loop().time()
        if len(self._missing) > _KEYS:
            self._missing.popitem(last=False)
        if client in self._misses or len(self._misses) < _KEYS:
            self._misses[client] += 1

    async def _store(self, key: str, signal: str, received_at: datetime, client: str) -> JsonObject | None:
        element = {"sender": "heartbeat", "received_at": received_at.isoformat(), "key": key, "signal": signal}
        is_new = key not in self._known
        may_spool = not is_new or self._new_asked + self._new_spooled < _NEW_SPOOLED
        self._new_asked += is_new
        try:
            result = await self._service.accept(Report(encode(element), sender="heartbeat"), may_spool=may_spool)
        except Problem as refused:
            if refused.status != 404:
                raise
            self._new_spooled = 0
            self._note_missing(key, client)
            raise problem("heartbeat-not-found") from None
        finally:
            self._new_asked -= is_new
        if result is None:
            self._new_spooled += is_new
            return None
        self._new_spooled = 0
        self._known[key] = None
        self._known.move_to_end(key)
        if len(self._known) > _KEYS:
            self._known.popitem(last=False)
        return result
