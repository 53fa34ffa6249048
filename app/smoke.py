"""`python -m app.smoke URL`: calls every route of a running deployment and prints what works.

INGEST_TOKEN is required. AUTHENTICATED_JWT, a user's access token, adds the reading routes; with SUPABASE_URL and
SUPABASE_PUBLISHABLE_KEY (or SUPABASE_ANON_KEY) the test incident is resolved afterwards. SENTRY_CLIENT_SECRET adds a
signed webhook, OPERATOR_TOKEN a sign-in to the status page and a look at the metrics. The exit status is 0 if nothing
failed.
"""

import argparse
import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import httpx

from app.keys import request_headers
from app.settings import OLD_NAMES
from app.web.auth import sign

_TIMEOUT_SECONDS = 15.0
_VARIABLES = (
    "INGEST_TOKEN",
    "AUTHENTICATED_JWT",
    "SUPABASE_URL",
    "SUPABASE_PUBLISHABLE_KEY",
    "SENTRY_CLIENT_SECRET",
    "OPERATOR_TOKEN",
)


@dataclass(frozen=True)
class Check:
    """One line of the output. passed is None for a check that was not possible."""

    name: str
    passed: bool | None
    detail: str


Describe = Callable[[Mapping[str, object]], object]


class SmokeTest:
    """The checks of one deployment, over HTTP alone."""

    def __init__(self, client: httpx.Client, environ: Mapping[str, str]) -> None:
        self._client = client
        # While a secret is replaced, its variable lists the new one first.
        self._ingest_token, self._jwt, supabase, self._publishable_key, self._secret, self._operator_token = (
            (environ.get(name) or environ.get(OLD_NAMES.get(name, ""), "")).partition(",")[0].strip()
            for name in _VARIABLES
        )
        self._supabase_url = supabase.rstrip("/")
        self._incident_id = ""

    def checks(self) -> Iterator[Check]:
        """Each check as soon as it is done."""
        yield self._check("GET /", 200, lambda body: body.get("name"))
        yield self._health()
        yield self._check("GET /health/db", 200, lambda body: f"{body.get('latency_ms')} ms")
        yield self._check("GET /status", 200, lambda body: f"overall {body.get('overall')}")
        yield self._page()
        yield self._sign_in()
        yield self._metrics()
        yield self._report()
        yield self._check("POST /api/autonomous/error, no token", 401, json={"error": {"message": "x"}})
        yield self._check("GET /api/autonomous/incidents", 401, lambda _: "refused without a token")
        yield from self._read_incident()
        yield self._webhook()
        headers = {"Sentry-Hook-Signature": "0" * 64}
        yield self._check("POST /webhooks/sentry, wrong signature", 401, content=b"{}", headers=headers)
        yield self._check("POST /webhooks/email, not authenticated", 401, content=b"{}")
        yield self._resolve()

    def _check(
        self, name: str, status: int, describe: Describe | None = None, url: str | None = None, **request: Any
    ) -> Check:
        """Sends the request that the name begins with; expects a status and something to describe."""
        method, path = name.partition(",")[0].split()
        response = self._client.request(method, url or path, **request)
        if response.status_code == 202:
            return Check(name, False, "202: the report is in the spool, the database is unavailable")
        detail = describe(_object(response)) if describe and response.status_code == status else None
        passed = response.status_code == status and (describe is None or bool(detail))
        return Check(name, passed, str(detail or _quote(response)))

    def _health(self) -> Check:
        response = self._client.get("/health")
        names = ("scheduler", "scheduler_lag_seconds", "judgement")
        state, lag, judgement = (_object(response).get(name) for name in names)
        passed = response.status_code == 200 and state != "stopped" and judgement != "late"
        return Check("GET /health", passed, f"scheduler {state}, {lag} s late, judgement {judgement}")

    def _page(self) -> Check:
        response = self._client.get("/status", headers={"Accept": "text/html"})
        passed = response.status_code == 200 and "<main>" in response.text
        return Check("GET /status, as a page", passed, str(response.status_code))

    def _sign_in(self) -> Check:
        token = self._operator_token or self._jwt
        if not token:
            return Check("POST /status", None, "set OPERATOR_TOKEN or AUTHENTICATED_JWT to sign in")
        check = self._check("POST /status", 303, data={"token": token})
        self._client.cookies.clear()  # the other checks authenticate by themselves
        return check

    def _metrics(self) -> Check:
        if not self._operator_token:
            return Check("GET /metrics", None, "set OPERATOR_TOKEN to read the metrics")
        response = self._client.get("/metrics", headers={"Authorization": f"Bearer {self._operator_token}"})
        passed = response.status_code == 200 and "monitoring_build_info" in response.text
        return Check("GET /metrics", passed, str(response.status_code))

    def _report(self) -> Check:
        if not self._ingest_token:
            return Check("POST /api/autonomous/error", False, "set INGEST_TOKEN")
        event = {
            "error": {"message": "smoke test: nothing is wrong", "type": "SmokeTest"},
            "severity": "LOW",
            "source": "smoke",
            "fingerprint": "smoke test",
        }
        headers = {"Authorization": f"Bearer {self._ingest_token}", "Idempotency-Key": uuid.uuid4().hex}

        def keep_id(body: Mapping[str, object]) -> str:
            self._incident_id = str(body.get("incident_id") or "")
            return self._incident_id

        return self._check("POST /api/autonomous/error", 201, keep_id, json=event, headers=headers)

    def _read_incident(self) -> Iterator[Check]:
        listing, reading = "GET /api/autonomous/incidents", "GET /api/autonomous/incidents/{id}"
        if not self._jwt:
            yield Check(listing, None, "set AUTHENTICATED_JWT to a user's access token")
            return
        headers = {"Authorization": f"Bearer {self._jwt}"}
        source = {"source": "smoke"}
        yield self._check(
            listing,
            200,
            lambda body: body.get("total") and "contains the test incident",
            headers=headers,
            params=source,
        )
        url = f"/api/autonomous/incidents/{self._incident_id or 'INC-0'}"
        yield self._check(
            reading, 200, lambda body: body.get("id") == self._incident_id and self._incident_id, url, headers=headers
        )

    def _webhook(self) -> Check:
        if not self._secret:
            return Check("POST /webhooks/sentry", None, "set SENTRY_CLIENT_SECRET to send a signed webhook")
        body = {"action": "created", "data": {"installation": {"uuid": uuid.uuid4().hex}}}
        raw = json.dumps(body, separators=(",", ":")).encode()
        headers = {"Sentry-Hook-Resource": "installation", "Sentry-Hook-Signature": sign(raw, self._secret)}
        return self._check("POST /webhooks/sentry", 200, lambda body: body.get("effect"), content=raw, headers=headers)

    def _resolve(self) -> Check:
        name = "POST /rest/v1/rpc/resolve_incident"
        if not (self._jwt and self._supabase_url and self._publishable_key):
            return Check(name, None, "set SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY and AUTHENTICATED_JWT to clean up")
        return self._check(
            name,
            200,
            lambda body: body.get("status"),
            f"{self._supabase_url}/rest/v1/rpc/resolve_incident",
            headers=request_headers(self._publishable_key, self._jwt),
            json={"incident_id": self._incident_id, "resolution": "the smoke test is over"},
        )


def _object(response: httpx.Response) -> Mapping[str, object]:
    """The JSON object in a response, or an empty one."""
    try:
        body: object = response.json()
    except ValueError:
        return {}
    return cast(Mapping[str, object], body) if isinstance(body, dict) else {}


def _quote(response: httpx.Response) -> str:
    """The status of a response and its detail."""
    return f"{response.status_code} {_object(response).get('detail') or response.reason_phrase}"


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m app.smoke", description=__doc__.partition("\n")[0])
    parser.add_argument("url", help="address of the service, such as https://monitor.example.com")
    url = parser.parse_args().url.rstrip("/")
    unreadable = [name for name in (*_VARIABLES, *OLD_NAMES.values()) if not os.environ.get(name, "").isascii()]
    if unreadable:
        print(f"✗ {', '.join(unreadable)}: contains characters that no key has. Was the whole key pasted?")
        return 1
    checks: list[Check] = []
    try:
        with httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS) as client:
            for check in SmokeTest(client, os.environ).checks():
                mark = "-" if check.passed is None else "✓" if check.passed else "✗"
                print(f"{mark} {check.name:42} {check.detail}")
                checks.append(check)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        print(f"✗ {url} does not answer: {reason}. Is the address correct and the service running?")
        return 1
    failed = sum(check.passed is False for check in checks)
    skipped = sum(check.passed is None for check in checks)
    note = f" {skipped} could not be tried." if skipped else ""
    print(f"\n{failed} of {len(checks)} failed.{note}" if failed else f"\nEverything works.{note}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
