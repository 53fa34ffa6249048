"""CORS: pages of every origin may report with a public key, pages of the console may call everything, and no page of
another origin reads what operators and agents read.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local import Stack
from tests.support import http_client
from tests.support.service_budgets import UNHURRIED
from tests.support.service_fixtures import CONSOLE
from tests.support.service_process import running_service, service_variables

ROUTE = "/api/autonomous/error"
SHOP = "https://shop.example"
STRANGER = "https://stranger.example"
# What Sentry's SDKs, our own clients and instrumented pages send.
SDK_HEADERS = (
    "authorization,baggage,content-encoding,content-type,idempotency-key,sentry-trace,x-request-id,x-requested-with,"
    "x-sentry-auth"
)
# Each route that an operator or an agent reads, or that a form or a server calls.
PRIVATE_ROUTES = [
    ("GET", "/status"),
    ("POST", "/status"),
    ("GET", "/status/kill-switch"),
    ("POST", "/status/kill-switch"),
    ("GET", "/metrics"),
    ("GET", "/health"),
    ("GET", "/api/autonomous/incidents"),
    ("GET", "/api/autonomous/incidents/INC-1"),
    ("POST", "/webhooks/sentry"),
    ("POST", "/webhooks/email"),
]


@pytest.fixture(scope="module")
def restricted(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service whose public keys are for the pages of one origin, besides those of the console."""
    environ = {**service_variables(stack), "ALLOWED_ORIGINS": f"{SHOP}/cart", "ADMIN_CONSOLE_URL": CONSOLE}
    log_path: Path = tmp_path_factory.mktemp("restricted") / "log"
    with (
        running_service(environ, log_path, budgets=UNHURRIED) as service,
        httpx.Client(base_url=service.url, timeout=http_client.TIMEOUT) as client,
    ):
        yield client


def preflight(
    client: httpx.Client, origin: str, headers: str, route: str = ROUTE, method: str = "POST"
) -> httpx.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    return client.options(route, headers=asked)


@pytest.mark.parametrize("origin", [CONSOLE, STRANGER, "null"])
def test_every_page_may_report(client: httpx.Client, origin: str) -> None:
    answer = preflight(client, origin, SDK_HEADERS)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert "access-control-allow-credentials" not in answer.headers
    assert preflight(client, origin, "x-else").status_code == 400
    assert preflight(client, origin, "content-type", method="DELETE").status_code == 400


def test_a_refusal_can_be_read_by_the_page(client: httpx.Client) -> None:
    """Without the headers a browser hides the answer, and an SDK could not respect its limits."""
    tries: list[tuple[int, bytes, dict[str, str]]] = [
        (400, b"{", {"Content-Type": "application/json"}),
        (401, b"{}", {"Content-Type": "application/json", "Authorization": "Bearer wrong"}),
        (413, b"[" * (11 * 2**20), {"Content-Type": "application/json"}),
    ]
    for status, content, headers in tries:
        answer = client.post(ROUTE, content=content, headers={"Origin": STRANGER, **headers})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "*"
        exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
        assert {"x-request-id", "retry-after", "x-sentry-rate-limits", "x-sentry-error"} <= set(exposed)


def test_the_origins_of_pages_can_be_restricted(restricted: httpx.Client) -> None:
    for origin in (SHOP, CONSOLE):
        allowed = preflight(restricted, origin, SDK_HEADERS)
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, origin)
        refused = restricted.post(ROUTE, json={}, headers={"Origin": origin})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, origin)
    for origin in (STRANGER, "null", f"{SHOP}.stranger.example", SHOP.replace("https", "http")):
        assert preflight(restricted, origin, "content-type").status_code == 400
        answer = restricted.post(ROUTE, json={}, headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("method", "route"), PRIVATE_ROUTES)
def test_only_the_console_may_read_everything_else(
    client: httpx.Client, restricted: httpx.Client, method: str, route: str
) -> None:
    for service in (client, restricted):
        for origin in (STRANGER, SHOP, "null"):
            assert "access-control-allow-origin" not in preflight(service, origin, "authorization", route).headers
            answer = service.request(method, route, headers={"Origin": origin})
            assert "access-control-allow-origin" not in answer.headers
        assert preflight(service, CONSOLE, "authorization", route).headers["access-control-allow-origin"] == CONSOLE
        answer = service.request(method, route, headers={"Origin": CONSOLE})
        assert answer.headers["access-control-allow-origin"] == CONSOLE
