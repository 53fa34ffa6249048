"""What a failed call to Supabase means.

Exception
├── Unreachable   no answer came: connection refused, reset, timed out, or not PostgREST's
└── Refusal       an answer came, and it was no
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Unreachable(Exception):  # noqa: N818 - a state of the other side, not an error of ours
    """No usable answer. Whether the call was carried out is not known."""


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - PostgREST said no; whose error it is, the verdict tells
    """PostgREST's or the gateway's no. The code is an SQLSTATE, PGRSTnnn, or None when a proxy answered."""

    status: int
    code: str | None = None
    message: str | None = None
    content_range: str | None = None

    def __post_init__(self) -> None:
        super().__init__(f"HTTP {self.status}, code {self.code}")


class Verdict(Enum):
    """Who has to do something about it."""

    TRANSIENT = "the same call may work in a moment"
    OURS = "the service's key, grants or migrations are wrong; no report is at fault"
    DATA = "something in the reports cannot be stored"
    BUG = "our SQL failed on something in the reports"


# By prefix, the longest one decides.
_BY_CODE: Mapping[str, Verdict] = {
    "08": Verdict.TRANSIENT,  # connection exceptions
    "21": Verdict.DATA,  # cardinality
    "22": Verdict.DATA,  # data exceptions: 22P05 is \u0000 in jsonb
    "22023": Verdict.OURS,  # the token names a role that does not exist
    "23505": Verdict.TRANSIENT,  # two calls raced for a key or a fingerprint
    "25006": Verdict.TRANSIENT,  # read-only: a failover is under way
    "28": Verdict.OURS,  # authorization
    "3D": Verdict.OURS,  # no such database
    "3F": Verdict.OURS,  # no such schema
    "40": Verdict.TRANSIENT,  # serialization failure, deadlock
    "42501": Verdict.OURS,  # no grant
    "42883": Verdict.OURS,  # no such function
    "42P01": Verdict.OURS,  # no such table
    "53": Verdict.TRANSIENT,  # out of connections, memory, disk
    "54": Verdict.DATA,  # program limits: stack depth
    "55P03": Verdict.TRANSIENT,  # lock not available
    "57": Verdict.TRANSIENT,  # cancelled by timeout, shutting down
    "PGRST": Verdict.OURS,  # our request, key or schema cache
    "PGRST0": Verdict.TRANSIENT,  # PostgREST has no connection to the database
    "PGRST102": Verdict.DATA,  # the body is no JSON to PostgREST
    "PT4": Verdict.DATA,  # raised by our SQL about the whole batch
}


def verdict_on(refusal: Refusal) -> Verdict:
    """The verdict by code; by status where a proxy answered without one."""
    if refusal.status == 413:
        return Verdict.DATA
    if refusal.code:
        code = refusal.code
        matches = [prefix for prefix in _BY_CODE if code.startswith(prefix)]
        return _BY_CODE[max(matches, key=len)] if matches else Verdict.BUG
    if refusal.status >= 500 or refusal.status in (408, 425, 429):
        return Verdict.TRANSIENT
    return Verdict.OURS


def is_transient(failure: Exception) -> bool:
    """Whether the same call is worth another try."""
    if isinstance(failure, Refusal):
        return verdict_on(failure) is Verdict.TRANSIENT
    return isinstance(failure, Unreachable)
