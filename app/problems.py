"""What can go wrong, as RFC 9457 problem documents, and the ladder that gives each its status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(frozen=True)
class Rung:
    """One row of the ladder: the status of an outcome, and what is said when nothing better is known."""

    status: int
    detail: str
    retry_after: int | None = None
    challenge: str | None = None


# 4xx is for what the sender did, 503 for what we could not do. Input never earns a 500.
LADDER: Mapping[str, Rung] = {
    "body-encoding": Rung(400, "The body is not UTF-8."),
    "body-syntax": Rung(400, "The body is not JSON."),
    "body-shape": Rung(400, "The body must be a JSON object."),
    "body-depth": Rung(400, "The body is nested too deeply."),
    "body-values": Rung(400, "The body holds too many values."),
    "idempotency-key": Rung(400, "Idempotency-Key must be 1 to 255 printable ASCII characters."),
    "parameter": Rung(400, "A query parameter is not understood."),
    "not-storable": Rung(400, "The database cannot store this report."),
    "refused": Rung(400, "The report was refused."),
    "unauthorized": Rung(401, "A valid bearer token is needed.", challenge="Bearer"),
    "forbidden": Rung(403, "This token may not do that."),
    "bad-signature": Rung(
        401,
        "The signature does not fit the body. Set SENTRY_CLIENT_SECRET to the integration's client secret.",
    ),
    "not-found": Rung(404, "There is nothing here. GET / lists what there is."),
    "incident-not-found": Rung(404, "There is no such incident, or this token may not see it."),
    "method-not-allowed": Rung(405, "This method is not supported here."),
    "body-timeout": Rung(408, "The body took too long to arrive."),
    "body-too-large": Rung(413, "The body is larger than 1 MiB."),
    "content-type": Rung(415, "Content-Type must be application/json in UTF-8."),
    "content-encoding": Rung(415, "A compressed body is not accepted: send Content-Encoding identity."),
    "rate-limited": Rung(429, "Too many new incidents from this source.", retry_after=60),
    "internal": Rung(500, "Something went wrong here. The request id names it in the logs."),
    "overloaded": Rung(503, "Too many reports are waiting to be stored.", retry_after=1),
    "draining": Rung(503, "The service is shutting down.", retry_after=5),
    "report-failed": Rung(503, "The database failed on this report.", retry_after=60),
    "spool-full": Rung(503, "The database is away, and the spool that bridges it is full.", retry_after=30),
    "unavailable": Rung(
        503, "The database is away. Try again; the same Idempotency-Key counts once.", retry_after=2
    ),
    "misconfigured": Rung(
        503, "The database refused the service itself. The operator has to act.", retry_after=30
    ),
}


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 - RFC 9457's own word for it
    """A problem on its way to the client. Not frozen: Python sets __traceback__ on what is raised."""

    status: int
    code: str
    detail: str
    members: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.detail)

    def as_json(self) -> dict[str, object]:
        """The body. With about:blank the title is the status's own phrase; `code` tells rungs apart."""
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
    """The problem of a rung; what is passed here is more exact than the rung's own words."""
    rung = LADDER[code]
    wait = retry_after if retry_after is not None else rung.retry_after
    own_headers: dict[str, str] = dict(headers or {})
    if wait is not None:
        own_headers["Retry-After"] = str(wait)
    if rung.challenge is not None:
        own_headers.setdefault("WWW-Authenticate", rung.challenge)
    return Problem(status or rung.status, code, detail or rung.detail, members or {}, own_headers)
