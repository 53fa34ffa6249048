"""CORS allows the origin of the console and no other."""

import httpx

from tests.support.service_fixtures import CONSOLE

ROUTE = "/api/autonomous/error"


def preflight(client: httpx.Client, origin: str, headers: str) -> httpx.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": headers,
    }
    return client.options(ROUTE, headers=asked)


def test_the_console_may_post(client: httpx.Client) -> None:
    answer = preflight(client, CONSOLE, "authorization,content-type,idempotency-key,x-request-id")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == CONSOLE
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_others_may_not(client: httpx.Client) -> None:
    answer = preflight(client, "https://evil.example", "authorization")
    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers
    assert preflight(client, CONSOLE, "x-else").status_code == 400


def test_a_problem_can_be_read_by_the_console(client: httpx.Client) -> None:
    answer = client.post(ROUTE, content=b"{", headers={"Origin": CONSOLE, "Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["access-control-allow-origin"] == CONSOLE
    exposed = answer.headers["access-control-expose-headers"].lower()
    assert "x-request-id" in exposed
    assert "retry-after" in exposed
