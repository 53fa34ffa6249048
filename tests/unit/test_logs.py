"""Log lines: what a line of a request or of a batch contains."""

from __future__ import annotations

import asyncio
import json
import logging

from app.logs import JsonFormatter, log_context, log_fields


def line() -> dict[str, object]:
    """The members of a line that is written now, without those that every line has."""
    record = logging.LogRecord("app", logging.INFO, __file__, 1, "text", None, None)
    text = json.loads(JsonFormatter().format(record))
    return {name: value for name, value in text.items() if name not in ("ts", "level", "logger", "msg")}


def test_a_line_contains_the_fields_of_its_context() -> None:
    with log_context(request_id="a"):
        assert line() == {"request_id": "a"}
        log_fields()["feed"] = "events"
        assert line() == {"request_id": "a", "feed": "events"}
        with log_context(batch_id="b"):
            assert line() == {"batch_id": "b"}
        assert line() == {"request_id": "a", "feed": "events"}
    assert line() == {}


def test_outside_of_a_context_no_field_is_kept() -> None:
    log_fields()["feed"] = "events"
    assert line() == {}


async def test_contexts_of_concurrent_tasks_do_not_mix() -> None:
    async def request(name: str) -> dict[str, object]:
        with log_context(request_id=name):
            await asyncio.sleep(0)
            log_fields()["feed"] = name
            await asyncio.sleep(0)
            return line()

    lines = await asyncio.gather(request("a"), request("b"))
    assert list(lines) == [{"request_id": name, "feed": name} for name in ("a", "b")]


async def test_a_task_shares_the_context_of_the_one_that_started_it() -> None:
    async def add() -> None:
        log_fields()["batch_id"] = "b"

    with log_context(request_id="a"):
        await asyncio.create_task(add())
        assert line() == {"request_id": "a", "batch_id": "b"}
