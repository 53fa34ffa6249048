"""Stored texts on all pages: whatever a report, a note or a name contains, the page shows it as text."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.form_browser import FormBrowser
from tests.support.page_documents import incident_page, search, status_page
from tests.support.rpc_stub import Refusal, RpcStub, running_stub, stub_variables
from tests.support.service_process import running_service
from tests.unit.test_target_template import DOCUMENT as TARGET
from tests.unit.test_target_template import HEARTBEAT

OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "apostrophe": "' autofocus onfocus=alert(1) x='",
    "unquoted": "x onmouseover=alert(1) y=z",
    "end tags": "</textarea></title></option></style></script><svg onload=alert(1)>",
    "comment": "--><!--<b>",
    "entity": "&lt;script&gt;alert(1)&lt;/script&gt;&#60;b&#62;",
    "template": "{{ 987654 * 3 }}{% include 'site.js' %}{# x #}",
    "javascript": "javascript:alert(1)",
    "javascript in disguise": "\x01java\tscript\n:alert(1)//https://a.example",
    "data": "data:text/html,<script>alert(1)</script>",
    "other host": "//evil.example/\\evil.example",
    "link with markup": 'https://a.example/"onmouseover="alert(1)',
    "link with a line end": "https://a.example/\r\nSet-Cookie: a=b",
    "link without a host": "https:///a",
    "broken link": "https://[/",
    "reversed": "abc\u202egnp.exe\u2066def\u2069\u202c",
    "controls": "bell\x07 escape\x1b[31m csi\x9b delete\x7f backspace\x08\x0c\x0b",
    "separators": "a\u2028b\u2029c\ufeffd\u200be",
    "long word": "x" * 5_000,
    "long emoji": "\N{PILE OF POO}" * 1_000,
    "dots": "../../status?x=1#y",
    "percent": "%2e%2e%2fstatus%00%0d%0a%s%d{0}",
}
# Words of enums, which PostgreSQL keeps, and names of members.
ENUMS = {"severity", "kind", "actions", "severities", "hour"}
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
REFRESH = {"http-equiv": "refresh", "content": "30"}  # of the status page, without scripts
LINK = "https://a.example/path?query=1&other=2"


@pytest.fixture(scope="module")
def stub() -> Iterator[RpcStub]:
    with running_stub() as running:
        yield running


@pytest.fixture(scope="module")
def operator(stub: RpcStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FormBrowser]:
    environ = stub_variables(stub, OPERATOR_TOKEN)
    log = tmp_path_factory.mktemp("texts") / "log"
    with (
        running_service(environ, log, budgets={"retry": 0.0, "public_status": 0.01}) as service,
        FormBrowser(service.url) as browser,
    ):
        browser.sign_in_as_operator(OPERATOR_TOKEN)
        yield browser


def replaced(value: Any, text: str, name: str = "") -> Any:
    """The document with another text in the place of each one; in keys, too, where they are data."""
    if isinstance(value, dict):
        members = {key: replaced(each, text, key) for key, each in value.items()}
        return {**members, text: text} if name == "context" else members
    if isinstance(value, list):
        return value if name in ENUMS else [replaced(each, text, name) for each in value]
    if not isinstance(value, str) or name in ENUMS or is_time(value):
        return value
    return text


def is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def texts_of(value: Any) -> int:
    """How many texts a document contains."""
    if isinstance(value, dict):
        return sum(texts_of(each) for each in value.values())
    if isinstance(value, list):
        return sum(texts_of(each) for each in value)
    return isinstance(value, str)


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def check(document: str) -> Page:
    """The page, which has nothing but its own elements, and links that lead to pages."""
    page = Page(document)
    assert not CONTROLS.search(document)
    assert len(page.all("script")) == len(page.all("style")) == 1
    for tag in ("img", "iframe", "object", "embed", "base", "audio", "video", "b", "i"):
        assert not page.all(tag), tag
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("autofocus", "style", "srcdoc")], (
            tag
        )
        assert not (tag == "meta" and attributes.get("http-equiv")) or attributes == REFRESH, attributes
    for link in page.all("a"):
        check_link(link)
    for form in page.all("form"):
        assert not urlsplit(form["action"] or "").scheme
        assert not urlsplit(form["action"] or "").netloc
    assert str(987654 * 3) not in document
    return page


def check_link(link: dict[str, str | None]) -> None:
    target = link["href"] or ""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or target.startswith(("/", "\\")):
        assert parts.scheme in ("http", "https"), target
        assert parts.hostname, target
        assert {"noopener", "noreferrer", "nofollow"} == set((link["rel"] or "").split())
    else:
        path = target.partition("?")[0].partition("#")[0].removeprefix("../")
        assert not {".", ".."} & set(path.split("/")), target


DOCUMENTS: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "search_incidents": ("/incidents", search),
    "incident_page": ("/incidents/INC-1001", incident_page),
    "status_page": ("/status", status_page),
    "target_page": ("/targets/api", lambda: {**TARGET, "heartbeat": HEARTBEAT}),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("function", DOCUMENTS)
def test_stored_texts(stub: RpcStub, operator: FormBrowser, function: str, text: str) -> None:
    path, document = DOCUMENTS[function]
    assert texts_of(document()) > 30
    stub.answers[function] = replaced(document(), text)
    answer = operator.open(path)
    assert answer.status_code == 200
    page = check(answer.text)
    shown = CONTROLS.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
    assert shown[:40].strip() in page.text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_texts_that_are_typed(stub: RpcStub, operator: FormBrowser, text: str) -> None:
    """In a filter, in a form that is refused, in one whose page cannot be read, and in what the database says."""
    refusal = Refusal(409, "PT409", f"{text} was faster", "reason", text)
    stub.answers |= {"search_incidents": search(filters=replaced(search()["filters"], text))}
    short = text[:200]
    check(operator.http.get("/incidents", params={"text": short, "severity": short, "after": short}).text)
    stub.answers["search_incidents"] = Refusal(400, "PT400", text, text, text)
    check(operator.http.get("/incidents", params={"text": short, short: short}).text)
    stub.answers |= {"incident_page": incident_page(), "change_incident": refusal}
    operator.open("/incidents/INC-1001")
    form = {"action": "suppress", "minutes": text, "until": text, "reason": text, "note": text}
    page = check(operator.send("/incidents/INC-1001", form).text)
    assert "was faster" in page.text
    check(operator.send("/incidents/INC-1001", {**form, "action": text}).text)
    for answer in (Refusal(503, "57014", text), Refusal(404, "PT404", text), None):
        stub.answers["incident_page"] = answer
        stub.answers["change_incident"] = answer
        check(operator.send("/incidents/INC-1001", form).text)
    name = text.replace("/", "").replace("\\", "")[:200]
    stub.answers["incident_page"] = Refusal(404, "PT404", text)
    check(operator.http.get(f"/incidents/{name}" if name.isalnum() else "/incidents/%3Cb%3E%22%27").text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_texts_of_the_public_page(stub: RpcStub, operator: FormBrowser, text: str) -> None:
    """Here with a session that has ended: the page is rendered for each request then."""
    document = status_page()
    stub.answers["public_status"] = {
        name: replaced(document[name], text) for name in ("title", "targets", "maintenance")
    }
    time.sleep(0.02)  # the answer is kept for 10 ms
    with FormBrowser(operator.url) as visitor:
        visitor.plant("monitoring_status", "ended")
        answer = visitor.open("/status")
    assert answer.status_code == 401
    page = check(answer.text)
    assert CONTROLS.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)[:40].strip() in page.text


def test_a_web_address_is_a_link(stub: RpcStub, operator: FormBrowser) -> None:
    stub.answers["incident_page"] = replaced(incident_page(), LINK)
    page = check(operator.open("/incidents/INC-1001").text)
    links = [link for link in page.all("a") if link["href"] == LINK]
    assert len(links) == 3  # the page, the link, and the button to it


@pytest.mark.parametrize("name", ["script", "javascript", "data", "other host", "link without a host", "broken link"])
def test_what_is_no_web_address_is_no_link(stub: RpcStub, operator: FormBrowser, name: str) -> None:
    document = incident_page()
    document["incident"] |= {"url": HOSTILE[name], "external_url": HOSTILE[name]}
    stub.answers["incident_page"] = document
    page = check(operator.open("/incidents/INC-1001").text)
    assert not [link for link in page.all("a") if "rel" in link]
