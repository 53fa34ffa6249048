"""The targets of the demo are in the same states on every day of a week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from local.demo.targets import maintenance_windows

SATURDAY = datetime(2026, 11, 28, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize("days", range(7))
def test_the_maintenance_of_each_week_is_days_away(days: int) -> None:
    now = SATURDAY + timedelta(days=days)
    (window,) = [window for window in maintenance_windows(now) if "days" in window]
    near = {
        f"{(now + timedelta(days=distance)).astimezone(ZoneInfo(str(window['timezone']))):%a}".lower()
        for distance in (-1, 0, 1)
    }
    assert window["days"] not in [[day] for day in near]
