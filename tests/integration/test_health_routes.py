"""/, /health and /health/db: the first two never wait for the database."""

import concurrent.futures
import time
from pathlib import Path

import httpx
import pytest

from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_process import PROJECT, ServiceProcess, free_port, running_service
from tests.support.waiting import wait_until


def test_the_index_says_what_this_is(client: httpx.Client) -> None:
    body = client.get("/").json()
    assert body["name"] == "autonomous-monitoring-agent"
    assert f'version = "{body["version"]}"' in (PROJECT / "pyproject.toml").read_text()
    for link in body["links"].values():
        assert client.get(link).status_code in {200, 401, 405}


def test_health_tells_the_last_known_state(client: httpx.Client) -> None:
    client.get("/health/db")
    body = client.get("/health").json()
    assert body["status"] == "ok"
    assert set(body["database"]) == {"state", "checked_at", "latency_ms"}
    assert body["database"]["state"] == "ok"


def test_database_health_has_a_latency(client: httpx.Client) -> None:
    answer = client.get("/health/db")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert 0 < answer.json()["latency_ms"] < 2000


@pytest.mark.parametrize("path", ["/", "/health", "/health/db"])
def test_head_has_no_body(client: httpx.Client, path: str) -> None:
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/health/x", 404), ("/health/", 404)])
def test_an_unknown_path_is_a_problem(client: httpx.Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_wrong_method_says_which_are_right(client: httpx.Client) -> None:
    answer = client.delete("/api/autonomous/error")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_service_starts_and_lives_without_a_database(
    service_environ: dict[str, str], log_path: Path
) -> None:
    environ = {**service_environ, "SUPABASE_URL": f"http://127.0.0.1:{free_port()}"}
    with running_service(environ, log_path) as service:
        down = httpx.get(f"{service.url}/health/db")
        assert down.status_code == 503
        assert down.json()["database"]["state"] == "down"
        assert down.json()["latency_ms"] >= 0
        alive = httpx.get(f"{service.url}/health")
        assert alive.status_code == 200
        assert alive.json()["database"]["state"] == "down"


def test_a_database_that_hangs_holds_nobody_up(
    flaky_upstream_service: ServiceProcess, proxy: FaultProxy
) -> None:
    proxy.target = b"/rpc/service_health"
    proxy.always = Fault.HANG
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        started = time.monotonic()
        probes = [
            pool.submit(httpx.get, f"{flaky_upstream_service.url}/health/db", timeout=10) for _ in range(20)
        ]
        wait_until(lambda: bool(proxy.bodies), what="the call to the database")
        asked = time.monotonic()
        assert httpx.get(f"{flaky_upstream_service.url}/health").status_code == 200
        assert time.monotonic() - asked < 1
        assert {probe.result().status_code for probe in probes} == {503}
        assert time.monotonic() - started < 4.5
    assert len(proxy.bodies) < 5
