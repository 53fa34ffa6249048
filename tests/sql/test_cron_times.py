"""monitoring.next_cron_time() against croniter, and against a clock that is read minute by minute."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from croniter import croniter

NEXT = "select monitoring.next_cron_time(%s, %s, %s)"
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/Havana",
    "Africa/Cairo",
]
# A week around the changes of the clock.
MOMENTS = [
    datetime(2026, 3, 25, tzinfo=UTC),
    datetime(2026, 10, 22, tzinfo=UTC),
    datetime(2026, 3, 6, tzinfo=UTC),
    datetime(2026, 10, 30, tzinfo=UTC),
    datetime(2026, 4, 2, tzinfo=UTC),
    datetime(2026, 10, 1, tzinfo=UTC),
    datetime(2026, 4, 22, tzinfo=UTC),
]


def read_moment(connection: psycopg.Connection, cron: str, zone: str, after: datetime) -> datetime:
    row = connection.execute(NEXT, [cron, zone, after]).fetchone()
    assert row is not None
    moment = row[0]
    assert isinstance(moment, datetime)
    return moment


def random_field(chance: random.Random, minimum: int, maximum: int) -> str:
    first, last = sorted(chance.sample(range(minimum, maximum + 1), 2))
    step = chance.randint(1, max(1, (maximum - minimum) // 3))
    items = [f"{first}", f"{first}-{last}", f"{first}-{last}/{step}", f"*/{step}", f"{first},{last}"]
    return chance.choice([*items, "*", "*"])


def random_cron(chance: random.Random) -> str:
    bounds = [(0, 59), (0, 23), (1, 28), (1, 12), (0, 6)]
    fields = [random_field(chance, *each) for each in bounds]
    # croniter reads two day fields of which one is */n in another way than cron.
    fields[chance.choice([2, 4])] = "*"
    return " ".join(fields)


def test_as_croniter_in_utc(database_url: str) -> None:
    chance = random.Random(16)  # noqa: S311 - no secret
    with psycopg.connect(database_url) as connection:
        for _ in range(1500):
            cron = random_cron(chance)
            after = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(4 * 366 * 86_400))
            assert read_moment(connection, cron, "UTC", after) == croniter(cron, after).get_next(datetime), cron


def read_clock(connection: psycopg.Connection, zone: str, after: datetime) -> list[tuple[datetime, datetime]]:
    """Each minute of nine days, and what a clock in the timezone shows.

    The clock is the server's: Python may have another edition of the timezones, which change every year.
    """
    query = """
        select moment, moment at time zone %s
        from generate_series(%s + interval '1 minute', %s + interval '9 days', interval '1 minute') as moments (moment)
        order by moment
    """
    return connection.execute(query, [zone, after, after]).fetchall()


def clock_times(minutes: set[int], hours: set[int], clock: list[tuple[datetime, datetime]]) -> Iterator[datetime]:
    """When a clock shows such a time. One that comes twice counts once, unless every hour counts."""
    seen: set[datetime] = set()
    for moment, shown in clock:
        if shown.minute in minutes and shown.hour in hours and (shown not in seen or len(hours) == 24):
            yield moment
        seen.add(shown)


@pytest.mark.parametrize("zone", ZONES)
def test_as_a_clock_that_is_changed(database_url: str, zone: str) -> None:
    chance = random.Random(zone)  # noqa: S311 - no secret
    with psycopg.connect(database_url) as connection:
        for after in MOMENTS:
            clock = read_clock(connection, zone, after)
            for _ in range(3):
                minutes = {chance.randrange(60) for _ in range(chance.randint(1, 2))}
                hours = set(chance.choice([range(24), [chance.randrange(4)], [0, 1, 2, 3], [chance.randrange(24)]]))
                hour_field = "*" if len(hours) == 24 else ",".join(map(str, hours))
                cron = f"{','.join(map(str, minutes))} {hour_field} * * *"
                moment = after
                for expected in list(clock_times(minutes, hours, clock))[:200]:
                    if expected > after + timedelta(days=8):
                        break
                    moment = read_moment(connection, cron, zone, moment)
                    assert moment == expected, (cron, zone)


def test_the_days_are_those_of_cron(database_url: str) -> None:
    """Both day fields restricted: one is enough. One that begins with *: both."""
    after = datetime(2026, 3, 4, tzinfo=UTC)
    with psycopg.connect(database_url) as connection:
        assert read_moment(connection, "0 0 13 * fri", "UTC", after).day == 6
        assert read_moment(connection, "0 0 */2 * fri", "UTC", after).day == 13
