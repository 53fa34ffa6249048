"""Rounds against real servers: what is sent, and what clocks that are wrong leave behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target
from tests.support.waiting import wait_until


@pytest.mark.parametrize(
    ("content_type", "body"),
    [(None, '{"ok": [1, "é"]}'), ("application/json", '{"ok": 1}'), ("text/xml", "<ping/>"), ("text/plain", "ping é")],
)
def test_bodies_and_secrets_arrive(
    health_checks: HealthChecks, web: Target, content_type: str | None, body: str
) -> None:
    secret = f"probe_{health_checks.suffix}"
    health_checks.connection.execute("insert into monitoring.secrets values (%s, %s)", (secret, "opensesame"))
    # The server answers with the request as JSON.
    escaped = body.replace('"', '\\"').replace("é", "\\u00e9")
    posted: dict[str, object] = {"method": "POST", "body": body}
    if content_type is not None:
        posted["content_type"] = content_type
    targets: dict[str, dict[str, object]] = {
        "body": {"body_contains": f'"body": "{escaped}"'},
        "type": {"body_contains": f'["Content-Type", "{content_type or "application/json"}"]'},
        "secret": {"body_contains": '["X-Key", "opensesame"]', "secret_headers": {"X-Key": secret}},
    }
    try:
        health_checks.set_targets(
            *(health_checks.target(name, web.url("/echo")) | posted | fields for name, fields in targets.items())
        )
        moment = health_checks.start_round()
        in_flight = health_checks.wait_for_answers(moment)
        health_checks.finish_round()
        checks = health_checks.checks(moment)
        assert {name: (check.status, check.error) for name, check in checks.items()} == dict.fromkeys(
            targets, ("up", None)
        )
        # What a server repeats of a secret is not shown to readers.
        assert "X-Key" in in_flight["secret"].answer_excerpt
        assert "opensesame" not in repr(in_flight) + repr(checks)
    finally:
        health_checks.connection.execute("delete from monitoring.secrets where name = %s", (secret,))


def test_a_clock_that_was_an_hour_ahead_stops_nothing(health_checks: HealthChecks, web: Target) -> None:
    """Rounds were judged, sent and planned in the future, and jobs ran there."""
    name = health_checks.name("api")
    health_checks.set_targets(health_checks.target("api", web.url("/status/200")))
    health_checks.run_round()
    ahead = "now() + interval '1 hour'"
    insert = "insert into {} (target, target_type, scheduled_at, {}) values (%s, 'other', {})"
    for table, columns, values in (
        ("public.monitoring_checks", "completed_at, status", f"{ahead}, {ahead}, 'down'"),
        (
            "monitoring.probes",
            "sent_at, answer_due_at, request_id",
            f"{ahead} + interval '1 minute', {ahead}, {ahead}, -1",
        ),
        ("monitoring.probes", "send_at", f"{ahead} + interval '2 minutes', {ahead}"),
    ):
        health_checks.connection.execute(insert.format(table, columns, values), (name,))
    health_checks.connection.execute(
        "update monitoring.target_states set last_check_at = now() + interval '1 hour', since = now() + interval"
        " '1 hour' where target = %s",
        (name,),
    )
    job = "monitoring-health-checks"
    health_checks.connection.execute(
        "update monitoring.job_runs set ran_at = now() + interval '1 hour' where job = %s", (job,)
    )

    check = health_checks.run_round()["api"]
    assert check.status == "up"
    assert health_checks.value("select count(*) from monitoring.all_checks where scheduled_at > now()") == 0
    (state,) = health_checks.rows("select * from monitoring.target_states where target = %s", name)
    assert (state.status, state.last_check_at) == ("up", check.scheduled_at)
    assert health_checks.value("select ran_at <= clock_timestamp() from monitoring.job_runs where job = %s", job)


def test_a_minute_that_is_repeated_is_checked_once(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_targets(health_checks.target("api", web.url("/delay/0")))
    moment = health_checks.start_round()
    assert health_checks.value("select monitoring.start_round(%s)", moment) == 0
    health_checks.finish_round()
    assert health_checks.value("select monitoring.start_round(%s)", moment) == 0
    assert web.paths == ["/delay/0"]


def test_rounds_and_judgements_of_several_sessions_send_each_check_once(
    health_checks: HealthChecks, web: Target, database_url: str
) -> None:
    names = [f"t{number}" for number in range(60)]
    health_checks.set_targets(*(health_checks.target(name, web.url(f"/delay/0?{name}")) for name in names))
    health_checks.unlock_rounds()
    moment = health_checks.value("select (date_trunc('minute', now()) - interval '1 hour')::text")
    statements = [
        f"select monitoring.start_round('{moment}')",
        "select monitoring.judge_health_checks()",
        "select monitoring.send_due_checks()",
        "select monitoring.withdraw_unanswered_requests()",
    ]

    def run(statement: str) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for _ in range(5):
                connection.execute(statement.encode())

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(run, statement) for statement in statements * 2]:
            done.result()
    health_checks.finish_round()
    assert sorted(web.paths) == sorted(f"/delay/0?{name}" for name in names)


def test_a_round_waits_for_the_lock_of_rounds_without_holding_what_a_judgement_locks(
    health_checks: HealthChecks, database_url: str
) -> None:
    """A judgement dates jobs of the future now when the clock was set back, and would wait for the round for ever."""
    health_checks.set_targets()
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as pool:
        starting = pool.submit(other.execute, "select monitoring.run_health_checks()")
        try:
            wait_until(
                lambda: health_checks.value("select cardinality(pg_blocking_pids(%s)) > 0", other.info.backend_pid),
                what="a round that waits",
            )
            health_checks.connection.execute(
                "select from monitoring.job_runs where job = 'monitoring-health-checks' for update nowait"
            )
        finally:
            health_checks.unlock_rounds()
        starting.result()
