"""POST /webhooks/email: who is let in, what the events of Resend and Postmark do, and what an outage answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from local import Stack
from tests.integration.emails.conftest import Email
from tests.support import http_client
from tests.support.email_events import (
    CREDENTIALS,
    RESEND_SECRETS,
    ROUTE,
    VARIABLES,
    Body,
    Providers,
    postmark,
    resend,
    signed_headers,
)
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.problem_responses import assert_is_problem
from tests.support.service_process import ServiceProcess, running_service, service_variables
from tests.support.waiting import DEADLINE_SECONDS, wait_until

WRONG_SECRET = "whsec_YW5vdGhlci1zaWduaW5nLXNlY3JldC1vZi1yZXNlbmQ="  # noqa: S105 - nobody's
WRITERS: dict[str, Callable[..., Body]] = {"resend": resend, "postmark": postmark}


def effect(answer: httpx.Response) -> tuple[str, str | None]:
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True
    return answer.json()["effect"], answer.json().get("status")


# ---- who is let in ----


@pytest.mark.parametrize("secret", RESEND_SECRETS)
def test_each_secret_of_resend_is_accepted(providers: Providers, email: Email, secret: str) -> None:
    raw = json.dumps(resend("sent", email.recipient, email.provider_id, email.id)).encode()
    answer = providers.http.post(ROUTE, content=raw, headers=signed_headers(raw, secret))
    assert effect(answer) == ("recorded", "sent")


@pytest.mark.parametrize("credentials", CREDENTIALS)
def test_each_password_of_postmark_is_accepted(
    providers: Providers, email: Email, credentials: tuple[str, str]
) -> None:
    body = postmark("Delivery", email.recipient, email.provider_id, email.id)
    assert effect(providers.http.post(ROUTE, json=body, auth=credentials)) == ("recorded", "delivered")


def test_a_body_that_was_not_signed_so_is_refused(providers: Providers, email: Email) -> None:
    body = resend("bounced", email.recipient, email.provider_id, email.id)
    raw = json.dumps(body).encode()
    right = signed_headers(raw)
    late, early = signed_headers(raw, at=time.time() - 400), signed_headers(raw, at=time.time() + 400)
    for content, headers in (
        (raw, signed_headers(raw, WRONG_SECRET)),
        (raw, late),
        (raw, early),
        (raw, {**late, "svix-timestamp": right["svix-timestamp"]}),
        (raw, {**right, "svix-id": "msg_another"}),
        (json.dumps(body, indent=1).encode(), right),
        (raw, {name: value for name, value in right.items() if name != "svix-signature"}),
        (raw, {"svix-signature": right["svix-signature"]}),
    ):
        answer = providers.http.post(ROUTE, content=content, headers=headers)
        assert_is_problem(answer, "bad-signature")
        assert "RESEND_WEBHOOK_SECRET" in answer.json()["detail"]
    assert email.read().status == "queued"


def test_without_the_right_password_nobody_is_postmark(providers: Providers, email: Email) -> None:
    body = postmark("Bounce", email.recipient, email.provider_id, email.id, Type="HardBounce")
    (user, password), (other, _) = CREDENTIALS
    assert_is_problem(providers.http.post(ROUTE, json=body), "unauthorized")
    for auth in ((user, ""), (user, "wrong"), (other, password), ("", password), (password, user)):
        answer = providers.http.post(ROUTE, json=body, auth=auth)
        assert_is_problem(answer, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert_is_problem(
        providers.http.post(ROUTE, json=body, headers={"Authorization": f"Bearer {password}"}), "unauthorized"
    )
    assert email.read().status == "queued"


def test_each_provider_is_refused_while_it_is_not_configured(stack: Stack, email: Email, log_path: Path) -> None:
    with (
        running_service(service_variables(stack), log_path) as service,
        httpx.Client(base_url=service.url, timeout=http_client.TIMEOUT) as http,
    ):
        providers = Providers(http)
        bodies = [write("x", email.recipient, "p") for write in WRITERS.values()]
        assert [providers.deliver(body).status_code for body in bodies] == [401, 401]
        assert http.post(ROUTE, json=bodies[1], auth=("", "")).status_code == 401


def test_headers_are_judged_before_the_body_is_read(email_service: ServiceProcess) -> None:
    """The body never comes."""
    late = signed_headers(b"{}", at=time.time() - 400)
    for headers in ({}, {"svix-id": "msg_1"}, {"Authorization": "Basic YTpi"}, late):
        connection = HTTPConnection(email_service.url.removeprefix("http://"), timeout=DEADLINE_SECONDS)
        connection.putrequest("POST", ROUTE)
        for name, value in {**headers, "Content-Length": "1000"}.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == 401
        connection.close()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "body-syntax"),
        (b"{", "body-syntax"),
        (b"[]", "body-shape"),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "body-depth"),
        (b'"' + b"x" * 256 * 1024 + b'"', "body-too-large"),
    ],
)
def test_a_body_that_is_no_object_is_refused(providers: Providers, raw: bytes, code: str) -> None:
    assert_is_problem(providers.http.post(ROUTE, content=raw, headers=signed_headers(raw)), code)
    assert_is_problem(providers.http.post(ROUTE, content=raw, auth=CREDENTIALS[0]), code)


def test_what_jsonb_refuses_is_removed(providers: Providers, email: Email) -> None:
    bounce = {"type": "Permanent", "message": "no\0 mailbox \ud800", "subType": 1e400}
    body = resend("bounced", email.recipient, email.provider_id, email.id, bounce=bounce)
    assert effect(providers.deliver(body)) == ("recorded", "bounced")
    assert email.read().error == "Permanent: no mailbox \ufffd"


def test_refused_requests_are_recorded(providers: Providers, email: Email) -> None:
    for headers in ({"svix-id": "x"}, {}):
        providers.http.post(ROUTE, content=b"{}", headers={**headers, "X-Forwarded-For": "198.51.100.77"})
    query = "select count(*) from public.security_events where host(ip_address) = '198.51.100.77'"
    wait_until(lambda: email.connection.execute(query).fetchone() == (1,), what="the record")


# ---- what the events do ----


def test_the_life_of_an_email_of_resend(providers: Providers, email: Email) -> None:
    """Events arrive in any order and more than once."""
    delivered = resend("delivered", email.recipient, email.provider_id, email.id)
    assert effect(providers.deliver(delivered)) == ("recorded", "delivered")
    assert effect(providers.deliver(delivered)) == ("duplicate", "delivered")
    assert effect(providers.deliver(resend("sent", email.recipient, email.provider_id))) == ("recorded", "delivered")
    assert effect(providers.deliver(resend("delivery_delayed", email.recipient, email.provider_id)))[1] == "delivered"
    assert effect(providers.deliver(resend("opened", email.recipient, email.provider_id))) == ("recorded", "opened")
    click = {"link": "https://example.com", "ipAddress": "192.0.2.1", "userAgent": "agent"}
    clicked = resend("clicked", email.recipient, email.provider_id, click=click)
    assert effect(providers.deliver(clicked)) == ("recorded", "clicked")
    assert effect(providers.deliver(resend("scheduled", email.recipient, email.provider_id))) == ("ignored", None)
    assert effect(providers.deliver({"type": "contact.created", "data": {}})) == ("ignored", None)
    complained = resend("complained", email.recipient, email.provider_id)
    assert effect(providers.deliver(complained)) == ("recorded", "complained")
    assert effect(providers.deliver(resend("delivered", email.recipient, email.provider_id)))[1] == "complained"
    row = email.read()
    assert (row.open_count, row.click_count, row.provider_id) == (1, 1, email.provider_id)


def test_the_life_of_an_email_of_postmark(providers: Providers, email: Email) -> None:
    names = (email.recipient, email.provider_id)
    assert effect(providers.deliver(postmark("Delivery", *names, email.id))) == ("recorded", "delivered")
    opened = postmark("Open", *names, FirstOpen=True, Geo={"IP": "192.0.2.1"})
    assert effect(providers.deliver(opened)) == ("recorded", "opened")
    assert effect(providers.deliver(opened)) == ("duplicate", "opened")
    assert effect(providers.deliver(postmark("Click", *names))) == ("recorded", "clicked")
    assert effect(providers.deliver(postmark("Inbound", *names))) == ("ignored", None)
    assert effect(providers.deliver(postmark("Bounce", *names, Type="AutoResponder"))) == ("ignored", None)
    bounce = postmark("Bounce", *names, Type="HardBounce", Description="no mailbox", Inactive=True)
    assert effect(providers.deliver(bounce)) == ("recorded", "bounced")
    assert effect(providers.deliver(postmark("SpamComplaint", *names))) == ("recorded", "bounced")
    assert email.read().error == "HardBounce: no mailbox"


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_an_event_may_come_before_the_answer_to_the_send_request(
    providers: Providers, email: Email, write: Callable[..., Body]
) -> None:
    kind = "Delivery" if write is postmark else "delivered"
    assert effect(providers.deliver(write(kind, email.recipient, email.provider_id, email.id)))[0] == "recorded"
    email.connection.execute("select monitoring.record_email_sent(%s, %s, now())", [email.id, email.provider_id])
    row = email.read()
    assert (row.status, row.provider_id) == ("delivered", email.provider_id)
    assert row.sent_at <= row.delivered_at


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_events_of_other_emails_of_the_account_change_nothing(
    providers: Providers, email: Email, write: Callable[..., Body]
) -> None:
    """Those of another program, and of another installation whose ids of e-mails are the same."""
    kind = "SpamComplaint" if write is postmark else "complained"
    answer = providers.deliver(write(kind, "somebody@example.org", email.provider_id, email.id))
    assert effect(answer) == ("ignored", None)
    assert answer.json()["reason"] == "the e-mail is unknown"
    assert effect(providers.deliver(write(kind, email.recipient, "another"))) == ("ignored", None)
    assert email.read().status == "queued"


def test_addresses_of_recipients_are_not_logged(
    providers: Providers, email: Email, email_service: ServiceProcess
) -> None:
    providers.deliver(resend("bounced", email.recipient, email.provider_id, email.id))
    log = email_service.log_path.read_text()
    assert email.recipient not in log
    assert CREDENTIALS[0][1] not in log
    assert RESEND_SECRETS[0] not in log


# ---- an outage ----


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.RESET, "unavailable"),
        (Fault.BAD_GATEWAY, "unavailable"),
        (Fault.LIST, "unavailable"),
        (Fault.OBJECT, "unavailable"),
        (Fault.DROP_ANSWER, "unavailable"),
        (Fault.NO_FUNCTION, "misconfigured"),
    ],
)
def test_an_event_is_refused_while_the_database_does_not_take_it(
    stack: Stack, email: Email, proxy: FaultProxy, log_path: Path, fault: Fault, code: str
) -> None:
    """The provider repeats it, and then it counts once, also if only the answer was lost."""
    environ = {**service_variables(stack), "SUPABASE_URL": proxy.url, **VARIABLES}
    with (
        running_service(environ, log_path) as service,
        httpx.Client(base_url=service.url, timeout=http_client.TIMEOUT) as http,
    ):
        body = resend("opened", email.recipient, email.provider_id, email.id)
        proxy.target, proxy.always = b"/rpc/record_provider_email_event", fault
        answer = Providers(http).deliver(body)
        assert_is_problem(answer, code)
        assert int(answer.headers["Retry-After"]) > 0
        proxy.always = Fault.NONE
        assert effect(Providers(http).deliver(body))[1] == "opened"
    assert email.read().open_count == 1
