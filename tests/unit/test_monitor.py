"""The database monitor: one call at a time, a timeout, and the last state."""

import asyncio

import pytest

from app.supabase import monitor as monitor_module
from app.supabase.errors import ResponseError, UnreachableError
from app.supabase.monitor import DatabaseMonitor, DatabaseState

HEALTH = {"status": "ok", "server_time": "2026-11-24T10:00:00+00:00"}


async def test_probes_at_the_same_time_share_one_call() -> None:
    calls = 0
    answer = asyncio.Event()

    async def ask() -> object:
        nonlocal calls
        calls += 1
        await answer.wait()
        return HEALTH

    monitor = DatabaseMonitor(ask)
    probes = [asyncio.create_task(monitor.probe()) for _ in range(50)]
    await asyncio.sleep(0)
    probes[0].cancel()  # a cancelled caller does not cancel the call
    answer.set()
    states = await asyncio.gather(*probes[1:])
    assert {state.state for state in states} == {"ok"}
    assert calls == 1
    await monitor.probe()
    assert calls == 2


async def test_the_state_is_unknown_then_ok_then_down() -> None:
    failures: list[Exception | None] = [None, UnreachableError("ConnectError"), ResponseError(503, "PGRST000")]

    async def ask() -> object:
        failure = failures.pop(0)
        if failure is not None:
            raise failure
        return HEALTH

    monitor = DatabaseMonitor(ask)
    assert monitor.last == DatabaseState("unknown", None, None)
    assert [(await monitor.probe()).state for _ in range(3)] == ["ok", "down", "down"]
    assert monitor.last.cause == "Supabase does not answer (HTTP 503, code PGRST000)."
    assert monitor.last.checked_at is not None
    assert monitor.last.latency_ms is not None


async def test_a_database_that_hangs_is_down() -> None:
    async def ask() -> None:
        await asyncio.Event().wait()

    monitor = DatabaseMonitor(ask, timeout_seconds=0.05)
    async with asyncio.timeout(60):
        assert (await monitor.probe()).state == "down"


async def test_stopping_ends_a_probe_under_way() -> None:
    async def ask() -> None:
        await asyncio.Event().wait()

    monitor = DatabaseMonitor(ask)
    probe = asyncio.create_task(monitor.probe())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await monitor.stop()
    assert (await asyncio.gather(probe, return_exceptions=True))[0].__class__ is asyncio.CancelledError


@pytest.mark.parametrize(
    "result",
    [None, [], [HEALTH], "ok", {}, {"status": "ok"}, {"status": "ok", "server_time": 5}, {"server_time": "now"}],
)
async def test_a_result_that_is_not_that_of_service_health_is_down(result: object) -> None:
    async def ask() -> object:
        return result

    monitor = DatabaseMonitor(ask)
    assert (await monitor.probe()).state == "down"
    assert monitor.facts == {}


async def probe_with(answers: list[object]) -> list[str]:
    """The state after each answer, with a mark if the refusal counts."""

    async def ask() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monitor = DatabaseMonitor(ask)
    states = []
    for _ in range(len(answers)):
        state = (await monitor.probe()).state
        states.append(f"{state}!" if monitor.refusal is not None else state)
    return states


REFUSED = ResponseError(404, "PGRST202")
AWAY = UnreachableError("ConnectError")


async def test_a_refusal_at_the_start_counts_at_once_and_until_an_answer_that_is_none() -> None:
    assert await probe_with([REFUSED, AWAY, HEALTH, AWAY]) == ["refused!", "down!", "ok", "down"]


async def test_a_refusal_after_an_outage_counts_at_once() -> None:
    assert await probe_with([AWAY, REFUSED]) == ["down", "refused!"]


async def test_a_refusal_of_an_accepted_service_counts_when_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [HEALTH, REFUSED, REFUSED, HEALTH]
    monkeypatch.setattr(monitor_module, "CONFIRM_SECONDS", 3600.0)
    assert await probe_with(list(answers)) == ["ok", "refused", "refused", "ok"]
    monkeypatch.setattr(monitor_module, "CONFIRM_SECONDS", 0.0)
    assert await probe_with(list(answers)) == ["ok", "refused!", "refused!", "ok"]


async def test_a_schema_that_sql_calls_incompatible_is_a_refusal() -> None:
    problem = {"cause": "c", "remedy": "r", "is_compatible": False}
    assert await probe_with([{**HEALTH, "version_problem": problem}]) == ["refused!"]
    assert await probe_with([{**HEALTH, "version_problem": {**problem, "is_compatible": True}}]) == ["ok"]


async def test_each_change_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    newer = {"cause": "newer", "remedy": "deploy", "is_compatible": True, "schema_version": "0.2.0"}
    problem = {**HEALTH, "version_problem": newer}
    await probe_with([REFUSED, REFUSED, ResponseError(401), AWAY, AWAY, HEALTH, HEALTH, problem, problem, HEALTH])
    levels = [record.levelname for record in caplog.records]
    assert levels == ["ERROR", "ERROR", "ERROR", "INFO", "WARNING", "INFO"]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "database is refused",
        "database is refused",
        "database is down",
        "database is ok",
        "database is ok",
        "database is ok",
    ]
