"""GET /, /health and /health/db: the first two never wait for the database."""

import platform
import re
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from tests.support import http_client
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import KEPT_ALIVE, ServiceProcess, refusing_port, running_service
from tests.support.tokens import forged_token
from tests.support.waiting import DEADLINE_SECONDS, wait_until


def test_the_index_names_the_service_and_its_links(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"].startswith("Accept")
    body = answer.json()
    assert body["name"] == "autonomous-monitoring-agent"
    for link in body["links"].values():
        # No heartbeat has the key in the pattern of its link.
        assert client.get(link).status_code in ({404} if "{key}" in link else {200, 401, 405})


def test_the_index_is_a_page_for_browsers(service: ServiceProcess) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = http_client.get(f"{service.url}/", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["vary"].startswith("Accept")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<title>Autonomous monitoring agent</title>" in answer.text
    # Relative, because a proxy may serve the service below a path of its own.
    links = re.findall(r'href="([^":]+)"', answer.text)
    assert {"status", "health", "health/db"} <= set(links)
    for link in links:
        # The incidents lead to the sign-in.
        expected = 303 if link == "incidents" else 200
        assert http_client.get(f"{service.url}/{link}", headers={"Accept": accept}).status_code == expected


VERSION = re.compile(r"\b\d+\.\d+")
# Members that say how the service or the database is built, or what an operator has switched on or off.
INTERNAL = {
    "version",
    "versions",
    "is_kill_switch_on",
    "is_monitoring_on",
    "has_response_times",
    "response_times",
    "last_delivery_at",
    "last_error",
}


def members(value: object) -> set[str]:
    """The names of all members of a JSON value, nested ones too."""
    if isinstance(value, dict):
        return set(value).union(*map(members, value.values()))
    return set().union(*map(members, value)) if isinstance(value, list) else set()


def texts(value: object) -> list[str]:
    """The texts in a JSON value, but for times."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    return [value] if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\dT", value) else []


@pytest.mark.parametrize("path", ["/", "/health", "/health/db", "/status"])
@pytest.mark.parametrize("is_reachable", [True, False])
def test_an_anonymous_reader_sees_no_version_and_no_switch(
    flaky_upstream_service: ServiceProcess, proxy: FaultProxy, path: str, is_reachable: bool
) -> None:
    url = flaky_upstream_service.url
    if not is_reachable:
        proxy.target = b"/rpc/"
        proxy.always = Fault.RESET
    wait_until(lambda: (http_client.get(f"{url}/health/db").status_code == 200) is is_reachable, what="the state")
    answer = http_client.get(f"{url}{path}")
    assert answer.status_code == (503 if path == "/health/db" and not is_reachable else 200)
    assert not INTERNAL & members(answer.json())
    assert not [text for text in texts(answer.json()) if VERSION.search(text)]
    assert "server" not in answer.headers
    page = http_client.get(f"{url}{path}", headers={"Accept": "text/html"})
    for number in (platform.python_version(), version("autonomous-monitoring-agent")):
        assert number not in page.text


def test_a_token_that_the_database_has_not_verified_shows_no_version(
    flaky_upstream_service: ServiceProcess, proxy: FaultProxy
) -> None:
    proxy.target = b"/rpc/"
    proxy.always = Fault.RESET
    bearer = {"Authorization": f"Bearer {forged_token()}"}
    answer = http_client.get(f"{flaky_upstream_service.url}/status", headers=bearer)
    assert answer.status_code == 503
    assert "database" in answer.json()
    assert not INTERNAL & members(answer.json())


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/status/", "../status"),
        ("/status/?x=1&y=%2F", "../status?x=1&y=%2F"),
        ("/health/", "../health"),
        ("/health/db/", "../db"),
        ("/metrics/", "../metrics"),
        ("/api/autonomous/incidents/?limit=1", "../incidents?limit=1"),
        ("/api/autonomous/incidents/INC-1%2E/", "../INC-1."),
        ("//", "../"),
    ],
)
def test_a_page_with_a_trailing_slash_is_redirected(service: ServiceProcess, path: str, location: str) -> None:
    answer = http_client.get(f"{service.url}{path}")
    assert (answer.status_code, answer.headers["location"]) == (307, location)
    assert http_client.head(f"{service.url}{path}").status_code == 307


@pytest.mark.parametrize(
    "path", ["/api/autonomous/error/", "/webhooks/sentry/", "/status/", "/status//", "//e.example/"]
)
def test_nothing_else_with_a_trailing_slash_is_redirected(service: ServiceProcess, path: str) -> None:
    """On a redirect many clients would drop the body of a report."""
    answers = [
        http_client.post(f"{service.url}{path}", json={}),
        *([] if path == "/status/" else [http_client.get(f"{service.url}{path}")]),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_health_shows_the_last_known_state(client: httpx.Client) -> None:
    client.get("/health/db")
    body = client.get("/health").json()
    assert body["status"] == "ok"
    assert set(body["database"]) == {"state", "checked_at", "latency_ms", "cause", "remedy"}
    assert (body["database"]["state"], body["database"]["cause"], body["database"]["remedy"]) == ("ok", None, None)


def test_database_health_has_a_latency(client: httpx.Client) -> None:
    answer = client.get("/health/db")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["latency_ms"] > 0


@pytest.mark.parametrize("path", ["/", "/health", "/health/db"])
def test_head_has_no_body(client: httpx.Client, path: str) -> None:
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/health/x", 404), ("/nothing/", 404)])
def test_an_unknown_path_is_a_problem(client: httpx.Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_wrong_method_is_answered_with_the_allowed_ones(client: httpx.Client) -> None:
    answer = client.delete("/api/autonomous/error")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_service_starts_without_a_database(service_environ: dict[str, str], log_path: Path) -> None:
    with (
        refusing_port() as port,
        running_service({**service_environ, "SUPABASE_URL": f"http://127.0.0.1:{port}"}, log_path) as service,
    ):
        down = http_client.get(f"{service.url}/health/db")
        assert down.status_code == 503
        assert down.json()["database"]["state"] == "down"
        assert down.json()["latency_ms"] >= 0
        alive = http_client.get(f"{service.url}/health")
        assert alive.status_code == 200
        assert alive.json()["database"]["state"] == "down"


def test_health_answers_while_the_call_to_the_database_hangs(
    flaky_upstream_service: ServiceProcess, proxy: FaultProxy
) -> None:
    proxy.target = b"/rpc/service_health"
    proxy.always = Fault.HANG
    health, database_health = (f"{flaky_upstream_service.url}{path}" for path in ("/health", "/health/db"))

    def is_answered_during_a_hanging_call() -> bool:
        wait_until(lambda: proxy.hanging > 0, what="a call to the database")
        assert http_client.get(health).status_code == 200
        # On a slow machine the call may have been given up meanwhile, which proves nothing: try again.
        return proxy.hanging > 0

    with ThreadPoolExecutor(20) as pool:
        probes = [pool.submit(http_client.get, database_health) for _ in range(20)]
        wait_until(is_answered_during_a_hanging_call, what="an answer during a call that hangs")
        assert {probe.result().status_code for probe in probes} == {503}


def test_requests_that_arrive_during_a_probe_share_it(
    service_environ: dict[str, str], own_proxy: FaultProxy, log_path: Path
) -> None:
    environ = {**service_environ, "SUPABASE_URL": own_proxy.url}
    sent = []

    def note(event: str, _info: object) -> None:
        if event == "http11.receive_response_headers.started":  # the request has been sent
            sent.append(event)

    with (
        running_service(environ, log_path, budgets=UNHURRIED) as service,
        httpx.Client(base_url=service.url, timeout=DEADLINE_SECONDS, limits=KEPT_ALIVE) as session,
        ThreadPoolExecutor(20) as pool,
    ):
        own_proxy.hold()
        own_proxy.target = b"/rpc/service_health"
        # The service itself probes every 10 s.
        wait_until(lambda: len(own_proxy.bodies) > 0, what="a probe")
        probes = [pool.submit(session.get, "/health/db", extensions={"trace": note}) for _ in range(20)]
        wait_until(lambda: len(sent) == 20, what="20 requests")
        # A request that is sent later is answered, so the service has read the earlier ones.
        assert session.get("/health").status_code == 200
        held = len(own_proxy.bodies)
        own_proxy.release()
        assert {probe.result().status_code for probe in probes} == {200}
    assert held == 1
