"""GET /targets/{name}: who may see the page of a target, what it shows, and names of all kinds."""

from __future__ import annotations

import html
import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg
import pytest
from markupsafe import escape

from local import Stack
from tests.support import http_client
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import ServiceProcess, running_service
from tests.support.tokens import forged_token
from tests.support.waiting import wait_until

OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
PAGE = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
HOST = "secret-host-of-a-target.example"

# Names that URLs, HTML and templates could take for something else. All are allowed in the configuration.
NAMES = (
    "api",
    "shop front",
    "a/b",
    "/a//b/",
    "..%2F..",
    "100% of %20",
    "a+b=c&d?e#f",
    "café 日本 🚀",
    "<script>alert('x')</script>",
    "\"quoted\" & 'quoted'",
    "{{ 7 * 7 }}",
    "x" * 90,
    "back\\slash;v=1",
    "INC-1001",
)


@pytest.fixture(scope="module")
def page_service(service_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    environ = {**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with running_service(environ, tmp_path_factory.mktemp("target") / "log", budgets=UNHURRIED) as process:
        yield process


@pytest.fixture(scope="module")
def suffix() -> str:
    """Part of the names of all targets here."""
    return f" {secrets.token_hex(4)}"


@pytest.fixture(scope="module", autouse=True)
def targets(stack: Stack, suffix: str) -> Iterator[None]:
    """Targets of these names, a heartbeat, and one that is not checked yet. A service begins a round soon after its
    start, which would check them.
    """
    read = "select value from public.system_config where key = 'health_check_targets'"
    write = "update public.system_config set value = %s where key = 'health_check_targets'"
    switch = "update public.system_config set value = value || %s where key = 'feature_flags'"
    own = [{"name": f"{name}{suffix}", "type": "other", "url": f"https://{HOST}/"} for name in NAMES]
    own.append({"name": f"nightly backup{suffix}", "type": "heartbeat", "cron": "0 3 * * *"})
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        row = connection.execute(read).fetchone()
        assert row is not None
        connection.execute(switch, ['{"monitoring": false}'])
        connection.execute(write, [json.dumps([*row[0], *own])])
        connection.execute("select public.start_health_check_round()")
        yield
        connection.execute(write, [json.dumps(row[0])])
        connection.execute(switch, ['{"monitoring": true}'])


@pytest.fixture
def reader(page_service: ServiceProcess, stack: Stack) -> Iterator[httpx.Client]:
    """The browser of somebody who has signed in."""
    headers = {**PAGE, "Authorization": f"Bearer {stack.authenticated_jwt}"}
    with httpx.Client(base_url=page_service.url, headers=headers, timeout=http_client.TIMEOUT) as session:
        yield session


def text_of(page: str) -> str:
    """What a reader sees of <main>, without markup."""
    main = page.partition("<main")[2].partition(">")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())


def path_of(name: str) -> str:
    return f"/targets/{quote(name, safe='')}"


# --- access ---


def test_a_browser_without_a_session_is_sent_to_the_sign_in(page_service: ServiceProcess, suffix: str) -> None:
    path = path_of(f"a/b{suffix}")
    answer = http_client.get(f"{page_service.url}{path}", headers=PAGE)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"../sign-in?next={quote(path, safe='')}"
    assert answer.headers["cache-control"] == "no-store"


def test_a_program_without_a_token_gets_a_problem(page_service: ServiceProcess, suffix: str) -> None:
    answer = http_client.get(f"{page_service.url}{path_of(f'api{suffix}')}")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("token", ["wrong", "a.b.c", forged_token()])
def test_a_wrong_token_is_refused(page_service: ServiceProcess, suffix: str, token: str) -> None:
    headers = {**PAGE, "Authorization": f"Bearer {token}"}
    answer = http_client.get(f"{page_service.url}{path_of(f'api{suffix}')}", headers=headers)
    assert answer.status_code == 401
    assert "text/html" in answer.headers["content-type"]
    assert suffix not in text_of(answer.text)


def test_the_operator_sees_the_page(page_service: ServiceProcess, suffix: str) -> None:
    headers = {**PAGE, "Authorization": f"Bearer {OPERATOR_TOKEN}"}
    answer = http_client.get(f"{page_service.url}{path_of(f'api{suffix}')}", headers=headers)
    assert answer.status_code == 200
    assert f"api{suffix}" in text_of(answer.text)


def test_the_page_is_not_stored_and_may_load_nothing_else(reader: httpx.Client, suffix: str) -> None:
    answer = reader.get(path_of(f"api{suffix}"))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"].startswith("Accept, Authorization, Cookie")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["content-encoding"] == "gzip"
    assert " style=" not in answer.text


# --- names ---


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_kind_leads_to_its_page(reader: httpx.Client, suffix: str, name: str) -> None:
    answer = reader.get(path_of(f"{name}{suffix}"))
    assert answer.status_code == 200
    assert f"<h1><bdi>{escape(name)}{suffix}</bdi></h1>" in answer.text
    assert "<script>alert" not in answer.text
    # Relative, because a proxy may serve the service below a path of its own.
    assert 'href="../status"' in answer.text


@pytest.mark.parametrize("name", ["nothing", "API", " ", "", "a/b", "x" * 5000, "%", "é", "\x00", "\ud7ff", "<b>"])
def test_an_unknown_name_is_an_html_page(reader: httpx.Client, suffix: str, name: str) -> None:
    answer = reader.get(path_of(f"{name}"))
    assert answer.status_code == 404
    assert "text/html" in answer.headers["content-type"]
    assert "No target has this name." in text_of(answer.text)
    # The hint of the database lists the names that exist.
    assert suffix not in answer.text


def test_bytes_that_are_no_text_are_an_unknown_name(reader: httpx.Client) -> None:
    answer = reader.get("/targets/%FF%FE")
    assert answer.status_code == 404
    assert "No target has this name." in answer.text


def test_an_unknown_name_is_a_problem_document_for_programs(page_service: ServiceProcess, stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
    answer = http_client.get(f"{page_service.url}/targets/nothing", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "target-not-found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_page_changes_nothing(reader: httpx.Client, suffix: str, method: str) -> None:
    assert reader.request(method, path_of(f"api{suffix}")).status_code == 405


# --- contents ---


def test_a_target_that_was_not_checked_yet(reader: httpx.Client, suffix: str) -> None:
    text = text_of(reader.get(path_of(f"shop front{suffix}")).text)
    assert "pending: not checked yet" in text
    assert text.count("No data in this time.") == 2
    assert "Uptime over 90 days: 0 days with failures, 90 without data" in text
    for words in ("Outages None.", "Newest checks None yet."):
        assert words in text


def test_a_target_with_a_history(reader: httpx.Client, database: psycopg.Connection, suffix: str) -> None:
    name = f"api{suffix}"
    title = f"{name} is down <b>&amp;</b>"
    database.execute(
        "insert into monitoring.target_states (target, status, since, last_check_at)"
        " values (%s, 'down', now() - interval '2 hours', now())",
        [name],
    )
    database.execute(
        "insert into monitoring.target_hourly_stats (target, hour, checks, up, degraded, down, unknown, maintenance,"
        " p50_ms, p95_ms, up_seconds, degraded_seconds, down_seconds, maintenance_seconds)"
        " select %s, date_trunc('hour', now(), 'UTC') - make_interval(hours => ago), 60, 57, 0, 3, 0, 0, 100, 1800,"
        " 3420, 0, 180, 0 from unnest(array[2, 3, 5]) as ago",
        [name],
    )
    database.execute(
        "insert into public.incidents (fingerprint, title, message, severity, category, rule, sender, status,"
        " first_seen, last_seen) values (%s, %s, 'm', 'CRITICAL', 'backend', 'r', 'health-check', 'open',"
        " now() - interval '2 hours', now())",
        [f"health-check:target:{name}", title],
    )
    database.execute(
        "insert into public.monitoring_checks (target, target_type, url, status, http_status, response_time_ms, error,"
        " service_status, scheduled_at, completed_at)"
        " values (%s, 'other', %s, 'down', 503, 1234, 'HTTP 503 <i>', 'down', date_trunc('minute', now()), now())",
        [name, f"https://{HOST}/"],
    )
    database.execute(
        "insert into monitoring.target_certificates (target, endpoint, next_look_at, looked_at, issuer, subject, names,"
        " not_after, problem) values (%s, %s, now(), now(), 'R11 <u>', 'api.example', '{api.example,www.example}',"
        " now() + interval '41 days 1 hour', 'it is self-signed <u>')"
        " on conflict (target) do update set looked_at = excluded.looked_at,"
        " issuer = excluded.issuer, subject = excluded.subject, names = excluded.names, not_after = excluded.not_after,"
        " problem = excluded.problem",
        [name, f"{HOST}:443"],
    )
    incident = database.execute("select id from public.incidents where title = %s", [title]).fetchone()
    assert incident is not None
    page = reader.get(path_of(name)).text
    text = text_of(page)
    for words in (
        f"Status {name}",
        "2 h ago",
        "Last error: HTTP 503 <i>",
        title,
        f"{incident[0]} from",
        "latest 100 ms",
        "latest 1,800 ms",
        "2,000 ms",  # the top of the axis
        "1,234 ms",
        "seen from the database and the service",
        "Issued by R11 <u>",
        "Problem it is self-signed <u>",
        "in 41 d",
        "www.example",
        "None within 14 days.",
    ):
        assert words in text, words
    assert f'href="../incidents/{incident[0]}"' in page
    assert HOST not in page
    assert "<title>" in page.partition("chart-plot")[2]
    for tag in ("<i>", "<u>", "<b>"):
        assert tag not in page


def test_a_heartbeat_shows_its_schedule_and_runs(reader: httpx.Client, suffix: str) -> None:
    text = text_of(reader.get(path_of(f"nightly backup{suffix}")).text)
    assert "0 3 * * *" in text
    assert "Runs None yet." in text
    assert "Response times" not in text


def test_planned_maintenance_is_shown(reader: httpx.Client, database: psycopg.Connection, suffix: str) -> None:
    read = "select value from public.system_config where key = 'health_check_policy'"
    write = "update public.system_config set value = %s where key = 'health_check_policy'"
    row = database.execute(read).fetchone()
    starts_at = database.execute(
        "select to_char(now() at time zone 'UTC' + interval '3 hours', 'YYYY-MM-DD\"T\"HH24:MI')"
    ).fetchone()
    ends_at = database.execute(
        "select to_char(now() at time zone 'UTC' + interval '5 hours', 'YYYY-MM-DD\"T\"HH24:MI')"
    ).fetchone()
    assert row is not None
    assert starts_at is not None
    assert ends_at is not None
    window = {"starts_at": starts_at[0], "ends_at": ends_at[0], "targets": [f"a/b{suffix}"]}
    try:
        database.execute(write, [json.dumps({**row[0], "maintenance_windows": [window]})])
        shown, other = (text_of(reader.get(path_of(f"{name}{suffix}")).text) for name in ("a/b", "api"))
    finally:
        database.execute(write, [json.dumps(row[0])])
    assert f"{starts_at[0].replace('T', ' ')} UTC to {ends_at[0].replace('T', ' ')} UTC in 2 h 59 min" in shown
    assert "None within 14 days." in other


# --- failures ---


def test_during_an_outage_the_page_says_so(
    service_environ: dict[str, str], own_proxy: FaultProxy, log_path: Path, suffix: str
) -> None:
    environ = {**service_environ, "SUPABASE_URL": own_proxy.url, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    headers = {**PAGE, "Authorization": f"Bearer {OPERATOR_TOKEN}"}
    with running_service(environ, log_path) as service:
        own_proxy.target = b"/rpc/"
        own_proxy.always = Fault.RESET
        wait_until(
            lambda: http_client.get(f"{service.url}/health/db").status_code == 503, what="the outage to be noticed"
        )
        answer = http_client.get(f"{service.url}{path_of(f'api{suffix}')}", headers=headers)
    assert answer.status_code == 503
    assert "text/html" in answer.headers["content-type"]
    assert "The database is unavailable." in text_of(answer.text)


def test_a_refused_secret_key_is_not_the_operators_fault(
    service_environ: dict[str, str], log_path: Path, suffix: str
) -> None:
    environ = {**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN, "SUPABASE_SECRET_KEY": "sb_secret_revoked"}
    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    with running_service(environ, log_path) as service:
        answer = http_client.get(f"{service.url}{path_of(f'api{suffix}')}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "misconfigured")
