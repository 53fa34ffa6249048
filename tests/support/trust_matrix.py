"""The trust matrix as data: who may do what. The tests compare it with the catalog, PostgREST and the service.

A new table, view, function, type or route has no row here, and the tests fail until it gets one.
"""

from __future__ import annotations

from dataclasses import dataclass

# What a cell of a table says. "+" the request gets past authorization: whatever is wrong with it then is its body.
ALLOWED = "+"
# Refused: 401 or 403.
REFUSED = "."
# As nobody in particular: the credential is ignored, and only the public part is shown.
PUBLIC = "o"


def read_table(text: str) -> dict[str, dict[str, str]]:
    """The cells of a table by row and column. The first line names the columns, "|" ends the name of a row."""
    header, *lines = (line for line in text.splitlines() if line.strip())
    columns = header.split()
    rows: dict[str, dict[str, str]] = {}
    for line in lines:
        name, _, cells = line.partition("|")
        rows[name.strip()] = dict(zip(columns, cells.split(), strict=True))
    return rows


# --- The service. Columns are credentials; a row is a route and, if it takes the credential from elsewhere than the
# --- usual header, from where.
#
# garbage   a token that nobody gave out       forged   an access token signed with another secret
# ann, ben  access tokens of two users         no-sub   an access token without the claim sub
# ingest    INGEST_TOKEN                       shop     a token of INGEST_TOKENS
# operator  OPERATOR_TOKEN                     signed   a body with Sentry's signature
# plugin    SENTRY_WEBHOOK_TOKEN, as ?token=   *-cookie the cookie of a session of the status page
# resend    a body with Svix's signature       postmark  POSTMARK_WEBHOOK_CREDENTIALS, as HTTP Basic
# public    a key of PUBLIC_KEYS, as ?key=     github    a body with GitHub's signature
#           and as ?sentry_key=
# alertmanager, grafana, kuma, generic         the keys of other monitors, as ?key=

ROUTES = read_table("""
                                              nobody garbage expired forged anon ann ben no-sub service ingest shop operator signed plugin resend postmark public alertmanager grafana kuma github generic ann-cookie operator-cookie
GET /                                       | +      +       +       +      +    +   +   +      +       +      +    +        +      +      +      +        +      +            +       +    +      +       +          +
GET /health                                 | +      +       +       +      +    +   +   +      +       +      +    +        +      +      +      +        +      +            +       +    +      +       +          +
GET /health/db                              | +      +       +       +      +    +   +   +      +       +      +    +        +      +      +      +        +      +            +       +    +      +       +          +
GET /status as JSON                         | o      .       .       .      .    +   +   +      +       .      .    +        o      o      o      .        o      o            o       o    o      o       +          +
GET /status as a page                       | o      .       .       .      .    +   +   +      +       .      .    +        o      o      o      o        o      o            o       o    o      o       +          +
POST /status signing in                     | .      .       .       .      .    +   +   +      +       .      .    +        .      .      .      .        .      .            .       .    .      .       .          .
POST /status signing out                    | +      +       +       +      +    +   +   +      +       +      +    +        +      +      +      +        +      +            +       +    +      +       +          +
GET /sign-in                                | +      +       +       +      +    +   +   +      +       +      +    +        +      +      +      +        +      +            +       +    +      +       +          +
POST /sign-in                               | .      .       .       .      .    +   +   +      +       .      .    +        .      .      .      .        .      .            .       .    .      .       .          .
POST /sign-out                              | +      +       +       +      +    +   +   +      +       +      +    +        +      +      +      +        +      +            +       +    +      +       +          +
GET /status/kill-switch                     | .      .       .       .      .    .   .   .      .       .      .    +        .      .      .      .        .      .            .       .    .      .       .          +
POST /status/kill-switch                    | .      .       .       .      .    .   .   .      .       .      .    +        .      .      .      .        .      .            .       .    .      .       .          +
GET /incidents                              | .      .       .       .      .    +   +   +      +       .      .    +        .      .      .      .        .      .            .       .    .      .       +          +
GET /incidents/{incident_id}                | .      .       .       .      .    +   +   +      +       .      .    +        .      .      .      .        .      .            .       .    .      .       +          +
POST /incidents/{incident_id}               | .      .       .       .      .    +   +   +      +       .      .    +        .      .      .      .        .      .            .       .    .      .       +          +
GET /targets/{name:path}                    | .      .       .       .      .    +   +   +      +       .      .    +        .      .      .      .        .      .            .       .    .      .       +          +
GET /metrics                                | .      .       .       .      .    .   .   .      .       .      .    +        .      .      .      .        .      .            .       .    .      .       .          .
POST /api/autonomous/error                  | .      .       .       .      .    .   .   .      .       +      +    .        .      .      .      .        +      .            .       .    .      .       .          .
POST /api/autonomous/error?key=             | .      .       .       .      .    .   .   .      .       .      .    .        .      .      .      .        +      .            .       .    .      .       .          .
POST /api/{project}/envelope/               | .      .       .       .      .    .   .   .      .       .      .    .        .      .      .      .        +      .            .       .    .      .       .          .
POST /api/{project}/envelope                | .      .       .       .      .    .   .   .      .       .      .    .        .      .      .      .        +      .            .       .    .      .       .          .
POST /api/{project}/store/                  | .      .       .       .      .    .   .   .      .       .      .    .        .      .      .      .        +      .            .       .    .      .       .          .
POST /api/{project}/store                   | .      .       .       .      .    .   .   .      .       .      .    .        .      .      .      .        +      .            .       .    .      .       .          .
POST /webhooks/sentry                       | .      .       .       .      .    .   .   .      .       .      .    .        +      +      .      .        .      .            .       .    .      .       .          .
POST /webhooks/sentry?token=                | .      .       .       .      .    .   .   .      .       .      .    .        +      +      .      .        .      .            .       .    .      .       .          .
POST /webhooks/email                        | .      .       .       .      .    .   .   .      .       .      .    .        .      .      +      +        .      .            .       .    .      .       .          .
POST /webhooks/alertmanager                 | .      .       .       .      .    .   .   .      .       .      .    .        .      .      .      .        .      +            .       .    .      .       .          .
POST /webhooks/alertmanager?key=            | .      .       .       .      .    .   .   .      .       .      .    .        .      .      .      .        .      +            .       .    .      .       .          .
POST /webhooks/grafana                      | .      .       .       .      .    .   .   .      .       .      .    .        .      .      .      .        .      .            +       .    .      .       .          .
POST /webhooks/uptime-kuma                  | .      .       .       .      .    .   .   .      .       .      .    .        .      .      .      .        .      .            .       +    .      .       .          .
POST /webhooks/github                       | .      .       .       .      .    .   .   .      .       .      .    .        .      .      .      .        .      .            .       .    +      .       .          .
POST /webhooks/generic                      | .      .       .       .      .    .   .   .      .       .      .    .        .      .      .      .        .      .            .       .    .      +       .          .
GET /heartbeat/{key}                        | +      +       +       +      +    +   +   +      +       +      +    +        +      +      +      +        +      +            +       +    +      +       +          +
GET /heartbeat/{key}/{signal}               | +      +       +       +      +    +   +   +      +       +      +    +        +      +      +      +        +      +            +       +    +      +       +          +
POST /heartbeat/{key}                       | +      +       +       +      +    +   +   +      +       +      +    +        +      +      +      +        +      +            +       +    +      +       +          +
POST /heartbeat/{key}/{signal}              | +      +       +       +      +    +   +   +      +       +      +    +        +      +      +      +        +      +            +       +    +      +       +          +
GET /api/autonomous/incidents               | .      .       .       .      .    +   +   +      +       .      .    .        .      .      .      .        .      .            .       .    .      .       .          .
GET /api/autonomous/incidents/{incident_id} | .      .       .       .      .    +   +   +      +       .      .    .        .      .      .      .        .      .            .       .    .      .       .          .
""")  # noqa: E501 - one line a row
CREDENTIALS = tuple(ROUTES["GET /"])

# --- Credentials of today that may do what their twin among the columns above may, in every cell.
#
# publishable, secret   Supabase's keys that are no tokens. PostgREST's gateway takes them as the header apikey alone.
# ann-es256             an access token of ann, signed with the project's asymmetric key; forged-es256 with another one

TWINS = {"publishable": "anon", "secret": "service", "ann-es256": "ann", "forged-es256": "forged"}
# The service takes access tokens of Supabase, which the legacy keys are, too. A secret key is none.
TWINS_AT_THE_SERVICE = {**TWINS, "secret": "anon"}

# --- The functions that PostgREST exposes. ann owns the action, the claim, the deployment and the incident of the
# --- arguments.
# --- Every credential that is no column here is refused: PostgREST takes no tokens of the service.
#
# owner   security definer: it runs with the privileges of the owner, for the reason in the comment of the function
# caller  security invoker

FUNCTIONS = read_table("""
                                   anon ann ben no-sub service  runs-as
acknowledge_incident                | .  +   +   +      +       owner
add_incident_note                   | .  +   +   +      +       owner
agent_guide                         | .  +   +   +      +       owner
anchor_audit                        | .  .   .   .      +       owner
approve_fix                         | .  .   .   .      +       owner
begin_agent_action                  | .  +   +   .      +       owner
capacity                            | .  .   .   .      +       owner
check_installation                  | .  .   .   .      +       owner
change_incident                     | .  +   +   +      +       owner
claim_next_incident                 | .  +   +   .      +       owner
classify_error                      | .  +   +   +      +       owner
erase_personal_data                 | .  .   .   .      +       owner
explain_classification              | .  +   +   +      +       owner
export_incidents                    | .  +   +   +      +       caller
export_incidents_csv                | .  +   +   +      +       caller
export_uptime                       | .  +   +   +      +       caller
export_uptime_csv                   | .  +   +   +      +       caller
extend_claim                        | .  +   .   .      +       owner
finish_agent_action                 | .  +   .   .      +       owner
incident_activity                   | .  +   +   +      +       caller
incident_context                    | .  +   +   +      +       owner
incident_page                       | .  +   +   +      +       owner
ingest_events                       | .  .   .   .      +       owner
ingest_deliveries                       | .  .   .   .      +       owner
ingest_heartbeats                   | .  .   .   .      +       owner
list_incidents                      | .  +   +   +      +       caller
match_error_knowledge               | .  +   +   +      +       owner
mute_target                         | .  .   .   .      +       owner
page_settings                       | .  +   +   +      +       owner
pause_target                        | .  .   .   .      +       owner
public_status                       | .  .   .   .      +       owner
queue_email                         | .  +   +   +      +       owner
record_deployment_finished          | .  +   .   .      +       owner
record_deployment_rolled_back       | .  +   .   .      +       owner
record_deployment_started           | .  +   +   .      +       owner
record_email_event                  | .  .   .   .      +       owner
record_fix_outcome                  | .  .   +   .      +       owner
record_heartbeat                    | .  +   +   +      +       owner
record_invalid_signature            | .  .   .   .      +       owner
record_looks                        | .  .   .   .      +       owner
record_provider_email_event         | .  .   .   .      +       owner
record_security_event               | .  +   +   +      +       owner
release_claim                       | .  +   .   .      +       owner
remember_fix                        | .  +   +   +      +       owner
reopen_incident                     | .  +   +   +      +       owner
replay_delivery              | .  .   .   .      +       owner
report_error                        | .  +   +   +      +       owner
resolve_incident                    | .  +   +   +      +       owner
resume_target                       | .  .   .   .      +       owner
search_error_knowledge              | .  +   +   +      +       owner
search_incidents                    | .  +   +   +      +       owner
service_health                      | .  +   +   +      +       owner
send_test_notification              | .  .   .   .      +       owner
set_incident_severity               | .  +   +   +      +       owner
set_kill_switch                     | .  .   .   .      +       owner
start_health_check_round            | .  .   .   .      +       owner
status_page                         | .  +   +   +      +       caller
status_summary                      | .  +   +   +      +       caller
suppress_incident                   | .  +   +   +      +       owner
system_status                       | .  +   +   +      +       caller
take_looks                          | .  .   .   .      +       owner
target_page                         | .  +   +   +      +       owner
unmute_target                       | .  .   .   .      +       owner
verify_audit                        | .  .   .   .      +       owner
verify_audit of an incident         | .  +   +   +      +       owner
write_service_targets               | .  .   .   .      +       owner
write_service_url                   | .  .   .   .      +       owner
""")

# --- The other functions that run with the privileges of their owner. No API role may execute them.
DEFINERS_IN_MONITORING = {
    "sync_notification_channels": "a trigger: who may edit the configuration needs no right to write the derived table",
    "sync_probe_targets": "a trigger: who may edit the configuration needs no right to write the derived table",
    "resume_changed_targets": "a trigger: who may edit the configuration needs no right to write the states",
    "lock_action_starts": "a trigger: who may set the kill switch needs no right to lock",
    "stop_running_actions": "a trigger: who may set the kill switch needs no right to write the audit trail",
    "end_audit_chains": "a trigger: who may delete an incident needs no right to write the heads of audit chains",
    "audit_config_change": "a trigger: who may edit the configuration needs no right to write the audit trail",
    "audit_direct_edit": "a trigger: who may edit a table needs no right to write the audit trail",
    "follow_switches": "a trigger: the jobs belong to the owner, whoever edits the configuration",
    "schedule_retries": "a trigger: the jobs belong to the owner, whoever stores the delivery",
    "queue_opened_notifications": "a trigger: who may open an incident needs no right to write the outbox",
    "queue_notifications": "a trigger: who may change an incident needs no right to write the outbox",
    "send_new_notifications": "a trigger: who may change an incident needs no right to read secrets",
    "record_answer": "a trigger: it runs as the role of pg_net's worker",
}


@dataclass(frozen=True)
class Relation:
    """A table or view: who has a privilege on it, and which rows its policy shows to authenticated."""

    select: tuple[str, ...] = ()
    rows: str = "none"


READERS = ("authenticated", "service_role")
_ALL = Relation(READERS, "all")
# Only service_role, which bypasses row-level security, sees rows.
_NONE = Relation(READERS, "none")
# A view with security_invoker: the policies of its tables apply.
_VIEW = Relation(READERS, "of its tables")
_CLOSED = Relation()

# Nobody but the owner has any other privilege on a relation, or one on a sequence. API roles have no USAGE on the
# schema monitoring: its tables that they may read, they read through the views of public.
RELATIONS = {
    "public.agent_actions": _ALL,
    "public.classification_rules": _ALL,
    "public.deployment_history": _ALL,
    "public.email_tracking": _NONE,
    "public.error_knowledge": _ALL,
    "public.incidents": _ALL,
    "public.monitoring_checks": _ALL,
    "public.security_events": _ALL,
    "public.system_config": _NONE,
    "public.certificate_status": _VIEW,
    "public.deployment_impact": _VIEW,
    "public.incident_occurrences": _VIEW,
    "public.incident_stats": _VIEW,
    "public.incident_timeline": _VIEW,
    "public.open_incidents": _VIEW,
    "public.target_days": _VIEW,
    "public.target_history": _VIEW,
    "public.target_panels": _VIEW,
    "public.target_status": _VIEW,
    "monitoring.all_checks": _VIEW,
    "monitoring.counted_hours": _VIEW,
    "monitoring.probes": _ALL,
    "monitoring.counted_figures": Relation((), "of its tables"),
    "monitoring.current_figures": _VIEW,
    "monitoring.incident_daily_stats": _ALL,
    "monitoring.incident_hours": _ALL,
    "monitoring.target_certificates": _ALL,
    "monitoring.target_daily_stats": _ALL,
    "monitoring.target_figures": _ALL,
    "monitoring.target_hourly_stats": _ALL,
    "monitoring.target_looks": _ALL,
    "monitoring.target_rounds": _ALL,
    "monitoring.target_labels": _ALL,
    "monitoring.target_states": _ALL,
    "monitoring.heartbeats": _ALL,
    "monitoring.action_kinds": _CLOSED,
    "monitoring.audit_anchor_heads": _CLOSED,
    "monitoring.audit_anchors": _CLOSED,
    "monitoring.audit_heads": _CLOSED,
    "monitoring.awaited_answers": _CLOSED,
    "monitoring.certificate_thresholds": _CLOSED,
    "monitoring.awaited_checks": _CLOSED,
    "monitoring.watched_jobs": _CLOSED,
    "monitoring.compiled_secret_formats": _CLOSED,
    "monitoring.config_field": _CLOSED,
    "monitoring.embedding_jobs": _CLOSED,
    "monitoring.early_resolutions": _CLOSED,
    "monitoring.incident_days": _CLOSED,
    "monitoring.event_keys": _CLOSED,
    "monitoring.event_receipts": _CLOSED,
    "monitoring.fix_outcomes": _CLOSED,
    "monitoring.heartbeat_keys": _CLOSED,
    "monitoring.heartbeat_runs": _CLOSED,
    "monitoring.job_runs": _CLOSED,
    "monitoring.notification_channels": _CLOSED,
    "monitoring.notifications": _CLOSED,
    "monitoring.probe_targets": _CLOSED,
    "monitoring.running_actions": _CLOSED,
    "monitoring.remembered_events": _CLOSED,
    "monitoring.secret_formats": _CLOSED,
    "monitoring.secrets": _CLOSED,
    "monitoring.sender_quotas": _CLOSED,
    "monitoring.deliveries": _CLOSED,
    "monitoring.report_hours": _CLOSED,
    "monitoring.service_settings": _CLOSED,
    "monitoring.service_targets": _CLOSED,
    "monitoring.service_versions": _CLOSED,
    "monitoring.suspected_targets": _CLOSED,
    "monitoring.withdrawn_requests": _CLOSED,
}

SEQUENCES = {
    "public.agent_actions_id_seq",
    "public.deployment_history_id_seq",
    "public.email_tracking_id_seq",
    "public.error_knowledge_id_seq",
    "public.incident_number",
    "public.monitoring_checks_id_seq",
    "public.security_events_id_seq",
    "monitoring.notifications_id_seq",
    "monitoring.deliveries_id_seq",
    "monitoring.target_looks_id_seq",
}

# Types keep the USAGE of PUBLIC that PostgreSQL gives them: it permits to name them, and reveals nothing.
TYPES = {
    "public.check_status",
    "public.deployment_status",
    "public.email_status",
    "public.incident_category",
    "public.incident_severity",
    "public.incident_status",
    "public.target_type",
    "public.text/csv",
}

# --- Schemas, and whether roles of the API have USAGE (u) on them in SQL. None has CREATE. PostgREST exposes public
# --- only. net is pg_net's, which grants it to everybody; postgres, who runs the migrations, cannot take it back.
SCHEMAS = read_table("""
             PUBLIC anon authenticated service_role
public     | u      u    u             u
monitoring | .      .    .             .
extensions | .      u    u             u
cron       | .      .    .             .
net        | u      u    u             u
""")

# --- What each function is called with over PostgREST. The names in braces are objects of ann, made for the call: a
# --- running action, a claimed incident, a started deployment, an open incident that she reported, and a fix for it.
ARGUMENTS: dict[str, dict[str, object]] = {
    "acknowledge_incident": {"incident_id": "{incident}"},
    "add_incident_note": {"incident_id": "{incident}", "note": "n"},
    "agent_guide": {},
    "anchor_audit": {},
    "approve_fix": {"knowledge_id": "{fix}", "revision": 1},
    "begin_agent_action": {"agent": "fe-agent", "action_type": "investigate"},
    "capacity": {},
    "check_installation": {},
    "change_incident": {"incident_id": "{incident}", "change": {"action": "note", "note": "n"}},
    "claim_next_incident": {"agent": "fe-agent", "source": "nothing reports so"},
    "classify_error": {"message": "m"},
    "erase_personal_data": {"person": "nobody@erased.example"},
    "explain_classification": {"incident_id": "{incident}"},
    "incident_activity": {"incident_id": "{incident}"},
    "export_incidents": {"since": "2026-01-01"},
    "export_incidents_csv": {"since": "2026-01-01"},
    "export_uptime": {"since": "2026-01-01"},
    "export_uptime_csv": {"since": "2026-01-01"},
    "extend_claim": {"incident_id": "{claim}"},
    "finish_agent_action": {"action_id": "{action}", "success": True},
    "incident_context": {"incident_id": "{incident}"},
    "incident_page": {"incident_id": "{incident}"},
    "ingest_events": {"events": []},
    "ingest_deliveries": {"deliveries": []},
    "ingest_heartbeats": {"heartbeats": []},
    "list_incidents": {},
    "match_error_knowledge": {"query_embedding": "[1]"},
    "mute_target": {"target": "nothing", "minutes": 1, "reason": "r"},
    "page_settings": {},
    "pause_target": {"target": "nothing", "reason": "r"},
    "public_status": {},
    "queue_email": {"recipient": "nobody@example.com", "subject": "s"},
    "record_deployment_finished": {"deployment_id": "{deployment}", "success": True},
    "record_deployment_rolled_back": {"deployment_id": "{deployment}", "reason": "r"},
    "record_deployment_started": {"service": "shop", "version": "1"},
    "record_email_event": {"provider_id": "p", "event": "delivered"},
    "record_fix_outcome": {"knowledge_id": "{fix}", "has_worked": True, "incident_id": "{incident}"},
    "record_heartbeat": {"name": "nothing", "status": "ok"},
    "record_invalid_signature": {"ip_address": "192.0.2.1"},
    "record_looks": {"looks": []},
    "record_provider_email_event": {"provider": "resend", "event": {}},
    "record_security_event": {"event_type": "probe", "severity": "LOW", "confidence": 0},
    "release_claim": {"incident_id": "{claim}", "reason": "r"},
    "remember_fix": {"solution": "s", "incident_id": "{incident}"},
    "reopen_incident": {"incident_id": "{incident}", "reason": "r"},
    "replay_delivery": {"delivery_id": 1},
    "report_error": {"report": {"error": {"message": "m"}}},
    "resolve_incident": {"incident_id": "{incident}", "resolution": "r"},
    "resume_target": {"target": "nothing"},
    "search_error_knowledge": {"query_text": "q"},
    "search_incidents": {},
    "service_health": {},
    "send_test_notification": {"channel": "nothing"},
    "set_incident_severity": {"incident_id": "{incident}", "severity": "HIGH", "reason": "r"},
    "set_kill_switch": {"enabled": False, "reason": "r"},
    "start_health_check_round": {},
    "status_page": {},
    "status_summary": {},
    "suppress_incident": {"incident_id": "{incident}", "until": "2100-01-01T00:00:00Z", "reason": "r"},
    "system_status": {},
    "take_looks": {},
    "target_page": {"target": "nothing"},
    "unmute_target": {"target": "nothing"},
    "verify_audit": {},
    "verify_audit of an incident": {"incident_id": "{incident}"},
    "write_service_targets": {},
    "write_service_url": {"url": "not a URL"},
}

# --- What is stored of a report that says severity CRITICAL, category security, source "chosen" and the fingerprint
# --- health-check:target:api. Of Sentry's events the rules decide: they know the one of signed, and take the level
# --- of the other one, warning.
#
# hashed   with the sender: no namespace, and no other sender's incident

MEANINGS = read_table("""
                                      sender            severity category source   fingerprint
ingest reports                      | server:default    CRITICAL security chosen   hashed
shop reports                        | server:shop       CRITICAL security chosen   hashed
public reports                        | public:shop       MEDIUM   backend  shop     hashed
ann reports by the RPC              | agent:ann         CRITICAL security chosen   hashed
ann-es256 reports by the RPC        | agent:ann         CRITICAL security chosen   hashed
service reports by the RPC          | server:default    CRITICAL security chosen   hashed
secret reports by the RPC           | server:default    CRITICAL security chosen   hashed
service ingests a plain event       | server:default    CRITICAL security chosen   hashed
secret ingests a plain event        | server:default    CRITICAL security chosen   hashed
ann records a security event        | security          CRITICAL security security security:
service records a security event    | security          CRITICAL security security security:
signed delivers an event            | sentry            HIGH     frontend sentry   sentry:
plugin delivers an event            | sentry            LOW      backend  sentry   sentry:
""")

# --- What might turn the public page to "outage". It becomes "degraded": only the health checks observe an outage.
# --- Each line is done to an incident of its own, or to one of the health checks that they do not confirm.
NO_OUTAGES = (
    *MEANINGS,
    "signed delivers a fatal event",
    "plugin delivers a fatal event",
    "ann makes an incident of the health checks CRITICAL",
    "service makes an incident of the health checks CRITICAL",
    "ann reopens a CRITICAL incident of the health checks",
    "service reopens a CRITICAL incident of the health checks",
)
