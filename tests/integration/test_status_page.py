"""GET /status as a page: access, signing in and out, and the page during a database outage."""

from __future__ import annotations

import base64
import html
import json
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import httpx
import psycopg
import pytest

from app.spool.file import FIRST, SpoolFile
from local import Stack
from tests.support import http_client
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import ServiceProcess, running_service
from tests.support.tokens import forged_token
from tests.support.waiting import wait_until

OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
COOKIE = "monitoring_status"
PAGE = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(scope="module")
def page_service(service_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    environ = {**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with running_service(environ, tmp_path_factory.mktemp("page") / "log", budgets=UNHURRIED) as process:
        yield process


@pytest.fixture
def browser(page_service: ServiceProcess) -> Iterator[httpx.Client]:
    """Requests pages, keeps cookies and submits forms from the service's own page."""
    headers = {**PAGE, "Origin": page_service.url}
    with httpx.Client(base_url=page_service.url, headers=headers, timeout=http_client.TIMEOUT) as session:
        yield session


@pytest.fixture
def mark(stack: Stack) -> Iterator[str]:
    """A text in the title of an open incident, beside markup that the page has to escape."""
    mark = secrets.token_hex(6)
    title = f"<script>alert('x')</script> & {{{{ 7 * 7 }}}} {mark}"
    report = {"error": {"message": title}, "severity": "CRITICAL", "fingerprint": mark}
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        connection.execute("select public.report_error(%s)", [json.dumps(report)])
        yield mark
        connection.execute(
            "update public.incidents set status = 'resolved', resolved_at = now() where context ->> 'fingerprint' = %s",
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
def test_a_browser_gets_a_page_and_other_clients_get_json(
    page_service: ServiceProcess, accept: str, is_page: bool
) -> None:
    answer = http_client.get(f"{page_service.url}/status", headers={"Accept": accept})
    kind = "text/html; charset=utf-8" if is_page else "application/json"
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["vary"].startswith("Accept, Authorization, Cookie")
    assert answer.headers["cache-control"] == ("no-cache" if is_page else "no-store")


def test_an_anonymous_visitor_sees_no_incident_and_no_internals(browser: httpx.Client, mark: str) -> None:
    page = browser.get("/status")
    assert page.status_code == 200
    assert "Sign in" in page.text
    for hidden in (mark, "Open incidents", "Spool", "Kill switch", "Last deployments"):
        assert hidden not in page.text


def test_an_operator_signs_in_with_the_token_and_out(browser: httpx.Client, mark: str) -> None:
    answer = browser.post("/status", data={"token": f" {OPERATOR_TOKEN} "})
    assert (answer.status_code, answer.headers["location"]) == (303, "status")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=lax", "Path=/;"))
    page = browser.get("/status")
    assert page.status_code == 200
    assert f"&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; {{{{ 7 * 7 }}}} {mark}" in page.text
    for shown in ("Open incidents", "Scheduler", "Spool", "Kill switch", "Last deployments", "Sign out"):
        assert shown in page.text
    assert browser.post("/status", data={"sign_out": "1"}).status_code == 303
    assert "Open incidents" not in browser.get("/status").text


def test_a_supabase_user_signs_in(browser: httpx.Client, stack: Stack, mark: str) -> None:
    assert browser.post("/status", data={"token": stack.authenticated_jwt}).status_code == 303
    assert mark in browser.get("/status").text


def test_the_cookie_is_secure_when_the_page_is_served_over_https(browser: httpx.Client) -> None:
    form = {"token": OPERATOR_TOKEN}
    origin = str(browser.base_url).replace("http:", "https:").rstrip("/")
    for scheme in ("https", "https, http"):
        there = browser.post("/status", data=form, headers={"X-Forwarded-Proto": scheme, "Origin": origin})
        assert "Secure" in there.headers["set-cookie"]
    here = browser.post("/status", data=form)
    assert "Secure" not in here.headers["set-cookie"]


@pytest.mark.parametrize(
    "token", ["", "wrong", "a.b.c", forged_token(), "é", OPERATOR_TOKEN[:-1], f"{OPERATOR_TOKEN}x"]
)
def test_a_wrong_token_is_refused_on_the_page(browser: httpx.Client, token: str) -> None:
    answer = browser.post("/status", data={"token": token})
    assert answer.status_code == 401
    assert "That token is not accepted" in answer.text
    assert "Open incidents" not in answer.text
    assert COOKIE not in browser.cookies


@pytest.mark.parametrize("token", ["wrong", "a.b.c", forged_token()])
def test_an_invalid_cookie_is_deleted(browser: httpx.Client, token: str) -> None:
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


def test_basic_credentials_of_a_proxy_are_ignored(browser: httpx.Client) -> None:
    assert browser.get("/status", headers={"Authorization": "Basic eDp5"}).status_code == 200


def test_a_refused_secret_key_does_not_sign_the_operator_out(service_environ: dict[str, str], log_path: Path) -> None:
    environ = {
        **service_environ,
        "OPERATOR_TOKEN": OPERATOR_TOKEN,
        "SUPABASE_SECRET_KEY": "sb_secret_revoked",
    }
    with (
        running_service(environ, log_path) as service,
        httpx.Client(base_url=service.url, headers=PAGE, timeout=http_client.TIMEOUT) as operator,
    ):
        bearer = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        answer = operator.get("/status", headers={**bearer, "Accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (503, "misconfigured")
        assert operator.post("/status", data={"token": OPERATOR_TOKEN}).status_code == 303
        page = operator.get("/status")
        assert page.status_code == 503
        assert "Spool" in page.text
        assert COOKIE in operator.cookies


def test_an_api_key_of_the_public_does_not_sign_in(browser: httpx.Client, stack: Stack) -> None:
    for key in (stack.anon_key, stack.publishable_key):
        assert browser.post("/status", data={"token": key}).status_code == 401


def test_the_operator_reads_json(page_service: ServiceProcess) -> None:
    bearer = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    summary = http_client.get(f"{page_service.url}/status", headers=bearer).json()
    assert {"open_incidents", "targets", "last_deployments", "overall"} <= set(summary)
    refused = http_client.get(f"{page_service.url}/status", headers={"Authorization": "Bearer not-the-operator"})
    assert refused.status_code == 401


def test_without_an_operator_token_nobody_is_operator(service: ServiceProcess) -> None:
    assert http_client.post(f"{service.url}/status", data={"token": ""}).status_code == 401
    assert http_client.get(f"{service.url}/status", headers={"Authorization": "Bearer None"}).status_code == 401


def test_the_page_is_compressed_for_clients_that_accept_gzip(browser: httpx.Client) -> None:
    assert browser.get("/status").headers["content-encoding"] == "gzip"
    plain = browser.get("/status", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["vary"]


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("gzip;q=0.5", True),
        ("gzip; q=1.0, identity; q=0.5", True),
        ("*", True),
        ("br;q=1, *;q=0.1", True),
        ("identity;q=0, gzip;q=0.1", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip ;Q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("identity", False),
        ("identity, gzip;q=0.5", False),
        ("identity;q=0, gzip;q=0", False),
        ("gzip;q=x", False),
        ("gzip;q=nan", False),
        ("xgzip, gzippy", False),
        ("br", False),
        ("", False),
        (",;=q" * 100, False),
    ],
)
@pytest.mark.parametrize("path", ["/status", "/sign-in"])
def test_compression_is_negotiated(browser: httpx.Client, path: str, accepted: str, is_compressed: bool) -> None:
    """Of the page that was compressed before, and of one that is now. Caches keep the two apart."""
    answer = browser.get(path, headers={"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding") == ("gzip" if is_compressed else None)
    assert "Accept-Encoding" in answer.headers["vary"]
    assert answer.text.startswith("<!doctype html>")
    assert answer.headers.get("etag", "W/").startswith("W/")


def test_several_headers_are_one_list(page_service: ServiceProcess) -> None:
    headers = [("Accept", "text/html"), ("Accept-Encoding", "br"), ("Accept-Encoding", "gzip;q=0"), ("Vary", "x")]
    answer = httpx.get(f"{page_service.url}/sign-in", headers=headers, timeout=http_client.TIMEOUT)
    assert "content-encoding" not in answer.headers


def test_the_form_is_bounded(browser: httpx.Client) -> None:
    assert browser.post("/status", data={f"field{n}": "x" for n in range(20)}).status_code == 400
    assert browser.post("/status", data={"token": "x" * 2**16}).status_code == 413
    assert browser.post("/status", json={"token": "x"}).status_code == 415


def test_the_page_allows_no_script_but_its_own(browser: httpx.Client) -> None:
    pages = [browser.get("/status")]
    browser.post("/status", data={"token": OPERATOR_TOKEN})
    pages += [browser.get("/status"), browser.get("/"), browser.get("/status/kill-switch")]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        for directive, element in (("style-src", "style"), ("script-src", "script")):
            (text,) = re.findall(rf"<{element}>(.*?)</{element}>", page.text, re.DOTALL)
            digest = base64.b64encode(sha256(text.encode()).digest()).decode()
            assert f"{directive} 'sha256-{digest}';" in policy
        assert re.findall(r'\s(style|on\w+)="', page.text) == []


def test_the_public_page_is_sent_again_only_if_it_has_changed(browser: httpx.Client) -> None:
    first = browser.get("/status")
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["vary"].startswith("Accept, Authorization, Cookie, Accept-Encoding")
    assert "set-cookie" not in first.headers
    answers: list[httpx.Response] = []
    # The page may be rendered again between the two requests.
    wait_until(lambda: _is_not_modified(browser, answers), what="an answer without a page")
    again = answers[-1]
    assert again.content == b""
    assert again.headers["vary"] == first.headers["vary"]
    assert "content-security-policy" in again.headers
    plain = browser.get("/status", headers={"Accept-Encoding": "identity"})
    assert plain.headers["vary"] == first.headers["vary"]
    other = browser.get("/status", headers={"If-None-Match": '"another"'})
    assert (other.status_code, other.text[:15]) == (200, "<!doctype html>")
    head = browser.head("/status")
    assert (head.status_code, head.content) == (200, b"")
    assert etag.startswith('W/"')


def _is_not_modified(browser: httpx.Client, answers: list[httpx.Response]) -> bool:
    etag = browser.get("/status").headers["etag"]
    answers.append(browser.get("/status", headers={"If-None-Match": etag}))
    return answers[-1].status_code == 304


def test_the_page_of_a_signed_in_reader_is_not_stored(browser: httpx.Client) -> None:
    etag = browser.get("/status").headers["etag"]
    browser.post("/status", data={"token": OPERATOR_TOKEN})
    page = browser.get("/status", headers={"If-None-Match": f"{etag}, *"})
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in page.headers


def test_every_browser_gets_the_same_public_page(page_service: ServiceProcess) -> None:
    headers = [{"User-Agent": "a", "Cookie": "theme=dark"}, {"User-Agent": "b", "X-Forwarded-For": "192.0.2.7"}]
    texts: list[str] = []

    def is_same() -> bool:
        texts[:] = [http_client.get(f"{page_service.url}/status", headers={**PAGE, **each}).text for each in headers]
        return texts[0] == texts[1]

    # The page may be rendered again between the two requests.
    wait_until(is_same, what="the same page")
    assert "form_token" not in texts[0]
    assert "<form" not in texts[0]


def test_incidents_and_targets_on_the_page_link_to_their_own_pages(browser: httpx.Client, mark: str) -> None:
    browser.post("/status", data={"token": OPERATOR_TOKEN})
    page = browser.get("/status").text
    assert re.search(rf'<a href="incidents/INC-\d+">[^<]*{mark}</a>', page)
    assert '<a href="incidents">All incidents</a>' in page
    assert re.search(
        r'<form method="post" action="sign-out"><input type="hidden" name="form_token" value="[^"]+">', page
    )


def test_anonymous_visitors_see_only_public_targets(
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
        with running_service(service_environ, log_path, budgets=UNHURRIED) as service:
            page = http_client.get(f"{service.url}/status", headers=PAGE).text
    finally:
        database.execute("delete from monitoring.target_states where target like %s", [f"{name}%"])
        database.execute(write, [json.dumps(before[0])])
    assert f"{name}-open" in page
    assert f"{name}-hidden" not in page
    assert "open.example" not in page


def test_each_page_is_called_as_the_product_is_called_now(
    service_environ: dict[str, str], log_path: Path, database: psycopg.Connection
) -> None:
    """Also where nobody reads the public page."""
    before = database.execute("select value from public.system_config where key = 'health_check_policy'").fetchone()
    assert before is not None
    write = "update public.system_config set value = %s where key = 'health_check_policy'"
    environ = {**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    headers = {**PAGE, "Authorization": f"Bearer {OPERATOR_TOKEN}"}
    budgets = {**UNHURRIED, "public_status": 0.0}
    try:
        with running_service(environ, log_path, budgets=budgets) as service:
            for title in ("Hazel", "Oak & Sons"):
                database.execute(write, [json.dumps(before[0] | {"page_title": title})])
                for path in ("incidents", "sign-in", "targets/none", "status"):
                    page = http_client.get(f"{service.url}/{path}", headers=headers).text
                    assert f" | {html.escape(title)}</title>" in page, path
    finally:
        database.execute(write, [json.dumps(before[0])])


def test_during_an_outage_the_page_shows_what_the_service_knows(
    service_environ: dict[str, str], own_proxy: FaultProxy, log_path: Path
) -> None:
    environ = {**service_environ, "SUPABASE_URL": own_proxy.url, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with (
        running_service(environ, log_path) as service,
        httpx.Client(base_url=service.url, headers=PAGE, timeout=http_client.TIMEOUT) as browser,
    ):
        own_proxy.target = b"/rpc/"
        own_proxy.always = Fault.RESET
        wait_until(lambda: browser.get("/health/db").status_code == 503, what="the outage to be noticed")
        anonymous = browser.get("/status")
        assert anonymous.status_code == 503
        assert "The database does not answer" in anonymous.text
        assert "Unknown" in anonymous.text
        assert browser.post("/status", data={"token": OPERATOR_TOKEN}).status_code == 303
        page = browser.get("/status")
        assert page.status_code == 503
        assert "Spool" in page.text
        assert "down" in page.text
        # A user's token cannot be verified now: it is neither accepted nor called wrong.
        user = http_client.post(f"{service.url}/status", data={"token": forged_token()}, headers=PAGE)
        assert user.status_code == 503
        assert "Spool" not in user.text


def test_dead_letters_are_shown_to_the_operator_only(service_environ: dict[str, str], log_path: Path) -> None:
    reason = f"a reason that quotes the report {secrets.token_hex(6)}"
    spool_path = log_path.with_name("spool")
    spool = SpoolFile(spool_path, 2**20)
    spool.insert([("events", b"{}")])
    spool.settle("events", [], [(spool.read_oldest("events", FIRST, 1)[0].id, reason)])
    spool.close()
    environ = {**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN, "SPOOL_PATH": str(spool_path)}
    with (
        running_service(environ, log_path, budgets=UNHURRIED) as service,
        httpx.Client(base_url=service.url, timeout=http_client.TIMEOUT) as client,
    ):
        bearer = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        letters = client.get("/status", headers=bearer).json()["dead_letters"]
        assert (letters["count"], letters["newest_reason"]) == (1, reason)
        assert datetime.fromisoformat(letters["oldest_at"]) <= datetime.now(UTC)
        assert reason in client.get("/status", headers={**PAGE, **bearer}).text
        for headers in ({}, PAGE):
            assert reason not in client.get("/status", headers=headers).text
        assert client.get("/health").json()["spool"]["dead_letters"] == 1


def test_anonymous_visitors_share_one_call_to_the_database(
    service_environ: dict[str, str], own_proxy: FaultProxy, log_path: Path
) -> None:
    environ = {**service_environ, "SUPABASE_URL": own_proxy.url}
    with running_service(environ, log_path, budgets=UNHURRIED) as service:
        own_proxy.target = b"/rpc/public_status"
        own_proxy.bodies.clear()
        with ThreadPoolExecutor(20) as pool:
            answers = [pool.submit(http_client.get, f"{service.url}/status", headers=PAGE) for _ in range(100)]
            assert {answer.result().status_code for answer in answers} == {200}
    assert len(own_proxy.bodies) == 1


def test_the_title_and_the_top_of_the_page_say_that_the_database_refuses_the_service(
    service_environ: dict[str, str], log_path: Path
) -> None:
    environ = {**service_environ, "SUPABASE_SECRET_KEY": "sb_secret_revoked"}
    with running_service(environ, log_path) as service:
        url = f"{service.url}/health/db"
        wait_until(lambda: http_client.get(url).json()["database"]["state"] == "refused", what="the refusal")
        page = http_client.get(f"{service.url}/status", headers=PAGE)
    assert page.status_code == 503
    assert "<title>⚠ Database refuses the service | Status</title>" in page.text
    top = page.text.partition('<div id="warnings" role="alert">')[2].partition("</div>")[0]
    assert "Set SUPABASE_SECRET_KEY" in top
