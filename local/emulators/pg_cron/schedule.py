"""When a pg_cron job is due.

SQL (`cron._parse_schedule`) parses and validates schedules, so that there is one grammar. croniter does not
implement pg_cron's grammar: it does not combine a day field that begins with a star ("*/2") with the other
day field by AND, it rejects text that Vixie's parser accepts ("*x"), and it has no "$". The tests compare the
two where they agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

CATCH_UP_MINUTES = 5
"""After a gap of up to this many minutes (a late scheduler), every missed minute runs."""

CLOCK_CHANGE_MINUTES = 180
"""After a longer gap (a changed clock), only the current minute runs."""

ONE_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Schedule:
    """An interval in seconds, a run at the scheduler's start, or the value sets of a crontab line, in GMT."""

    seconds: int = 0
    at_start: bool = False
    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    on_last_day: bool = False
    both_days: bool = False
    wildcard_time: bool = False

    @classmethod
    def from_parsed(cls, parsed: Mapping[str, Any] | None) -> Schedule:
        """From the result of `cron._parse_schedule`. An invalid schedule (None) never runs."""
        if parsed is None or "reboot" in parsed:
            return cls(at_start=parsed is not None)
        if "seconds" in parsed:
            return cls(seconds=int(parsed["seconds"]))
        return cls(
            minutes=frozenset(parsed["minute"]),
            hours=frozenset(parsed["hour"]),
            days=frozenset(parsed["day"]),
            months=frozenset(parsed["month"]),
            weekdays=frozenset(parsed["weekday"]),
            on_last_day=parsed["last_day"],
            both_days=parsed["both_days"],
            wildcard_time=parsed["wildcard_time"],
        )

    def is_due(self, moment: datetime) -> bool:
        """Whether the crontab line matches this minute."""
        on_time = moment.minute in self.minutes and moment.hour in self.hours and moment.month in self.months
        return on_time and self._is_day(moment)

    def _is_day(self, moment: datetime) -> bool:
        is_last_day = (moment + timedelta(days=1)).day == 1
        day = moment.day in self.days or (self.on_last_day and is_last_day)
        weekday = moment.isoweekday() % 7 in self.weekdays
        return (day and weekday) if self.both_days else (day or weekday)

    def runs_between(self, previous: datetime, current: datetime) -> int:
        """The number of runs that became due after the minute `previous`, up to the minute `current`.

        After a jump of the clock, jobs with a wildcard time do not run for each skipped minute.
        """
        passed = (current - previous) // ONE_MINUTE
        if passed < 0 or passed > CLOCK_CHANGE_MINUTES:
            return int(self.is_due(current))
        if passed > CATCH_UP_MINUTES and self.wildcard_time:
            return int(self.is_due(current))
        return sum(self.is_due(previous + step * ONE_MINUTE) for step in range(1, passed + 1))


def minute_of(moment: datetime) -> datetime:
    """The start of the minute."""
    return moment.replace(second=0, microsecond=0)
