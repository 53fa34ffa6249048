"""A refused value that holds a secret is not echoed: not in an answer, not in a log, not in an error of SQL.

What PostgreSQL itself says when text is no number, time or word of an enum is left out: it quotes the text to the
caller who sent it, before any function of ours runs.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack
from tests.security.test_secrets import LEAKS
from tests.support.service_process import ServiceProcess
from tests.support.trust_matrix import ARGUMENTS

TEXT_PARAMETERS = """
select proname, parameter.name, format_type(parameter.type, null)
from pg_catalog.pg_proc
cross join unnest(proargnames, proargtypes::oid[]) with ordinality as parameter (name, type, place)
where pronamespace = 'public'::regnamespace
  and has_function_privilege('service_role', pg_proc.oid, 'execute')
  and format_type(parameter.type, null) in ('text', 'jsonb')
  and not exists (select from pg_catalog.pg_depend where objid = pg_proc.oid and deptype = 'e')
"""
ENTRIES = """
select entry, jsonb_agg(field) from monitoring.config_field group by entry order by entry
"""


def shapes(leak: str) -> list[object]:
    """Documents with a secret in a value, a key, a list and deeper."""
    return [leak, {leak: leak}, [leak], [{leak: leak}], {"a": {leak: leak}}]


def test_rpcs(stack: Stack, connection: psycopg.Connection[Any]) -> None:
    parameters = connection.execute(TEXT_PARAMETERS).fetchall()
    assert len(parameters) > 40
    headers = {"apikey": stack.service_role_key, "Authorization": f"Bearer {stack.service_role_key}"}
    refused = 0
    with httpx.Client(base_url=f"{stack.supabase_url}/rest/v1/rpc/", headers=headers, timeout=60) as client:
        for name, parameter, kind in parameters:
            usual = {key: value for key, value in ARGUMENTS[name].items() if "{" not in str(value)}
            for leak in LEAKS:
                for value in (
                    shapes(leak) if kind == "jsonb" else [leak, "x" * 2_000_000 + leak][: 1 + (leak == LEAKS[0])]
                ):
                    answer = client.post(name, json={**usual, parameter: value})
                    if answer.is_error:
                        refused += 1
                        assert "LEAK" not in answer.text, (name, parameter, answer.text)
    assert refused > 100


def config_values(fields: list[str], leak: str) -> list[object]:
    one_wrong: list[object] = [
        {field: value} for field in fields for value in (leak, {leak: leak}, [leak], [{leak: leak}])
    ]
    target: dict[str, object] = {"name": "leaky", "type": "other", "url": "https://example.com"}
    headers: list[object] = [{leak: "x"}, {"X-Note": leak}, {"Authorization": leak}, {leak.split(":")[0]: [leak]}]
    targets: list[object] = [{**target, "headers": each} for each in headers]
    targets += [{**target, "depends_on": leak}, {**target, "url": leak}, {**target, "name": leak, "depends_on": leak}]
    channel: dict[str, object] = {"name": "leaky", "kind": "slack", "url_secret": "no_such_secret"}
    channels: list[object] = [{**channel, field: leak} for field in fields]
    channels += [{"email": "ann@example.com", "escalate_to": leak, "escalate_after": 1}]
    channels += [{"email": "ann@example.com", "name": leak, "escalate_to": leak, "escalate_after": 1}]
    lists = (one_wrong, targets, channels)
    return [*shapes(leak), *one_wrong, targets, channels, *([each] for group in lists for each in group)]


def test_the_configuration(connection: psycopg.Connection[Any]) -> None:
    fields = {entry: list(names) for entry, names in connection.execute(ENTRIES).fetchall()}
    refused = 0
    for (entry,) in connection.execute("select key from public.system_config").fetchall():
        for leak in LEAKS:
            for value in config_values(fields.get(entry, []), leak):
                error = error_of(connection, "update public.system_config set value = %s where key = %s", value, entry)
                refused += error is not None
                assert "LEAK" not in (error or ""), (entry, error)
        error = error_of(connection, "update public.system_config set key = %s where key = %s", LEAKS[0], entry)
        assert error is not None
        assert "LEAK" not in error
    assert refused > 1000


def error_of(connection: psycopg.Connection[Any], query: str, value: object, entry: str) -> str | None:
    """Everything that the SQL editor shows of an error; None without one. Nothing is kept."""
    text = value if isinstance(value, str) and "key = %s where" in query else json.dumps(value)
    with connection.transaction(force_rollback=True):
        try:
            connection.execute(query.encode(), [text, entry])
        except psycopg.Error as error:
            return " ".join(
                filter(None, (error.diag.message_primary, error.diag.message_detail, error.diag.message_hint))
            )
    return None


@pytest.mark.parametrize("leak", LEAKS)
def test_requests(http: httpx.Client, sentry_enabled_service: ServiceProcess, stack: Stack, leak: str) -> None:
    route = "/api/autonomous/error"
    report: dict[str, object] = {"error": {"message": "m"}}
    fields = ("severity", "category", "source", "environment", "release", "url", "fingerprint", "context", "error")
    bodies: list[object] = [{**report, field: value} for field in fields for value in (*shapes(leak), leak * 5000)]
    bodies += [
        {**report, "error": {"message": "m", field: value}} for field in ("message", "code") for value in shapes(leak)
    ]
    answers = [http.post(route, json=body) for body in (*bodies, *shapes(leak))]
    answers += [http.post(route, content=text) for text in (leak, f'{{"{leak}', f'"{leak}"')]
    answers += [http.post(route, json=report, headers={name: leak}) for name in ("Content-Type", "Idempotency-Key")]
    answers += [http.post(route, json=report, headers={"Authorization": f"Bearer {leak}"})]
    answers += [http.post(f"/webhooks/sentry?token={leak}", content=leak), http.get(f"/{leak}"), http.get(f"/x?{leak}")]
    token = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
    names = ("status", "severity", "category", "source", "since", "limit", "offset", "x" + leak)
    answers += [http.get("/api/autonomous/incidents", params={name: leak}, headers=token) for name in names]
    answers += [http.get(f"/api/autonomous/incidents/{leak}", headers=token)]
    refused = [answer for answer in answers if answer.is_error]
    assert len(refused) > 20
    assert [answer.text for answer in refused if "LEAK" in answer.text] == []
    assert "LEAK" not in sentry_enabled_service.log_path.read_text()
