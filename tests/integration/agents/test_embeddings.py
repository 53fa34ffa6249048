"""Embeddings from a real HTTP server with the OpenAI API that first fails and then answers."""

from __future__ import annotations

import hashlib
import json
import math
import random
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest

from tests.integration.agents.conftest import Call
from tests.support.waiting import wait_until

Configure = Callable[[str, dict[str, object]], None]


def embed(text: str) -> list[float]:
    """The same vector for the same text, another one for another."""
    seed = hashlib.sha256(text.encode()).digest()
    chance = random.Random(seed)  # noqa: S311 - a direction, no secret
    vector = [chance.gauss(0, 1) for _ in range(1536)]
    length = math.sqrt(sum(value * value for value in vector))
    return [round(value / length, 6) for value in vector]


class Endpoint(ThreadingHTTPServer):
    """POST /v1/embeddings. The first `failures` requests fail."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.failures = 0
        self.requests: list[tuple[str, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/embeddings"


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((str(self.headers["Authorization"]), body))
        answer = {"data": [{"index": 0, "embedding": embed(body["input"])}], "model": body["model"]}
        status, content = 200, json.dumps(answer).encode()
        if self.server.failures > 0:
            self.server.failures -= 1
            status, content = 503, "überlastet".encode("latin-1")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""


@contextmanager
def running_endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def endpoint(configure: Configure, connection: psycopg.Connection[Any]) -> Iterator[Endpoint]:
    with running_endpoint() as server:
        connection.execute("delete from monitoring.embedding_jobs")
        connection.execute(
            "insert into monitoring.secrets (name, value)"
            " values ('embeddings_api_key', 'key-of-the-endpoint')"
            " on conflict (name) do update set value = excluded.value"
        )
        configure(
            "feature_flags",
            {"embeddings": True, "embeddings_url": server.url, "embeddings_model": "test-model"},
        )
        yield server
        connection.execute("delete from monitoring.secrets where name = 'embeddings_api_key'")


def test_a_known_error_is_embedded_though_the_endpoint_fails_first(
    endpoint: Endpoint, call: Call, connection: psycopg.Connection[Any]
) -> None:
    word = "".join(secrets.choice("abcdefghijklmnop") for _ in range(12))
    endpoint.failures = 1
    knowledge_id = call("remember_fix", solution="restart it", pattern=f"{word} broke").json()

    def job() -> Any:
        connection.execute("select monitoring.collect_embeddings()")
        connection.execute("select monitoring.send_embeddings()")
        return connection.execute(
            "select status, attempts, error from monitoring.embedding_jobs where knowledge_id = %s",
            [knowledge_id],
        ).fetchone()

    wait_until(lambda: (job() or ("", 0, None))[2] is not None, what="the failure")
    found = job()
    assert (found[0], found[1]) == ("queued", 1)
    assert found[2] == "answered 503: \\374berlastet"
    connection.execute("update monitoring.embedding_jobs set next_try_at = now()")
    wait_until(lambda: job() is None, what="the embedding")

    text = f"{word} broke\nrestart it"
    authorization, body = endpoint.requests[-1]
    assert authorization == "Bearer key-of-the-endpoint"
    assert body == {"model": "test-model", "input": text, "dimensions": 1536}
    matches = call("match_error_knowledge", query_embedding=json.dumps(embed(text)), match_threshold=0.99).json()
    assert [match["id"] for match in matches] == [knowledge_id]
