"""Input that is expensive to process: compressed or nested bodies, and texts against regular expressions.

How long such input takes is measured by `make bench`.
"""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import psycopg
import pytest

from app.web.auth import sign
from tests.integration.sentry.conftest import ROUTE as WEBHOOK
from tests.integration.sentry.conftest import SECRETS
from tests.support.expensive_input import BODIES, FUNCTIONS, TEXTS


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_makes_a_regular_expression_backtrack_without_end(
    connection: psycopg.Connection[Any], text: str
) -> None:
    """100 kB take milliseconds; catastrophic backtracking would take hours."""
    connection.execute("set statement_timeout = '60s'")
    for query in FUNCTIONS.values():
        assert connection.execute(query.encode(), [TEXTS[text]]).fetchone() is not None


def test_compressed_bodies_are_refused(http: httpx.Client) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert http.post("/api/autonomous/error", content=bomb, headers=headers).status_code == 413
    signed = {**headers, "Sentry-Hook-Resource": "issue", "Sentry-Hook-Signature": sign(bomb, SECRETS[0])}
    assert http.post(WEBHOOK, content=bomb, headers=signed).status_code == 400


@pytest.mark.parametrize("body", BODIES)
def test_expensive_bodies_are_answered(http: httpx.Client, body: str) -> None:
    answer = http.post("/api/autonomous/error", content=BODIES[body], headers={"Content-Type": "application/json"})
    assert answer.status_code in (201, 400, 413), answer.text
