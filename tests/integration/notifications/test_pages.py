"""The examples in docs/notifications*: the database accepts the configurations, and writes the messages as printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import standardwebhooks

from tests.support.notification_messages import KEY, Request, Writer, open_writer
from tests.support.pages import DOCS, Block, blocks

PAGES = {"notifications.md", *(path.name for path in (DOCS / "notifications").glob("*.md"))}
CONFIGURATIONS = [block for block in blocks("json") if block.page in PAGES and block.text.startswith("[")]
MESSAGES = [block for block in blocks("json") if block.page in PAGES and block.text.startswith("{")]
RENDERED = [block for block in blocks("text") if block.page in PAGES]

SECRETS = {
    "url_secret": "https://hooks.example.com/1",
    "token_secret": "token-0123456789",
    "signing_secret": KEY,
}
ROWS = "select name, kind from monitoring.notification_channels order by place"


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    with open_writer(database_url) as writer:
        writer.connection.execute(
            """update public.system_config
            set value = value || '{"incident_url": "https://console.example.com/incidents/{id}"}'
            where key = 'incident_policy'"""
        )
        yield writer


def example() -> dict[str, Any]:
    """The incident of the examples."""
    return {
        "title": "TypeError: Cannot read properties of undefined (reading 'total')",
        "message": "Cannot read properties of undefined (reading 'total')",
        "severity": "HIGH",
        "category": "frontend",
        "status": "open",
        "source": "checkout",
        "environment": "production",
        "release": "2.4.1",
        "error_type": "TypeError",
        "occurrence_count": 3,
        "first_seen": "2026-11-26T20:00:00+00:00",
        "occurred_at": "2026-11-26T20:01:00+00:00",
    }


def write_example(writer: Writer, page: str) -> Request:
    kind = page.removesuffix(".md")
    writer.store("tests_token", "R0…" if kind == "pagerduty" else "token")
    return writer.request(
        kind,
        "opened",
        example(),
        {"incident_id": "INC-1042", "message_id": "msg_0d2c4f8a6b3e49d19c7a5e2f10b86d34"},
        name={"email": "ann", "agent": "fe-agent"}.get(kind, "ops"),
    )


def test_each_page_has_a_configuration_and_a_message() -> None:
    assert {block.page for block in CONFIGURATIONS} == PAGES
    assert {block.page for block in [*MESSAGES, *RENDERED]} == PAGES - {"notifications.md"}


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=lambda block: block.page)
def test_configurations_are_accepted(block: Block, writer: Writer) -> None:
    channels = json.loads(block.text)
    for channel in channels:
        for name in SECRETS.keys() & channel.keys():
            writer.store(channel[name], SECRETS[name])
    writer.connection.execute(
        "update public.system_config set value = %s where key = 'notification_recipients'", (block.text,)
    )
    stored = writer.connection.execute(ROWS).fetchall()
    assert stored == [(channel.get("name", channel.get("email")), channel.get("kind", "email")) for channel in channels]


WITH_SECRETS = [block for block in CONFIGURATIONS if "_secret" in block.text]


@pytest.mark.parametrize("block", WITH_SECRETS, ids=lambda block: block.page)
def test_secrets_come_before_the_configuration(block: Block, writer: Writer) -> None:
    with pytest.raises(psycopg.DatabaseError, match="secret"):
        writer.connection.execute(
            "update public.system_config set value = %s where key = 'notification_recipients'", (block.text,)
        )


@pytest.mark.parametrize("block", MESSAGES, ids=lambda block: block.page)
def test_json_messages_are_as_printed(block: Block, writer: Writer) -> None:
    assert write_example(writer, block.page).body == json.loads(block.text)


@pytest.mark.parametrize("block", RENDERED, ids=lambda block: block.page)
def test_messages_say_what_is_printed(block: Block, writer: Writer) -> None:
    body = write_example(writer, block.page).body
    shown = " ".join(" ".join(list_texts(body)).replace("*", "").split())
    lines = [" ".join(line.split()) for line in block.text.splitlines()]
    assert [line for line in lines if line not in shown] == []


# The members of documents that a reader sees, names before values.
SHOWN = ["name", "text", "title", "subject", "description", "value"]


def list_texts(value: Any) -> Iterator[str]:
    """What a reader of a message sees."""
    if isinstance(value, list):
        for item in value:
            yield from list_texts(item)
    elif isinstance(value, dict):
        for key in sorted(value, key=lambda key: SHOWN.index(key) if key in SHOWN else len(SHOWN)):
            if isinstance(value[key], str) and key in SHOWN:
                yield value[key]
            else:
                yield from list_texts(value[key])


def test_the_python_of_the_page_reads_a_request_once(writer: Writer) -> None:
    (code,) = [block.text for block in blocks("python") if block.page == "webhook.md"]
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the example of the page
    read = names["read_notification"]
    request = writer.request("webhook", "opened", example())
    assert read(dict(request.headers), request.content, KEY) == request.body
    assert read(dict(request.headers), request.content, KEY) is None
    with pytest.raises(standardwebhooks.webhooks.WebhookVerificationError):
        read(dict(request.headers), request.content + b" ", KEY)
