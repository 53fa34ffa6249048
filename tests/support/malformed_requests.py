"""Requests of every kind of sender, malformed at random: in values, JSON text, bytes, or encoding.

The senders are authenticated: what they send is read. A seed gives the same requests every time.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import hmac
import json
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import brotli
import zstandard

from app.web.auth import sign
from tests.support import sentry_bodies
from tests.support.mutations import mutate
from tests.support.service_process import (
    ALERTMANAGER_KEY,
    GENERIC_KEY,
    GITHUB_KEY,
    GRAFANA_KEY,
    INGEST_TOKEN,
    PUBLIC_KEY,
    UPTIME_KUMA_KEY,
)

SENTRY_SECRET = "client-secret-of-the-malformed"  # noqa: S105 - of a service that lives as long as a test
Json = Any


@dataclass(frozen=True)
class Request:
    """A request that can be sent: it is well-formed HTTP."""

    kind: str
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


def malformed_request(number: int, heartbeat_key: str = str(UUID(int=0))) -> Request:
    """The request of this number."""
    chance = random.Random(f"malformed {number}")  # noqa: S311 - a test's own choice, which a seed must repeat
    make = chance.choice(_MAKERS)
    request = make(chance)
    if request.kind == "heartbeat":
        return replace(request, path=request.path.replace("KEY", heartbeat_key))
    return request


# Bodies


_FRAMES = [
    {"filename": "https://shop.example/app.js", "function": "render", "in_app": True, "lineno": 49, "colno": 10},
    {"filename": "node:internal/timers", "module": "timers", "function": "run", "lineno": 3, "in_app": False},
    {
        "filename": "/srv/app/cart.py",
        "function": "total",
        "lineno": 8,
        "context_line": "return a / b",
        "vars": {"b": "0"},
    },
]


def _event(chance: random.Random) -> Json:
    chain = [
        {"type": "TypeError", "value": "the list is empty", "stacktrace": {"frames": _FRAMES[:2]}},
        {
            "type": "Error",
            "value": f"cannot load cart {chance.randint(1, 5)}",
            "stacktrace": {"frames": _FRAMES},
            "mechanism": {"type": "onerror", "handled": False, "exception_id": 0},
        },
    ]
    event = {
        "event_id": f"{chance.getrandbits(128):032x}",
        "timestamp": 1795649074.387,
        "level": "error",
        "platform": "javascript",
        "release": "web@5.0.0",
        "environment": "production",
        "exception": {"values": chain[chance.randint(0, 1) :]},
        "message": {"formatted": "cart 7 failed", "message": "cart %s failed", "params": ["7"]},
        "logentry": {"message": "cart %s failed", "params": [7]},
        "fingerprint": ["{{ default }}", "cart"],
        "tags": {"tenant": "acme", "step": "2"},
        "user": {"id": "42", "email": "jane@shop.example", "ip_address": "10.1.2.3"},
        "request": {"url": "https://shop.example/cart?token=x", "method": "GET", "headers": {"User-Agent": "Firefox"}},
        "breadcrumbs": [{"timestamp": 1795649074.0, "category": "ui.click", "message": "button"}] * 3,
        "contexts": {"trace": {"trace_id": f"{chance.getrandbits(128):032x}"}, "culture": {"locale": "en-US"}},
        "extra": {"arguments": []},
        "sdk": {"name": "sentry.javascript.browser", "version": "11.12.0"},
    }
    return {name: event[name] for name in event if chance.random() < 0.9}


def _check_in(chance: random.Random) -> Json:
    return {
        "check_in_id": f"{chance.getrandbits(128):032x}",
        "monitor_slug": chance.choice(["nightly", "weekly"]),
        "status": chance.choice(["in_progress", "ok", "error"]),
        "duration": 3.5,
        "monitor_config": {"schedule": {"type": "crontab", "value": "0 * * * *"}, "checkin_margin": 5},
    }


def _report(chance: random.Random) -> Json:
    return {
        "error": {
            "message": f"order {chance.randint(1, 9)} failed",
            "type": "OrderError",
            "code": "E42",
            "stack": "at pay (app.js:1:2)",
        },
        "severity": "HIGH",
        "category": "backend",
        "source": "malformed",
        "environment": "production",
        "release": "1.2.3",
        "url": "https://shop.example/pay",
        "fingerprint": chance.choice(["a", "b", "c"]),
        "status": chance.choice(["firing", "resolved"]),
        "timestamp": "2026-11-25T23:24:11.888Z",
        "idempotency_key": f"key {chance.randint(1, 50)}",
        "level": "error",
        "context": {"cart": [1, 2, {"price": 3}]},
    }


def _alertmanager(chance: random.Random) -> Json:
    status = chance.choice(["firing", "resolved"])
    alert = {
        "status": status,
        "labels": {"alertname": "HighLatency", "severity": "critical", "instance": "web-1:9100"},
        "annotations": {"summary": "p99 is 3 s", "description": "for 5 minutes"},
        "startsAt": "2026-11-25T23:24:11.888Z",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-25T23:34:11.888Z",
        "generatorURL": "https://prometheus.example/graph?g0.expr=up",
        "fingerprint": f"{chance.randint(1, 9):016x}",
    }
    return {
        "version": "4",
        "groupKey": '{}:{alertname="HighLatency"}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "monitoring",
        "groupLabels": {"alertname": "HighLatency"},
        "commonLabels": {"severity": "critical"},
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example",
        "alerts": [alert, {**alert, "fingerprint": f"{chance.randint(1, 9):016x}"}],
    }


def _grafana(chance: random.Random) -> Json:
    body = _alertmanager(chance)
    body.update(title="[FIRING:1] HighLatency", state="alerting", message="p99 is 3 s", orgId=1)
    for alert in body["alerts"]:
        alert.update(values={"A": 3.1}, valueString="[ var='A' value=3.1 ]", silenceURL="https://grafana.example/s")
        alert.update(dashboardURL="https://grafana.example/d/1", panelURL="https://grafana.example/d/1?viewPanel=2")
    return body


def _uptime_kuma(chance: random.Random) -> Json:
    status = chance.choice([0, 1, 2, 3])
    return {
        "heartbeat": {
            "monitorID": chance.randint(1, 9),
            "status": status,
            "time": "2026-11-25 23:24:11.888",
            "msg": "connect ECONNREFUSED 10.0.0.5:443",
            "important": True,
            "duration": 60,
            "ping": None,
            "timezone": "Europe/Berlin",
            "localDateTime": "2026-11-26 00:24:11",
        },
        "monitor": {"id": 3, "name": "Shop", "url": "https://shop.example", "type": "http", "tags": []},
        "msg": "[Shop] [Down] connect ECONNREFUSED",
    }


def _github(chance: random.Random) -> tuple[str, Json]:
    repository = {
        "id": 1,
        "full_name": "acme/shop",
        "html_url": "https://github.com/acme/shop",
        "default_branch": "main",
    }
    if chance.random() < 0.5:
        state = chance.choice(["success", "failure", "error", "in_progress", "queued", "pending"])
        deployment = {"id": chance.randint(1, 9), "sha": "a" * 40, "ref": "main", "environment": "production"}
        status = {"id": 8, "state": state, "created_at": "2026-11-25T23:24:11Z", "environment": "production"}
        body = {"action": "created", "deployment_status": status, "deployment": deployment, "repository": repository}
        return "deployment_status", body
    run = {
        "id": chance.randint(1, 9),
        "name": "deploy",
        "head_sha": "b" * 40,
        "head_branch": "main",
        "status": chance.choice(["requested", "in_progress", "completed"]),
        "conclusion": chance.choice([None, "success", "failure", "cancelled"]),
        "run_attempt": 1,
        "run_started_at": "2026-11-25T23:24:11Z",
        "updated_at": "2026-11-25T23:29:11Z",
        "html_url": "https://github.com/acme/shop/actions/runs/1",
    }
    return "workflow_run", {"action": "completed", "workflow_run": run, "workflow": {"id": 5}, "repository": repository}


def _generic(chance: random.Random) -> Json:
    return {
        "alert": {"id": str(chance.randint(1, 9)), "name": "Disk full", "state": chance.choice(["open", "closed"])},
        "details": [{"host": "db-1", "text": "/ is 99 % full"}],
        "severity": "high",
        "at": "2026-11-25T23:24:11Z",
    }


# Mutations of JSON text and of bytes


def _encode(value: Json, chance: random.Random) -> bytes:
    """A mutated value as JSON text with, at times, what only the text of JSON can have."""
    if chance.random() < 0.1:
        return json.dumps(value).encode()
    text = json.dumps(mutate(value, chance) if isinstance(value, dict) and chance.random() < 0.8 else value)
    for _ in range(chance.choice([0, 0, 0, 0, 1, 2])):
        text = chance.choice(_TEXT_MUTATIONS)(text, chance)
    return text.encode(errors="surrogatepass")


def _replace_number(text: str, chance: random.Random) -> str:
    number = chance.choice(
        ["1e400", "-1e400", "9" * 400, "0." + "0" * 400 + "1", "NaN", "Infinity", "-0", "1e-400", "01"]
    )
    at = text.find(": 1", chance.randrange(len(text) + 1))
    return text if at < 0 else f"{text[: at + 2]}{number}{text[at + 3 :]}"


def _repeat_key(text: str, chance: random.Random) -> str:
    at = text.find("{", chance.randrange(len(text) + 1))
    if at < 0:
        return text
    value = chance.choice(['"x"', "null", "[]", "{}", "7"])
    key = chance.choice(
        ["type", "values", "error", "event_id", "status", "alerts", "exception", "fingerprint", "length"]
    )
    return f'{text[: at + 1]}"{key}": {value}, "{key}": {value}, {text[at + 1 :]}'


def _insert_escape(text: str, chance: random.Random) -> str:
    escape = chance.choice(["\\u0000", "\\ud800", "\\udfff\\ud800", "\\u202e", "\\uffff", "\\x", "\\", '\\"', "\u2028"])
    at = text.find('": "', chance.randrange(len(text) + 1))
    return text if at < 0 else f"{text[: at + 4]}{escape}{text[at + 4 :]}"


def _nest(text: str, chance: random.Random) -> str:
    depth = chance.choice([10, 63, 64, 65, 1000, 20_000])
    opening, closing = chance.choice([("[", "]"), ('{"a":', "}")])
    return f'{{"deep": {opening * depth}1{closing * depth}, "rest": {text}}}'


def _truncate(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text) + 1)]


def _add_whitespace(text: str, chance: random.Random) -> str:
    return chance.choice([" ", "\t", "\r\n", "\ufeff", "\x0b", "\u00a0"]) + text


_TEXT_MUTATIONS: list[Callable[[str, random.Random], str]] = [
    _replace_number,
    _repeat_key,
    _insert_escape,
    _nest,
    _truncate,
    _add_whitespace,
]


def _damage(body: bytes, chance: random.Random) -> bytes:
    """A change of bytes, in one of ten bodies."""
    if chance.random() < 0.9 or not body:
        return body
    at, end = sorted(chance.randrange(len(body) + 1) for _ in range(2))
    return chance.choice(
        [
            body[:at],
            body[:at] + body[end:],
            body[:at] + chance.randbytes(chance.choice([1, 4, 64])) + body[at:],
            body[:at] + body[at:end] * 2 + body[end:],
            body[:at] + b"\0" + body[at:],
            body.replace(b"\n", b"\r\n"),
            body.replace(b"\n", b""),
            b"\n" + body,
            body + b"\n\n{}",
            body.decode(errors="replace").encode("utf-16"),
            body.decode(errors="replace").encode("latin-1", errors="replace"),
            bytes(len(body)),
            b"",
        ]
    )


_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda body: bytes(brotli.compress(body, quality=1)),
    "zstd": zstandard.ZstdCompressor().compress,
}


def _compress(body: bytes, chance: random.Random) -> tuple[bytes, dict[str, str]]:
    """Half of the bodies are compressed, some of them damaged or under another name."""
    if chance.random() < 0.5:
        return body, {}
    name = chance.choice(list(_ENCODERS))
    compressed = _ENCODERS[name](body)
    if chance.random() < 0.15:
        compressed = _damage(compressed, chance)
    if chance.random() < 0.1:
        name = chance.choice([*_ENCODERS, "identity", "compress", "gzip, gzip", "", "GZIP"])
    return compressed, {"Content-Encoding": name}


# Requests


def _envelope(chance: random.Random) -> Request:
    lines = [_encode({"event_id": f"{chance.getrandbits(128):032x}", "sent_at": "2026-11-25T23:24:11Z"}, chance)]
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        kind = chance.choice(["event"] * 6 + ["check_in"] * 2 + ["session", "client_report", "attachment", "x", ""])
        payload = chance.randbytes(200) if kind == "attachment" else _item(kind, chance)
        header: dict[str, Json] = {"type": kind}
        if kind == "attachment" or chance.random() < 0.6:
            header["length"] = len(payload)
        if chance.random() < 0.15:
            header["length"] = chance.choice(
                [0, -1, len(payload) + 1, len(payload) - 1, 10**12, 1e3, "7", None, True, []]
            )
        lines += [_encode(header, chance) if chance.random() < 0.1 else json.dumps(header).encode(), payload]
    body, headers = _compress(_damage(b"\n".join(lines), chance), chance)
    headers["Content-Type"] = chance.choice(
        ["application/x-sentry-envelope", "text/plain;charset=UTF-8", "application/json"]
    )
    return _from_sdk("envelope", body, headers, chance)


def _item(kind: str, chance: random.Random) -> bytes:
    if kind == "event":
        return _encode(_event(chance), chance)
    if kind == "check_in":
        return _encode(_check_in(chance), chance)
    return _encode({"sid": "1", "status": "ok", "discarded_events": [{"reason": "x", "quantity": 1}]}, chance)


def _store(chance: random.Random) -> Request:
    body, headers = _compress(_damage(_encode(_event(chance), chance), chance), chance)
    return _from_sdk("store", body, {**headers, "Content-Type": "application/json"}, chance)


def _from_sdk(route: str, body: bytes, headers: dict[str, str], chance: random.Random) -> Request:
    project = chance.choice(["1", "42", "0", "9" * 18])
    slash = chance.choice(["/", "/", ""])
    path = f"/api/{project}/{route}{slash}"
    if chance.random() < 0.5:
        headers["X-Sentry-Auth"] = (
            f"Sentry sentry_version=7, sentry_key={PUBLIC_KEY}, sentry_client=sentry.python/2.75.0"
        )
    else:
        path += f"?sentry_version=7&sentry_key={PUBLIC_KEY}"
    return Request(route, path, body, headers)


def _reports(chance: random.Random) -> Request:
    reports = [_encode(_report(chance), chance) for _ in range(chance.choice([1, 1, 2, 5, 30]))]
    shape = chance.choice(["object", "array", "lines"])
    body = reports[0]
    if shape == "array":
        body = b"[" + b",".join(reports) + b"]"
    elif shape == "lines":
        body = b"\n".join(reports)
    body, headers = _compress(_damage(body, chance), chance)
    path = "/api/autonomous/error"
    if chance.random() < 0.5:
        path += f"?key={PUBLIC_KEY}"
    else:
        headers["Authorization"] = f"Bearer {INGEST_TOKEN}"
    if chance.random() < 0.3:
        headers["Idempotency-Key"] = f"malformed {chance.randint(1, 50)}"
    headers["Content-Type"] = chance.choice(
        ["application/json", "application/x-ndjson", "text/plain;charset=UTF-8", "application/problem+json"]
    )
    return Request("report", path, body, headers)


def _by_monitor(kind: str, key: str, make: Callable[[random.Random], Json]) -> Callable[[random.Random], Request]:
    def request(chance: random.Random) -> Request:
        body = _damage(_encode(make(chance), chance), chance)
        return Request(kind, f"/webhooks/{kind}?key={key}", body, {"Content-Type": "application/json"})

    return request


def _by_github(chance: random.Random) -> Request:
    event, value = _github(chance)
    body = _damage(_encode(value, chance), chance)
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event if chance.random() < 0.9 else chance.choice(["ping", "push", "x" * 300, "'", ""]),
        "X-GitHub-Delivery": str(UUID(int=chance.getrandbits(128))),
        "X-Hub-Signature-256": "sha256=" + hmac.new(GITHUB_KEY.encode(), body, hashlib.sha256).hexdigest(),
    }
    return Request("github", "/webhooks/github", body, headers)


def _by_sentry(chance: random.Random) -> Request:
    resource, value = chance.choice(sentry_bodies.of_every_kind(str(chance.randint(1, 500))))
    body = _damage(_encode(copy.deepcopy(value), chance), chance)
    headers = {
        "Content-Type": "application/json",
        "Sentry-Hook-Resource": resource,
        "Sentry-Hook-Timestamp": chance.choice(["1795649074", "9" * 40, "-1", "x", ""]),
        "Sentry-Hook-Signature": sign(body, SENTRY_SECRET),
    }
    return Request("sentry", "/webhooks/sentry", body, headers)


def _heartbeat(chance: random.Random) -> Request:
    signal = chance.choice(
        ["", "/start", "/fail", "/0", "/1", "/255", "/256", "/-1", "/9999999999", "/x", "/%00", "/%F0", "/"]
    )
    key = chance.choice(["KEY"] * 4 + [str(UUID(int=chance.getrandbits(128))), "x", "%00", "%ED%A0%80", "a" * 200])
    body = chance.choice([b"", b"ran 3 s", chance.randbytes(500), b"x" * 100_000])
    return Request("heartbeat", f"/heartbeat/{key}{signal}", body, method=chance.choice(["GET", "POST"]))


_MAKERS: list[Callable[[random.Random], Request]] = [
    *[_envelope] * 4,
    _store,
    *[_reports] * 2,
    _by_monitor("alertmanager", ALERTMANAGER_KEY, _alertmanager),
    _by_monitor("grafana", GRAFANA_KEY, _grafana),
    _by_monitor("uptime-kuma", UPTIME_KUMA_KEY, _uptime_kuma),
    _by_monitor("generic", GENERIC_KEY, _generic),
    _by_github,
    _by_sentry,
    _heartbeat,
]
