"""What a failed call to Supabase means, and which problem document it becomes.

SupabaseError
├── UnreachableError   no usable response: refused, reset, timed out, or not PostgREST's
└── ResponseError      an error response from PostgREST or the gateway; a redirect is one too
    └── OlderSchemaError   the function exists with fewer parameters
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from app.problems import Problem, problem

_NO_SUCH_ROLE = "22023"
# What the SQL functions refuse, by SQLSTATE.
_REFUSALS = {"PT400": "parameter", "PT403": "forbidden", "PT404": "not-found", "PT409": "conflict"}
# A connection that broke may have broken after the commit.
_MAYBE_COMMITTED = ("08", "40003", "PGRST001")


class SupabaseError(Exception):
    """A call to Supabase that failed. The members are those of the error response; without one, status is 0."""

    status: int = 0
    code: str | None = None
    message: str | None = None
    detail: str | None = None
    hint: str | None = None


class UnreachableError(SupabaseError):
    """No usable response. Whether the call was executed is not known."""


@dataclass(eq=False)
class ResponseError(SupabaseError):
    """An error response. The code is an SQLSTATE, PGRSTnnn, or None when a proxy answered.

    message, detail and hint are PostgREST's; a message may quote data.
    """

    status: int
    code: str | None = None
    message: str | None = None
    detail: str | None = None
    hint: str | None = None

    def __post_init__(self) -> None:
        super().__init__(f"HTTP {self.status}, code {self.code}")


class OlderSchemaError(ResponseError):
    """The schema has the function without a parameter that this version of the service passes."""


class ErrorKind(Enum):
    """What a failed call is caused by."""

    TRANSIENT = "the state of the database or the network: the same call may succeed later"
    CONFIGURATION = "the service's key, its grants or the migrations; no report is at fault"
    DATA = "data in the call that cannot be stored; or all data, when a sequence is used up"
    OTHER = "an error that one report or the state of the database causes: the code does not say which"


# By prefix; the longest match decides.
_KINDS: Mapping[str, ErrorKind] = {
    "08": ErrorKind.TRANSIENT,  # connection exceptions
    "21": ErrorKind.DATA,  # cardinality
    "22": ErrorKind.DATA,  # data exceptions: 22P05 is \u0000 in jsonb
    "22023": ErrorKind.CONFIGURATION,  # the token names a role that does not exist
    "23505": ErrorKind.TRANSIENT,  # two calls raced for a key or a fingerprint
    "25006": ErrorKind.TRANSIENT,  # read-only: a failover is in progress
    "28": ErrorKind.CONFIGURATION,  # authorization
    "3D": ErrorKind.CONFIGURATION,  # no such database
    "3F": ErrorKind.CONFIGURATION,  # no such schema
    "40": ErrorKind.TRANSIENT,  # serialization failure, deadlock
    "42501": ErrorKind.CONFIGURATION,  # no grant
    "42883": ErrorKind.CONFIGURATION,  # no such function
    "42P01": ErrorKind.CONFIGURATION,  # no such table
    "53": ErrorKind.TRANSIENT,  # out of connections, memory, disk
    "54": ErrorKind.DATA,  # program limits: stack depth
    "55P03": ErrorKind.TRANSIENT,  # lock not available
    "57": ErrorKind.TRANSIENT,  # cancelled by timeout, shutting down
    "PGRST": ErrorKind.CONFIGURATION,  # the request, the key or the schema cache
    "PGRST0": ErrorKind.TRANSIENT,  # PostgREST has no connection to the database
    "PGRST102": ErrorKind.DATA,  # PostgREST cannot parse the body as JSON
    "PT4": ErrorKind.DATA,  # raised by the SQL functions about the whole call
}


# Like ErrorKind.CONFIGURATION never caused by what a report contains, although others may be stored meanwhile: a
# used-up sequence refuses only new incidents, a full disk only rows that need a new page.
_NEVER_OF_A_REPORT = ("2200H", "25006", "53100", "53300", "55P03", "57P", "58")


def error_kind(error: SupabaseError) -> ErrorKind:
    """By the code; by the HTTP status if a proxy answered without one."""
    if error.status == 0:
        return ErrorKind.TRANSIENT
    if error.status == 413:
        return ErrorKind.DATA
    if error.code:
        matches = [prefix for prefix in _KINDS if error.code.startswith(prefix)]
        return _KINDS[max(matches, key=len)] if matches else ErrorKind.OTHER
    if error.status >= 500 or error.status in (408, 425, 429):
        return ErrorKind.TRANSIENT
    return ErrorKind.CONFIGURATION


def can_be_of_a_report(error: SupabaseError) -> bool:
    """Whether the content of a report can cause this error. If not, a report waits, however often it fails alone."""
    is_configuration = error_kind(error) is ErrorKind.CONFIGURATION
    return not is_configuration and not (error.code or "").startswith(_NEVER_OF_A_REPORT)


def is_body_refused(error: SupabaseError) -> bool:
    """Whether PostgREST or its gateway could not take the body. If it holds one report, that report is at fault."""
    return error.code == "PGRST102" or (error.status == 413 and error.code is None)


def problem_of_body(error: SupabaseError) -> Problem:
    """The problem of a report whose body, with no other report in it, was not taken."""
    if error.status == 413:
        return problem("body-too-large", "The report is larger than the database's gateway accepts.")
    return problem("not-storable", members={"sqlstate": error.code})


def problem_of_reader(error: SupabaseError, known: Mapping[str, object] | None = None) -> Problem:
    """The problem of a caller who reads with a token of their own.

    A 401 or 403 is about that token, not about the service's key. known is added to the document while the database
    is unavailable.
    """
    kind = error_kind(error)
    if error.status == 401:
        return problem("unauthorized", "The database did not accept this token.")
    if error.status == 403 or error.code == _NO_SUCH_ROLE:
        return problem("forbidden")
    if error.code == "PT400":
        # list_incidents() names the parameter in `detail`; `hint` has the allowed values, or is a sentence.
        allowed = error.hint.split(", ") if error.hint and not error.hint.endswith(".") else None
        return problem("parameter", error.message, members={"parameter": error.detail, "allowed": allowed})
    if kind is ErrorKind.DATA:
        return problem("parameter", "A value does not fit its column.", members={"sqlstate": error.code})
    if kind is ErrorKind.TRANSIENT:
        return problem("unavailable", "The database is unavailable.", members=known or {})
    return problem("misconfigured")


def problem_of_page(error: SupabaseError) -> Problem:
    """The problem of a page or of one of its forms: what the SQL functions refuse, in their own words."""
    code = _REFUSALS.get(error.code or "")
    if code is None or error.message is None:
        return problem_of_reader(error)
    # `hint` is a sentence, or has the allowed values. Where nothing exists, it names an RPC that lists what does.
    hint = "" if code == "not-found" else error.hint or ""
    advice = hint if not hint or hint.endswith(".") else f"Allowed: {hint}."
    sentence = f"{error.message[:1].upper()}{error.message[1:]}"
    if not sentence.endswith("."):  # a reason that somebody typed may be its end
        sentence += "."
    return problem(code, f"{sentence} {advice}".strip(), members={"parameter": error.detail})


def is_change_unknown(error: SupabaseError) -> bool:
    """Whether a call that failed may have changed something all the same: its answer got lost."""
    return error.code is None or error.code.startswith(_MAYBE_COMMITTED)
