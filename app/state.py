"""What the lifespan makes, and every request may use."""

from typing import TypedDict

from starlette.requests import Request

from app.breaker import Breaker
from app.door import ReadingBudget
from app.forgeries import ForgeryNotes
from app.intake import Intake
from app.monitor import DatabaseMonitor
from app.settings import Settings
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


ServiceRequest = Request[ServiceState]
