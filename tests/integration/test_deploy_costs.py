"""docs/deploy.md says what the scheduled jobs cost."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import psycopg
from croniter import croniter

from tests.support.pages import DOCS, rows, section

DAY = datetime(2026, 11, 26, tzinfo=UTC)
# Scheduled only while they are needed.
OPTIONAL = {
    "monitoring-embed-knowledge",
    "monitoring-retry-deliveries",
    "monitoring-send-notifications",
    "monitoring-watch-sentry",
}
FIGURES = {row[0]: row[1] for row in rows(section(DOCS / "deploy.md", "What it costs"))}


def starts(schedule: str) -> list[datetime]:
    """When a job with this schedule starts on the day."""
    seconds = re.fullmatch(r"(\d+) seconds", schedule)
    if seconds:
        return [DAY + timedelta(seconds=each) for each in range(0, 86_400, int(seconds[1]))]
    found = croniter(schedule, DAY - timedelta(seconds=1))
    times: list[datetime] = []
    while (time := found.get_next(datetime)) < DAY + timedelta(days=1):
        times.append(time)
    return times


def test_the_jobs_of_a_day(database_url: str) -> None:
    query = "select jobname, schedule from cron.job where jobname like 'monitoring-%'"
    # As postgres: a job belongs to the role that schedules it.
    with psycopg.connect(database_url) as connection:
        connection.execute("select monitoring.schedule_jobs()")
        schedules = {name: schedule for name, schedule in connection.execute(query).fetchall() if name not in OPTIONAL}
    times = {name: starts(schedule) for name, schedule in schedules.items()}
    runs = sum(len(each) for each in times.values())
    assert f"about {round(runs, -3):,} a day" in FIGURES["runs of scheduled jobs"]
    minutes = Counter(minute for each in times.values() for minute in {time.replace(second=0) for time in each})
    assert max(minutes.values()) <= 8
    assert "at most 8 start in the same minute" in FIGURES["runs of scheduled jobs"]
