"""A database that refuses the service makes it loud: /health, /health/db, /status, the page, one log line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import Stack
from tests.support import http_client, wrong_deployments
from tests.support.fault_proxy import Fault, running_proxy
from tests.support.service_process import (
    INGEST_TOKEN,
    ServiceProcess,
    free_port,
    is_drained,
    refusing_port,
    running_service,
)
from tests.support.waiting import wait_until

OPERATOR_TOKEN = "test-operator-token-0123456789"  # noqa: S105 - of a service that lives as long as a test
PAGE = {"Accept": "text/html"}
OPERATOR = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}


def problems(service: ServiceProcess, level: str = "ERROR") -> list[str]:
    """What the monitor has logged."""
    return [
        line["msg"] for line in service.logs() if line["logger"] == "app.supabase.monitor" and line["level"] == level
    ]


def report(service: ServiceProcess) -> int:
    headers = {"Authorization": f"Bearer {INGEST_TOKEN}"}
    body = {"error": {"message": "during a refusal"}}
    return http_client.post(f"{service.url}/api/autonomous/error", headers=headers, json=body).status_code


def assert_is_loud(service: ServiceProcess, cause: str, remedy: str) -> None:
    """Everything says the cause and the remedy; the log says them once, however often the database is asked."""
    health = http_client.get(f"{service.url}/health")
    assert (health.status_code, health.json()["code"]) == (503, "misconfigured")
    assert health.json()["detail"] == f"{cause} {remedy}"
    assert {"spool", "breakers", "tasks"} <= set(health.json())
    for _ in range(3):
        answer = http_client.get(f"{service.url}/health/db")
        assert (answer.status_code, answer.json()["code"]) == (503, "misconfigured")
        database = answer.json()["database"]
        assert (database["state"], database["cause"], database["remedy"]) == ("refused", cause, remedy)
    status = http_client.get(f"{service.url}/status").json()
    assert (status["database"]["state"], status["database"]["cause"]) == ("refused", cause)
    for headers in (PAGE, {**PAGE, **OPERATOR}):
        page = http_client.get(f"{service.url}/status", headers=headers)
        assert cause.partition(" (")[0] in page.text.replace("&#39;", "'")
    assert problems(service) == [f"database is refused: {cause} {remedy}"]
    metrics = http_client.get(f"{service.url}/metrics", headers=OPERATOR).text
    assert "monitoring_database_refused 1.0" in metrics
    assert "monitoring_database_up 0.0" in metrics


def assert_is_accepted(service: ServiceProcess) -> None:
    """It recovers by itself, and nothing was lost."""
    wait_until(lambda: http_client.get(f"{service.url}/health/db").status_code == 200, what="the acceptance")
    assert http_client.get(f"{service.url}/health").status_code == 200
    assert problems(service, "INFO")[-1] == "database is ok"
    wait_until(lambda: is_drained(service.url), what="the end of the spool")


@pytest.fixture
def operated(variables: dict[str, str]) -> dict[str, str]:
    return {**variables, "OPERATOR_TOKEN": OPERATOR_TOKEN}


PUSH = "Run `supabase db push` for this project."
WRONG_SCHEMAS: dict[str, tuple[Callable[[Stack], AbstractContextManager[None]], str, str]] = {
    "missing functions": (
        wrong_deployments.missing_functions,
        "The database has none of the functions that the service calls: the migrations are missing.",
        f"{PUSH} If that is done, run `notify pgrst, 'reload schema';` in the SQL editor.",
    ),
    "schema without handshake": (
        wrong_deployments.schema_without_handshake,
        "The schema of the database is older than this service.",
        PUSH,
    ),
    "older schema": (
        lambda stack: wrong_deployments.schema_version(stack, "0.0.9"),
        "The schema of the database is older than this service.",
        PUSH,
    ),
    "schema that is too new": (
        lambda stack: wrong_deployments.schema_version(stack, "1.0.0"),
        "The schema of the database is too new for this service.",
        "Deploy the service of the same version.",
    ),
    "unexposed schema": (
        wrong_deployments.unexposed_schema,
        "The schema public is not exposed by the Data API.",
        "In the dashboard, under Integrations, Data API, enable the Data API and add public to the exposed schemas.",
    ),
    "missing grant": (
        wrong_deployments.missing_grant,
        "The database does not permit this key to call the functions of the service: it is no secret key, or the "
        "schema is incomplete.",
        "Set SUPABASE_SECRET_KEY to a secret key, not to a publishable or anon key. If it is one, run "
        "`supabase db push`.",
    ),
}


@pytest.mark.parametrize("name", WRONG_SCHEMAS)
def test_a_wrong_schema_is_loud_and_passes(
    operated: dict[str, str], log_path: Path, breakable_stack: Stack, name: str
) -> None:
    wrong, cause, remedy = WRONG_SCHEMAS[name]
    with ExitStack() as outliving:
        with wrong(breakable_stack):
            service = outliving.enter_context(running_service(operated, log_path))
            assert_is_loud(service, cause, remedy)
            assert report(service) in (201, 202)
        assert_is_accepted(service)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Fault.PAUSED, "The project is paused."),
        (Fault.RESTRICTED, "Supabase restricts the project, because of its usage or an overdue payment."),
        (Fault.UNKNOWN_ADDRESS, "There is no Supabase project at SUPABASE_URL."),
        (Fault.REDIRECT, "SUPABASE_URL redirects to another address."),
    ],
)
def test_a_gateway_that_refuses_is_loud(
    operated: dict[str, str], log_path: Path, breakable_stack: Stack, fault: Fault, cause: str
) -> None:
    with running_proxy(breakable_stack.supabase_url) as proxy:
        proxy.target, proxy.always = b"/rpc/", fault
        with running_service({**operated, "SUPABASE_URL": proxy.url}, log_path) as service:
            remedy = http_client.get(f"{service.url}/health").json()["database"]["remedy"]
            assert_is_loud(service, cause, remedy)
            assert report(service) == 202
            proxy.always = Fault.NONE
            assert_is_accepted(service)


def test_a_wrong_key_is_loud(operated: dict[str, str], log_path: Path) -> None:
    wrong = {**operated, "SUPABASE_SECRET_KEY": "sb_secret_of_another_project"}
    with running_service(wrong, log_path) as service:
        assert_is_loud(
            service,
            "Supabase does not accept the secret key.",
            "Set SUPABASE_SECRET_KEY to a secret key of the project that SUPABASE_URL names.",
        )
        assert report(service) == 202
        assert "sb_secret_of_another_project" not in service.log_path.read_text()


def test_a_schema_that_is_a_little_newer_is_a_warning(
    operated: dict[str, str], log_path: Path, breakable_stack: Stack
) -> None:
    cause = "The schema of the database is one version newer than this service."
    words = f"{cause} Deploy the service of the same version."
    with (
        wrong_deployments.schema_version(breakable_stack, "0.2.0"),
        running_service(operated, log_path) as service,
    ):
        assert http_client.get(f"{service.url}/health").json()["version_problem"] == words
        answer = http_client.get(f"{service.url}/health/db")
        assert (answer.status_code, answer.json()["version_problem"]) == (200, words)
        assert http_client.get(f"{service.url}/status").json()["version_problem"] == words
        assert words in http_client.get(f"{service.url}/status", headers=PAGE).text
        signed_in = http_client.get(f"{service.url}/status", headers=OPERATOR).json()
        assert (signed_in["versions"]["service"], signed_in["versions"]["schema"]) == ("0.1.0", "0.2.0")
        assert problems(service, "WARNING") == [f"database is ok: {words}"]
        (line,) = [line for line in service.logs() if line["msg"] == f"database is ok: {words}"]
        assert (line["service_version"], line["schema_version"]) == ("0.1.0", "0.2.0")
        metrics = http_client.get(f"{service.url}/metrics", headers=OPERATOR).text
        assert "monitoring_version_mismatch 1.0" in metrics
        assert "monitoring_database_refused 0.0" in metrics


def test_equal_versions_say_nothing(operated: dict[str, str], log_path: Path) -> None:
    with running_service(operated, log_path) as service:
        assert http_client.get(f"{service.url}/health").json()["version_problem"] is None
        assert problems(service, "WARNING") == problems(service) == []
        assert "monitoring_version_mismatch 0.0" in http_client.get(f"{service.url}/metrics", headers=OPERATOR).text


# ---- while it runs ----


def test_a_refusal_of_a_running_service_counts_when_it_lasts(
    operated: dict[str, str], log_path: Path, breakable_stack: Stack
) -> None:
    with (
        running_proxy(breakable_stack.supabase_url) as proxy,
        running_service({**operated, "SUPABASE_URL": proxy.url}, log_path) as service,
    ):
        url = f"{service.url}/health"
        assert http_client.get(url).status_code == 200
        proxy.target, proxy.always = b"/rpc/service_health", Fault.NO_FUNCTION
        assert http_client.get(f"{url}/db").status_code == 503
        wait_until(lambda: http_client.get(url).status_code == 503, what="the second probe that is refused")
        # During an outage there is no response, and the last one was a refusal.
        proxy.always = Fault.RESET
        assert http_client.get(f"{url}/db").json()["database"]["state"] == "down"
        assert http_client.get(url).status_code == 503
        proxy.always = Fault.NONE
        assert http_client.get(f"{url}/db").status_code == 200
        assert http_client.get(url).status_code == 200


# ---- the start ----


@contextmanager
def watched_health(port: int) -> Iterator[list[tuple[int, Any]]]:
    """Status and code, or state of the database, of each answer of /health from the first one on, without repeats."""
    seen: list[tuple[int, Any]] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            try:
                answer = http_client.get(f"http://127.0.0.1:{port}/health")
            except httpx.TransportError:
                time.sleep(0.005)
                continue
            body = answer.json()
            found = (answer.status_code, body.get("code") or body["database"]["state"])
            if not seen or seen[-1] != found:
                seen.append(found)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


@pytest.mark.parametrize("is_hanging", [True, False], ids=["hanging", "refusing connections"])
def test_a_service_that_starts_in_an_outage_comes_up(
    operated: dict[str, str], log_path: Path, breakable_stack: Stack, is_hanging: bool
) -> None:
    """Not before the first probe has ended, which takes 2 s at most."""
    with running_proxy(breakable_stack.supabase_url) as proxy, refusing_port() as closed:
        proxy.target, proxy.always = b"/rpc/", Fault.HANG
        url = proxy.url if is_hanging else f"http://127.0.0.1:{closed}"
        port = free_port()
        with watched_health(port) as seen, running_service({**operated, "SUPABASE_URL": url}, log_path, port):
            wait_until(lambda: (200, "down") in seen, what="readiness")
            assert [each for each in seen if each != (503, "starting")] == [(200, "down")]
            assert not is_hanging or seen[0] == (503, "starting")
        proxy.reset()


def test_a_refused_service_is_never_ready(operated: dict[str, str], log_path: Path) -> None:
    wrong = {**operated, "SUPABASE_SECRET_KEY": "sb_secret_of_another_project"}
    port = free_port()
    with watched_health(port) as seen, running_service(wrong, log_path, port) as service:
        for _ in range(20):
            assert http_client.get(f"{service.url}/health").status_code == 503
        wait_until(lambda: (503, "misconfigured") in seen, what="an answer")
        assert [each for each in seen if each != (503, "starting")] == [(503, "misconfigured")]
