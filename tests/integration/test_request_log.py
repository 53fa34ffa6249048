"""Request ids and logs: one line per request, without secrets."""

import httpx
import pytest

from local import Stack
from tests.support.service_process import INGEST_TOKEN, ServiceProcess
from tests.support.waiting import wait_until


def line_of(service: ServiceProcess, request_id: str) -> dict[str, object]:
    def lines() -> list[dict[str, object]]:
        return [line for line in service.logs() if line.get("request_id") == request_id]

    wait_until(lambda: bool(lines()), what=f"a log line of request {request_id}")
    (line,) = lines()
    return line


def test_a_valid_request_id_is_kept(client: httpx.Client, service: ServiceProcess, source: str) -> None:
    answer = client.get("/health?secret=in-the-query", headers={"X-Request-Id": source})
    assert answer.headers["x-request-id"] == source
    line = line_of(service, source)
    assert set(line) == {
        "ts",
        "level",
        "logger",
        "msg",
        "request_id",
        "method",
        "path",
        "status",
        "duration_ms",
    }
    assert (line["method"], line["path"], line["status"]) == ("GET", "/health", 200)


@pytest.mark.parametrize("given", ["", "x" * 200, "with space", 'quo"te', "{json}", "-dash", "sk_live_abc"])
def test_an_invalid_request_id_is_replaced(client: httpx.Client, given: str) -> None:
    request_id = client.get("/health", headers={"X-Request-Id": given}).headers["x-request-id"]
    assert request_id != given
    assert len(request_id) == 32


def test_problems_carry_the_id_too(client: httpx.Client) -> None:
    assert client.get("/nothing", headers={"X-Request-Id": "abc"}).headers["x-request-id"] == "abc"


def test_no_secret_is_logged(
    client: httpx.Client, reader: httpx.Client, service: ServiceProcess, stack: Stack, source: str
) -> None:
    body = {"error": {"message": "password=hunter2-in-the-body"}, "source": source}
    client.post("/api/autonomous/error", json=body)
    reader.get("/api/autonomous/incidents", params={"source": "source-in-the-query"})
    reader.get("/api/autonomous/incidents", headers={"Authorization": "Bearer forged.token.here"})
    reader.get("/api/autonomous/incidents/eyJhbGciOi-in-the-path")
    reader.get("/password=hunter2-in-the-path/bob@example.com")
    reader.get("/health", headers={"X-Request-Id": source})
    line_of(service, source)
    text = service.log_path.read_text()
    secrets = [INGEST_TOKEN, stack.anon_key, stack.service_role_key, stack.authenticated_jwt, "forged.token"]
    for secret in [*secrets, "hunter2", "source-in-the-query", "eyJ", "bob@"]:
        assert secret not in text
