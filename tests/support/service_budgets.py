"""Runs the service, `python -m app`, with the time budgets that TEST_TIME_BUDGETS names as JSON.

A service on a busy machine may use up its budget although the database is fine; it then spools a report and
answers 202. Tests whose subject is another one run it with budgets that no machine exhausts (`UNHURRIED`), and
tests of what happens when a budget is exhausted keep the real ones.
"""

from __future__ import annotations

import json
import os
import runpy
from collections.abc import Callable, Mapping

import httpx

from app import main, monitor, receiving, retry, supabase_rest

VARIABLE = "TEST_TIME_BUDGETS"
SECONDS = 600.0


def _set_report(seconds: float) -> None:
    main._REPORT_SECONDS = seconds


def _set_sentry(seconds: float) -> None:
    main._SENTRY_SECONDS = seconds


def _set_public_status(seconds: float) -> None:
    main._PUBLIC_STATUS_SECONDS = seconds


def _set_retry(seconds: float) -> None:
    retry.deadline_from_now.__defaults__ = (seconds,)


def _set_monitor(seconds: float) -> None:
    monitor.DatabaseMonitor.__init__.__defaults__ = (seconds,)


def _set_body(seconds: float) -> None:
    receiving._BODY_SECONDS = seconds


def _set_call(seconds: float) -> None:
    supabase_rest._TIMEOUT = httpx.Timeout(seconds)


_SETTERS: Mapping[str, Callable[[float], None]] = {
    "report": _set_report,  # how long a reporter waits for the database before the spool takes the report
    "sentry": _set_sentry,  # the same for Sentry
    "public_status": _set_public_status,  # how long an anonymous status answer is cached
    "retry": _set_retry,  # how long a failed call is tried again
    "monitor": _set_monitor,  # how long the database may take to answer the monitor
    "body": _set_body,  # how long a request body may take to arrive
    "call": _set_call,  # the HTTP client's timeouts of a call to Supabase
}

UNHURRIED: Mapping[str, float] = dict.fromkeys(_SETTERS, SECONDS)
"""Every budget is out of reach."""

UNHURRIED_CALLS: Mapping[str, float] = {"call": SECONDS, "body": SECONDS}
"""The real budgets, but a call to Supabase that gets no answer stays open until the test ends it."""


def apply(budgets: Mapping[str, float]) -> None:
    for name, seconds in budgets.items():
        _SETTERS[name](seconds)


if __name__ == "__main__":
    apply(json.loads(os.environ.pop(VARIABLE, "{}")))
    runpy.run_module("app", run_name="__main__")
