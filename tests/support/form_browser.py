"""A browser of tests.support.browser that sends the forms of the pages that it has opened."""

from __future__ import annotations

import re
from html import unescape

import httpx

from tests.support.browser import Browser


class FormBrowser(Browser):
    """It remembers the token of the page that it saw last."""

    form_token = ""

    def __enter__(self) -> FormBrowser:
        return self

    def open(self, path: str) -> httpx.Response:
        return self._note_token(super().open(path))

    def send(self, path: str, form: dict[str, str], **headers: str) -> httpx.Response:
        return self._note_token(self.submit(path, {"form_token": self.form_token, **form}, headers=headers))

    def _note_token(self, answer: httpx.Response) -> httpx.Response:
        found = re.search(r'name="form_token" value="([^"]*)"', answer.text)
        self.form_token = found[1] if found else self.form_token
        return answer


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
