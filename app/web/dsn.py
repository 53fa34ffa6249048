"""The public key of a DSN, https://<key>@<host>/<project>, in the places in which Sentry's SDKs send it."""

import re
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

_SENTRY = re.compile(r"sentry\s", re.IGNORECASE)
_KEY = re.compile(r"(?:^|[\s,])sentry_key=([A-Za-z0-9_]{1,64})(?=[\s,]|$)")


def key_of_request(request: Request[Any]) -> str | None:
    """The key in X-Sentry-Auth, in Authorization, or in the query, where pages put it to need no preflight."""
    for name in ("x-sentry-auth", "authorization"):
        value = request.headers.get(name, "")
        found = _KEY.search(value) if _SENTRY.match(value) else None
        if found:
            return found.group(1)
    return request.query_params.get("sentry_key")


def key_of_dsn(dsn: object) -> str | None:
    """The key in a DSN, which the header of an envelope contains if the SDK has the option `tunnel`."""
    try:
        return urlsplit(dsn).username if isinstance(dsn, str) else None
    except ValueError:
        return None
