"""Background tasks: one that ends is started again, whatever ended it, and its state says so."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app import supervisor as supervisor_module
from app.supervisor import Supervisor

PATIENCE = 60


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "_PAUSES_SECONDS", (0.0, 0.01))


def fail(error: BaseException) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        raise error

    return run


async def cancelled_inside() -> None:
    """Waits for another task that is cancelled, as when a shared call is given up."""
    other = asyncio.create_task(asyncio.sleep(PATIENCE))
    asyncio.get_running_loop().call_soon(other.cancel)
    await other


async def ends() -> None:
    """Returns at once."""


async def until_state(supervisor: Supervisor, name: str, state: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while supervisor.states[name].state != state:  # noqa: ASYNC110 - the state has no event
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("end", "last_error"),
    [
        (fail(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid")), "UnicodeDecodeError"),
        (fail(RecursionError()), "RecursionError"),
        (cancelled_inside, "CancelledError"),
        (ends, "returned"),
    ],
)
async def test_a_task_that_ends_is_logged_and_started_again(
    end: Callable[[], Awaitable[None]], last_error: str, caplog: pytest.LogCaptureFixture
) -> None:
    starts, runs_again = 0, asyncio.Event()

    async def run() -> None:
        nonlocal starts
        starts += 1
        if starts < 4:
            await end()
        else:
            runs_again.set()
            await asyncio.Event().wait()

    supervisor = Supervisor()
    supervisor.start("monitor", run)
    async with asyncio.timeout(PATIENCE):
        await runs_again.wait()
    state = supervisor.states["monitor"]
    assert (state.state, state.restarts, state.last_error) == ("running", 3, last_error)
    assert caplog.text.count("the background task monitor ended and is restarted") == 3
    await supervisor.stop()


async def test_while_it_waits_for_its_restart_the_state_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "_PAUSES_SECONDS", (PATIENCE,))
    supervisor = Supervisor()
    supervisor.start("monitor", fail(LookupError("unknown encoding")))
    started = supervisor.states["monitor"].since
    await until_state(supervisor, "monitor", "restarting")
    state = supervisor.states["monitor"]
    assert (state.restarts, state.last_error) == (0, "LookupError")
    assert state.since >= started
    await supervisor.stop()


async def test_a_task_that_may_end_is_done() -> None:
    supervisor = Supervisor()
    supervisor.start("bootstrap", ends, may_end=True)
    await until_state(supervisor, "bootstrap", "done")
    assert supervisor.states["bootstrap"].restarts == 0
    await supervisor.stop()


async def test_stopping_ends_all_tasks() -> None:
    ended = []

    async def run() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    supervisor = Supervisor()
    for number in range(3):
        supervisor.start(str(number), run)
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await supervisor.stop()
    assert len(ended) == 3
