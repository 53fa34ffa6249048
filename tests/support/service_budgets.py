"""Runs the service, `python -m app`, with the time budgets that TEST_TIME_BUDGETS names as JSON.

On a busy machine the service may exhaust a budget although the database is fine; it then spools a report
and answers 202. Tests of another subject run it with budgets that no machine exhausts (`UNHURRIED`). Tests of
what happens when a budget is exhausted keep the real ones.

Such a service looks at no targets, because it outlives the tests that use it, and would take the looks of others. Only
one that has budgets for them does (`LOOKS`).
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
from collections.abc import Mapping
from types import ModuleType

from app import lifespan
from app.ingest import breaker, replay
from app.looks import network
from app.supabase import client, connections, monitor, retry
from app.web import body

VARIABLE = "TEST_TIME_BUDGETS"
SECONDS = 600.0

CONSTANTS: dict[str, tuple[ModuleType, str]] = {
    "report": (lifespan, "_REPORT_SECONDS"),  # how long a reporter waits before the spool takes the report
    "sentry": (lifespan, "_SENTRY_SECONDS"),  # the same for Sentry
    "public_status": (lifespan, "_PUBLIC_STATUS_SECONDS"),  # how long an anonymous status answer is cached
    "body": (body, "_REPORT_SECONDS"),  # how long the body of a report may take to arrive
    "unauthenticated_body": (body, "_UNAUTHENTICATED_SECONDS"),  # the same for other bodies
}
"""Budgets that are constants. The others are default values, or belong to connections or to looks."""

PAUSES: dict[str, tuple[ModuleType, str]] = {
    "replay_pause": (replay, "_LONGEST_PAUSE_SECONDS"),  # how long the replay waits at most after a failure
    "breaker_pause": (breaker, "_LONGEST_PAUSE_SECONDS"),  # how long an open breaker makes no call at most
}
"""Pauses, which tests may shorten. They are no budgets: nothing is given up when one is over."""

LOOKS: dict[str, tuple[ModuleType, str]] = {
    "certificate": (network, "_CERTIFICATE_SECONDS"),  # how long reading a certificate that was not accepted may take
}
"""Budgets of looks at targets."""

UNHURRIED: Mapping[str, float] = dict.fromkeys((*CONSTANTS, "retry", "monitor", "call"), SECONDS)
"""Every budget is out of reach."""

UNHURRIED_CALLS: Mapping[str, float] = {"call": SECONDS, "body": SECONDS}
"""The real budgets, but a call to Supabase that gets no answer stays open until the test ends it."""


def apply(budgets: Mapping[str, float]) -> None:
    for budget, seconds in budgets.items():
        if budget == "retry":  # how long a failed call is tried again
            retry.deadline_after.__defaults__ = (seconds,)
        elif budget == "monitor":  # how long the database may take to answer the monitor
            monitor.DatabaseMonitor.__init__.__defaults__ = (seconds,)
        elif budget == "call":  # the timeouts of a call to Supabase
            connections._CONNECT_SECONDS = connections._READ_SECONDS = connections._WRITE_SECONDS = seconds
            client._CALL_SECONDS = client._WAIT_SECONDS = seconds
        else:
            module, name = (CONSTANTS | PAUSES | LOOKS)[budget]
            setattr(module, name, seconds)


class NoLooks:
    """Takes the place of the worker that looks at targets."""

    def __init__(self, *parts: object) -> None:
        """Uses none of them."""

    async def run(self) -> None:
        await asyncio.Event().wait()


if __name__ == "__main__":
    chosen = json.loads(os.environ.pop(VARIABLE, "{}"))
    if not LOOKS.keys() & chosen.keys():
        setattr(lifespan, "LookWorker", NoLooks)  # noqa: B010 - another type, which mypy would refuse
    apply(chosen)
    runpy.run_module("app", run_name="__main__")
