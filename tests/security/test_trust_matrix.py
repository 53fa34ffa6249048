"""The trust matrix over HTTP: each credential at each route of the service, and at all that PostgREST exposes.

The rows are in tests/support/trust_matrix.py. tests/sql/test_privileges.py compares them with the catalog.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
import jwt
import psycopg
import pytest
from starlette.routing import Route

from app.main import create_app
from app.settings import Settings
from app.web.auth import sign
from local import Stack
from tests.integration.sentry.conftest import SECRETS, WEBHOOK_TOKEN, sentry_variables
from tests.support import http_client, sentry_bodies
from tests.support.email_events import CREDENTIALS as POSTMARK
from tests.support.email_events import VARIABLES as EMAIL_VARIABLES
from tests.support.email_events import signed_headers
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import (
    ALERTMANAGER_KEY,
    GENERIC_KEY,
    GITHUB_KEY,
    GRAFANA_KEY,
    INGEST_TOKEN,
    KEPT_ALIVE,
    PUBLIC_KEY,
    UPTIME_KUMA_KEY,
    ServiceProcess,
    running_service,
    service_variables,
)
from tests.support.tokens import forged_es256_token, forged_token
from tests.support.trust_matrix import (
    ALLOWED,
    ARGUMENTS,
    CREDENTIALS,
    FUNCTIONS,
    MEANINGS,
    NO_OUTAGES,
    PUBLIC,
    REFUSED,
    RELATIONS,
    ROUTES,
    TWINS,
    TWINS_AT_THE_SERVICE,
)

SHOP_TOKEN = "ingest-token-of-the-shop"  # noqa: S105 - of a service that lives as long as a test
OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
# How PostgREST and the gateway refuse, and how a request fails that got past them.
REFUSALS = {401, 403}
PASSED = {*range(200, 300), 303, 400, 404, 409, 413, 415, 422}
# PostgREST knows no such function or relation: the cell would say nothing about the credential.
UNKNOWN = {"PGRST202", "PGRST204", "PGRST205"}
EVERYBODY = (*CREDENTIALS, *TWINS)
# Credentials that belong into the query, and by which names.
QUERY_NAMES = {
    "plugin": ("token",),
    "public": ("key", "sentry_key"),
    **dict.fromkeys(("alertmanager", "grafana", "kuma", "generic"), ("key",)),
}
# The forms of pages: where a browser finds each, and its fields.
FORMS: Mapping[str, tuple[str, dict[str, str]]] = {
    "/sign-in": ("/sign-in", {"name": "Olga"}),
    "/sign-out": ("/status", {}),
    "/incidents/INC-0": ("/incidents", {"action": "note", "note": "the trust matrix"}),
    "/status/kill-switch": ("/status/kill-switch", {"enabled": "false", "reason": "the trust matrix"}),
}
# Of no heartbeat. The key in the URL is the credential: no other one matters.
NO_KEY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Credential:
    """What a request carries: one token, a signature, a user name and password, a cookie, or nothing."""

    token: str | None = None
    query_names: tuple[str, ...] = ()
    cookie: str | None = None
    is_signed: bool = False
    is_signed_by_resend: bool = False
    is_signed_by_github: bool = False
    is_basic: bool = False

    @property
    def query(self) -> dict[str, str]:
        return {} if self.token is None else dict.fromkeys(self.query_names, self.token)

    def headers(self, body: bytes) -> dict[str, str]:
        """The headers that carry it: none if it belongs into the query."""
        headers = {} if self.token is None or self.query_names else {"Authorization": f"Bearer {self.token}"}
        if self.cookie is not None:
            headers["Cookie"] = self.cookie
        if self.is_signed_by_resend:
            headers |= {name: value for name, value in signed_headers(body).items() if name.startswith("svix-")}
        if self.is_basic:
            headers["Authorization"] = f"Basic {b64encode(':'.join(POSTMARK[0]).encode()).decode()}"
        if self.is_signed_by_github:
            headers["X-Hub-Signature-256"] = f"sha256={sign(body, GITHUB_KEY)}"
        if self.is_signed:
            headers |= {"Sentry-Hook-Signature": sign(body, SECRETS[0]), "Sentry-Hook-Resource": "comment"}
        return headers


@dataclass(frozen=True)
class World:
    """The service, PostgREST behind the gateway, the tokens, and a client of each."""

    stack: Stack
    service: httpx.Client
    postgrest: httpx.Client
    tokens: Mapping[str, str]

    def credential(self, who: str) -> Credential:
        name, is_cookie = who.removesuffix("-cookie"), who.endswith("-cookie")
        if who == "nobody":
            return Credential()
        if who == "signed":
            return Credential(is_signed=True)
        if who == "resend":
            return Credential(is_signed_by_resend=True)
        if who == "postmark":
            return Credential(is_basic=True)
        if who == "github":
            return Credential(is_signed_by_github=True)
        if who in QUERY_NAMES:
            return Credential(self.tokens[who], query_names=QUERY_NAMES[who])
        return Credential(cookie=self._sign_in(name)) if is_cookie else Credential(self.tokens[name])

    def rpc(self, who: str, function: str, arguments: Mapping[str, object]) -> httpx.Response:
        return self.rest(who, "POST", f"/rpc/{function}", json.dumps(arguments).encode())

    def rest(
        self, who: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """As a client of Supabase does: with the anon key and the credential. Nobody has not even that key."""
        credential = replace(self.credential(who), query_names=())
        sent = {"apikey": self.stack.anon_key, "Content-Type": "application/json", **credential.headers(body)}
        if who == "nobody":
            del sent["apikey"]
        if who in ("publishable", "secret"):
            sent["apikey"] = sent.pop("Authorization").removeprefix("Bearer ")
        return self.postgrest.request(method, path, content=body, headers={**sent, **(headers or {})})

    def form_token(self, page: str, credential: Credential) -> tuple[str, str | None]:
        """The token of the form of a page as the owner of the cookie sees it, and the cookies afterwards."""
        headers = {"Accept": "text/html", **({"Cookie": credential.cookie} if credential.cookie else {})}
        answer = self.service.get(page, headers=headers)
        found = re.search(r'name="form_token" value="([^"]*)"', answer.text)
        cookies = [credential.cookie, *(f"{each.name}={each.value}" for each in self.service.cookies.jar)]
        self.service.cookies.clear()
        return found[1] if found else "", "; ".join(each for each in cookies if each) or None

    def _sign_in(self, name: str) -> str:
        answer = self.service.post("/status", data={"token": self.tokens[name]}, headers={"Accept": "text/html"})
        assert answer.status_code == 303, answer.text
        cookie = answer.headers["set-cookie"].partition(";")[0]
        self.service.cookies.clear()
        return str(cookie)


def tokens_of(stack: Stack) -> dict[str, str]:
    now, suffix = int(time.time()), secrets.token_hex(6)
    ann = {"role": "authenticated", "exp": now + 36_000, "sub": f"ann-{suffix}"}

    def user(**claims: object) -> str:
        return jwt.encode({"role": "authenticated", "exp": now + 36_000, **claims}, stack.jwt_secret)

    return {
        "garbage": "garbage-that-nobody-gave-out",
        "expired": user(sub=f"ann-{suffix}", exp=now - 3600),
        "forged": forged_token(sub=f"ann-{suffix}", role="service_role"),
        "anon": stack.anon_key,
        "ann": user(sub=f"ann-{suffix}"),
        "ben": user(sub=f"ben-{suffix}"),
        "no-sub": user(),
        "service": stack.service_role_key,
        "ingest": INGEST_TOKEN,
        "shop": SHOP_TOKEN,
        "operator": OPERATOR_TOKEN,
        "plugin": WEBHOOK_TOKEN,
        "public": PUBLIC_KEY,
        "alertmanager": ALERTMANAGER_KEY,
        "grafana": GRAFANA_KEY,
        "kuma": UPTIME_KUMA_KEY,
        "generic": GENERIC_KEY,
        "publishable": stack.publishable_key,
        "secret": stack.secret_key,
        "ann-es256": stack.signing_keys.sign(ann),
        "forged-es256": forged_es256_token(stack.signing_keys.key_id, sub=f"ann-{suffix}", role="service_role"),
    }


@pytest.fixture(scope="module")
def trusting_service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service with a credential of every kind."""
    tokens = {"INGEST_TOKENS": f"shop:{SHOP_TOKEN}", "OPERATOR_TOKEN": OPERATOR_TOKEN}
    environ = {**sentry_variables(stack), **EMAIL_VARIABLES, **tokens}
    with running_service(environ, tmp_path_factory.mktemp("matrix") / "log", budgets=UNHURRIED) as process:
        yield process


@pytest.fixture(scope="module")
def world(stack: Stack, trusting_service: ServiceProcess) -> Iterator[World]:
    rest = f"{stack.supabase_url}/rest/v1"
    with (
        httpx.Client(base_url=trusting_service.url, timeout=http_client.TIMEOUT, limits=KEPT_ALIVE) as service,
        httpx.Client(base_url=rest, timeout=http_client.TIMEOUT, limits=KEPT_ALIVE) as postgrest,
    ):
        yield World(stack, service, postgrest, tokens_of(stack))


def verdict(answer: httpx.Response) -> str:
    """The cell of an answer. One that says nothing about the credential fails the test."""
    if answer.status_code in REFUSALS:
        return REFUSED
    assert answer.status_code in PASSED, answer.text
    if answer.headers.get("content-type", "").startswith("application/json") and answer.is_error:
        assert answer.json().get("code") not in UNKNOWN, answer.text
    return ALLOWED


def wrong(found: Mapping[str, str], expected: Mapping[str, str]) -> dict[str, str]:
    """The cells that differ, so that a failure shows no others."""
    assert found.keys() == expected.keys()
    return {who: f"{cell}, not {expected[who]}" for who, cell in found.items() if cell != expected[who]}


# ---- the service ----


def test_every_route_has_a_row(stack: Stack) -> None:
    routes = create_app(Settings.model_validate(service_variables(stack))).routes
    assert all(isinstance(route, Route) for route in routes), "a mount hides its routes from this matrix"
    found = {f"{method} {route.path}" for route in routes if isinstance(route, Route) for method in route.methods or ()}
    rows = {" ".join(row.partition("?")[0].split()[:2]) for row in ROUTES}
    # Starlette answers HEAD as GET, without the body.
    assert found == rows | {row.replace("GET", "HEAD") for row in rows if row.startswith("GET")}


@pytest.mark.parametrize("row", ROUTES)
def test_routes(world: World, row: str) -> None:
    assert wrong({who: ask(world, row, who) for who in EVERYBODY}, cells_of_route(row)) == {}


@pytest.mark.parametrize("row", [row for row in ROUTES if row.startswith("GET") and "/status" not in row])
def test_head_is_as_get(world: World, row: str) -> None:
    head = row.replace("GET", "HEAD")
    assert wrong({who: ask(world, head, who) for who in EVERYBODY}, cells_of_route(row)) == {}


def cells_of_route(row: str) -> dict[str, str]:
    return {who: ROUTES[row][TWINS_AT_THE_SERVICE.get(who, who)] for who in EVERYBODY}


def ask(world: World, row: str, who: str) -> str:
    """Sends the request of a row with a credential, which each row takes from the place that it names."""
    credential = world.credential(who)
    method, path, *place = (
        row.replace("{incident_id}", "INC-0")
        .replace("{key}", NO_KEY)
        .replace("{signal}", "0")
        .replace("{project}", "1")
        .split()
    )
    query, form = credential.query, None
    # Each credential is tried from an address of its own: the attempts to sign in are limited by address.
    headers = {"X-Forwarded-For": f"198.51.100.{EVERYBODY.index(who) + 1}"}
    content = b"{}" if method == "POST" else b""
    if place[-1:] == ["page"]:
        headers["Accept"] = "text/html"
    elif place[:1] == ["signing"]:
        form = {"token": credential.token or ""} if place[-1] == "in" else {"sign_out": "1"}
        headers |= {"Accept": "text/html", "Origin": str(world.service.base_url).rstrip("/")}
    elif method == "POST" and path in FORMS:
        page, form = FORMS[path]
        token, cookie = world.form_token(page, credential)
        form = {
            **form,
            "form_token": token,
            **({"token": credential.token or "no-token"} if path == "/sign-in" else {}),
        }
        headers |= {"Accept": "text/html", "Origin": str(world.service.base_url).rstrip("/")}
        credential = replace(credential, cookie=cookie)
    if form is not None:
        content = str(httpx.QueryParams(form)).encode()
    headers["Content-Type"] = "application/json" if form is None else "application/x-www-form-urlencoded"
    headers |= credential.headers(content)
    path, _, name = path.removesuffix("=").partition("?")
    if name and credential.token is not None:
        query = {name: credential.token}
        headers.pop("Authorization", None)
    # A parameter that a route does not know is the body's fault, not the credential's.
    answer = world.service.request(method, path, params=query, headers=headers, content=content)
    result = verdict(answer)
    if method == "GET" and path == "/status" and result == ALLOWED:
        is_signed_in = "Sign out" in answer.text if place[-1:] == ["page"] else "open_incidents" in answer.json()
        return ALLOWED if is_signed_in else PUBLIC
    return result


# ---- PostgREST ----


def arguments_of(world: World, row: str) -> dict[str, object]:
    """The arguments of a function, with the objects of ann that they name: see ARGUMENTS."""
    name = "".join(secrets.choice("abcdefghijklmnop") for _ in range(12))
    message = f"{name} broke"

    def made(function: str, arguments: Mapping[str, object], member: str | None = None) -> object:
        answer = world.rpc("ann", function, arguments)
        assert answer.is_success, answer.text
        return answer.json() if member is None else answer.json()[member]

    report = {"report": {"error": {"message": message}, "fingerprint": name, "source": name}}
    claim = {"agent": "fe-agent", "source": name}
    action = {"agent": "fe-agent", "action_type": "investigate"}
    makers: dict[object, Callable[[], object]] = {
        "{action}": lambda: made("begin_agent_action", action, "action_id"),
        "{claim}": lambda: made("report_error", report) and made("claim_next_incident", claim, "id"),
        "{deployment}": lambda: made("record_deployment_started", {"service": name, "version": "1"}),
        "{incident}": lambda: made("report_error", report, "incident_id"),
        "{fix}": lambda: made("remember_fix", {"solution": "s", "pattern": message}),
    }
    return {
        name: makers[value]() if isinstance(value, str) and value in makers else value
        for name, value in ARGUMENTS[row].items()
    }


def test_every_function_is_called() -> None:
    """test_privileges.py compares the rows with the catalog."""
    assert set(ARGUMENTS) == set(FUNCTIONS)


@pytest.mark.usefixtures("ample_limits")
@pytest.mark.parametrize("row", FUNCTIONS)
def test_functions(world: World, row: str) -> None:
    function = row.partition(" ")[0]
    found = {who: verdict(world.rpc(who, function, arguments_of(world, row))) for who in EVERYBODY}
    assert wrong(found, {who: FUNCTIONS[row].get(TWINS.get(who, who), REFUSED) for who in EVERYBODY}) == {}


RELATION_READERS = ("ann", "ben", "no-sub", "service")
EXPOSED = [name.partition(".")[2] for name in RELATIONS if name.startswith("public.")]


@pytest.mark.parametrize("relation", EXPOSED)
def test_relations(world: World, connection: psycopg.Connection[Any], relation: str) -> None:
    """Users and the service read; nobody writes."""
    found_column = connection.execute(
        "select attname from pg_catalog.pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 and attidentity = '' and attgenerated = '' and not attisdropped"
        " limit 1",
        [f"public.{relation}"],
    ).fetchone()
    assert found_column is not None
    (column,) = found_column
    nothing = json.dumps({column: None}).encode()
    for method, path, body, allowed in (
        ("GET", f"/{relation}?limit=1", b"", RELATION_READERS),
        ("POST", f"/{relation}", b"{}", ()),
        ("PATCH", f"/{relation}?{column}=is.null", nothing, ()),
        ("DELETE", f"/{relation}?{column}=is.null", b"", ()),
    ):
        found = {who: verdict_on_relation(world.rest(who, method, path, body)) for who in EVERYBODY}
        expected = {who: ALLOWED if TWINS.get(who, who) in allowed else REFUSED for who in EVERYBODY}
        assert wrong(found, expected) == {}, method


def verdict_on_relation(answer: httpx.Response) -> str:
    """PostgreSQL says that a view or its column cannot be written before it looks at privileges.

    test_privileges.py reads those of the catalog.
    """
    is_read_only = answer.is_error and answer.json().get("code") in ("55000", "0A000", "428C9")
    return REFUSED if is_read_only else verdict(answer)


@pytest.mark.parametrize("relation", [name for name in EXPOSED if RELATIONS[f"public.{name}"].rows == "none"])
def test_rows_that_only_the_service_sees(world: World, connection: psycopg.Connection[Any], relation: str) -> None:
    connection.execute("insert into public.email_tracking (recipient, subject) values ('a@example.com', 's')")
    readers = ("ann", "ann-es256", "no-sub", "service", "secret")
    shown = {who for who in readers if world.rest(who, "GET", f"/{relation}?limit=1").raise_for_status().json()}
    assert shown == {"service", "secret"}


def test_no_other_schema_is_exposed(world: World, connection: psycopg.Connection[Any]) -> None:
    """Not those of the extensions either: cron and net are reached by nobody."""
    query = "select nspname from pg_catalog.pg_namespace where nspname not like 'pg_toast%' and nspname <> 'public'"
    schemas = [schema for (schema,) in connection.execute(query)]
    assert {"monitoring", "extensions", "cron", "net", "pg_catalog", "auth"} <= set(schemas)
    for schema in schemas:
        for who in ("anon", "ann", "service", "secret"):
            for method, path in (("GET", "/job"), ("POST", "/rpc/http_get")):
                profile = {"Accept-Profile": schema, "Content-Profile": schema}
                answer = world.rest(who, method, path, headers=profile)
                assert (answer.status_code, answer.json()["code"]) == (406, "PGRST106")


# ---- what a report means ----

CHOSEN = "health-check:target:api"


def send(world: World, row: str) -> str:
    """Sends what the row says, with every field that a sender might set. Returns the id of the incident."""
    who, name = row.partition(" ")[0], secrets.token_hex(6)
    fields: dict[str, object] = {
        "severity": "CRITICAL",
        "category": "security",
        "source": "chosen",
        "fingerprint": CHOSEN,
        "sender": "health-check",
        "rule": "health_check",
    }
    report = {"error": {"message": f"{name} broke"}, **fields}
    if who in ("ingest", "shop", "public") and "event" not in row:
        credential = world.credential(who)
        headers, query = credential.headers(b""), credential.query
        answer = world.service.post("/api/autonomous/error", json=report, headers=headers, params=query)
    elif row.endswith("RPC"):
        answer = world.rpc(who, "report_error", {"report": report})
    elif "ingests" in row:
        answer = world.rpc(who, "ingest_events", {"events": [report]})
    elif "security event" in row:
        event = {"event_type": name, "severity": "CRITICAL", "confidence": 1, "details": fields}
        answer = world.rpc(who, "record_security_event", event)
    else:
        issue_id = str(10**9 + secrets.randbelow(10**9))
        is_signed = who == "signed"
        body = sentry_bodies.event_alert(issue_id, name) if is_signed else sentry_bodies.legacy(issue_id)
        body |= fields
        (body["data"]["event"] if is_signed else body).update(fields, level="fatal" if "fatal" in row else "warning")
        raw = sentry_bodies.encode(body)
        headers = {"Content-Type": "application/json", **world.credential(who).headers(raw)}
        if is_signed:
            headers["Sentry-Hook-Resource"] = "event_alert"
        query = world.credential(who).query
        answer = world.service.post("/webhooks/sentry", content=raw, headers=headers, params=query)
    assert answer.is_success, answer.text
    result = answer.json()
    return str((result[0] if isinstance(result, list) else result)["incident_id"])


@pytest.mark.parametrize("row", MEANINGS)
def test_what_a_sender_may_set(world: World, connection: psycopg.Connection[Any], row: str) -> None:
    """And what nobody may: the sender and the rule."""
    found_row = connection.execute(
        "select to_jsonb(incidents) from public.incidents where id = %s", [send(world, row)]
    ).fetchone()
    assert found_row is not None
    (stored,) = found_row
    namespace, is_named, _ = stored["fingerprint"].partition(":")
    found = {
        **{name: stored[name] for name in ("severity", "category", "source")},
        "sender": re.sub(r"-[0-9a-f]{12}$", "", stored["sender"]),
        "fingerprint": f"{namespace}:" if is_named else "hashed",
    }
    assert found == MEANINGS[row]
    assert stored["rule"] != "health_check"


@pytest.mark.parametrize("row", NO_OUTAGES)
def test_no_caller_turns_the_public_page_to_outage(world: World, connection: psycopg.Connection[Any], row: str) -> None:
    """The page is read through public_status(), as the service does. What it shows are public targets only."""
    forget_incidents(connection)
    is_observed = "of the health checks" in row
    if is_observed:
        incident_id = observed_incident(connection, "HIGH" if "makes" in row else "CRITICAL")
        arguments: dict[str, object] = {"incident_id": incident_id, "reason": "r"}
        if "makes" in row:
            changed = world.rpc(row.partition(" ")[0], "set_incident_severity", {**arguments, "severity": "CRITICAL"})
        else:
            world.rpc("ann", "resolve_incident", {"incident_id": incident_id, "resolution": "r"}).raise_for_status()
            changed = world.rpc(row.partition(" ")[0], "reopen_incident", arguments)
        assert changed.json()["severity"] == "CRITICAL", changed.text
    else:
        send(world, row)
    is_severe = connection.execute(
        "select max(severity) >= 'HIGH' from public.incidents where status = 'open'"
    ).fetchone() == (True,)
    overall = {name: world.rpc("service", name, {}).json()["overall"] for name in ("status_summary", "public_status")}
    forget_incidents(connection)
    assert overall == {
        "status_summary": "degraded" if is_severe else "no_targets",
        "public_status": "degraded" if is_observed else "no_targets",
    }


def observed_incident(connection: psycopg.Connection[Any], severity: str) -> str:
    """An open incident that the health checks opened about a public target, some time ago."""
    target = f"matrix {secrets.token_hex(6)}"
    connection.execute(
        "insert into monitoring.probe_targets (name, place, type, url, is_enabled, is_public, method, headers,"
        " expected_status, timeout_ms, interval_minutes, grace_minutes, timezone, check_ins_from, send_offset_ms, tags,"
        " is_paused, secret_headers, header_contains) values (%s, 1, 'backend', 'https://matrix.example/', true, true,"
        " 'GET', '{}', '{[200,300)}', 10000, 1, 1, 'UTC', '{}', 0, '{}', false, '{}', '{}')",
        [target],
    )
    row = connection.execute(
        "insert into public.incidents (fingerprint, title, message, severity, category, rule, sender, source,"
        " first_seen, last_seen) values (%s, 't', 'm', %s, 'backend', 'health_check', 'health-check', 'health-check',"
        " now() - interval '1 minute', now() - interval '1 minute') returning id",
        [f"health-check:target:{target}", severity],
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_what_the_health_checks_observe_is_an_outage(world: World, connection: psycopg.Connection[Any]) -> None:
    """Otherwise the test above would prove nothing."""
    forget_incidents(connection)
    observed_incident(connection, "CRITICAL")
    assert world.rpc("service", "public_status", {}).json()["overall"] == "outage"
    forget_incidents(connection)


def forget_incidents(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "update public.incidents set status = 'resolved', resolved_at = clock_timestamp()"
        " where status in ('open', 'acknowledged')"
    )
    connection.execute("delete from monitoring.target_states")
    connection.execute("delete from monitoring.probe_targets where name like 'matrix %'")
