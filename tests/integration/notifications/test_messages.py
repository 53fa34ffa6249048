"""The messages of notifications, as pg_net would send them: signatures, formats, limits, hostile texts, digests.

The schemas in tests/fixtures/notifications are written after the documentation of each service, which they name.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psycopg
import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from tests.support.notification_messages import INCIDENT_EVENTS, KEY, Request, Writer, open_writer
from tests.support.notification_receiver import Receiver
from tests.support.notifications import EVENTS as TRANSITIONS
from tests.support.notifications import SIGNING_SECRET, Notifications

SCHEMAS = Path(__file__).parents[2] / "fixtures" / "notifications"
KINDS = ["slack", "discord", "teams", "pagerduty"]
EVENTS = [*INCIDENT_EVENTS, "digest", "test"]
TEAMS_BYTES = 28 * 1024
# Slack documents no limit of all blocks together; requests of more than about 13,000 characters were refused:
# https://github.com/slackapi/bolt-js/issues/2509
SLACK_CHARACTERS = 13_000
# Of the JSON of an event: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
PAGERDUTY_BYTES = 512 * 1024
# As docs/notifications/webhook.md says. Gmail cuts the HTML of e-mails after 102 kB.
LONGEST_BODY = 100 * 1024

DETAILS = {
    "title": "TypeError: x is not a function",
    "message": "TypeError: x is not a function\n    at checkout.js:1",
    "severity": "HIGH",
    "from_severity": "MEDIUM",
    "category": "frontend",
    "status": "open",
    "source": "checkout",
    "environment": "production",
    "release": "1.2.3",
    "error_type": "TypeError",
    "occurrence_count": 3,
    "first_seen": "2026-11-26T20:00:00+00:00",
    "occurred_at": "2026-11-26T20:01:00+00:00",
    "actor": "ann",
    "reason": "it is back",
    "resolution": "rolled back",
    "external_url": "https://sentry.io/issues/1",
    "open_for": "01:30:00.123456",
    "escalated_from": "ops",
}
# 200 incidents with ids as long as those of ten thousand million, and the longest titles that a digest has.
MEMBERS = [
    {
        "incident_id": f"INC-{9_000_000_000 + number}",
        "event": INCIDENT_EVENTS[number % len(INCIDENT_EVENTS)],
        "severity": ["LOW", "MEDIUM", "HIGH", "CRITICAL"][number // 6 % 4],
        "title": "🔥" * 80,
    }
    for number in range(200)
]
DIGEST = {
    "count": 200,
    "worst": {"id": "INC-9000000000", "severity": "CRITICAL", "title": "the worst"},
    "notifications": MEMBERS,
}
TEST = {"title": "Test of the channel ops"}

# What has a meaning in a format, hides text, or is longer in a format than in the title.
FRAGMENTS = [
    *("<!channel>", "<!everyone>", "<@U012AB3CD>", "<#C024BE7LR>", "<https://x.example|safe>", "@everyone", "@here"),
    *("<@&123>", "[a](https://x.example)", "*b*", "__u__", "~~s~~", "||spoiler||", "`c`", "```", "# h", "\\", "&amp;"),
    *(
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</pre>",
        "</table>",
        "'",
        "<at>ann</at>",
        "{{x}}",
    ),
    *("${x}", "%s %L", "\r\nBcc: eve@x.example", "\n.\n", "\u202e", "\u2066", "\u200b", "\ufeff", "\x1b[31m", "\x07"),
    *(
        "\u0085",
        "\u2028",
        "\x7f",
        "\u00ad",
        "é",
        "漢字",
        "👩🏽‍💻",
        "🔥" * 40,
        "&" * 200,
        "<" * 400,
        "x" * 600,
        " ",
        "\t",
    ),
]
HOSTILE = st.lists(
    st.sampled_from(FRAGMENTS)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    min_size=1,
    max_size=30,
).map("".join)
SETTINGS = settings(
    max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    with open_writer(database_url) as writer:
        writer.connection.execute(
            """update public.system_config
            set value = value || '{"incident_url": "https://status.example.com/incidents/{id}?from=mail&x=1"}'
            where key = 'incident_policy'"""
        )
        yield writer


def details_of(event: str) -> Mapping[str, Any]:
    return DIGEST if event == "digest" else TEST if event == "test" else DETAILS


def validate(kind: str, request: Request) -> None:
    schema = json.loads((SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    problems = [
        error.message
        for error in Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(request.body)
    ]
    assert problems == []
    if kind == "slack":
        assert len(request.content.decode()) <= SLACK_CHARACTERS
    elif kind == "discord":
        assert count_discord_characters(request.body) <= 6000
    elif kind == "teams":
        assert len(request.content) <= TEAMS_BYTES
    elif kind == "pagerduty":
        assert len(request.content) <= PAGERDUTY_BYTES


def count_discord_characters(body: Any) -> int:
    """Of all embeds, in UTF-16, which is the larger way to count."""
    texts = [text for embed in body["embeds"] for text in (embed.get("title", ""), embed.get("description", ""))]
    texts += [
        text for embed in body["embeds"] for item in embed.get("fields", []) for text in (item["name"], item["value"])
    ]
    return sum(len(text.encode("utf-16-le")) // 2 for text in texts)


# Signatures.


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("kind", ["webhook", "agent"])
def test_the_packages_of_pypi_verify_the_signature(writer: Writer, kind: str, event: str) -> None:
    request = writer.request(kind, event, details_of(event))
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "msg_1"
    assert standardwebhooks.Webhook(KEY).verify(request.content, headers) == request.body
    svix.webhooks.Webhook(KEY).verify(request.content, headers)  # raises if it does not


@pytest.mark.parametrize("size", [1, 24, 55, 63, 64, 65, 100])
def test_keys_of_each_size_verify(writer: Writer, size: int) -> None:
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(size)).decode()
    writer.store("tests_key", secret)
    request = writer.request("webhook", "opened", DETAILS)
    svix.webhooks.Webhook(secret).verify(request.content, dict(request.headers))
    standardwebhooks.Webhook(secret).verify(request.content, dict(request.headers))


def test_while_a_secret_is_replaced_the_old_and_the_new_one_verify(writer: Writer) -> None:
    new = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    writer.store("tests_key", f"{new} {KEY}\n")
    request = writer.request("webhook", "opened", DETAILS)
    for secret in (new, KEY):
        standardwebhooks.Webhook(secret).verify(request.content, dict(request.headers))


def test_a_changed_body_another_key_and_another_id_do_not_verify(writer: Writer) -> None:
    request = writer.request("webhook", "opened", DETAILS)
    headers = dict(request.headers)
    other = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    for secret, content, changed in (
        (KEY, request.content + b" ", headers),
        (other, request.content, headers),
        (KEY, request.content, headers | {"webhook-id": "msg_2"}),
        (KEY, request.content, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}),
    ):
        with pytest.raises(standardwebhooks.webhooks.WebhookVerificationError):
            standardwebhooks.Webhook(secret).verify(content, changed)


def test_each_attempt_is_signed_with_its_time(writer: Writer) -> None:
    """A receiver refuses timestamps that are more than five minutes old, so a retry cannot repeat the signature."""
    before = int(datetime.now(UTC).timestamp())
    assert int(writer.request("webhook", "opened", DETAILS).headers["webhook-timestamp"]) >= before - 1


# Formats.


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_bodies_have_the_documented_format(writer: Writer, kind: str, event: str) -> None:
    validate(kind, writer.request(kind, event, details_of(event)))


@pytest.mark.parametrize("kind", KINDS)
def test_bodies_of_incidents_with_few_fields_have_the_documented_format(writer: Writer, kind: str) -> None:
    validate(kind, writer.request(kind, "opened", {"title": "t"}))
    validate(kind, writer.request(kind, "opened", {}))
    validate(kind, writer.request(kind, "digest", {"count": 0, "notifications": []}))


@pytest.mark.parametrize("kind", [*KINDS, "webhook", "agent", "email"])
def test_a_digest_names_each_of_200_incidents(writer: Writer, kind: str) -> None:
    request = writer.request(kind, "digest", DIGEST)
    if kind in KINDS:
        validate(kind, request)
    longest = request.body["html"].encode() if kind == "email" else request.content
    assert len(longest) <= LONGEST_BODY
    texts = [request.body["text"], request.body["html"]] if kind == "email" else [request.content.decode()]
    for text in texts:
        assert [member["incident_id"] for member in MEMBERS if member["incident_id"] not in text] == []


def test_the_events_of_an_incident_have_one_key_at_pagerduty(writer: Writer) -> None:
    keys = {writer.request("pagerduty", event, DETAILS).body["dedup_key"] for event in INCIDENT_EVENTS}
    assert keys == {"INC-1001"}
    actions = [writer.request("pagerduty", event, DETAILS).body["event_action"] for event in INCIDENT_EVENTS]
    assert actions == ["trigger", "trigger", "trigger", "acknowledge", "resolve", "trigger"]


def test_an_agent_gets_no_secret(writer: Writer) -> None:
    request = writer.request("agent", "opened", DETAILS, agent="fe-agent")
    assert request.body["claim"]["arguments"]["agent"] == "fe-agent"
    for secret in (KEY, KEY.removeprefix("whsec_"), "hooks.example.com", "token_secret", "tests_"):
        assert secret not in request.content.decode()


def test_an_agent_is_told_of_functions_that_it_may_call(writer: Writer) -> None:
    claim = writer.request("agent", "opened", DETAILS, agent="fe-agent").body["claim"]
    named = {claim["function"], claim["extend"], claim["release"], claim["guide"], *claim["then"]}
    callable_ones = writer.connection.execute(
        "select proname, proargnames from pg_catalog.pg_proc where pronamespace = 'public'::regnamespace"
        " and proname = any(%s) and has_function_privilege('authenticated', oid, 'execute')",
        (list(named),),
    ).fetchall()
    arguments = dict(callable_ones)
    assert arguments.keys() == named
    assert claim["arguments"].keys() <= set(arguments["claim_next_incident"])


# Hostile texts.


def hostile_details(title: str, other: str) -> dict[str, Any]:
    names = ("source", "environment", "release", "error_type", "actor", "reason", "resolution", "external_url")
    return DETAILS | {"title": title, "message": other[:500]} | dict.fromkeys(names, other[:200])


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_texts_keep_the_documented_format(writer: Writer, kind: str) -> None:
    @SETTINGS
    @given(title=HOSTILE, other=HOSTILE, event=st.sampled_from(INCIDENT_EVENTS))
    def check(title: str, other: str, event: str) -> None:
        validate(kind, writer.request(kind, event, hostile_details(title, other)))

    check()


@pytest.mark.parametrize("character", ["&", "<", "\\", "*", "`", "🔥", "漢", '"', "\u0301"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_longest_texts_fit(writer: Writer, kind: str, character: str) -> None:
    validate(kind, writer.request(kind, "opened", hostile_details(character * 1000, character * 1000)))


def test_slack_sees_no_mention_and_no_link_but_that_of_the_incident(writer: Writer) -> None:
    link = "<https://status.example.com/incidents/INC-1001?from=mail&amp;x=1|Open the incident>"

    @SETTINGS
    @given(title=HOSTILE, other=HOSTILE)
    def check(title: str, other: str) -> None:
        body = writer.request("slack", "opened", hostile_details(title, other)).body
        texts = [block["text"] for block in body["blocks"] if "text" in block]
        texts += [item for block in body["blocks"] for item in block.get("fields", [])]
        marked = [text for text in texts if text["type"] == "mrkdwn"]
        assert all(text["verbatim"] for text in marked)
        assert "<" not in "".join(text["text"] for text in marked).replace(link, "")
        assert "<" not in body["text"]
        # A block of code ends only where it should.
        assert sum(text["text"].count("`") for text in marked) in (0, 6)

    check()


def test_discord_mentions_nobody_and_shows_no_markdown(writer: Writer) -> None:
    @SETTINGS
    @given(title=HOSTILE)
    def check(title: str) -> None:
        body = writer.request("discord", "opened", hostile_details(f"t {title}", "x")).body
        assert body["allowed_mentions"] == {"parse": []}
        description = body["embeds"][0].get("description", "").partition("\n```\n")[0]
        plain = description.replace("\\\\", "")
        for character in "*_~`|<>[]#@":
            assert plain.replace(f"\\{character}", "").count(character) == 0, description

    check()


def test_teams_gets_texts_only_where_markdown_is_not_read(writer: Writer) -> None:
    @SETTINGS
    @given(title=HOSTILE)
    def check(title: str) -> None:
        card = writer.request("teams", "opened", hostile_details(title, "x")).body["attachments"][0]["content"]
        assert {element["type"] for element in card["body"]} == {"RichTextBlock"}
        assert card["fallbackText"] == "HIGH incident INC-1001 opened"

    check()


@dataclass
class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parse(html: str) -> Elements:
    elements = Elements()
    elements.feed(html)
    elements.close()
    return elements


def test_emails_have_no_markup_from_outside_and_one_line_as_subject(writer: Writer) -> None:
    # The same fields with harmless words: the page must have the same elements.
    plain = parse(writer.request("email", "opened", hostile_details("title", "words")).body["html"]).tags

    @SETTINGS
    @given(title=HOSTILE, other=HOSTILE)
    def check(title: str, other: str) -> None:
        body = writer.request("email", "opened", hostile_details(f"t {title}", f"w {other}")).body
        elements = parse(body["html"])
        if f"w {other}"[:500] not in f"t {title}":
            assert elements.tags == plain
        assert len(body["subject"]) <= 200
        assert body["subject"].isprintable() or not any(ord(character) < 32 for character in body["subject"])
        assert len(body["subject"].splitlines()) == 1
        assert body["to"] == ["ann@example.com"]

    check()


def test_an_email_shows_the_title_as_it_is(writer: Writer) -> None:
    title = """TypeError: <b> & "it's" &lt;"""
    body = writer.request("email", "opened", DETAILS | {"title": title}).body
    assert title in parse(body["html"]).text
    assert title in body["text"]
    assert "https://status.example.com/incidents/INC-1001?from=mail&x=1" in body["text"]
    links = [dict(attributes).get("href") for tag, attributes in parse(body["html"]).tags if tag == "a"]
    assert links == ["https://status.example.com/incidents/INC-1001?from=mail&x=1"]


# Errors.


@pytest.mark.parametrize("kind", [*KINDS, "webhook", "agent", "email"])
def test_a_missing_secret_is_named(writer: Writer, kind: str) -> None:
    name = "url_secret" if kind in ("slack", "discord", "teams") else "token_secret"
    if kind in ("webhook", "agent"):
        name = "signing_secret"
    missing: dict[str, Any] = {name: "tests_gone"}
    with pytest.raises(psycopg.errors.UndefinedObject, match="the secret 'tests_gone' does not exist"):
        writer.request(kind, "opened", DETAILS, **missing)


# Over HTTP.

FIELDS = {
    **dict.fromkeys(("slack", "discord", "teams"), ("url_secret",)),
    "pagerduty": ("url_secret", "token_secret"),
    **dict.fromkeys(("webhook", "agent"), ("url_secret", "signing_secret")),
}


def test_what_arrives_of_each_kind_is_signed_and_has_the_documented_format(
    notifications: Notifications, receiver: Receiver
) -> None:
    notifications.set_secret(notifications.name("signing_secret"), SIGNING_SECRET)
    notifications.set_secret(notifications.name("token_secret"), "token")
    channels = []
    for kind, names in FIELDS.items():
        notifications.set_secret(notifications.name(f"url-{kind}"), receiver.url(f"/{kind}"))
        fields = {name: notifications.name(name) for name in names} | {"url_secret": notifications.name(f"url-{kind}")}
        common: dict[str, Any] = {"min_severity": "LOW", "sources": [notifications.source], "events": list(TRANSITIONS)}
        channels.append({"name": notifications.name(kind), "kind": kind, **common, **fields})
    notifications.set_entry("notification_recipients", channels)
    notifications.channels = [channel["name"] for channel in channels]
    notifications.switch_job(active=False)
    for event in TRANSITIONS:
        notifications.change(event, "<!channel> checkout")
        notifications.finish()

    for kind in FIELDS:
        requests = receiver.at("/discord?wait=true" if kind == "discord" else f"/{kind}")
        assert len(requests) == len(TRANSITIONS), kind
        for request in requests:
            if kind in KINDS:
                validate(kind, Request(request.path, request.headers, request.body))
                continue
            standardwebhooks.Webhook(SIGNING_SECRET).verify(request.body, request.headers)
            svix.webhooks.Webhook(SIGNING_SECRET).verify(request.body, request.headers)
