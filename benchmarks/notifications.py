"""How long after a report its notification is at the receiver."""

from __future__ import annotations

import random
import secrets
import statistics
import time
from pathlib import Path

import httpx

from local import Stack
from tests.support.notification_receiver import notification_receiver
from tests.support.notifications import notifications_running
from tests.support.report_load import HEADERS, ROUTE
from tests.support.service_process import running_service, service_variables
from tests.support.waiting import wait_until

REPORTS = 200
LONGEST_PAUSE_SECONDS = 0.3
PATH = "/ops"


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure_notifications(stack: Stack, directory: Path) -> None:
    """From the POST of an error to its message at a webhook, at random times, with the job running."""
    with (
        running_service(service_variables(stack), directory / "notifications.log") as service,
        notification_receiver() as receiver,
        notifications_running(stack, receiver) as notifications,
    ):
        notifications.set_channels("ops")
        notifications.switch_job(active=True)
        sent: dict[str, float] = {}
        with httpx.Client(base_url=service.url, headers=HEADERS, timeout=60) as client:
            for _ in range(REPORTS):
                error = f"{secrets.token_hex(6)} failed"
                body = {"error": {"message": error}, "fingerprint": error, "source": notifications.source}
                posted_at = time.time()
                answer = client.post(ROUTE, json=body).raise_for_status().json()
                sent[answer["incident_id"]] = posted_at
                time.sleep(random.uniform(0, LONGEST_PAUSE_SECONDS))  # noqa: S311 - a pause, no secret
        wait_until(lambda: len(receiver.at(PATH)) >= REPORTS, what="the last message")
        arrived = receiver.at(PATH)
        seconds = [request.at - sent[request.json["data"]["id"]] for request in arrived]
    print(f"\nFrom POST to the message at a webhook, {REPORTS} reports at random times:")
    middle, slow = statistics.median(seconds), percentile(seconds, 0.95)
    print(f"  p50 {middle:6.2f} s   p95 {slow:6.2f} s   max {max(seconds):6.2f} s")
    print(f"  reported {len(sent):,}, arrived {len(arrived):,}, distinct {len({r.message_id for r in arrived}):,}")
