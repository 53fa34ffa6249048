"""The service's time budgets are below the limits of its senders. Nothing is measured here."""

from app import lifespan, main
from app.supabase import retry
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
