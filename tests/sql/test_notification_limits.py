"""A storm of incidents, random transitions and a long history, against the functions that limit notifications."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from secrets import token_hex

import psycopg
import pytest
from psycopg.rows import dict_row

Connection = psycopg.Connection[dict[str, object]]

CHANNEL = """
insert into monitoring.notification_channels (name, place, kind, min_severity, events)
values ('storm', 900, 'webhook', 'LOW', '{opened,escalated,reopened,acknowledged,resolved}')
"""
OPEN = """
insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
select
  'INC-' || %(name)s::text || '-' || numbers.n, %(name)s::text || numbers.n, 'Title ' || numbers.n, 'm',
  (array['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'])[1 + numbers.n %% 4]::public.incident_severity, 'backend', 'r'
from generate_series(%(first)s::integer, %(last)s::integer) as numbers (n)
"""
DUE = """
select due.id, notifications.event::text
from monitoring.list_due_notifications('storm') as due
join monitoring.notifications using (id)
order by due.place
limit %s
"""
SENT = """
update monitoring.notifications
set
  status = case when %(arrives)s then 'delivered' else 'queued' end::monitoring.notification_status,
  attempts = attempts + 1,
  sent_at = clock_timestamp(),
  finished_at = case when %(arrives)s then clock_timestamp() end,
  next_attempt_at = clock_timestamp() + interval '5 seconds' * power(2, attempts)
where id = %(id)s
"""
# The clock is moved by moving what is compared with it.
WAIT = """
update monitoring.notifications
set
  sent_at = sent_at - interval '5 seconds',
  earlier_sent_at = array(select unnest(earlier_sent_at) - interval '5 seconds'),
  next_attempt_at = next_attempt_at - interval '5 seconds'
where channel = 'storm'
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A transaction that is rolled back, with a channel that has no secret: nothing is sent but by the test."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        connection.execute(CHANNEL)
        yield connection
        connection.rollback()


def limit(connection: Connection, field: str, value: int) -> None:
    connection.execute(
        "update public.system_config set value = value || jsonb_build_object(%s::text, %s::integer)"
        " where key = 'rate_limits'",
        (field, value),
    )


def run(connection: Connection, query: str, *values: object) -> list[dict[str, object]]:
    """The rows of a query that is put together from texts of this file."""
    cursor = connection.execute(query.encode(), values)
    return cursor.fetchall() if cursor.description else []


def number(connection: Connection, query: str, *values: object) -> int:
    ((value,),) = (row.values() for row in run(connection, query, *values))
    assert isinstance(value, int)
    return value


# ---- a storm ----


@pytest.mark.parametrize("failing", [0, 7], ids=["all arrive", "every seventh attempt fails"])
def test_a_storm_keeps_the_limit_and_names_every_incident(connection: Connection, failing: int) -> None:
    """1,000 incidents in a minute, then as many minutes as it takes, in the 5-second steps of the job."""
    limit(connection, "notifications_per_minute", 20)
    attempts: list[float] = []
    started = time.monotonic()
    for step in range(120):
        connection.execute(WAIT)
        if step < 12:
            connection.execute(OPEN, {"name": "storm", "first": step * 84 + 1, "last": min(step * 84 + 84, 1000)})
        number(connection, "select monitoring.finish_digests('storm')")
        number(connection, "select monitoring.collapse_notifications('storm')")
        free = number(connection, "select monitoring.count_free_messages('storm')")
        number(connection, "select monitoring.queue_digests('storm', %s)", free)
        for row in connection.execute(DUE, (free,)).fetchall():
            # The true time passes as well.
            attempts.append(step * 5 + time.monotonic() - started)
            connection.execute(SENT, {"id": row["id"], "arrives": not failing or len(attempts) % failing != 0})
        number(connection, "select monitoring.finish_digests('storm')")
        if step >= 12 and not number(
            connection, "select count(*) from monitoring.notifications where channel = 'storm' and status = 'queued'"
        ):
            break

    busiest = max(sum(first <= at < first + 60 for at in attempts) for first in attempts)
    named = connection.execute(
        """
        select names.id, count(*) as times
        from monitoring.notifications
        cross join lateral (
          select notifications.incident_id as id
          where notifications.digest_id is null and notifications.incident_id is not null
          union all
          select names.item ->> 'incident_id'
          from jsonb_array_elements(notifications.details -> 'notifications') as names (item)
          where notifications.event = 'digest'
        ) as names
        where channel = 'storm' and status = 'delivered'
        group by names.id
        """
    ).fetchall()
    print(f"{len(named)} incidents in {len(attempts)} attempts over {step * 5} s, at most {busiest} a minute")
    assert busiest <= 20
    assert {row["id"] for row in named} == {f"INC-storm-{place}" for place in range(1, 1001)}
    assert {row["times"] for row in named} == {1}
    assert number(connection, "select count(*) from monitoring.notifications where channel = 'storm'") == 1000 + number(
        connection, "select count(*) from monitoring.notifications where channel = 'storm' and event = 'digest'"
    )
    assert step <= 48  # four minutes


# ---- random transitions ----


@dataclass
class Notification:
    id: int
    event: str
    severity: str
    status: str
    may_have_arrived: bool

    @property
    def was_told(self) -> bool:
        return self.status in ("delivered", "sending") or self.may_have_arrived

    @property
    def is_unsent(self) -> bool:
        return self.status == "queued" and not self.may_have_arrived


SEVERITIES = ["LOW", "MEDIUM", "HIGH", "CRITICAL"]
STATES = ("opened", "reopened", "resolved")
CHANGES = {
    "acknowledge": "set status = 'acknowledged', acknowledged_at = clock_timestamp()",
    "resolve": "set status = 'resolved', resolved_at = clock_timestamp()",
    "suppress": "set status = 'suppressed'",
    "reopen": "set status = 'open', resolved_at = null",
    "raise": "set severity = case severity when 'LOW' then 'MEDIUM' when 'MEDIUM' then 'HIGH' else 'CRITICAL' end"
    "::public.incident_severity",
}
POSSIBLE = {
    "open": ["acknowledge", "resolve", "suppress", "raise"],
    "acknowledged": ["resolve", "suppress", "raise"],
    "suppressed": ["reopen", "resolve"],
    "resolved": ["reopen"],
}
OUTCOMES = {
    "delivered": "set status = 'delivered', attempts = attempts + 1, sent_at = clock_timestamp(),"
    " finished_at = clock_timestamp()",
    "refused": "set status = 'queued', attempts = attempts + 1, sent_at = clock_timestamp()",
    "lost": "set status = 'queued', attempts = attempts + 1, sent_at = clock_timestamp(), may_have_arrived = true",
    "in flight": "set status = 'sending', attempts = attempts + 1, sent_at = clock_timestamp(),"
    " lease_expires_at = clock_timestamp()",
}


def remaining(rows: list[Notification], *, is_resolved: bool) -> list[int]:
    """The model: what collapse_notifications() leaves to be sent, from the docs of what a channel has to know."""
    told = [row for row in rows if row.was_told and row.event != "acknowledged"]
    unsent = [row for row in rows if row.is_unsent]
    states = [row for row in unsent if row.event in STATES]
    ends = any(row.event == "resolved" for row in unsent)
    if is_resolved and not ends:
        return []
    if not ends and len(states) < 2:
        return [row.id for row in unsent]
    newest = states[-1]
    is_known_open = bool(told) and told[-1].event != "resolved"
    if newest.event == "resolved":
        is_news = is_known_open
    else:
        is_news = (
            not is_known_open or not ends or SEVERITIES.index(newest.severity) > SEVERITIES.index(told[-1].severity)
        )
    return [row.id for row in unsent if row.id > newest.id or (row.id == newest.id and is_news)]


def notifications(connection: Connection, incident: str) -> list[Notification]:
    return [
        Notification(**row)  # type: ignore[arg-type]  # the columns of the query
        for row in connection.execute(
            "select id, event::text, severity::text, status::text, may_have_arrived from monitoring.notifications"
            " where channel = 'storm' and incident_id = %s order by id",
            (incident,),
        ).fetchall()
    ]


def incident(connection: Connection, name: str) -> tuple[str, str]:
    row = connection.execute(
        "select status::text, severity::text from public.incidents where id = %s", (name,)
    ).fetchone()
    assert row is not None
    return str(row["status"]), str(row["severity"])


def collapse_as_the_model(connection: Connection, name: str) -> None:
    before = notifications(connection, name)
    expected = remaining(before, is_resolved=incident(connection, name)[0] == "resolved")
    connection.execute("select monitoring.collapse_notifications('storm')")
    after = [row.id for row in notifications(connection, name) if row.is_unsent]
    assert after == expected, before


@pytest.mark.parametrize("seed", range(8))
def test_random_transitions_collapse_as_the_model_says(connection: Connection, seed: int) -> None:
    """Through the triggers of the life cycle, with attempts of every outcome in between."""
    # S311: the sequences are the same in each run.
    choices = random.Random(seed)  # noqa: S311
    limit(connection, "notification_repeat_minutes", 0)
    for place in range(1, 21):
        name = f"INC-random-{place}"
        connection.execute(OPEN, {"name": "random", "first": place, "last": place})
        for _ in range(choices.randrange(1, 14)):
            if choices.random() < 0.6:
                change = choices.choice(POSSIBLE[incident(connection, name)[0]])
                run(connection, f"update public.incidents {CHANGES[change]} where id = %s", name)
                continue
            collapse_as_the_model(connection, name)
            for row in connection.execute(DUE, (1,)).fetchall():
                outcome = choices.choice(list(OUTCOMES))
                run(connection, f"update monitoring.notifications {OUTCOMES[outcome]} where id = %s", row["id"])
        if incident(connection, name)[0] == "suppressed":
            run(connection, f"update public.incidents {CHANGES['reopen']} where id = %s", name)
        finish(connection, name)


def finish(connection: Connection, name: str) -> None:
    """Everything arrives; then the channel knows how the incident is."""
    connection.execute(
        "update monitoring.notifications set status = 'queued', lease_expires_at = null, may_have_arrived = true"
        " where channel = 'storm' and status = 'sending'"
    )
    collapse_as_the_model(connection, name)
    while due := connection.execute(DUE, (1,)).fetchall():
        run(connection, f"update monitoring.notifications {OUTCOMES['delivered']} where id = %s", due[0]["id"])
        collapse_as_the_model(connection, name)

    rows = notifications(connection, name)
    status, severity = incident(connection, name)
    told = [row for row in rows if row.status == "delivered" and row.event != "acknowledged"]
    assert {row.status for row in rows} <= {"delivered", "collapsed"}
    if status == "resolved":
        assert not told or told[-1].event == "resolved", rows
    else:
        assert told[-1].event != "resolved", rows
        assert told[-1].severity == severity, rows
    openings = [row.event != "resolved" for row in told]
    assert not openings or openings[0], "the first message is no resolution"
    assert all(first or second for first, second in pairwise(openings)), "no resolution follows a resolution"


# ---- other sessions ----


def test_rows_that_another_session_holds_are_left_with_all_of_their_incident(database_url: str) -> None:
    """No later row may overtake the locked one, and nobody waits for it."""
    name = token_hex(6)
    names = [f"INC-{name}-{place}" for place in (1, 2)]
    with (
        psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as owner,
        psycopg.connect(database_url, row_factory=dict_row) as other,
    ):
        try:
            owner.execute(CHANNEL)
            owner.execute(OPEN, {"name": name, "first": 1, "last": 2})
            run(owner, f"update public.incidents {CHANGES['resolve']} where id = any(%s)", names)
            other.execute(
                "select from monitoring.notifications where incident_id = %s and event = 'opened' for update",
                (names[0],),
            )
            assert number(owner, "select monitoring.collapse_notifications('storm')") == 2
            assert [row.status for row in notifications(owner, names[0])] == ["queued", "queued"]
            assert [row.status for row in notifications(owner, names[1])] == ["collapsed", "collapsed"]
            run(owner, f"update public.incidents {CHANGES['reopen']} where id = %s", names[1])
            assert number(owner, "select monitoring.queue_digests('storm', 1)") == 1
            assert incidents_in_digests(owner) == [names[1]]
            other.rollback()
            assert number(owner, "select monitoring.collapse_notifications('storm')") == 2
        finally:
            other.rollback()
            owner.execute("delete from monitoring.notification_channels where name = 'storm'")
            owner.execute("delete from monitoring.notifications where channel = 'storm'")
            run(owner, f"update public.incidents {CHANGES['resolve']} where id = any(%s) and status = 'open'", names)


def incidents_in_digests(connection: Connection) -> list[object]:
    return [
        row["id"]
        for row in connection.execute(
            """
            select names.item ->> 'incident_id' as id
            from monitoring.notifications
            cross join lateral jsonb_array_elements(details -> 'notifications') as names (item)
            where channel = 'storm' and event = 'digest'
            """
        ).fetchall()
    ]


# ---- a long history ----

CALLS = [
    "monitoring.count_free_messages('storm')",
    "monitoring.collapse_notifications('storm')",
    "monitoring.queue_digests('storm', 20)",
    "monitoring.finish_digests('storm')",
    "(select count(*) from monitoring.list_due_notifications('storm'))",
    "monitoring.queue_reminders()",
    "monitoring.find_repeat_end('storm', 'INC-old-7', 9000000000, 'reopened', 'HIGH')",
]


@pytest.fixture
def compact_table(database_url: str) -> None:
    """Removes what rolled-back tests left in the table and its indexes: the planner counts their pages."""
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("vacuum (full, analyze) monitoring.notifications")


@pytest.mark.usefixtures("compact_table")
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.split("(")[-2].split(".")[-1])
def test_a_history_of_100_000_notifications_is_not_read(connection: Connection, call: str) -> None:
    connection.execute(OPEN, {"name": "old", "first": 1, "last": 100})
    connection.execute(
        """
        insert into monitoring.notifications (
          channel, incident_id, event, severity, status, sent_at, finished_at, remind_at, escalate_at
        )
        select
          'storm', 'INC-old-' || 1 + numbers.n % 100, 'reopened', 'HIGH', 'delivered',
          now() - interval '80 days' + numbers.n * interval '1 minute', now(), now() + interval '1 hour',
          now() + interval '1 hour'
        from generate_series(1, 100000) as numbers (n)
        """
    )
    connection.execute("analyze monitoring.notifications")
    connection.execute("set local enable_seqscan = off")  # as in the functions that call these
    before = reads(connection)
    run(connection, f"select {call}")
    scanned, read = (after - start for after, start in zip(reads(connection), before, strict=True))
    assert (scanned, read < 2500) == (0, True), f"{scanned} sequential scans, {read} rows read through indexes"


@pytest.mark.usefixtures("compact_table")
def test_the_collapsed_notifications_of_a_flapping_incident_are_not_read(connection: Connection) -> None:
    connection.execute(OPEN, {"name": "flap", "first": 1, "last": 1})
    connection.execute(
        """
        insert into monitoring.notifications (channel, incident_id, event, severity, status, finished_at)
        select
          'storm', 'INC-flap-1', (array['reopened', 'resolved'])[1 + numbers.n % 2]::monitoring.notification_event,
          'HIGH', 'collapsed', now()
        from generate_series(1, 10000) as numbers (n)
        """
    )
    connection.execute("analyze monitoring.notifications")
    connection.execute("set local enable_seqscan = off")  # as in the functions that call these
    before = reads(connection)
    run(connection, f"update public.incidents {CHANGES['resolve']} where id = 'INC-flap-1'")
    run(connection, f"update public.incidents {CHANGES['reopen']} where id = 'INC-flap-1'")
    run(connection, "select monitoring.collapse_notifications('storm')")
    run(connection, "select count(*) from monitoring.list_due_notifications('storm')")
    scanned, read = (after - start for after, start in zip(reads(connection), before, strict=True))
    assert (scanned, read < 200) == (0, True), f"{scanned} sequential scans, {read} rows read through indexes"


def reads(connection: Connection) -> tuple[int, int]:
    """Sequential scans of the table, and rows fetched through its indexes, by this transaction."""
    row = connection.execute(
        "select seq_scan::integer, idx_tup_fetch::integer from pg_catalog.pg_stat_xact_user_tables"
        " where relid = 'monitoring.notifications'::regclass"
    ).fetchone()
    assert row is not None
    scanned, fetched = row.values()
    assert isinstance(scanned, int)
    assert isinstance(fetched, int)
    return scanned, fetched
