"""10,000 malformed webhook bodies: each is accepted, and the SQL fails on none."""

from __future__ import annotations

import concurrent.futures
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.sentry.conftest import Sentry
from tests.support import sentry_bodies as bodies
from tests.support.mutations import mutate

BODIES_AN_EXAMPLE = 100


def test_malformed_bodies_are_accepted(sentry: Sentry) -> None:
    before = sentry.rows("select coalesce(max(id), 0) as id from monitoring.deliveries")[0].id
    sent: set[bytes] = set()

    @settings(
        max_examples=100,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**32))
    def deliver(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a test's own choice, which a seed must repeat
        batch = []
        for _ in range(BODIES_AN_EXAMPLE):
            resource, body = chance.choice(bodies.of_every_kind(str(chance.randint(1, 500))))
            batch.append((resource, bodies.encode(mutate(body, chance))))
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda each: sentry.post(*each), batch))
        assert {answer.status_code for answer in answers} == {200}
        assert "failed" not in {answer.json()["effect"] for answer in answers}
        sent.update(raw for _, raw in batch)

    deliver()
    assert len(sent) > 9_000
    (stored,) = sentry.rows("select count(*) from monitoring.deliveries where id > %s", before)
    assert stored[0] >= len(sent)
