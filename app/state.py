"""What the lifespan builds and every request may use."""

from collections.abc import Mapping
from typing import Any, TypedDict

from starlette.requests import Request

from app.ingest.heartbeat import Heartbeats
from app.ingest.service import IngestService
from app.metrics import Metrics
from app.settings import Settings
from app.status.cache import LastResult, SharedCache
from app.status.public import PublicPage
from app.status.snapshot import Snapshot
from app.supabase.auth import AuthClient, SharedRefresh
from app.supabase.client import SupabaseClient
from app.supabase.monitor import DatabaseMonitor
from app.web.attempts import Attempts
from app.web.auth import SignatureFailures
from app.web.body import BodyBudget
from app.web.middleware import FairLimit
from app.web.session import Sessions


class ServiceState(TypedDict):
    """The lifespan state. Each request has a shallow copy."""

    settings: Settings
    metrics: Metrics
    supabase: SupabaseClient
    report_bodies: BodyBudget
    sentry_bodies: BodyBudget
    public_bodies: BodyBudget
    public_requests: FairLimit
    monitor_bodies: BodyBudget
    github_bodies: BodyBudget
    envelope_bodies: BodyBudget
    tunnel_bodies: BodyBudget
    email_bodies: BodyBudget
    form_bodies: BodyBudget
    reports: IngestService
    sentry: IngestService
    public: IngestService
    monitors: IngestService
    heartbeats: IngestService
    heartbeat_keys: Heartbeats
    signature_failures: SignatureFailures
    monitor: DatabaseMonitor
    snapshot: Snapshot
    sessions: Sessions
    auth: AuthClient
    refreshes: SharedRefresh
    attempts: Attempts
    public_status: SharedCache[Mapping[str, Any]]
    public_page: PublicPage
    operator_status: LastResult[Mapping[str, Any]]


ServiceRequest = Request[ServiceState]
