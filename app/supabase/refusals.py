"""What it means that Supabase refuses the service, and the remedy: a wrong deployment, which waiting does not correct.

An error of the network, a timeout or a 5xx is no refusal: Supabase is unreachable then, and may come back by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.supabase.errors import ErrorKind, OlderSchemaError, SupabaseError, error_kind

_PUSH = "Run `supabase db push` for this project."


@dataclass(frozen=True)
class Refusal:
    """A cause and a remedy, each one or two sentences without versions, secrets or data: anybody may read them."""

    cause: str
    remedy: str


_KEY = Refusal(
    "Supabase does not accept the secret key.",
    "Set SUPABASE_SECRET_KEY to a secret key of the project that SUPABASE_URL names.",
)
_NO_RIGHTS = Refusal(
    "The database does not permit this key to call the functions of the service: "
    "it is no secret key, or the schema is incomplete.",
    "Set SUPABASE_SECRET_KEY to a secret key, not to a publishable or anon key. If it is one, run `supabase db push`.",
)
_NOT_EXPOSED = Refusal(
    "The schema public is not exposed by the Data API.",
    "In the dashboard, under Integrations, Data API, enable the Data API and add public to the exposed schemas.",
)
_NO_SCHEMA = Refusal(
    "The database has none of the functions that the service calls: the migrations are missing.",
    f"{_PUSH} If that is done, run `notify pgrst, 'reload schema';` in the SQL editor.",
)
_OLDER_SCHEMA = Refusal("The schema of the database is older than this service.", _PUSH)
_INCOMPLETE = Refusal("The schema of the database is incomplete or was changed by hand.", _PUSH)
_READ_ONLY = Refusal(
    "The database is read-only: SUPABASE_URL names a read replica, or a failover is in progress.",
    "Set SUPABASE_URL to the primary database.",
)
_PAUSED = Refusal("The project is paused.", "Restore the project in the Supabase dashboard.")
_RESTRICTED = Refusal(
    "Supabase restricts the project, because of its usage or an overdue payment.",
    "See the organization's usage and billing pages in the Supabase dashboard.",
)
_WRONG_ADDRESS = Refusal(
    "There is no Supabase project at SUPABASE_URL.",
    "Set SUPABASE_URL to the project's URL, such as https://abc.supabase.co.",
)
_REDIRECTED = Refusal(
    "SUPABASE_URL redirects to another address.",
    "Set SUPABASE_URL to the final address, which begins with https:// on hosted Supabase.",
)

# By prefix of the code; the longest match decides.
_BY_CODE: Mapping[str, Refusal] = {
    "0A000": _READ_ONLY,  # a standby does not begin the transaction that PostgREST asks for
    "22023": _KEY,  # the token names a role that does not exist
    "25006": _READ_ONLY,
    "28": _KEY,
    "3F": _INCOMPLETE,
    "42": _INCOMPLETE,  # a table, column or function that is missing inside a function
    "42501": _NO_RIGHTS,
    "42883": _NO_SCHEMA,
    "PGRST106": _NOT_EXPOSED,
    "PGRST125": _WRONG_ADDRESS,
    "PGRST2": _INCOMPLETE,
    "PGRST202": _NO_SCHEMA,
    "PGRST3": _KEY,
}
# By HTTP status, for responses of the gateway, which have no code. 402 and 540 are Supabase's own: see
# https://supabase.com/docs/guides/platform/http-status-codes.
_BY_STATUS: Mapping[int, Refusal] = {
    301: _REDIRECTED,
    302: _REDIRECTED,
    307: _REDIRECTED,
    308: _REDIRECTED,
    401: _KEY,
    402: _RESTRICTED,
    404: _WRONG_ADDRESS,
    540: _PAUSED,
}


def refusal_of(error: SupabaseError) -> Refusal | None:
    """What a failed service_health() says about the deployment, or None if Supabase is unreachable.

    service_health() takes no data, so no error is caused by its arguments.
    """
    if isinstance(error, OlderSchemaError):
        return _OLDER_SCHEMA
    matches = [prefix for prefix in _BY_CODE if (error.code or "").startswith(prefix)]
    if matches:
        return _BY_CODE[max(matches, key=len)]
    if error.code is None and error.status in _BY_STATUS:
        return _BY_STATUS[error.status]
    if error_kind(error) is not ErrorKind.CONFIGURATION:
        return None
    return Refusal(
        f"Supabase refuses the calls of the service ({error}).",
        "Check SUPABASE_URL and SUPABASE_SECRET_KEY, then run `supabase db push`.",
    )
