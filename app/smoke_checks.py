"""What the smoke test looks at, against one running deployment, by HTTP alone."""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping

import httpx

from app.signatures import sign
from app.smoke_answers import Check, quote, read_object

_ANSWERED_LATER = "202: it waits in the spool, the database is away"


class Walk:
    """The checks against one deployment, in their order."""

    def __init__(self, client: httpx.Client, environ: Mapping[str, str]) -> None:
        self._client = client
        self._token = environ.get("INGEST_TOKEN", "")
        self._jwt = environ.get("AUTHENTICATED_JWT", "")
        self._supabase = environ.get("SUPABASE_URL", "").rstrip("/")
        self._anon_key = environ.get("SUPABASE_ANON_KEY", "")
        self._secret = environ.get("SENTRY_CLIENT_SECRET", "").partition(",")[0].strip()
        self._operator_token = environ.get("OPERATOR_TOKEN", "")
        self._incident_id = ""

    def checks(self) -> Iterator[Check]:
        """Each check, when it is done."""
        yield self._get("/", 200, lambda body: str(body.get("name")))
        yield self._health()
        yield self._get("/health/db", 200, lambda body: f"{body.get('latency_ms')} ms")
        yield self._get("/status", 200, lambda body: f"overall {body.get('overall')}")
        yield self._page()
        yield self._sign_in()
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
        detail = describe(read_object(answer)) if answer.status_code == status else quote(answer)
        return Check(f"GET {path}", answer.status_code == status, detail)

    def _health(self) -> Check:
        answer = self._client.get("/health")
        state, lag = (read_object(answer).get(name) for name in ("scheduler", "scheduler_lag_seconds"))
        passed = answer.status_code == 200 and state != "stopped"
        return Check("GET /health", passed, f"scheduler {state}, {lag} s late")

    def _page(self) -> Check:
        answer = self._client.get("/status", headers={"Accept": "text/html"})
        passed = answer.status_code == 200 and "<main>" in answer.text
        return Check("GET /status, as a page", passed, str(answer.status_code))

    def _sign_in(self) -> Check:
        token = self._operator_token or self._jwt
        if not token:
            return Check("POST /status", None, "set OPERATOR_TOKEN or AUTHENTICATED_JWT to sign in")
        answer = self._client.post("/status", data={"token": token})
        # No cookie is kept: the checks that follow say who they are by themselves.
        self._client.cookies.clear()
        return Check(
            "POST /status", answer.status_code == 303, f"{answer.status_code} {answer.reason_phrase}"
        )

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
        self._incident_id = str(read_object(answer).get("incident_id") or "")
        return Check(name, answer.status_code == 201, self._incident_id or quote(answer))

    def _report_without_token(self) -> Check:
        answer = self._client.post("/api/autonomous/error", json={"error": {"message": "x"}})
        return Check("POST /api/autonomous/error, no token", answer.status_code == 401, quote(answer))

    def _list(self) -> Check:
        answer = self._client.get(
            "/api/autonomous/incidents", params={"source": "smoke"}, headers=self._reading()
        )
        passed = answer.status_code == 200 and bool(read_object(answer).get("total"))
        return Check("GET /api/autonomous/incidents", passed, quote(answer) if not passed else "it is listed")

    def _read(self) -> Check:
        answer = self._client.get(
            f"/api/autonomous/incidents/{self._incident_id or 'INC-0'}", headers=self._reading()
        )
        passed = answer.status_code == 200 and read_object(answer).get("id") == self._incident_id
        return Check(
            "GET /api/autonomous/incidents/{id}", passed, self._incident_id if passed else quote(answer)
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
        return Check(name, answer.status_code == 200, str(read_object(answer).get("effect") or quote(answer)))

    def _forged_webhook(self) -> Check:
        headers = {"Sentry-Hook-Signature": "0" * 64}
        answer = self._client.post("/webhooks/sentry", content=b"{}", headers=headers)
        return Check("POST /webhooks/sentry, forged", answer.status_code == 401, quote(answer))

    def _resolve(self) -> Check:
        name = "rpc/resolve_incident"
        if not (self._jwt and self._supabase and self._anon_key):
            return Check(name, None, "set SUPABASE_URL, SUPABASE_ANON_KEY and AUTHENTICATED_JWT to clean up")
        answer = self._client.post(
            f"{self._supabase}/rest/v1/rpc/resolve_incident",
            headers={"apikey": self._anon_key, **self._reading()},
            json={"incident_id": self._incident_id, "resolution": "the smoke test is over"},
        )
        return Check(name, answer.status_code == 200, str(read_object(answer).get("status") or quote(answer)))

    def _reading(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._jwt}"}
