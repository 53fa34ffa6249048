"""Uptime counts time: what the views show of real rounds, before and after the roll-up, and who may read it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from local import Stack
from tests.support import http_client
from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target
from tests.support.waiting import wait_until

SECONDS = """
select array[sum(up_seconds), sum(down_seconds), sum(unknown_seconds), sum(maintenance_seconds)]::integer[]
from public.target_history where target = %s
"""
ROLL_UP = "select monitoring.roll_up_checks(), monitoring.roll_up_days()"


def test_time_is_counted_before_and_after_the_roll_up(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(health_checks.target("api", web.url("/now")), health_checks.target("web", web.url("/")))
    for path in ("/status/200", "/status/500", "/status/500", "/status/200"):
        web.now = path
        health_checks.run_round()
    # Ten minutes without a round.
    health_checks.rounds += 10
    health_checks.run_round()

    # Of both readings, also if the hour ends between them.
    hour = health_checks.value("select date_trunc('hour', now(), 'UTC')")

    def read() -> tuple[list[int], int, Any]:
        seconds = health_checks.value(SECONDS, health_checks.name("api"))
        gap = "select sum(gap_seconds) from public.target_history where target = %s and hour < %s"
        uptime = "select uptime_24h_percent from public.target_status where target = %s"
        return (
            seconds,
            health_checks.value(gap, health_checks.name("api"), hour),
            health_checks.value(uptime, health_checks.name("api")),
        )

    seconds, gap, uptime = read()
    assert seconds == [180, 120, 0, 0]
    assert gap >= 600
    assert float(uptime) == 60
    health_checks.connection.execute(ROLL_UP)
    assert read() == (seconds, gap, uptime)


def test_a_check_stands_for_the_interval_of_its_target(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_policy(allow_private=True, attempts=1)
    every_five = health_checks.target("api", web.url("/now"), interval_minutes=5)
    health_checks.set_targets(every_five)
    health_checks.run_round()
    web.now = "/status/500"
    # The next round in which it is due.
    health_checks.rounds += 4
    health_checks.run_round()
    health_checks.set_targets(every_five | {"interval_minutes": 30})
    web.now = "/status/200"
    health_checks.rounds += 29
    health_checks.run_round()
    # A check each minute again, which ends the one before.
    health_checks.set_targets(every_five | {"interval_minutes": 1})
    health_checks.rounds += 9
    health_checks.run_round()
    assert health_checks.value(SECONDS, health_checks.name("api")) == [300 + 600 + 60, 300, 0, 0]
    uptime = "select uptime_24h_percent from public.target_status where target = %s"
    assert float(health_checks.value(uptime, health_checks.name("api"))) == 76.19


def test_a_round_that_is_judged_after_the_roll_up_is_counted(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(health_checks.target("api", web.url("/hold")))
    web.hold()
    health_checks.start_round()
    wait_until(lambda: web.paths != [], what="the request")
    health_checks.connection.execute(ROLL_UP)
    stored = "select checks, is_final from monitoring.target_hourly_stats where target = %s order by hour limit 1"
    assert health_checks.rows(stored, health_checks.name("api")) == [(0, False)]
    web.release()
    health_checks.finish_round()
    assert health_checks.value(SECONDS, health_checks.name("api")) == [60, 0, 0, 0]
    health_checks.connection.execute(ROLL_UP)
    assert health_checks.rows(stored, health_checks.name("api")) == [(1, True)]


def test_roll_ups_at_the_same_time_do_not_block_each_other_for_ever(
    health_checks: HealthChecks, web: Target, database_url: str
) -> None:
    health_checks.set_targets(*(health_checks.target(f"t{number}", web.url("/status/200")) for number in range(20)))
    for _ in range(3):
        health_checks.run_round()

    def roll_up(_: int) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for _ in range(3):
                connection.execute(ROLL_UP)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(roll_up, range(4)))
    counted = "select distinct checks from public.target_history where target like %s and checks > 0"
    total = "select sum(checks) from public.target_history where target like %s"
    assert health_checks.rows(counted, f"t%-{health_checks.suffix}") != []
    assert health_checks.value(total, f"t%-{health_checks.suffix}") == 60


def test_readers_see_labels_but_nothing_of_the_request(health_checks: HealthChecks, web: Target, stack: Stack) -> None:
    secret = f"hidden-{health_checks.suffix}"
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(
        health_checks.target(
            "api",
            web.url(f"/status/503?key={secret}"),
            "backend",
            public=True,
            group="Shop",
            tags=["eu", "paid"],
            headers={"X-Tenant": secret},
        ),
    )
    health_checks.run_round()
    certificate = {
        "target": health_checks.name("api"),
        "endpoint": "api.example:443",
        "looked_at": "2026-11-01T00:00Z",
        "next_look_at": "2099-01-01T00:00Z",
        "issuer": "Test CA",
        "names": [],
        "not_after": "2099-01-01T00:00Z",
    }
    health_checks.superuser.execute(
        "insert into monitoring.target_certificates"
        " select (jsonb_populate_record(null::monitoring.target_certificates, %s)).*",
        [Jsonb(certificate)],
    )
    reader = {"apikey": stack.publishable_key, "Authorization": f"Bearer {stack.authenticated_jwt}"}
    for headers, rpc in ((reader, "status_page"), ({"apikey": stack.secret_key}, "public_status")):
        answer = http_client.post(f"{stack.supabase_url}/rest/v1/rpc/{rpc}", headers=headers, json={})
        assert answer.status_code == 200, answer.text
        (target,) = (row for row in answer.json()["targets"] if row["target"] == health_checks.name("api"))
        assert (target["group_name"], target["is_paused"], len(target["days"])) == ("Shop", False, 90)
        assert secret not in answer.text
        if rpc == "status_page":
            assert (target["tags"], target["http_status"], target["seen_from"]) == (["eu", "paid"], 503, ["database"])
            assert "503" in target["last_error"]
            assert (target["certificate_issuer"], target["certificate_expires_at"][:4]) == ("Test CA", "2099")
        else:
            hidden = ("tags", "http_status", "last_error", "seen_from", "certificate_issuer", "service_problem")
            assert [name for name in hidden if name in target] == []
    health_checks.superuser.execute("delete from monitoring.target_certificates where issuer = 'Test CA'")


def test_a_pause_is_shown(health_checks: HealthChecks, web: Target) -> None:
    shown = "select is_paused, paused_until::text, pause_reason from public.target_status where target = %s"
    url = web.url("/status/200")
    health_checks.set_targets(health_checks.target("api", url))
    health_checks.run_round()
    assert health_checks.rows(shown, health_checks.name("api")) == [(False, None, None)]
    health_checks.connection.execute("set timezone = 'UTC'")
    for until, expected in (
        ({}, (True, None, None)),
        ({"paused_until": "2099-01-01T00:00"}, (True, "2099-01-01 00:00:00+00", None)),
        ({"paused_until": "2020-01-01T00:00"}, (False, None, None)),
    ):
        health_checks.set_targets(health_checks.target("api", url, is_paused=True, **until))
        assert health_checks.rows(shown, health_checks.name("api")) == [expected]
    health_checks.set_targets(health_checks.target("api", url))
    health_checks.superuser.execute(
        "update monitoring.target_states set paused_at = now(), pause_reason = 'it ended the worker' where target = %s",
        [health_checks.name("api")],
    )
    assert health_checks.rows(shown, health_checks.name("api")) == [(True, None, "it ended the worker")]
