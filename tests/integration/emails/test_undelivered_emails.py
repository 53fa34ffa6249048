"""Recipients that bounced or complained are named to the operator, and to nobody else."""

from __future__ import annotations

import httpx
import psycopg
import pytest

from local import Stack
from tests.integration.emails.conftest import OPERATOR_TOKEN, Email
from tests.support import http_client
from tests.support.email_events import Providers, postmark
from tests.support.service_process import ServiceProcess
from tests.support.waiting import wait_until

OPERATOR = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
PAGE = {"Accept": "text/html"}


@pytest.fixture
def bounced(providers: Providers, email: Email) -> Email:
    details = {"Type": "HardBounce", "Description": "no <b>mailbox</b>"}
    providers.deliver(postmark("Bounce", email.recipient, email.provider_id, email.id, **details)).raise_for_status()
    return email


def test_the_operator_sees_who_gets_no_emails(bounced: Email, email_service: ServiceProcess) -> None:
    status = http_client.get(f"{email_service.url}/status", headers=OPERATOR).json()
    (found,) = [each for each in status["undelivered_emails"] if each["recipient"] == bounced.recipient]
    assert (found["status"], found["reason"], found["emails"]) == ("bounced", "HardBounce: no <b>mailbox</b>", 1)
    assert found["at"] is not None
    page = http_client.get(f"{email_service.url}/status", headers={**OPERATOR, **PAGE}).text
    assert "Recipients that get no e-mails" in page
    assert bounced.recipient in page
    assert "no &lt;b&gt;mailbox" in page


def test_a_bounce_without_a_reason_is_shown(bounced: Email, email_service: ServiceProcess) -> None:
    """The owner can edit the row in the dashboard."""
    connection: psycopg.Connection[object] = bounced.connection
    connection.execute("update public.email_tracking set error = null where id = %s", [bounced.id])
    answer = http_client.get(f"{email_service.url}/status", headers={**OPERATOR, **PAGE})
    assert answer.status_code == 200
    assert bounced.recipient in answer.text


def test_nobody_else_sees_addresses(bounced: Email, email_service: ServiceProcess, stack: Stack) -> None:
    """Neither the public nor an agent, who may read the rest of the page."""
    user = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
    for headers in ({}, PAGE, user, {**user, **PAGE}):
        answer = http_client.get(f"{email_service.url}/status", headers=headers)
        assert answer.status_code == 200
        assert bounced.recipient not in answer.text
        assert "undelivered_emails" not in answer.text
        assert "Recipients that get no e-mails" not in answer.text
    reader = {"apikey": stack.anon_key, **user}
    for function in ("status_page", "system_status", "status_summary"):
        answer = http_client.post(f"{stack.supabase_url}/rest/v1/rpc/{function}", headers=reader, json={})
        assert answer.json()["undelivered_emails"] == []


def test_notifications_are_counted(email: Email, email_service: ServiceProcess) -> None:
    """On the page, in its JSON and in the metrics, which know what the last probe of the database said."""
    channel = email.recipient.partition("@")[0]
    connection: psycopg.Connection[object] = email.connection
    connection.execute(
        "insert into monitoring.notifications (channel, event, status, finished_at, error)"
        " values (%s, 'test', 'dead', now(), 'refused')",
        [channel],
    )
    try:
        with httpx.Client(base_url=email_service.url, headers=OPERATOR, timeout=http_client.TIMEOUT) as operator:
            counts = operator.get("/status").json()["notifications"]
            assert counts["dead"] >= 1
            assert {"queued", "oldest_age_seconds", "dead"} == set(counts)
            assert "given up in the last 24 hours" in operator.get("/status", headers=PAGE).text

            def shown() -> bool:
                operator.get("/health/db")
                lines = operator.get("/metrics").text.splitlines()
                values = dict(line.rsplit(" ", 1) for line in lines if line.startswith("monitoring_notifications"))
                return (
                    float(values.get('monitoring_notifications{state="dead"}', 0)) >= 1
                    and 'monitoring_notifications{state="queued"}' in values
                    and "monitoring_notifications_oldest_age_seconds" in values
                )

            wait_until(shown, what="the metrics of notifications")
    finally:
        connection.execute("delete from monitoring.notifications where channel = %s", [channel])
