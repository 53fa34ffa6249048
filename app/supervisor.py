"""Runs the background tasks: one that ends unexpectedly is logged, started again after a pause, and shown."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

_PAUSES_SECONDS = (1.0, 5.0, 15.0, 60.0)
# A task that ran this long is started again after the shortest pause.
_STABLE_SECONDS = 300.0

_logger = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class TaskState:
    """The state of a background task. last_error is the class of the exception, because a message may quote data."""

    state: Literal["running", "restarting", "done"] = "running"
    since: datetime = field(default_factory=_now)
    restarts: int = 0
    last_error: str | None = None


class Supervisor:
    """Starts background tasks and keeps the state of each, by name."""

    def __init__(self) -> None:
        self.states: dict[str, TaskState] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, run: Callable[[], Awaitable[None]], *, may_end: bool = False) -> None:
        """Run a task until stop(). Unless it may end, a return is unexpected, as an exception always is."""
        self.states[name] = TaskState()
        self._tasks.append(asyncio.create_task(self._supervise(name, run, may_end), name=name))

    async def stop(self) -> None:
        """Cancel all tasks and wait for their end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]], may_end: bool) -> None:
        clock = asyncio.get_running_loop().time
        known, attempt = self.states[name], 0
        while True:
            started = clock()
            error = await _run_to_end(run)
            if error is None and may_end:
                known.state, known.since = "done", _now()
                return
            if clock() - started > _STABLE_SECONDS:
                attempt = 0
            pause = _PAUSES_SECONDS[min(attempt, len(_PAUSES_SECONDS) - 1)]
            attempt += 1
            known.state, known.since = "restarting", _now()
            known.last_error = type(error).__name__ if error else "returned"
            _logger.error("the background task %s ended and is restarted in %s s", name, pause, exc_info=error)
            await asyncio.sleep(pause)
            known.state, known.since = "running", _now()
            known.restarts += 1


async def _run_to_end(run: Callable[[], Awaitable[None]]) -> BaseException | None:
    """The exception with which the task ended, if any."""
    try:
        await run()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # by stop()
        return error  # something that the task waited for was cancelled
    except Exception as error:
        return error
    return None
