"""A browser without scripts: it keeps cookies, submits the forms of pages and follows no redirect by itself."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from html import unescape
from types import TracebackType
from urllib.parse import urljoin

import httpx

from local import Stack
from local.stack.credentials import USERS
from tests.support import http_client

OWNER, COLLEAGUE = USERS
ACCESS_COOKIE, REFRESH_COOKIE = "monitoring_access", "monitoring_refresh"
SESSION_COOKIE, VISITOR_COOKIE = "monitoring_status", "monitoring_visitor"


class Browser:
    """One profile of a browser at one service. A context manager."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        # A client of its own, as a proxy sees it: attempts to sign in are counted for each.
        address = f"203.0.113.{secrets.randbelow(256)}, 2001:db8:{secrets.token_hex(2)}::1"
        given = {"Accept": "text/html", "X-Forwarded-For": address, **(headers or {})}
        self.http = httpx.Client(base_url=url, headers=given, timeout=http_client.TIMEOUT)

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    @property
    def cookies(self) -> dict[str, str]:
        return {str(cookie.name): str(cookie.value) for cookie in self.http.cookies.jar}

    def open(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def submit(
        self, path: str, form: Mapping[str, str], *, page: str | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Submits a form of the page, with its token and the origin of the service."""
        token = {} if page is None else {"form_token": form_token(self.open(page))}
        return self.http.post(path, data={**token, **form}, headers={"Origin": self.url, **(headers or {})})

    def sign_in(self, stack: Stack, email: str = OWNER, path: str = "/sign-in") -> httpx.Response:
        form = {"email": email, "password": stack.secrets.password_of(email)}
        answer = self.submit("/sign-in", form, page=path)
        assert answer.status_code == 303, answer.text
        return answer

    def sign_in_as_operator(self, token: str, name: str = "Olga") -> httpx.Response:
        answer = self.submit("/sign-in", {"token": token, "name": name}, page="/sign-in")
        assert answer.status_code == 303, answer.text
        return answer

    def copy_cookies(self, other: Browser) -> None:
        """Takes over the cookies of another browser, as somebody who has copied them."""
        self.http.cookies.clear()
        for name, text in other.cookies.items():
            self.plant(name, text)

    def plant(self, name: str, text: str) -> None:
        """Sets a cookie as the service would."""
        self.http.cookies.set(name, text, domain=str(self.http.base_url.host))

    def is_signed_in(self) -> bool:
        answer = self.open("/status")
        assert answer.status_code in (200, 401), answer.text
        return "Sign out" in answer.text


def form_token(page: httpx.Response) -> str:
    """The token of the first form of a page."""
    found = re.search(r'name="form_token" value="([^"]*)"', page.text)
    assert found is not None, page.text
    return unescape(found[1])


def location(answer: httpx.Response) -> str:
    """Where a browser goes from this answer."""
    return urljoin(str(answer.request.url), answer.headers["location"])
