"""An event loop in a thread, so that blocking code, such as a test, does not stall the workers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class EventLoopThread:
    """Runs the loop until `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stack", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, Result], timeout: float | None = 30) -> Result:
        """Runs the coroutine in the loop, waits, and returns its result."""
        return self.begin(work).result(timeout)

    def begin(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Starts the coroutine in the loop. Cancelling the future cancels the coroutine."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Cancels the tasks that still run, waits for their clean-up, and ends the thread."""
        self.call(_cancel_other_tasks())
        self.call(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_other_tasks() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
