"""What an envelope of an SDK, a batch and a heartbeat cost, relative to a plain report in the same run."""

import asyncio
import gzip
import json
import statistics
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.load import LoadResult, make_post, run_load
from local import Stack
from tests.support.service_process import (
    INGEST_TOKEN,
    PUBLIC_KEY,
    ServiceProcess,
    is_drained,
    running_service,
    service_variables,
)
from tests.support.waiting import wait_until

ROUNDS = 15
SECONDS = 1.0
CONNECTIONS = 64
ERRORS = 100
BATCH = 500
BATCH_CONNECTIONS = 2
_EVENT_ID = b"0123456789abcdef0123456789abcdef"
_BEARER = {"Authorization": f"Bearer {INGEST_TOKEN}"}
_AUTH = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={PUBLIC_KEY}, sentry_client=sentry.python/2.75.0"}

Event = dict[str, Any]
MakeRequest = Callable[[int], bytes]


def measure_envelopes(stack: Stack, directory: Path, make_event: Callable[[int], Event]) -> None:
    """The ways alternate, and each is compared with the plain reports of its round: the machine's speed changes."""
    environ = {**service_variables(stack), "LOG_LEVEL": "WARNING"}
    with running_service(environ, directory / "envelopes.log") as service:
        host = urlsplit(service.url).netloc
        ways: dict[str, tuple[MakeRequest, int, int]] = {
            "plain report": (_repeat([_report(host, make_event(n)) for n in range(1000)]), CONNECTIONS, 1),
            "plain report, public key": (_repeat([_public(host, make_event(n)) for n in range(1000)]), CONNECTIONS, 1),
            "envelope": (_envelopes(host, make_event, is_compressed=False), CONNECTIONS, 1),
            "envelope, gzip": (_envelopes(host, make_event, is_compressed=True), CONNECTIONS, 1),
            f"batch of {BATCH} reports": (_repeat(_batches(host, make_event)), BATCH_CONNECTIONS, BATCH),
        }
        for way, connections, _ in ways.values():
            _run(service, way, connections, 1.0)
        results: dict[str, list[LoadResult]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, (way, connections, _) in ways.items():
                results[name].append(_run(service, way, connections, SECONDS))
    print(f"\n{CONNECTIONS} connections ({BATCH_CONNECTIONS} for batches), {ERRORS} distinct errors:")
    plain = results["plain report"]
    for name, rounds in results.items():
        _, _, events = ways[name]
        rate = statistics.median(result.rate for result in rounds) * events
        ratio = statistics.median(one.rate / (this.rate * events) for one, this in zip(plain, rounds, strict=True))
        p99 = statistics.median(result.percentile(0.99) for result in rounds)
        statuses = sum((result.statuses for result in rounds), Counter[int]())
        print(
            f"  {name:<28} {rate:8,.0f} events/s   p99 {p99:7.1f} ms   plain / this {ratio:5.2f}x"
            f"   answers {dict(statuses)}"
        )


def make_envelope(event: Event) -> bytes:
    """The error of a plain report as Sentry's SDK for browsers reports it. The event has _EVENT_ID."""
    error = event["error"]
    frames = [
        {
            "filename": "https://shop.example/assets/app.js",
            "function": line.split()[1],
            "in_app": True,
            "lineno": number,
            "colno": 17,
        }
        for number, line in enumerate(reversed(error["stack"].splitlines()))
    ]
    exception = {
        "type": error["type"],
        "value": error["message"],
        "stacktrace": {"frames": frames},
        "mechanism": {"type": "auto.browser.global_handlers.onerror", "handled": False},
    }
    payload = {
        "exception": {"values": [exception]},
        "level": "error",
        "event_id": _EVENT_ID.decode(),
        "platform": "javascript",
        "request": {"url": event["url"], "headers": {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}},
        "contexts": {"trace": {"span_id": "b2480c68ac3dfad0", "trace_id": uuid.uuid4().hex}},
        "timestamp": time.time(),
        "environment": event["environment"],
        "release": event["release"],
        "sdk": {
            "integrations": ["EventFilters", "Breadcrumbs", "Console", "GlobalHandlers", "LinkedErrors", "Dedupe"],
            "name": "sentry.javascript.browser",
            "version": "11.12.0",
        },
        "breadcrumbs": [{"timestamp": time.time(), "category": "ui.click", "message": "body > button#pay"}] * 3,
        "extra": event["context"],
    }
    header = {
        "event_id": _EVENT_ID.decode(),
        "sent_at": "2026-11-25T23:24:34.402Z",
        "sdk": {"name": "sentry.javascript.browser", "version": "11.12.0"},
        "trace": {"environment": "production", "public_key": PUBLIC_KEY, "trace_id": uuid.uuid4().hex},
    }
    return b"\n".join(json.dumps(each, separators=(",", ":")).encode() for each in (header, {"type": "event"}, payload))


def _envelopes(host: str, make_event: Callable[[int], Event], *, is_compressed: bool) -> MakeRequest:
    """Each request has an event id of its own, as an SDK gives it: else it would be a duplicate."""
    envelopes = [make_envelope(make_event(number)) for number in range(1000)]
    path = "/api/1/envelope/"
    ready = [make_post(host, path, _AUTH, envelope) for envelope in envelopes]

    def make(number: int) -> bytes:
        event_id = uuid.uuid4().hex.encode()
        if not is_compressed:
            return ready[number % len(ready)].replace(_EVENT_ID, event_id)
        body = gzip.compress(envelopes[number % len(envelopes)].replace(_EVENT_ID, event_id), 1)
        return make_post(host, path, {**_AUTH, "Content-Encoding": "gzip"}, body)

    return make


def _report(host: str, event: Event) -> bytes:
    return make_post(host, "/api/autonomous/error", _BEARER, json.dumps(event).encode())


def _public(host: str, event: Event) -> bytes:
    return make_post(host, f"/api/autonomous/error?key={PUBLIC_KEY}", {}, json.dumps(event).encode())


def _batches(host: str, make_event: Callable[[int], Event]) -> list[bytes]:
    batches = [[make_event(start + number) for number in range(BATCH)] for start in range(10)]
    return [
        make_post(host, "/api/autonomous/error", _BEARER, json.dumps(batch, separators=(",", ":")).encode())
        for batch in batches
    ]


def _repeat(requests: list[bytes]) -> MakeRequest:
    return lambda number: requests[number % len(requests)]


def _run(service: ServiceProcess, make_request: MakeRequest, connections: int, seconds: float) -> LoadResult:
    address = urlsplit(service.url)
    host, port = str(address.hostname), int(address.port or 80)
    result = asyncio.run(run_load(host, port, make_request, connections=connections, seconds=seconds))
    # What a slow database left in the spool is not work of the next run.
    wait_until(lambda: is_drained(service.url), what="the end of the spool")
    return result
