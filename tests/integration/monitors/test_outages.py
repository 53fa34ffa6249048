"""Deliveries are kept whatever the database does, and applied in order; many at once do not disturb each other."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from local import Stack
from tests.integration.monitors.conftest import Monitors
from tests.support import http_client
from tests.support.fault_proxy import Fault, FaultProxy, running_proxy
from tests.support.monitor_bodies import alert, alertmanager, encode, grafana_legacy
from tests.support.service_budgets import UNHURRIED_CALLS
from tests.support.service_process import running_service, service_variables
from tests.support.waiting import wait_until

NOW = datetime.now(UTC) - timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def proxy(stack: Stack) -> Iterator[FaultProxy]:
    with running_proxy(stack.supabase_url) as running:
        running.target = b"/rpc/"
        yield running


@pytest.fixture
def monitors_with_faults(stack: Stack, proxy: FaultProxy, log_path: Path) -> Iterator[Monitors]:
    environ = {**service_variables(stack), "SUPABASE_URL": proxy.url}
    with (
        running_service(environ, log_path, budgets=UNHURRIED_CALLS) as process,
        httpx.Client(base_url=process.url, timeout=http_client.TIMEOUT) as http,
        psycopg.connect(stack.superuser_database_url, autocommit=True) as connection,
    ):
        yield Monitors(http, connection)


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.DROP_ANSWER])
def test_alerts_of_an_outage_are_applied_once_and_the_last_one_decides(
    monitors_with_faults: Monitors, proxy: FaultProxy, alert_id: str, fault: Fault
) -> None:
    """What was in flight at the end of the outage can overtake what is in the spool.

    With DROP_ANSWER the database has stored the delivery, whose copy in the spool must not count again.
    """
    rule_id = int(alert_id, 16)
    bodies = [
        ("alertmanager", alertmanager(alert(alert_id, NOW))),
        ("grafana", grafana_legacy(rule_id, "alerting")),
        ("alertmanager", alertmanager(alert(alert_id, NOW, NOW + MINUTE))),
        ("grafana", grafana_legacy(rule_id, "ok")),
        ("alertmanager", alertmanager(alert(alert_id, NOW + 2 * MINUTE))),
        ("grafana", grafana_legacy(rule_id, "alerting")),
    ]
    proxy.always = fault
    for kind, body in bodies:
        answer = monitors_with_faults.post(kind, encode(body))
        assert (answer.status_code, answer.json()["status"]) == (202, "spooled")
    proxy.reset()
    wait_until(lambda: monitors_with_faults.http.get("/health").json()["spool"]["depth"] == 0, what="the replay")
    for fingerprint in (f"alertmanager:{alert_id}", f"grafana:rule-1-{rule_id}"):
        incident = monitors_with_faults.incident(fingerprint)
        assert incident.status == "open"
        stored = monitors_with_faults.rows(
            "select effect from monitoring.deliveries where fingerprint = %s and effect <> 'repeated'", fingerprint
        )
        assert len(stored) == 3


@pytest.fixture
def waiting_alone(monitors: Monitors) -> Iterator[None]:
    """No delivery of another test waits before those of this one, nor these before others."""
    delete = "delete from monitoring.deliveries where effect in ('deferred', 'failed')"
    monitors.connection.execute(delete)
    yield
    monitors.connection.execute(delete)


@pytest.mark.usefixtures("waiting_alone")
def test_a_notification_of_a_thousand_alerts_is_stored(monitors: Monitors, alert_id: str) -> None:
    alerts = [alert(f"{alert_id}-{number}", NOW, labels={"instance": f"api-{number}"}) for number in range(1000)]
    for each in alerts:
        each["annotations"] = {"summary": "The error rate of api is high"}
    answer = monitors.post("alertmanager", encode(alertmanager(*alerts)))
    assert answer.status_code == 200, answer.text
    assert answer.json()["effects"] == ["opened"] * 200 + ["deferred"] * 800
    # What pg_cron does each minute. This test does not wait for it.
    monitors.rows("select monitoring.retry_deliveries()")
    (applied,) = monitors.rows(
        "select count(*) from monitoring.deliveries where fingerprint like %s and effect = 'opened'",
        f"alertmanager:{alert_id}-%",
    )
    assert applied.count > 200


def test_both_of_a_pair_at_once_count_once(monitors: Monitors, alert_id: str) -> None:
    alerts = [alert(f"{alert_id}-{letter}", NOW) for letter in "abcdef"]

    def deliver(number: int) -> int:
        order = alerts[number % 6 :] + alerts[: number % 6]
        return monitors.post("alertmanager", encode(alertmanager(*order, groupKey=f"group {number}"))).status_code

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(deliver, range(48))) == {200}
    for letter in "abcdef":
        assert monitors.incident(f"alertmanager:{alert_id}-{letter}").occurrence_count == 1
