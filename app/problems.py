"""RFC 9457 problem documents: a table of every problem type with its HTTP status, and the exception that carries one.

A leaf module: it imports neither Starlette nor anything else of the service.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(frozen=True)
class ProblemType:
    """One row of the table: the HTTP status, and the detail that is sent unless a more exact one is known.

    retry_after is in seconds; challenge is the value of WWW-Authenticate.
    """

    status: int
    detail: str
    retry_after: int | None = None
    challenge: str | None = None


# 4xx: the client has to change something. 503: the request was valid, the service could not complete it.
# 500 is a bug of the service; invalid input never causes one.
PROBLEM_TYPES: Mapping[str, ProblemType] = {
    "body-encoding": ProblemType(400, "The body is not UTF-8."),
    "body-syntax": ProblemType(400, "The body is not JSON."),
    "body-shape": ProblemType(400, "The body must be a JSON object."),
    "body-depth": ProblemType(400, "The body is nested too deeply."),
    "batch-empty": ProblemType(400, "The batch has no reports. Send 1 to 1,000."),
    "batch-size": ProblemType(413, "The batch has more than 1,000 reports. Send it in parts."),
    "body-values": ProblemType(400, "The body contains too many values."),
    "body-compression": ProblemType(400, "The body is damaged, or is not compressed as Content-Encoding says."),
    "envelope": ProblemType(400, "The body is not an envelope of a Sentry SDK."),
    "idempotency-key": ProblemType(400, "Idempotency-Key must be 1 to 255 printable ASCII characters."),
    "parameter": ProblemType(400, "A query parameter is invalid."),
    "not-storable": ProblemType(400, "The database cannot store this report."),
    "refused": ProblemType(400, "The report was rejected."),
    "unauthorized": ProblemType(401, "A valid bearer token is required.", challenge="Bearer"),
    "forbidden": ProblemType(403, "This token does not permit the request."),
    "bad-signature": ProblemType(
        401,
        "The signature does not match the request body. "
        "Set SENTRY_CLIENT_SECRET to the client secret of the Sentry integration.",
    ),
    "not-found": ProblemType(404, "No such route. GET / lists the routes."),
    "heartbeat-not-found": ProblemType(404, "No heartbeat has this key."),
    "incident-not-found": ProblemType(404, "No such incident, or this token may not read it."),
    "conflict": ProblemType(409, "Somebody was faster, or the state does not permit it."),
    "target-not-found": ProblemType(404, "No target has this name."),
    "method-not-allowed": ProblemType(405, "This route does not support the method."),
    "body-timeout": ProblemType(408, "The body took too long to arrive."),
    "body-too-large": ProblemType(413, "The body is larger than 1 MiB."),
    "content-type": ProblemType(415, "Content-Type must be application/json in UTF-8."),
    "content-encoding": ProblemType(415, "The body has a Content-Encoding that this route does not read."),
    "idempotency-key-reused": ProblemType(422, "The idempotency key was sent before with another report."),
    "rate-limited": ProblemType(429, "Too many new incidents from this sender.", retry_after=60),
    "internal": ProblemType(500, "Internal error. The request id identifies it in the service's log."),
    "overloaded": ProblemType(503, "Too many reports are waiting to be stored.", retry_after=1),
    "starting": ProblemType(503, "The service has not asked the database yet.", retry_after=1),
    "draining": ProblemType(503, "The service is shutting down.", retry_after=5),
    "spool-full": ProblemType(503, "The database is unavailable, and the spool is full.", retry_after=30),
    "unavailable": ProblemType(
        503,
        "The database is unavailable. Retry with the same Idempotency-Key: the report is counted once.",
        retry_after=2,
    ),
    "misconfigured": ProblemType(
        503, "The database rejected the service's own credentials or schema. The operator has to act.", 30
    ),
}


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 - the term of RFC 9457
    """A problem document to send. Not frozen: Python sets __traceback__ on a raised exception."""

    status: int
    code: str
    detail: str
    members: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.detail)

    def as_json(self) -> dict[str, object]:
        """The document. `type` is about:blank, so `title` is the status phrase; `code` identifies the problem."""
        document: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        document.update({name: value for name, value in self.members.items() if value is not None})
        return document


def problem(
    code: str,
    detail: str | None = None,
    *,
    status: int | None = None,
    retry_after: int | None = None,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, object] | None = None,
) -> Problem:
    """A problem of the type `code`; the other arguments override or extend its row of the table."""
    row = PROBLEM_TYPES[code]
    wait = retry_after if retry_after is not None else row.retry_after
    own_headers: dict[str, str] = dict(headers or {})
    if wait is not None:
        own_headers["Retry-After"] = str(wait)
    if row.challenge is not None:
        own_headers.setdefault("WWW-Authenticate", row.challenge)
    return Problem(status or row.status, code, detail or row.detail, members or {}, own_headers)
