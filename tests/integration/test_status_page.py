"""GET /status as a page: who sees what, signing in and out, and what it says while the database is away."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from local import Stack
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_process import ServiceProcess, running_service
from tests.support.waiting import wait_until

OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
COOKIE = "monitoring_status"
PAGE = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(scope="module")
def page_service(service_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    environ = {**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with running_service(environ, tmp_path_factory.mktemp("page") / "log") as process:
        yield process


@pytest.fixture
def browser(page_service: ServiceProcess) -> Iterator[httpx.Client]:
    """Asks for pages and keeps cookies."""
    with httpx.Client(base_url=page_service.url, headers=PAGE, timeout=15) as session:
        yield session


@pytest.fixture
def mark(stack: Stack) -> Iterator[str]:
    """In the title of an incident that is open, amid what a page must not take for its own."""
    mark = secrets.token_hex(6)
    title = f"<script>alert('x')</script> & {{{{ 7 * 7 }}}} {mark}"
    report = {"error": {"message": title}, "severity": "CRITICAL", "fingerprint": mark}
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        connection.execute("select public.report_error(%s)", [json.dumps(report)])
        yield mark
        connection.execute(
            "update public.incidents set status = 'resolved', resolved_at = now() where fingerprint = %s",
            [mark],
        )


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (PAGE["Accept"], True),
        ("text/html", True),
        ("TEXT/HTML; charset=utf-8", True),
        ("application/xhtml+xml", True),
        ("text/html;q=0.5, application/json;q=0.4", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("application/json, text/plain, */*", False),
        ("text/html;q=0.1, application/json", False),
        ("text/html;q=0", False),
        ("text/html;q=x", False),
        (",;=q" * 100, False),
    ],
)
def test_a_browser_gets_a_page_and_everybody_else_json(
    page_service: ServiceProcess, accept: str, is_page: bool
) -> None:
    answer = httpx.get(f"{page_service.url}/status", headers={"Accept": accept})
    kind = "text/html; charset=utf-8" if is_page else "application/json"
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["vary"].startswith("Accept, Authorization, Cookie")
    assert answer.headers["cache-control"] == "no-store"


def test_a_stranger_sees_no_incident_and_nothing_of_the_inside(browser: httpx.Client, mark: str) -> None:
    page = browser.get("/status")
    assert page.status_code == 200
    assert "Sign in" in page.text
    for hidden in (mark, "Open incidents", "Spool", "Kill switch", "Last deployments"):
        assert hidden not in page.text


def test_a_person_signs_in_with_the_operators_token_and_out(browser: httpx.Client, mark: str) -> None:
    answer = browser.post("/status", data={"token": f" {OPERATOR_TOKEN} "})
    assert (answer.status_code, answer.headers["location"]) == (303, "status")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/status"))
    page = browser.get("/status")
    assert page.status_code == 200
    assert f"&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; {{{{ 7 * 7 }}}} {mark}" in page.text
    for shown in ("Open incidents", "Scheduler", "Spool", "Kill switch", "Last deployments", "Sign out"):
        assert shown in page.text
    assert browser.post("/status", data={"sign_out": "1"}).status_code == 303
    assert "Open incidents" not in browser.get("/status").text


def test_a_user_of_supabase_signs_in(browser: httpx.Client, stack: Stack, mark: str) -> None:
    assert browser.post("/status", data={"token": stack.authenticated_jwt}).status_code == 303
    assert mark in browser.get("/status").text


def test_the_cookie_is_for_https_alone_where_the_page_is(browser: httpx.Client) -> None:
    form = {"token": OPERATOR_TOKEN}
    there = browser.post("/status", data=form, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in there.headers["set-cookie"]
    beyond = browser.post("/status", data=form, headers={"X-Forwarded-Proto": "https, http"})
    assert "Secure" in beyond.headers["set-cookie"]
    here = browser.post("/status", data=form)
    assert "Secure" not in here.headers["set-cookie"]


@pytest.mark.parametrize("token", ["", "wrong", "a.b.c", "é", OPERATOR_TOKEN[:-1], f"{OPERATOR_TOKEN}x"])
def test_a_wrong_token_is_told_on_the_page(browser: httpx.Client, token: str) -> None:
    answer = browser.post("/status", data={"token": token})
    assert answer.status_code == 401
    assert "That token is not accepted" in answer.text
    assert "Open incidents" not in answer.text
    assert COOKIE not in browser.cookies


@pytest.mark.parametrize("token", ["wrong", "a.b.c"])
def test_a_cookie_that_is_no_longer_good_is_taken_back(browser: httpx.Client, token: str) -> None:
    answer = browser.get("/status", headers={"Cookie": f"{COOKIE}={token}"})
    assert answer.status_code == 401
    assert "Open incidents" not in answer.text
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]


def test_another_site_can_neither_sign_in_nor_out(browser: httpx.Client) -> None:
    for site in ("cross-site", "same-site"):
        answer = browser.post(
            "/status",
            data={"token": OPERATOR_TOKEN},
            headers={"Sec-Fetch-Site": site, "Origin": "https://e.example"},
        )
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_a_token_that_no_cookie_holds_is_told(browser: httpx.Client) -> None:
    answer = browser.post("/status", data={"token": f"a.{'b' * 4_000}.c"})
    assert answer.status_code == 401
    assert "too long for a cookie" in answer.text


def test_a_proxys_own_password_is_no_token(browser: httpx.Client) -> None:
    assert browser.get("/status", headers={"Authorization": "Basic eDp5"}).status_code == 200


def test_the_operator_is_not_blamed_for_the_services_key(
    service_environ: dict[str, str], stack: Stack, log_path: Path
) -> None:
    environ = {
        **service_environ,
        "OPERATOR_TOKEN": OPERATOR_TOKEN,
        "SUPABASE_SERVICE_ROLE_KEY": stack.anon_key,
    }
    with (
        running_service(environ, log_path) as service,
        httpx.Client(base_url=service.url, headers=PAGE, timeout=20) as operator,
    ):
        bearer = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        told = operator.get("/status", headers={**bearer, "Accept": "application/json"})
        assert (told.status_code, told.json()["code"]) == (503, "misconfigured")
        assert operator.post("/status", data={"token": OPERATOR_TOKEN}).status_code == 303
        page = operator.get("/status")
        assert page.status_code == 503
        assert "Spool" in page.text
        assert COOKIE in operator.cookies


def test_the_api_key_of_anon_opens_nothing(browser: httpx.Client, stack: Stack) -> None:
    assert browser.post("/status", data={"token": stack.anon_key}).status_code == 401


def test_the_operator_reads_json_too(page_service: ServiceProcess) -> None:
    bearer = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    told = httpx.get(f"{page_service.url}/status", headers=bearer).json()
    assert {"open_incidents", "targets", "last_deployments", "overall"} <= set(told)
    refused = httpx.get(f"{page_service.url}/status", headers={"Authorization": "Bearer not-the-operator"})
    assert refused.status_code == 401


def test_without_an_operators_token_none_is_one(service: ServiceProcess) -> None:
    assert httpx.post(f"{service.url}/status", data={"token": ""}).status_code == 401
    assert httpx.get(f"{service.url}/status", headers={"Authorization": "Bearer None"}).status_code == 401


def test_the_page_is_compressed_for_who_can_read_that(browser: httpx.Client) -> None:
    assert browser.get("/status").headers["content-encoding"] == "gzip"
    plain = browser.get("/status", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["vary"]


def test_the_form_is_bounded(browser: httpx.Client) -> None:
    assert browser.post("/status", data={f"field{n}": "x" for n in range(20)}).status_code == 400
    assert browser.post("/status", content=b"token=" + b"x" * 2**21).status_code == 413


def test_the_page_allows_no_script_but_its_own(browser: httpx.Client) -> None:
    first, second = browser.get("/status"), browser.get("/status")
    policy = first.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    (nonce,) = set(re.findall(r"'nonce-([\w-]+)'", policy))
    assert first.text.count(f'nonce="{nonce}"') == 2
    assert nonce not in second.text


def test_only_public_targets_are_shown_to_everybody(
    service_environ: dict[str, str], log_path: Path, database: psycopg.Connection
) -> None:
    name = f"page-{secrets.token_hex(4)}"
    before = database.execute("select value from public.system_config where key = 'health_check_targets'").fetchone()
    assert before is not None
    targets = [
        {
            "name": f"{name}-{kind}",
            "type": "other",
            "url": f"https://{kind}.example/",
            "public": kind == "open",
        }
        for kind in ("open", "hidden")
    ]
    write = "update public.system_config set value = %s where key = 'health_check_targets'"
    try:
        database.execute(write, [json.dumps([*before[0], *targets])])
        database.execute(
            "insert into monitoring.target_states (target, status, since)"
            " select unnest(%s::text[]), 'up', now() on conflict do nothing",
            [[each["name"] for each in targets]],
        )
        with running_service(service_environ, log_path) as service:
            page = httpx.get(f"{service.url}/status", headers=PAGE).text
    finally:
        database.execute("delete from monitoring.target_states where target like %s", [f"{name}%"])
        database.execute(write, [json.dumps(before[0])])
    assert f"{name}-open" in page
    assert f"{name}-hidden" not in page
    assert "open.example" not in page


def test_while_the_database_is_away_the_page_says_what_the_service_knows(
    service_environ: dict[str, str], proxy: FaultProxy, log_path: Path
) -> None:
    environ = {**service_environ, "SUPABASE_URL": proxy.url, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with (
        running_service(environ, log_path) as service,
        httpx.Client(base_url=service.url, headers=PAGE, timeout=20) as browser,
    ):
        proxy.target = b"/rpc/"
        proxy.always = Fault.RESET
        wait_until(lambda: browser.get("/health/db").status_code == 503, what="the outage to be noticed")
        stranger = browser.get("/status")
        assert stranger.status_code == 503
        assert "The database does not answer" in stranger.text
        assert "Not known" in stranger.text
        assert browser.post("/status", data={"token": OPERATOR_TOKEN}).status_code == 303
        page = browser.get("/status")
        assert page.status_code == 503
        assert "Spool" in page.text
        assert "down" in page.text
        # Nobody vouches for a user's token now, so it opens nothing, and it is not called wrong either.
        user = httpx.post(f"{service.url}/status", data={"token": "a.b.c"}, headers=PAGE)
        assert user.status_code == 503
        assert "Spool" not in user.text


def test_a_crowd_costs_the_database_one_call(
    service_environ: dict[str, str], proxy: FaultProxy, log_path: Path
) -> None:
    with running_service({**service_environ, "SUPABASE_URL": proxy.url}, log_path) as service:
        proxy.target = b"/rpc/public_status"
        proxy.bodies.clear()
        with ThreadPoolExecutor(20) as crowd:
            looks = [crowd.submit(httpx.get, f"{service.url}/status", headers=PAGE) for _ in range(100)]
            assert {look.result().status_code for look in looks} == {200}
    assert len(proxy.bodies) == 1
