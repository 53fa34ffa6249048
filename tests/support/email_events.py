"""Webhooks of Resend and Postmark as they document them, and a client that authenticates as they do."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from svix.webhooks import Webhook

ROUTE = "/webhooks/email"
RESEND_SECRETS = ("whsec_b2xkLXNpZ25pbmctc2VjcmV0LW9mLXJlc2VuZA==", "whsec_bmV3LXNpZ25pbmctc2VjcmV0LW9mLXJlc2VuZA==")
CREDENTIALS = (("old", "0ld-password-of-postmark"), ("postmark", "n3w:password/of-postmark"))
VARIABLES = {
    "RESEND_WEBHOOK_SECRET": ", ".join(RESEND_SECRETS),
    "POSTMARK_WEBHOOK_CREDENTIALS": ", ".join(":".join(each) for each in CREDENTIALS),
}
Body = dict[str, Any]


def resend(kind: str, recipient: str, provider_id: str, email_id: int | None = None, **details: object) -> Body:
    """A webhook of Resend. details are further members of data, such as bounce."""
    data = {
        "broadcast_id": None,
        "created_at": _now(),
        "email_id": provider_id,
        "from": "Monitoring <monitoring@example.com>",
        "to": [recipient],
        "subject": "[HIGH] INC-1 it broke",
        "tags": {} if email_id is None else {"email_id": str(email_id)},
    }
    return {"type": f"email.{kind}", "created_at": _now(), "data": {**data, **details}}


def postmark(kind: str, recipient: str, provider_id: str, email_id: int | None = None, **details: object) -> Body:
    """A webhook of Postmark. details are members that only this kind has, such as Type."""
    is_about_address = kind in ("Bounce", "SpamComplaint")
    at = {"Delivery": "DeliveredAt", "Bounce": "BouncedAt", "SpamComplaint": "BouncedAt"}.get(kind, "ReceivedAt")
    return {
        "RecordType": kind,
        "MessageID": provider_id,
        "ServerID": 23,
        "MessageStream": "outbound",
        "Tag": "",
        "Metadata": {} if email_id is None else {"email_id": str(email_id)},
        "Email" if is_about_address else "Recipient": recipient,
        at: _now(),
        **details,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()


def signed_headers(raw: bytes, secret: str = RESEND_SECRETS[0], at: float | None = None) -> dict[str, str]:
    """The headers with which Resend sends a body."""
    message_id, moment = f"msg_{secrets.token_hex(6)}", int(time.time() if at is None else at)
    signature = Webhook(secret).sign(message_id, datetime.fromtimestamp(moment, UTC), raw.decode())
    return {
        "Content-Type": "application/json",
        "svix-id": message_id,
        "svix-timestamp": str(moment),
        "svix-signature": signature,
    }


@dataclass(frozen=True)
class Providers:
    """Delivers the webhooks of both."""

    http: httpx.Client

    def deliver(self, body: Body) -> httpx.Response:
        """As the provider whose format the body has."""
        raw = json.dumps(body).encode()
        if "RecordType" in body:
            return self.http.post(ROUTE, content=raw, auth=CREDENTIALS[0], headers={"Content-Type": "application/json"})
        return self.http.post(ROUTE, content=raw, headers=signed_headers(raw))
