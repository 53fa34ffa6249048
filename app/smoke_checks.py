"""What the smoke test looks at, against one running deployment, by HTTP alone."""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import httpx

from app.signatures import sign

_ANSWERED_LATER = "202: it waits in the spool, the database is away"


@dataclass(frozen=True)
class Check:
    """One line of the result. passed is None for what could not be tried."""

    name: str
    passed: bool | None
    detail: str


class Walk:
    """The checks against one deployment, in their order."""

    def __init__(self, client: httpx.Client, environ: Mapping[str, str]) -> None:
        self._client = client
        self._token = environ.get("INGEST_TOKEN", "")
        self._jwt = environ.get("AUTHENTICATED_JWT", "")
        self._supabase = environ.get("SUPABASE_URL", "").rstrip("/")
        self._anon_key = environ.get("SUPABASE_ANON_KEY", "")
        self._secret = environ.get("SENTRY_CLIENT_SECRET", "").partition(",")[0].strip()
        self._incident_id = ""

    def checks(self) -> Iterator[Check]:
        """Each check, when it is done."""
        yield self._get("/", 200, lambda body: str(body.get("name")))
        yield self._get("/health", 200, lambda body: f"scheduler {body.get('scheduler')}")
        yield self._get("/health/db", 200, lambda body: f"{body.get('latency_ms')} ms")
        yield self._get("/status", 200, lambda body: f"versions {body.get('versions')}")
        yield self._report()
        yield self._report_without_token()
        yield self._get("/api/autonomous/incidents", 401, lambda _: "refused without a token")
        if self._jwt:
            yield self._list()
            yield self._read()
        else:
            yield Check(
                "GET /api/autonomous/incidents", None, "set AUTHENTICATED_JWT to a user's access token"
            )
        yield self._webhook()
        yield self._forged_webhook()
        yield self._resolve()

    def _get(self, path: str, status: int, describe: Callable[[Mapping[str, object]], str]) -> Check:
        answer = self._client.get(path)
        detail = describe(_object(answer)) if answer.status_code == status else _said(answer)
        return Check(f"GET {path}", answer.status_code == status, detail)

    def _report(self) -> Check:
        name = "POST /api/autonomous/error"
        if not self._token:
            return Check(name, False, "set INGEST_TOKEN")
        answer = self._client.post(
            "/api/autonomous/error",
            headers={"Authorization": f"Bearer {self._token}", "Idempotency-Key": uuid.uuid4().hex},
            json={
                "error": {"message": "smoke test: nothing is wrong", "type": "SmokeTest"},
                "severity": "LOW",
                "source": "smoke",
                "fingerprint": "smoke test",
            },
        )
        if answer.status_code == 202:
            return Check(name, False, _ANSWERED_LATER)
        self._incident_id = str(_object(answer).get("incident_id") or "")
        return Check(name, answer.status_code == 201, self._incident_id or _said(answer))

    def _report_without_token(self) -> Check:
        answer = self._client.post("/api/autonomous/error", json={"error": {"message": "x"}})
        return Check("POST /api/autonomous/error, no token", answer.status_code == 401, _said(answer))

    def _list(self) -> Check:
        answer = self._client.get(
            "/api/autonomous/incidents", params={"source": "smoke"}, headers=self._reading()
        )
        passed = answer.status_code == 200 and bool(_object(answer).get("total"))
        return Check("GET /api/autonomous/incidents", passed, _said(answer) if not passed else "it is listed")

    def _read(self) -> Check:
        answer = self._client.get(
            f"/api/autonomous/incidents/{self._incident_id or 'INC-0'}", headers=self._reading()
        )
        passed = answer.status_code == 200 and _object(answer).get("id") == self._incident_id
        return Check(
            "GET /api/autonomous/incidents/{id}", passed, self._incident_id if passed else _said(answer)
        )

    def _webhook(self) -> Check:
        name = "POST /webhooks/sentry"
        if not self._secret:
            return Check(name, None, "set SENTRY_CLIENT_SECRET to walk it")
        body = {"action": "created", "data": {"installation": {"uuid": uuid.uuid4().hex}}}
        raw = json.dumps(body, separators=(",", ":")).encode()
        headers = {
            "Sentry-Hook-Resource": "installation",
            "Sentry-Hook-Signature": sign(raw, self._secret),
        }
        answer = self._client.post("/webhooks/sentry", content=raw, headers=headers)
        if answer.status_code == 202:
            return Check(name, False, _ANSWERED_LATER)
        return Check(name, answer.status_code == 200, str(_object(answer).get("effect") or _said(answer)))

    def _forged_webhook(self) -> Check:
        headers = {"Sentry-Hook-Signature": "0" * 64}
        answer = self._client.post("/webhooks/sentry", content=b"{}", headers=headers)
        return Check("POST /webhooks/sentry, forged", answer.status_code == 401, _said(answer))

    def _resolve(self) -> Check:
        name = "rpc/resolve_incident"
        if not (self._jwt and self._supabase and self._anon_key):
            return Check(name, None, "set SUPABASE_URL, SUPABASE_ANON_KEY and AUTHENTICATED_JWT to clean up")
        answer = self._client.post(
            f"{self._supabase}/rest/v1/rpc/resolve_incident",
            headers={"apikey": self._anon_key, **self._reading()},
            json={"incident_id": self._incident_id, "resolution": "the smoke test is over"},
        )
        return Check(name, answer.status_code == 200, str(_object(answer).get("status") or _said(answer)))

    def _reading(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._jwt}"}


def _object(answer: httpx.Response) -> Mapping[str, object]:
    try:
        body: object = answer.json()
    except ValueError:
        return {}
    return cast(Mapping[str, object], body) if isinstance(body, dict) else {}


def _said(answer: httpx.Response) -> str:
    return f"{answer.status_code} {_object(answer).get('detail') or answer.reason_phrase}"
