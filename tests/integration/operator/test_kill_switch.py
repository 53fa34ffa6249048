"""The operator stops all agents and lets them act again: in SQL, by RPC, and on the status page without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import psycopg
import pytest

from local import Stack
from tests.support import http_client
from tests.support.browser import form_token
from tests.support.fault_proxy import Fault, running_proxy
from tests.support.operator_tasks import run_sql_task
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import running_service

OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
PAGE = {"Accept": "text/html"}
STOP = {"enabled": "true", "reason": "agents restart the shop again and again"}
RELEASE = {"enabled": "false", "reason": "the rule was corrected"}


@pytest.fixture(scope="module")
def url(service_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    environ = {**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with running_service(environ, tmp_path_factory.mktemp("switch") / "log", budgets=UNHURRIED) as service:
        yield service.url


@pytest.fixture(autouse=True)
def released(sql_editor: psycopg.Connection) -> Iterator[None]:
    yield
    sql_editor.execute("select public.set_kill_switch(false, 'the test is over')")


def is_on(sql_editor: psycopg.Connection) -> bool:
    row = sql_editor.execute("select monitoring.is_kill_switch_on()").fetchone()
    assert row is not None
    return bool(row[0])


def latest_action(sql_editor: psycopg.Connection) -> tuple[str, str, str, str]:
    row = sql_editor.execute(
        "select action, agent, caller, details ->> 'reason' from public.agent_actions"
        " where action like 'kill_switch%' order by id desc limit 1"
    ).fetchone()
    assert row is not None
    return row


def sign_in(url: str, token: str) -> str:
    answer = http_client.post(f"{url}/status", data={"token": token}, headers={**PAGE, "Origin": url})
    assert answer.status_code == 303, answer.text
    return answer.headers["set-cookie"].partition(";")[0]


def submit(url: str, cookie: str, form: dict[str, str], **headers: str) -> httpx.Response:
    page = http_client.get(f"{url}/status/kill-switch", headers={**PAGE, "Cookie": cookie})
    token = {"form_token": form_token(page)} if page.status_code == 200 else {}
    given = {**PAGE, "Cookie": cookie, "Origin": url, **headers}
    return http_client.post(f"{url}/status/kill-switch", data={**token, **form}, headers=given)


def test_the_tasks(sql_editor: psycopg.Connection) -> None:
    run_sql_task(sql_editor, "Stop all agents (kill switch)", {"deploys fail again and again": "a test"})
    assert is_on(sql_editor)
    assert latest_action(sql_editor) == ("kill_switch_on", "operator", "postgres", "a test")
    run_sql_task(sql_editor, "Let agents act again")
    assert not is_on(sql_editor)


def test_the_page_leads_to_a_form_that_stops_agents_and_lets_them_act_again(
    url: str, sql_editor: psycopg.Connection
) -> None:
    cookie = sign_in(url, OPERATOR_TOKEN)
    headers = {**PAGE, "Cookie": cookie}
    for words, value in (("Stop agents", "true"), ("Let agents act", "false")):
        page = http_client.get(f"{url}/status", headers=headers).text
        form = re.search(
            r'<form class="switch" method="get" action="status/kill-switch">\s*<button>(.*?)</button>', page
        )
        assert form is not None
        assert unescape(form[1]) == words
        asked = http_client.get(f"{url}/status/kill-switch", headers=headers)
        assert asked.status_code == 200
        assert re.search(rf'<button class="\w+" name="enabled" value="{value}">{words}</button>', asked.text)
        answer = submit(url, cookie, {"enabled": value, "reason": words})
        assert (answer.status_code, answer.headers["location"]) == (303, "../status")
        assert is_on(sql_editor) is (value == "true")
        action = "kill_switch_on" if value == "true" else "kill_switch_off"
        assert latest_action(sql_editor) == (action, "operator", "service_role", words)


def test_a_program_uses_the_token(url: str, sql_editor: psycopg.Connection) -> None:
    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    answer = http_client.post(f"{url}/status/kill-switch", data=STOP, headers=headers)
    assert (answer.status_code, answer.json()["is_kill_switch_on"]) == (200, True)
    assert is_on(sql_editor)
    for form, said in (
        ({"enabled": "true"}, "reason is missing."),
        ({"reason": "r"}, "`enabled` must be true or false."),
    ):
        refused = http_client.post(f"{url}/status/kill-switch", data=form, headers=headers)
        assert (refused.status_code, refused.json()["detail"]) == (400, said)


@pytest.mark.parametrize("fault", [Fault.OBJECT, Fault.LIST, Fault.GARBAGE, Fault.BAD_GATEWAY])
def test_an_answer_that_is_not_the_databases_is_no_success(tmp_path: Path, fault: Fault) -> None:
    """Nothing is forwarded, so the address behind the proxy does not matter."""
    environ = {
        "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_of_a_test",
        "SUPABASE_SECRET_KEY": "sb_secret_of_a_test",
        "INGEST_TOKEN": "ingest-token-of-a-test",
        "OPERATOR_TOKEN": OPERATOR_TOKEN,
    }
    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    with running_proxy("http://127.0.0.1:9") as proxy:
        proxy.target, proxy.always = b"/rpc/", fault
        with running_service({**environ, "SUPABASE_URL": proxy.url}, tmp_path / "log") as service:
            page = f"{service.url}/status/kill-switch"
            for answer in (http_client.get(page, headers=headers), http_client.post(page, data=STOP, headers=headers)):
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_agents_cannot_let_themselves_act_again(url: str, stack: Stack, sql_editor: psycopg.Connection) -> None:
    sql_editor.execute("select public.set_kill_switch(true, 'r')")
    cookie = sign_in(url, stack.authenticated_jwt)
    assert "kill-switch" not in http_client.get(f"{url}/status", headers={**PAGE, "Cookie": cookie}).text
    assert http_client.get(f"{url}/status/kill-switch", headers={**PAGE, "Cookie": cookie}).status_code == 403
    refused = submit(url, cookie, RELEASE)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "text/html; charset=utf-8")
    bearer = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
    assert http_client.post(f"{url}/status/kill-switch", data=RELEASE, headers=bearer).status_code == 403
    assert http_client.post(f"{url}/status/kill-switch", data=RELEASE).status_code == 401
    rpc = http_client.post(
        f"{stack.supabase_url}/rest/v1/rpc/set_kill_switch",
        json={"enabled": False, "reason": "r"},
        headers={"apikey": stack.anon_key, **bearer},
    )
    assert rpc.status_code == 403
    assert is_on(sql_editor)


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_another_site_cannot_submit_the_form(url: str, sql_editor: psycopg.Connection, origin: str) -> None:
    cookie = sign_in(url, OPERATOR_TOKEN)
    assert submit(url, cookie, STOP, Origin=origin).status_code == 403
    assert submit(url, cookie, STOP, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert not is_on(sql_editor)
