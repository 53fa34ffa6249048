"""Malformed webhook bodies, also of another monitor: each is accepted, and the SQL fails on none."""

from __future__ import annotations

import concurrent.futures
import random
from datetime import UTC, datetime, timedelta

from tests.integration.monitors.conftest import KEYS, Monitors
from tests.support.monitor_bodies import (
    Body,
    alert,
    alertmanager,
    encode,
    grafana,
    grafana_alert,
    grafana_legacy,
    grafana_test,
)
from tests.support.mutations import mutate

ROUNDS, BODIES_A_ROUND = 30, 100
KINDS = (*KEYS, "github")


def body_of(chance: random.Random) -> Body:
    begin = datetime.now(UTC) - timedelta(minutes=chance.randint(0, 60))
    end = chance.choice([None, begin + timedelta(minutes=1)])
    name = f"fuzz-{chance.randint(1, 200)}"
    return chance.choice(
        [
            alertmanager(alert(name, begin, end), alert(f"{name}-b", begin)),
            grafana(grafana_alert(name, begin, end)),
            grafana_test(),
            grafana_legacy(chance.randint(1, 200), chance.choice(["alerting", "ok", "paused"])),
        ]
    )


def test_malformed_bodies_are_accepted(monitors: Monitors) -> None:
    chance = random.Random(16)  # noqa: S311 - a test's own choice, which a seed must repeat
    for _ in range(ROUNDS):
        batch = [(chance.choice(KINDS), encode(mutate(body_of(chance), chance))) for _ in range(BODIES_A_ROUND)]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda each: monitors.post(*each), batch))
        assert {answer.status_code for answer in answers} <= {200, 202}
        effects = {effect for answer in answers for effect in answer.json()["effects"]}
        assert "failed" not in effects
    assert {"opened", "counted", "resolved", "recorded"} <= effects
