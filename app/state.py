"""What the lifespan makes, and every request may use."""

from collections.abc import Mapping
from typing import Any, TypedDict

from starlette.requests import Request

from app.breaker import Breaker
from app.door import ReadingBudget
from app.forgeries import ForgeryNotes
from app.intake import Intake
from app.monitor import DatabaseMonitor
from app.settings import Settings
from app.sharing import Shared
from app.spool import Spool
from app.supabase_rest import SupabaseRest


class ServiceState(TypedDict):
    """The lifespan state. Each request has a copy, to which the middleware adds the request id."""

    settings: Settings
    supabase: SupabaseRest
    reading: ReadingBudget
    reports: Intake
    sentry: Intake
    forgeries: ForgeryNotes
    spool: Spool
    breaker: Breaker
    monitor: DatabaseMonitor
    public_status: Shared[Mapping[str, Any]]


ServiceRequest = Request[ServiceState]
