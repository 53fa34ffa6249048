"""A browser without scripts: it keeps cookies and submits the forms of the pages that it has opened."""

from __future__ import annotations

import re
from html import unescape

import httpx

from tests.support.http_client import TIMEOUT


class Browser:
    """Keeps cookies, and submits the forms of the pages that it has opened."""

    def __init__(self, url: str) -> None:
        headers = {"Accept": "text/html", "Origin": url}
        self.client = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT)
        self.form_token = ""

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def sign_in(self, token: str, name: str = "ann") -> Browser:
        """With the operator's token under this name, or with an access token."""
        self.open("/sign-in")
        answer = self.submit("/sign-in", {"token": token, "name": name})
        assert answer.status_code == 303, answer.text
        return self

    def open(self, path: str) -> httpx.Response:
        answer = self.client.get(path)
        self._note_token(answer)
        return answer

    def submit(self, path: str, form: dict[str, str], **headers: str) -> httpx.Response:
        answer = self.client.post(path, data={"form_token": self.form_token, **form}, headers=headers)
        self._note_token(answer)
        return answer

    def _note_token(self, answer: httpx.Response) -> None:
        found = re.search(r'name="form_token" value="([^"]*)"', answer.text)
        self.form_token = found[1] if found else self.form_token


def forms_of(page: str) -> dict[str, str]:
    """The form of each action."""
    forms = re.findall(r'<form class="form" method="post".*?</form>', page, flags=re.DOTALL)
    found = {re.search(r'name="action" value="(\w+)"', form): form for form in forms}
    return {action[1]: form for action, form in found.items() if action}


def fields_of(form: str) -> dict[str, str]:
    """What a browser sends of a form: hidden fields, texts, and what is selected."""
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    fields |= dict(re.findall(r'<textarea [^>]*?name="(\w+)"[^>]*>\n(.*?)</textarea>', form, flags=re.DOTALL))
    for name, options in re.findall(r'<select [^>]*?name="(\w+)"[^>]*>(.*?)</select>', form, flags=re.DOTALL):
        selected = re.search(r'<option value="([^"]*)" selected>', options) or re.search(r'value="([^"]*)"', options)
        fields[name] = selected[1] if selected else ""
    return {name: unescape(text) for name, text in fields.items()}
