"""GET /, /health and /health/db: the first two never wait for the database."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support import http_client
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_process import KEPT_ALIVE, PROJECT, ServiceProcess, refusing_port, running_service
from tests.support.waiting import DEADLINE_SECONDS, wait_until


def test_the_index_names_the_service_and_its_links(client: httpx.Client) -> None:
    body = client.get("/").json()
    assert body["name"] == "autonomous-monitoring-agent"
    assert f'version = "{body["version"]}"' in (PROJECT / "pyproject.toml").read_text()
    for link in body["links"].values():
        assert client.get(link).status_code in {200, 401, 405}


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


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/health/x", 404), ("/health/", 404)])
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
    unhurried_flaky_service: ServiceProcess, proxy: FaultProxy
) -> None:
    proxy.target = b"/rpc/service_health"
    proxy.hold()
    url = f"{unhurried_flaky_service.url}/health"
    sent = []

    def note(event: str, _info: object) -> None:
        if event == "http11.receive_response_headers.started":  # the request has been sent
            sent.append(event)

    with httpx.Client(timeout=DEADLINE_SECONDS, limits=KEPT_ALIVE) as session, ThreadPoolExecutor(20) as pool:
        probes = [pool.submit(session.get, f"{url}/db", extensions={"trace": note}) for _ in range(20)]
        wait_until(lambda: len(sent) == 20, what="20 requests")
        # A request that is sent later is answered, so the service has read the earlier ones.
        assert session.get(url).status_code == 200
        held = len(proxy.bodies)
        proxy.release()
        assert {probe.result().status_code for probe in probes} == {200}
    assert held == 1
