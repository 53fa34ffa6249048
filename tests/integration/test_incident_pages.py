"""The pages of incidents over HTTP: the list, one incident, and each of its forms, without JavaScript."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from local import Stack
from tests.support import http_client
from tests.support.browser import ACCESS_COOKIE, COLLEAGUE, OWNER
from tests.support.fault_proxy import Fault, running_proxy
from tests.support.form_browser import FormBrowser, fields_of, forms_of
from tests.support.page_documents import incident, incident_page, search
from tests.support.rpc_stub import HANG, Refusal, RpcStub, Sequence, running_stub, stub_variables
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import ServiceProcess, running_service

OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
PAGE = {"Accept": "text/html"}
NOTE = {"action": "note", "note": "seen on two hosts <b> & more"}


# ---- the pages alone: a server that takes the place of PostgREST gives the documents ----


@pytest.fixture(scope="module")
def shared_stub() -> Iterator[RpcStub]:
    with running_stub() as stub:
        yield stub


@pytest.fixture(scope="module")
def stub_service(shared_stub: RpcStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    environ = stub_variables(shared_stub, OPERATOR_TOKEN)
    with running_service(environ, tmp_path_factory.mktemp("pages") / "log", budgets={"retry": 0.0}) as service:
        yield service


@pytest.fixture
def stub(shared_stub: RpcStub) -> RpcStub:
    shared_stub.answers = {
        "search_incidents": search(),
        "incident_page": incident_page(),
        "change_incident": {"incident_id": "INC-1001", "status": "open", "severity": "HIGH", "action": "note"},
    }
    shared_stub.calls.clear()
    return shared_stub


@pytest.fixture
def operator(stub: RpcStub, stub_service: ServiceProcess) -> Iterator[FormBrowser]:
    """Signed in, with an incident's page open."""
    with FormBrowser(stub_service.url) as browser:
        browser.sign_in_as_operator(OPERATOR_TOKEN, "ann")
        assert browser.open("/incidents/INC-1001").status_code == 200
        stub.calls.clear()
        yield browser


def page_calls(stub: RpcStub) -> list[tuple[str, Any]]:
    """Without those of the monitor."""
    names = ("search_incidents", "incident_page", "change_incident")
    return [call for call in stub.calls if call[0] in names]


def test_each_page_is_one_call(stub: RpcStub, operator: FormBrowser) -> None:
    operator.open("/incidents?status=open&text=a%20b&after=x")
    operator.open("/incidents/INC-1001")
    operator.send("/incidents/INC-1001", NOTE)
    assert page_calls(stub) == [
        ("search_incidents", {"filters": {"status": "open", "text": "a b", "after": "x"}}),
        ("incident_page", {"incident_id": "INC-1001"}),
        ("change_incident", {"incident_id": "INC-1001", "change": NOTE, "operator": "ann"}),
    ]


def test_the_list(operator: FormBrowser) -> None:
    page = operator.open("/incidents")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert "Cookie" in page.headers["vary"]
    for number in range(1001, 1006):
        assert f'<a href="incidents/INC-{number}">' in page.text
    names = re.findall(r'<nav\b[^>]* aria-label="([^"]*)"', page.text)
    assert len(names) == len(set(names)) == 3
    for shown in ("1,000+", "1,342 reports", "claimed by", "suppressed until", "acknowledged by", "resolved  by"):
        assert shown in re.sub(r"<time.*?</time>|</?bdi>", "", page.text), shown


def test_links_of_the_list_keep_the_filters(stub: RpcStub, operator: FormBrowser) -> None:
    filters = {**search()["filters"], "status": "all", "text": "a&b=c", "period": "7d"}
    stub.answers["search_incidents"] = search(filters=filters)
    page = unescape(operator.open("/incidents?after=here").text)
    assert 'href="?status=all&text=a%26b%3Dc&period=7d&after=cursor+%26+more"' in page
    assert 'href="?status=all&text=a%26b%3Dc&period=24h"' in page
    assert 'href="?status=all&text=a%26b%3Dc&period=7d">First page' in page
    assert 'value="a&b=c"' in page
    assert '<option value="all" selected>' in page


def test_a_list_without_incidents(stub: RpcStub, operator: FormBrowser) -> None:
    stub.answers["search_incidents"] = search(incidents=[], next=None)
    page = operator.open("/incidents").text
    assert "No incidents." in page
    assert '<a href="./">How programs report errors</a>' in page  # to the first page, which lists them
    assert "How programs" not in operator.open("/incidents?text=nothing").text
    assert "Next page" not in page
    stub.answers["search_incidents"] = search(incidents=[], is_cut=True)
    page = operator.open("/incidents").text
    assert "Nothing found so far." in page
    assert "Search on" in page


def test_a_wrong_filter_is_told_and_kept(stub: RpcStub, operator: FormBrowser) -> None:
    refusal = Refusal(400, "PT400", "severity must be known", "severity", "LOW, MEDIUM, HIGH, CRITICAL")
    stub.answers["search_incidents"] = Sequence([refusal, search()])
    page = operator.open("/incidents?severity=WORST&text=typed")
    assert page.status_code == 400
    assert "Severity must be known. Allowed: LOW, MEDIUM, HIGH, CRITICAL." in page.text
    assert 'value="typed"' in page.text
    assert '<option value="WORST" selected>' in page.text
    assert "INC-1001" in page.text


def test_the_incident(operator: FormBrowser) -> None:
    page = operator.open("/incidents/INC-1001")
    text = re.sub(r"<[^>]*>", "", unescape(page.text))
    for shown in (
        "PoolTimeout: the pool is exhausted",
        "This error came back.",
        "2 lines of libraries",
        "Raise pool_size to 20.",
        "worked 4 of 5 times",
        "message that it opened",
        "given up",
        "7 attempts",
        "The built-in rule database_pool_exhausted matches.",
        "It was HIGH before.",
        "rolled back",
        '{"region": "eu"}',
        "The timeline is longer",
        "INC-988",
    ):
        assert shown in text, shown
    assert set(forms_of(page.text)) == {"acknowledge", "resolve", "suppress", "note", "set_severity"}


def test_only_library_frames_are_folded(stub: RpcStub, operator: FormBrowser) -> None:
    page = operator.open("/incidents/INC-1001").text
    (folded,) = re.findall(r'<details id="library-\d+">.*?</details>', page, flags=re.DOTALL)
    assert "routing.py" in folded
    assert "self.app" in folded
    assert "checkout.py" not in folded
    assert '<li class="in-app">  File &#34;/app/shop/checkout.py&#34;' in page
    library = [line for line in incident_page()["stack"] if not line["is_in_app"]]
    stub.answers["incident_page"] = incident_page(stack=library)
    page = operator.open("/incidents/INC-1001").text
    assert '<details id="library' not in page
    assert "routing.py" in page


def test_a_long_message_leaves_the_stack_in_sight(stub: RpcStub, operator: FormBrowser) -> None:
    words = ["word " * 300, "word " * 299 + "and the last one"]
    pages = []
    for message in words:
        stub.answers["incident_page"] = incident_page(incident=incident(message=message))
        pages.append(operator.open("/incidents/INC-1001").text)
    assert '<details class="fold" id="message">' not in pages[0]
    assert "All 1,511 characters of the message" in pages[1]
    assert words[1] in pages[1]
    assert words[0] in pages[0]


def test_an_incident_with_nothing_but_its_facts(stub: RpcStub, operator: FormBrowser) -> None:
    names = (
        "error_type",
        "error_code",
        "source",
        "environment",
        "release",
        "url",
        "external_url",
        "message",
        "context",
    )
    bare = incident(**dict.fromkeys(names))
    lists = ("stack", "releases", "timeline", "deployments", "similar", "fixes", "actions")
    reason = {"rule": "given", "origin": None, "description": None, "words": None, "change": None}
    stub.answers["incident_page"] = incident_page(
        incident=bare, reason=reason, regression=None, timeline_is_cut=False, **{name: [] for name in lists}
    )
    page = operator.open("/incidents/INC-1001")
    assert page.status_code == 200
    assert forms_of(page.text) == {}
    assert "None</" not in page.text


@pytest.mark.parametrize(
    ("status", "members", "shown"),
    [
        ("resolved", {"resolved_at": "2026-11-27T12:00:00Z", "resolved_by": "ben", "resolution": "Restarted."}, "ben"),
        ("resolved", {"resolved_at": "2026-11-27T12:00:00Z"}, "2026-11-27 12:00 UTC"),
        ("acknowledged", {}, "acknowledged"),
        ("suppressed", {}, "suppressed"),
        ("suppressed", {"suppressed_until": "2026-11-27T13:00:00Z"}, "until"),
        ("acknowledged", {"acknowledged_at": "2026-11-27T12:00:00Z", "acknowledged_by": "cem"}, "cem"),
        ("acknowledged", {"claimed_by": "fe-agent", "claim_expires_at": "2026-11-27T12:00:00Z"}, "claimed by"),
        ("open", {"reopened_at": "2026-11-27T12:00:00Z"}, "reopened"),
    ],
)
def test_the_state_says_who_and_until_when(
    stub: RpcStub, operator: FormBrowser, status: str, members: dict[str, Any], shown: str
) -> None:
    stub.answers["incident_page"] = incident_page(incident=incident(status=status, **members))
    page = operator.open("/incidents/INC-1001")
    assert page.status_code == 200
    assert shown in page.text
    head = page.text.partition("<h1>")[2].partition('id="actions-title"')[0]
    assert not re.search(r"\b(None|never)\b", head), head


def test_only_fixes_of_the_same_error_can_be_said_to_have_worked(stub: RpcStub, operator: FormBrowser) -> None:
    document = incident_page(actions=["resolve"])
    other = {**document["fixes"][0], "id": 13}
    stub.answers["incident_page"] = {**document, "fixes": [*document["fixes"], other]}
    form = forms_of(operator.open("/incidents/INC-1001").text)["resolve"]
    assert re.findall(r'<option value="(\d+)"', form) == ["12"]
    stub.answers["incident_page"] = {**document, "fixes": [other], "fix_choices": []}
    form = forms_of(operator.open("/incidents/INC-1001").text)["resolve"]
    assert set(fields_of(form)) == {"form_token", "action", "resolution"}


FORMS = {
    "acknowledge": {},
    "resolve": {"resolution": "Restarted.\nTwice.", "knowledge_id": "12", "has_worked": "no"},
    "suppress": {"minutes": "1440", "reason": "known & harmless"},
    "note": {"note": "two\nlines <b>"},
    "set_severity": {"severity": "LOW", "reason": "nobody is affected", "seen_severity": "CRITICAL"},
    "reopen": {"reason": "it came back"},
}


@pytest.mark.parametrize("action", FORMS)
def test_a_form_is_sent_as_a_change_and_leads_back(stub: RpcStub, operator: FormBrowser, action: str) -> None:
    stub.answers["incident_page"] = incident_page(actions=[action])
    form = forms_of(operator.open("/incidents/INC-1001").text)[action]
    assert set(fields_of(form)) - {"form_token", "until"} == {"action", *FORMS[action]}
    answer = operator.send("/incidents/INC-1001", {"action": action, **FORMS[action]})
    expected = "INC-1001#timeline" if action == "note" else "INC-1001"
    assert (answer.status_code, answer.headers["location"]) == (303, expected)
    function, parameters = page_calls(stub)[-1]
    assert (function, parameters["change"]) == ("change_incident", {"action": action, **FORMS[action]})


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal(400, "PT400", "reason is too long", "reason", "Shorten it."), 400),
        (Refusal(403, "PT403", "users may not do this", "operator"), 403),
        (Refusal(409, "PT409", "INC-1001 was acknowledged by ben@example.com", "status", "Add a note instead."), 409),
        (Refusal(503, "57014", "canceling statement due to statement timeout"), 503),
        (None, 503),
    ],
)
@pytest.mark.parametrize("action", [name for name in FORMS if name != "acknowledge"])
def test_a_refusal_shows_the_page_again_with_what_was_typed(
    stub: RpcStub, operator: FormBrowser, action: str, refusal: Refusal | None, status: int
) -> None:
    stub.answers |= {"incident_page": incident_page(actions=list(FORMS)), "change_incident": refusal}
    answer = operator.send("/incidents/INC-1001", {"action": action, **FORMS[action]})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    fields = fields_of(forms_of(answer.text)[action])
    assert {name: fields[name] for name in FORMS[action]} == FORMS[action]
    assert f'<details class="fold" id="{action}" open>' in answer.text
    said = re.search(r'<p id="refusal" class="message bad" role="alert">(.*?)</p>', answer.text)
    assert said
    assert answer.text.count(said[1]) == 1
    wrong = re.findall(
        r'<(?:textarea|select|input)[^>]* name="(\w+)"[^>]* aria-invalid="true" aria-describedby="([^"]*)"', answer.text
    )
    is_named = refusal is not None and refusal.details in FORMS[action]
    assert wrong == ([(refusal.details, "refusal")] if refusal is not None and is_named else [])
    if refusal is None:
        assert "it is not known whether the change was made" in said[1]
    elif status == 503:
        assert "The change was not made." in said[1]
    else:
        assert unescape(said[1]).casefold().startswith(f"{refusal.message}.".casefold())


def test_text_of_a_change_that_is_not_permitted_any_more_is_kept(stub: RpcStub, operator: FormBrowser) -> None:
    refusal = Refusal(409, "PT409", "INC-1001 was resolved by ben@example.com", "status", "Reopen the incident first.")
    stub.answers |= {"incident_page": incident_page(actions=["reopen", "note"]), "change_incident": refusal}
    answer = operator.send("/incidents/INC-1001", {"action": "resolve", "resolution": "a long text"})
    assert answer.status_code == 409
    assert "INC-1001 was resolved by ben@example.com. Reopen the incident first." in answer.text
    assert "readonly>\na long text</textarea>" in answer.text


def test_a_severity_that_another_one_changed_is_shown(stub: RpcStub, operator: FormBrowser) -> None:
    """The form knows the new one, so that it can be sent again."""
    stub.answers |= {
        "incident_page": incident_page(incident=incident(severity="MEDIUM")),
        "change_incident": Refusal(409, "PT409", "ben set the severity to MEDIUM", "severity"),
    }
    answer = operator.send("/incidents/INC-1001", {"action": "set_severity", **FORMS["set_severity"]})
    assert answer.status_code == 409
    assert fields_of(forms_of(answer.text)["set_severity"])["seen_severity"] == "MEDIUM"


def test_an_incident_that_does_not_exist(stub: RpcStub, operator: FormBrowser) -> None:
    gone = Refusal(404, "PT404", "there is no incident INC-1001", "incident_id")
    stub.answers |= {"incident_page": gone, "change_incident": gone}
    for answer in (operator.open("/incidents/INC-1001"), operator.send("/incidents/INC-1001", NOTE)):
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "There is no incident INC-1001." in answer.text
    assert "seen on two hosts &lt;b&gt; &amp; more</textarea>" in answer.text


@pytest.mark.parametrize("answer", [None, Refusal(503, "PGRST000", "no connection"), [], "text", {"message": "hello"}])
def test_a_database_that_is_away(stub: RpcStub, operator: FormBrowser, answer: Any) -> None:
    stub.answers = dict.fromkeys(stub.answers, answer)
    for path in ("/incidents", "/incidents/INC-1001"):
        page = operator.open(path)
        assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert "The database is unavailable." in page.text
    page = operator.send("/incidents/INC-1001", NOTE)
    assert page.status_code == 503
    is_known = isinstance(answer, Refusal)
    assert ("The change was not made." in page.text) is is_known
    assert ("it is not known whether the change was made" in page.text) is not is_known
    assert "seen on two hosts &lt;b&gt; &amp; more</textarea>" in page.text


def test_a_page_is_read_again_only_for_a_short_time(stub: RpcStub, operator: FormBrowser) -> None:
    """A database that hangs is not waited for twice."""
    stub.answers |= {"change_incident": None, "incident_page": HANG}
    page = operator.send("/incidents/INC-1001", NOTE)
    assert page.status_code == 503
    assert "seen on two hosts &lt;b&gt; &amp; more</textarea>" in page.text


def test_a_refused_key_of_the_service_is_no_fault_of_the_operator(stub: RpcStub, operator: FormBrowser) -> None:
    stub.answers = dict.fromkeys(stub.answers, Refusal(401, "PGRST301", "wrong key"))
    page = operator.open("/incidents")
    assert page.status_code == 503
    assert "The operator has to act." in page.text
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize("path", ["/incidents/INC-1001", "/incidents"])
def test_an_unexpected_error_is_a_page(stub: RpcStub, operator: FormBrowser, path: str) -> None:
    """A document without what the page shows is one. A program gets JSON."""
    secret = secrets.token_hex(6)
    stub.answers |= {
        "incident_page": incident_page(incident={"message": secret}),
        "search_incidents": search(incidents=[{"id": secret}]),
    }
    answer = operator.http.get(path, headers={"X-Request-Id": "request-1"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    for shown in ("Internal server error", "<code>request-1</code>", "Sign out", "Try again"):
        assert shown in answer.text
    for hidden in ("Traceback", "Undefined", "jinja", "File &#34;", secret):
        assert hidden not in answer.text
    document = operator.http.get(path, headers={"Accept": "application/json"})
    assert (document.status_code, document.json()["code"]) == (500, "internal")


def test_programs_get_problem_documents(stub: RpcStub, stub_service: ServiceProcess) -> None:
    stub.answers["incident_page"] = Refusal(404, "PT404", "there is no incident INC-1", "incident_id")
    url, bearer = stub_service.url, {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    for path in ("/incidents", "/incidents/INC-1"):
        anonymous = http_client.get(f"{url}{path}")
        assert (anonymous.status_code, anonymous.json()["code"]) == (401, "unauthorized")
        refused = http_client.get(f"{url}{path}", headers={**PAGE, "Authorization": "Bearer wrong"})
        assert refused.status_code == 401
    answer = http_client.get(f"{url}/incidents/INC-1", headers=bearer)
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no incident INC-1.")
    assert http_client.post(f"{url}/incidents/INC-1", data=NOTE, headers=bearer).status_code == 303


# ---- who may ----


@pytest.mark.parametrize("path", ["/incidents?text=a%26b", "/incidents/INC-1001"])
def test_a_visitor_is_sent_to_the_sign_in_and_back(stub_service: ServiceProcess, path: str) -> None:
    answer = http_client.get(f"{stub_service.url}{path}", headers=PAGE)
    assert answer.status_code == 303
    location = httpx.URL(answer.url).join(answer.headers["location"])
    assert (location.path, location.params["next"]) == ("/sign-in", path)
    assert answer.headers["cache-control"] == "no-store"


def test_a_form_without_a_session_is_shown_with_what_was_typed(stub: RpcStub, stub_service: ServiceProcess) -> None:
    with FormBrowser(stub_service.url) as visitor:
        answer = visitor.send("/incidents/INC-1001", NOTE)
    assert answer.status_code == 401
    assert "seen on two hosts &lt;b&gt; &amp; more</textarea>" in answer.text
    assert 'href="../sign-in?next=%2Fincidents%2FINC-1001"' in answer.text
    assert page_calls(stub) == []


def test_a_form_of_another_session_is_refused_with_what_was_typed(stub: RpcStub, operator: FormBrowser) -> None:
    operator.form_token = "of-another-session"  # noqa: S105 - of no session
    answer = operator.send("/incidents/INC-1001", NOTE)
    assert answer.status_code == 403
    assert "seen on two hosts &lt;b&gt; &amp; more</textarea>" in answer.text
    assert page_calls(stub) == []


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_site_cannot_change_an_incident(stub: RpcStub, operator: FormBrowser, headers: dict[str, str]) -> None:
    answer = operator.send("/incidents/INC-1001", NOTE, **headers)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "seen on two hosts" not in answer.text
    assert page_calls(stub) == []


def test_pages_cannot_be_framed_nor_kept(operator: FormBrowser) -> None:
    for path in ("/incidents", "/incidents/INC-1001", "/incidents/INC-1001/"):
        answer = operator.open(path)
        if answer.status_code == 307:
            continue
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


# ---- with the database ----


@pytest.fixture(scope="module")
def page_service(service_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    environ = {**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with running_service(environ, tmp_path_factory.mktemp("incidents") / "log", budgets=UNHURRIED) as process:
        yield process


@pytest.fixture
def people(stack: Stack, page_service: ServiceProcess) -> Iterator[dict[str, FormBrowser]]:
    """Ann and Ben, users of Supabase, and the operator, who signed in as Olga."""
    with ExitStack() as open_browsers:
        found = {name: open_browsers.enter_context(FormBrowser(page_service.url)) for name in ("ann", "ben", "olga")}
        found["ann"].sign_in(stack, OWNER)
        found["ben"].sign_in(stack, COLLEAGUE)
        found["olga"].sign_in_as_operator(OPERATOR_TOKEN, "olga")
        yield found


def report(database: psycopg.Connection[Any], source: str, **changes: Any) -> str:
    """The id of a new incident."""
    error = {"message": f"{source} broke", "type": "BrokenError"}
    body = {"error": error, "severity": "HIGH", "source": source, "fingerprint": secrets.token_hex(6), **changes}
    row = database.execute("select public.report_error(%s) ->> 'incident_id'", [json.dumps(body)]).fetchone()
    assert row is not None
    return str(row[0])


def facts(database: psycopg.Connection[Any], incident_id: str, column: str) -> Any:
    row = database.execute("select to_jsonb(incidents) from public.incidents where id = %s", [incident_id]).fetchone()
    assert row is not None
    return row[0][column]


def links_to_incidents(page: httpx.Response) -> list[str]:
    return re.findall(r'<a href="incidents/(INC-\d+)">', page.text)


def submit_form(browser: FormBrowser, path: str, action: str, **typed: str) -> httpx.Response:
    """Opens the page, fills in its form, and sends what a browser sends."""
    page = browser.open(path)
    assert page.status_code == 200, page.text
    return browser.send(path, {**fields_of(forms_of(page.text)[action]), **typed})


def test_the_list_finds_incidents(
    people: dict[str, FormBrowser], database: psycopg.Connection[Any], source: str
) -> None:
    found, other = report(database, source), report(database, source, severity="LOW")
    page = people["ann"].open(f"/incidents?source={source}")
    assert page.status_code == 200
    assert links_to_incidents(page) == [found, other]
    page = people["ann"].open(f"/incidents?source={source}&severity=low&status=all&period=7d")
    assert links_to_incidents(page) == [other]
    assert '<option value="LOW" selected>' in page.text
    assert links_to_incidents(people["ann"].open(f"/incidents?text={found}")) == [found]
    for wrong in ("severity=worst", "nothing=1", "after=x", "period=1y", "text=%00"):
        refused = people["ann"].open(f"/incidents?{wrong}")
        assert (refused.status_code, refused.headers["content-type"]) == (400, "text/html; charset=utf-8"), wrong
        assert 'class="message bad" role="alert"' in refused.text


def test_a_person_handles_an_incident(
    people: dict[str, FormBrowser], database: psycopg.Connection[Any], source: str
) -> None:
    incident_id = report(database, source)
    path = f"/incidents/{incident_id}"
    ann = people["ann"]
    answer = submit_form(ann, path, "acknowledge")
    assert (answer.status_code, answer.headers["location"]) == (303, incident_id)
    assert submit_form(ann, path, "note", note="two\nlines <i>").status_code == 303
    assert submit_form(ann, path, "set_severity", severity="LOW", reason="one user").status_code == 303
    assert submit_form(ann, path, "suppress", minutes="1440", reason="known").status_code == 303
    page = ann.open(path).text
    assert set(forms_of(page)) >= {"reopen", "note"}
    assert submit_form(ann, path, "reopen", reason="not known after all").status_code == 303
    assert submit_form(ann, path, "resolve", resolution="Restarted.").status_code == 303
    page = ann.open(path).text
    assert "two\nlines &lt;i&gt;" in page.replace("\r\n", "\n")
    for shown in ("Restarted.", "not known after all", "one user", OWNER):
        assert shown in page, shown
    assert facts(database, incident_id, "resolved_by") == OWNER
    assert facts(database, incident_id, "severity") == "LOW"


def test_a_change_keeps_a_session_whose_token_was_replaced(
    people: dict[str, FormBrowser],
    stack: Stack,
    database: psycopg.Connection[Any],
    source: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer of the form, which is no page, brings the new tokens."""
    path = f"/incidents/{report(database, source)}"
    monkeypatch.setattr(stack.auth, "access_seconds", 20)
    ann = people["ann"]
    ann.sign_in(stack)
    ann.open(path)
    before = ann.cookies[ACCESS_COOKIE]
    assert ann.send(path, {"action": "acknowledge"}).status_code == 303
    assert ann.cookies[ACCESS_COOKIE] != before
    assert ann.open(path).status_code == 200


def test_the_operator_acts_under_a_name(
    people: dict[str, FormBrowser], database: psycopg.Connection[Any], source: str
) -> None:
    incident_id = report(database, source)
    assert submit_form(people["olga"], f"/incidents/{incident_id}", "acknowledge").status_code == 303
    assert facts(database, incident_id, "acknowledged_by") == "olga (operator)"
    assert "olga (operator)" in people["ben"].open(f"/incidents/{incident_id}").text


def test_a_conflict_says_who_was_faster(
    people: dict[str, FormBrowser], database: psycopg.Connection[Any], source: str
) -> None:
    incident_id = report(database, source)
    path = f"/incidents/{incident_id}"
    seen = fields_of(forms_of(people["ben"].open(path).text)["set_severity"])
    submit_form(people["ann"], path, "acknowledge")
    late = people["ben"].send(path, {"action": "acknowledge"})
    assert late.status_code == 409
    assert f"{incident_id} was acknowledged by {OWNER}" in late.text
    submit_form(people["ann"], path, "set_severity", severity="LOW", reason="r")
    late = people["ben"].send(path, {**seen, "severity": "CRITICAL", "reason": "what ben typed"})
    assert late.status_code == 409
    assert OWNER in late.text
    assert fields_of(forms_of(late.text)["set_severity"])["reason"] == "what ben typed"
    submit_form(people["ann"], path, "resolve", resolution="Restarted.")
    late = people["ben"].send(path, {"action": "resolve", "resolution": "what ben typed"})
    assert late.status_code == 409
    assert f"{incident_id} was resolved by {OWNER}" in late.text
    assert "what ben typed</textarea>" in late.text
    assert facts(database, incident_id, "resolution") == "Restarted."


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"action": "resolve", "resolution": " "}, "resolution is missing"),
        ({"action": "suppress", "minutes": "soon", "reason": "r"}, "minutes must be a whole number"),
        ({"action": "suppress", "until": "2020-01-01T00:00", "reason": "r"}, "until must be in the future"),
        ({"action": "note", "note": ""}, "note is missing"),
        ({"action": "set_severity", "severity": "WORST", "reason": "r"}, "severity"),
        ({"action": "resolve", "resolution": "r", "knowledge_id": "99999999"}, "there is no knowledge 99999999."),
        ({"action": "delete"}, "action"),
        ({}, "action is missing"),
        ({"action": "note", "note": "n", "operator": "root"}, "operator is unknown"),
    ],
)
def test_what_is_wrong_is_told(
    people: dict[str, FormBrowser], database: psycopg.Connection[Any], source: str, form: dict[str, str], said: str
) -> None:
    path = f"/incidents/{report(database, source)}"
    people["ann"].open(path)
    answer = people["ann"].send(path, form)
    assert answer.status_code in (400, 404), answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "acknowledge" in forms_of(answer.text)
    assert said in answer.text.casefold()


def test_a_long_note_fits_into_a_form(
    people: dict[str, FormBrowser], database: psycopg.Connection[Any], source: str
) -> None:
    path = f"/incidents/{report(database, source)}"
    assert submit_form(people["ann"], path, "note", note="\N{PILE OF POO}" * 2_000 + "é" * 2_000).status_code == 303
    page = people["ann"].open(path)
    refused = people["ann"].send(path, {"action": "note", "note": "x" * 70_000})
    assert (page.status_code, refused.status_code) == (200, 413)
    assert refused.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "name", ["INC-0", "inc-1", "INC-1' or true", "%2e%2e", "INC-1%2F..", "%00", "a" * 500, "%F0%9F%92%A9"]
)
def test_an_incident_that_nobody_reported(people: dict[str, FormBrowser], name: str) -> None:
    answer = people["ann"].open(f"/incidents/{name}")
    assert answer.status_code in (400, 404)
    if "%2F" not in name:
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_a_reader_who_may_not(stack: Stack, page_service: ServiceProcess) -> None:
    expired = jwt.encode({"role": "authenticated", "exp": 1, "sub": "ann"}, stack.jwt_secret)
    unknown_role = jwt.encode({"role": "no_such_role", "exp": int(time.time()) + 3600}, stack.jwt_secret)
    for token in (stack.anon_key, stack.publishable_key, expired, unknown_role, "garbage"):
        headers = {**PAGE, "Authorization": f"Bearer {token}"}
        for path in ("/incidents", "/incidents/INC-1"):
            page = http_client.get(f"{page_service.url}{path}", headers=headers)
            assert page.status_code in (401, 403), page.text
            assert page.headers["content-type"] == "text/html; charset=utf-8"
        answer = http_client.post(f"{page_service.url}/incidents/INC-1", data=NOTE, headers=headers)
        assert answer.status_code in (401, 403)
        assert "seen on two hosts" in answer.text


def test_a_lost_answer_is_not_told_as_a_failure(
    stack: Stack, service_environ: dict[str, str], database: psycopg.Connection[Any], source: str, log_path: Path
) -> None:
    """The page shows what the change has done."""
    incident_id = report(database, source)
    path = f"/incidents/{incident_id}"
    with running_proxy(stack.supabase_url) as proxy:
        proxy.target, proxy.always = b"/rpc/change_incident", Fault.DROP_ANSWER
        environ = {**service_environ, "SUPABASE_URL": proxy.url, "OPERATOR_TOKEN": OPERATOR_TOKEN}
        with running_service(environ, log_path, budgets=UNHURRIED) as service, FormBrowser(service.url) as operator:
            operator.sign_in_as_operator(OPERATOR_TOKEN, "ann")
            answer = submit_form(operator, path, "acknowledge")
            assert answer.status_code == 503
            assert "it is not known whether the change was made" in answer.text
            assert "acknowledge" not in forms_of(answer.text)
            assert facts(database, incident_id, "acknowledged_by") == "ann (operator)"
