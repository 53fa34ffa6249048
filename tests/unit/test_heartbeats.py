"""A flood of heartbeats: of one key within a second, and of keys that nobody can check during an outage."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from app.ingest.batcher import Batcher
from app.ingest.breaker import CircuitBreaker
from app.ingest.heartbeat import Heartbeats, read_signal
from app.ingest.sender import Sender
from app.ingest.service import IngestService
from app.problems import Problem
from app.spool.spool import Spool
from app.supabase.errors import UnreachableError

KEY = "3f06bf12-c496-4c8f-ac28-524b53aea35d"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Door:
    """A feed without a database: known are the keys that exist, unless it is away."""

    spool: Spool
    known: set[str] = field(default_factory=lambda: {KEY})
    is_away: bool = False
    stored: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        breaker = CircuitBreaker("heartbeats")
        batcher = Batcher(Sender(self._store, "heartbeats", breaker))
        self.heartbeats = Heartbeats(IngestService("heartbeats", batcher, self.spool, breaker, 60))

    async def _store(self, body: bytes) -> object:
        if self.is_away:
            raise UnreachableError("away")
        elements = json.loads(body)["heartbeats"]
        self.stored += elements
        refusal = {"success": False, "error": {"code": "PT404", "message": "no heartbeat has this key"}}
        return [{"success": True} if element["key"] in self.known else refusal for element in elements]

    async def send(self, key: str = KEY, signal: str = "ok", client: str = "192.0.2.1") -> str:
        """stored, spooled, or the code of the problem."""
        try:
            result = await self.heartbeats.accept(key, signal, NOW, client)
        except Problem as refused:
            return refused.code
        return "spooled" if result is None else "stored"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    spool = Spool(tmp_path / "spool", 2**20)
    yield Door(spool)
    await spool.close()


async def test_the_same_signal_within_a_second_is_one_heartbeat(door: Door) -> None:
    answers = await asyncio.gather(*(door.send(signal=signal) for signal in ("start", "ok") for _ in range(50)))
    assert set(answers) == {"stored"}
    assert sorted(element["signal"] for element in door.stored) == ["ok", "start"]


async def test_the_last_signal_counts(door: Door) -> None:
    for signal in ("fail", "ok", "ok", "fail"):
        assert await door.send(signal=signal) == "stored"
    assert [element["signal"] for element in door.stored] == ["fail", "ok", "fail"]


async def test_one_key_has_ten_signals_a_second(door: Door) -> None:
    answers = await asyncio.gather(*(door.send(signal=str(code)) for code in range(30)))
    assert answers == ["stored"] * 10 + ["rate-limited"] * 20


async def test_a_client_may_try_few_keys_that_do_not_exist(door: Door) -> None:
    assert await door.send() == "stored"
    assert [await door.send(str(uuid4())) for _ in range(32)] == ["heartbeat-not-found"] * 30 + ["rate-limited"] * 2
    assert len(door.stored) == 31
    # A key that exists goes on, and so do others.
    assert await door.send(signal="start") == "stored"
    assert await door.send(str(uuid4()), client="192.0.2.2") == "heartbeat-not-found"


async def test_the_database_is_asked_once_for_a_key_that_does_not_exist(door: Door) -> None:
    missing = str(uuid4())
    assert [await door.send(missing, str(code)) for code in range(8)] == ["heartbeat-not-found"] * 8
    assert len(door.stored) == 1


async def test_keys_that_nobody_can_check_fill_no_spool(door: Door) -> None:
    assert await door.send() == "stored"
    door.is_away = True
    answers = await asyncio.gather(*(door.send(str(uuid4())) for _ in range(1100)))
    assert (answers.count("spooled"), answers.count("unavailable")) == (1000, 100)
    # A key that the database has accepted before is kept.
    assert await door.send(signal="fail") == "spooled"


async def test_after_the_outage_new_keys_are_kept_again(door: Door) -> None:
    await door.send()
    await asyncio.gather(*(door.send(str(uuid4())) for _ in range(1100)))
    door.is_away = True
    assert await door.send(str(uuid4()), client="192.0.2.2") == "spooled"


@pytest.mark.parametrize(
    ("key", "signal", "code"),
    [
        ("", None, "heartbeat-not-found"),
        (KEY + "0", None, "heartbeat-not-found"),
        (KEY.replace("-", ""), None, "heartbeat-not-found"),
        (KEY + "\n", None, "heartbeat-not-found"),
        (KEY, "", "not-found"),
        (KEY, "256", "not-found"),
        (KEY, "ok", "not-found"),
        (KEY, "\uff11", "not-found"),
    ],
)
def test_keys_and_signals_have_a_form(key: str, signal: str | None, code: str) -> None:
    with pytest.raises(Problem) as refused:
        read_signal(key, signal)
    assert refused.value.code == code


def test_keys_are_read_in_any_case() -> None:
    assert read_signal(KEY.upper(), "007") == (KEY, "007")
    assert read_signal(KEY, None) == (KEY, "ok")
