"""What the lifespan makes, and every request may use."""

from typing import TypedDict

from starlette.requests import Request

from app.door import ReadingBudget
from app.forwarder import Forwarder
from app.monitor import DatabaseMonitor
from app.settings import Settings
from app.supabase_rest import SupabaseRest


class ServiceState(TypedDict):
    """The lifespan state. Each request has a copy, to which the middleware adds the request id."""

    settings: Settings
    supabase: SupabaseRest
    reading: ReadingBudget
    forwarder: Forwarder
    monitor: DatabaseMonitor


ServiceRequest = Request[ServiceState]
