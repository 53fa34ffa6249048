"""Malformed webhooks of Uptime Kuma, GitHub and a mapped monitor: each is accepted, and the SQL fails on none."""

from __future__ import annotations

import concurrent.futures
import random
from datetime import UTC, datetime

from tests.integration.monitors.conftest import Monitors, UseMapping
from tests.support import github_bodies, uptime_kuma_bodies
from tests.support.monitor_bodies import Body, encode
from tests.support.mutations import mutate

BODIES = 3_000
NOW = datetime.now(UTC)
MAPPING: Body = {
    "items": "alerts",
    "fingerprint": ["{id} {tags.0.key}", "id", "$.receiver"],
    "message": ["{title}: {text}", "$.title"],
    "type": "type",
    "status": ["state", "$.state"],
    "firing": ["bad", "worse"],
    "resolved": ["ok"],
    "severity": "level",
    "severities": {"bad": "HIGH"},
    "source": "tags.1.key",
    "environment": "$.environment",
    "release": "release",
    "url": "url",
    "link": "link",
    "timestamp": ["ended_at", "started_at"],
    "skip_when": {"test": ["true"], "$.test": ["true"]},
    "only_when": {"$.kind": ["alert", "1"]},
}


def mapped_body(number: int) -> Body:
    alert = {
        "id": number,
        "title": "Shop",
        "text": "it burns",
        "type": "Fire",
        "state": "bad",
        "level": "P2",
        "tags": [{"key": "a"}, {"key": "b"}],
        "release": "1.0",
        "url": "https://shop.example/",
        "link": "https://monitor.example/1",
        "started_at": NOW.timestamp(),
        "ended_at": None,
        "test": False,
    }
    return {
        "alerts": [alert, {**alert, "state": "ok"}],
        "title": "T",
        "receiver": "r",
        "environment": "e",
        "kind": "alert",
    }


def test_malformed_bodies_are_accepted(monitors: Monitors, use_mapping: UseMapping) -> None:
    use_mapping(MAPPING)
    (before,) = monitors.rows("select coalesce(max(id), 0) as id from monitoring.deliveries")
    chance = random.Random(16)  # noqa: S311 - a test's own choice, which a seed must repeat

    def choose() -> tuple[str, bytes, dict[str, str]]:
        number = chance.randint(1, 300)
        status = chance.choice((uptime_kuma_bodies.DOWN, uptime_kuma_bodies.UP))
        state = chance.choice(("in_progress", "success", "failure"))
        kind, event, body = chance.choice((
            ("uptime-kuma", "", uptime_kuma_bodies.heartbeat(number, status, NOW)),
            ("github", "deployment_status", github_bodies.deployment_status("fuzz", number, state, NOW, NOW)),
            ("github", "workflow_run", github_bodies.workflow_run("fuzz", number, "completed", NOW, "success")),
            ("generic", "", mapped_body(number)),
        ))  # fmt: skip
        return kind, encode(mutate(body, chance)), {"X-GitHub-Event": event}

    chosen = [choose() for _ in range(BODIES)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda each: monitors.post(each[0], each[1], **each[2]), chosen))
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert "failed" not in {effect for answer in answers for effect in answer.json().get("effects", [])}
    (stored,) = monitors.rows("select count(*) as number from monitoring.deliveries where id > %s", before.id)
    assert stored.number >= BODIES
