"""The service's time budgets are below the limits of its senders. Nothing is measured here."""

import pytest

from app import lifespan, main
from app.supabase import client, connections, retry
from tests.support import service_budgets

SENTRY_LIMIT_SECONDS = 1
SHUTDOWN_LIMIT_SECONDS = 10


def test_sentry_is_answered_before_it_hangs_up() -> None:
    assert lifespan._SENTRY_SECONDS < SENTRY_LIMIT_SECONDS
    assert retry.BUDGET_SECONDS < SENTRY_LIMIT_SECONDS


def test_a_shutdown_fits_the_time_that_railway_gives() -> None:
    assert main.SHUTDOWN_REQUEST_SECONDS + lifespan._DRAIN_SECONDS < SHUTDOWN_LIMIT_SECONDS


def test_a_reporter_waits_two_seconds_at_most() -> None:
    assert lifespan._REPORT_SECONDS <= 2


def test_every_budget_that_tests_replace_exists() -> None:
    """A renamed constant would leave the real budget in place."""
    for module, name in (service_budgets.CONSTANTS | service_budgets.PAUSES | service_budgets.LOOKS).values():
        assert hasattr(module, name), f"{module.__name__}.{name}"


def test_every_budget_of_a_call_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = [(module, name) for module in (client, connections) for name in vars(module) if name.endswith("_SECONDS")]
    kept = {"_IDLE_SECONDS", "_NEXT_ADDRESS_SECONDS"}  # they end no call
    for module, name in budgets:
        monkeypatch.setattr(module, name, getattr(module, name))
    service_budgets.apply({"call": 12_345})
    assert {name for module, name in budgets if getattr(module, name) != 12_345} == kept
