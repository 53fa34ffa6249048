"""A call of each function of the API and of each job on the large database, with arguments for which it works."""

# ruff: noqa: S608  # every part of the statements is ours

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.sql.plans.reads import Budget
from tests.support import sentry_bodies

OPEN = "INC-100990"
"""Among the newest: open, without a claim."""
RESOLVED = "INC-100992"


@dataclass(frozen=True)
class Call:
    """A statement, who runs it, and what it may read."""

    statement: str
    role: str = "authenticated"
    prepare: Mapping[str, str] = field(default_factory=dict)
    """Statements that run before, uncounted, by the parameter that their result is passed as."""
    budget: Budget = field(default_factory=Budget)


def _service(statement: str, budget: Budget = Budget(), **prepare: str) -> Call:  # noqa: B008 - it is immutable
    return Call(statement, "service_role", prepare, budget)


def _job(statement: str, budget: Budget = Budget(), **prepare: str) -> Call:  # noqa: B008 - it is immutable
    return Call(statement, "postgres", prepare, budget)


def _purge(table: str, batch_size: int | None = None) -> tuple[Call, ...]:
    """A batch of a purge, which may read what it deletes and what refers to it."""
    most = batch_size or 1_024
    budget = Budget(entries=10 * most, blocks=40 * most, reason=f"it deletes up to {most} rows")
    return (_job(f"select monitoring.purge_{table}({batch_size or ''})", budget),)


_COUNTED = Budget(entries=45_000, blocks=50_000, reason="it counts up to 10,000 live incidents of each severity")
_FOUND = Budget(entries=10_000, reason="it counts up to 1,000 live incidents of each severity and of each status")
_SEARCHED = Budget(entries=20_000, blocks=25_000, reason="it compares up to 10,000 incidents with what is looked for")
_LISTED = Budget(entries=12_000, blocks=15_000, reason="it counts up to 10,000 incidents of the list")


def _literal(value: object) -> str:
    return "'" + json.dumps(value).replace("'", "''").replace("%", "%%") + "'"


def _event(number: int) -> dict[str, object]:
    return {
        "error": {
            "message": f"pool number {chr(97 + number)} is exhausted",
            "type": "PoolTimeout",
            "stack": "at f (a.js:1)",
        },
        "source": "shop",
        "environment": "production",
    }


def _deliveries(first_event: int) -> list[dict[str, object]]:
    """Fifty events of fifty issues of Sentry."""
    return [
        {
            "resource": "event_alert",
            "body_hash": f"{first_event + issue:064x}",
            "body": sentry_bodies.event_alert(str(issue), f"{first_event + issue:032x}"),
        }
        for issue in range(50)
    ]


_BEGIN = "select public.begin_agent_action('fe-agent', 'investigate') ->> 'action_id'"
_CLAIM = "select public.claim_next_incident('fe-agent') ->> 'id'"
_DEPLOY = "select public.record_deployment_started('seed 1', '9.9')"
_FIX = f"select public.remember_fix('close the pool', '{RESOLVED}')"
_ROUND = "select monitoring.run_health_checks()"

CALLS: dict[str, Call] = {
    "acknowledge_incident": Call(f"select public.acknowledge_incident('{OPEN}')"),
    "add_incident_note": Call(f"select public.add_incident_note('{OPEN}', 'note')"),
    "agent_guide": Call("select public.agent_guide()"),
    "anchor_audit": _service("select public.anchor_audit()"),
    "approve_fix": _service("select public.approve_fix(%(fix)s::bigint, 1)", fix=_FIX),
    "begin_agent_action": Call(f"select public.begin_agent_action('fe-agent', 'investigate', '{OPEN}')"),
    "capacity": _service("select * from public.capacity()"),
    "check_installation": _service("select * from public.check_installation()"),
    "change_incident": _service(f"select public.change_incident('{OPEN}', '{{\"action\": \"acknowledge\"}}', 'ann')"),
    "change_incident of a severity": Call(
        f'select public.change_incident(\'{OPEN}\', \'{{"action": "set_severity", "severity": "LOW", "reason": "r"}}\')'
    ),
    "claim_next_incident": Call("select public.claim_next_incident('fe-agent')"),
    "claim_next_incident of a source": Call("select public.claim_next_incident('fe-agent', source => 'nothing')"),
    "classify_error": Call("select * from public.classify_error('pool exhausted', 'PoolTimeout')"),
    "explain_classification": Call(f"select public.explain_classification('{OPEN}')"),
    "export_incidents": Call("select * from public.export_incidents(now() - interval '300 days')"),
    "export_incidents_csv": Call("select public.export_incidents_csv(now() - interval '300 days')"),
    "export_uptime": Call("select * from public.export_uptime(now() - interval '1 day', page_size => 100)"),
    "export_uptime_csv": Call("select public.export_uptime_csv(now() - interval '1 day', page_size => 100)"),
    "extend_claim": Call("select public.extend_claim(%(id)s)", prepare={"id": _CLAIM}),
    "finish_agent_action": Call("select public.finish_agent_action(%(id)s::bigint, true)", prepare={"id": _BEGIN}),
    "incident_activity": Call(f"select public.incident_activity('{OPEN}')"),
    "incident_context": Call(f"select public.incident_context('{OPEN}')"),
    "incident_page": Call(f"select public.incident_page('{OPEN}')"),
    "incident_page of a resolved incident": Call(f"select public.incident_page('{RESOLVED}')"),
    "ingest_events": _service(f"select public.ingest_events({_literal([_event(n) for n in range(20)])})"),
    "ingest_events with repeats": _service(
        "select public.ingest_events(%(events)s)",
        events=f"with e as (select {_literal([_event(n) for n in range(20)])}::jsonb as events) "
        "select events::text from e cross join lateral public.ingest_events(events)",
    ),
    "ingest_deliveries": _service(
        f"select public.ingest_deliveries({_literal(_deliveries(0))})",
        Budget(entries=20_000, reason="fifty new incidents, each with its notifications"),
    ),
    "ingest_deliveries of known issues": _service(
        f"select public.ingest_deliveries({_literal(_deliveries(100))})",
        _=f"select public.ingest_deliveries({_literal(_deliveries(0))})",
    ),
    "ingest_heartbeats": _service("select public.ingest_heartbeats('[]')"),
    "ingest_heartbeats of a target": _service(
        'select public.ingest_heartbeats(\'[{"sender": "server:default", "slug": "seed-beat", "signal": "ok"}]\')'
    ),
    "list_incidents": Call("select public.list_incidents()", budget=_LISTED),
    "list_incidents with filters": Call(
        'select public.list_incidents(\'{"status": "open", "severity": "low", "category": "infrastructure"}\')',
        budget=_LISTED,
    ),
    "list_incidents of a source": Call('select public.list_incidents(\'{"source": "seed 3"}\')', budget=_LISTED),
    "match_error_knowledge": Call(
        "select * from public.match_error_knowledge("
        "(select array_agg(0.1)::extensions.vector from generate_series(1, 1536)))",
        budget=Budget(
            scanned=10_000, blocks=30_000, reason="the planner may compare 10,000 vectors rather than search"
        ),
    ),
    "mute_target": _service("select public.mute_target('seed-1', 10, 'r')"),
    "page_settings": Call("select public.page_settings()"),
    "pause_target": _service("select public.pause_target('seed-1', 10, 'r')"),
    "public_status": _service("select public.public_status()", _COUNTED),
    "queue_email": Call(f"select public.queue_email('ops@example.com', 's', '{OPEN}')"),
    "record_deployment_finished": Call(
        "select public.record_deployment_finished(%(id)s::bigint, true)", prepare={"id": _DEPLOY}
    ),
    "record_deployment_rolled_back": Call(
        "select public.record_deployment_rolled_back(%(id)s::bigint, 'r')", prepare={"id": _DEPLOY}
    ),
    "record_deployment_started": Call("select public.record_deployment_started('seed 1', '9.9')"),
    "record_email_event": _service("select public.record_email_event('provider-99990', 'opened')"),
    "record_fix_outcome": Call(
        f"select public.record_fix_outcome(%(fix)s::bigint, true, '{RESOLVED}')", prepare={"fix": _FIX}
    ),
    "record_heartbeat": Call("select public.record_heartbeat('seed-beat', 'ok')"),
    "record_invalid_signature": _service("select public.record_invalid_signature('192.0.2.1')"),
    "record_looks": _service("select public.record_looks('[]')"),
    "record_provider_email_event": _service(
        "select public.record_provider_email_event('resend', "
        '\'{"type": "email.delivered", "created_at": "2026-01-01T00:00:00Z", "data": {"email_id": "provider-99990"}}\')'
    ),
    "record_security_event": Call("select public.record_security_event('probe 1', 'HIGH', 0.99, '192.0.2.1')"),
    "release_claim": Call("select public.release_claim(%(id)s, 'r')", prepare={"id": _CLAIM}),
    "remember_fix": Call(f"select public.remember_fix('close the pool', '{OPEN}')"),
    "reopen_incident": Call(f"select public.reopen_incident('{RESOLVED}', 'r')"),
    "replay_delivery": _service(
        "select public.replay_delivery(%(id)s::bigint)",
        id=f"with taken as (select public.ingest_deliveries({_literal(_deliveries(0)[:1])}) as answers) "
        "select answers -> 0 ->> 'delivery_id' from taken",
    ),
    "report_error": Call(f"select public.report_error({_literal(_event(25))})"),
    "resolve_incident": Call(f"select public.resolve_incident('{OPEN}', 'r')"),
    "resume_target": _service(
        "select public.resume_target('seed-1')", _="select public.pause_target('seed-1', 1, 'r')"
    ),
    "search_error_knowledge": Call("select * from public.search_error_knowledge('pool exhausted')"),
    "search_incidents": Call("select public.search_incidents()", budget=_FOUND),
    "search_incidents with words": Call(
        'select public.search_incidents(\'{"text": "nothing has it", "status": "all"}\')', budget=_SEARCHED
    ),
    "search_incidents of a source": Call(
        'select public.search_incidents(\'{"source": "seed 3", "status": "all", "severity": "low"}\')', budget=_SEARCHED
    ),
    "search_incidents with rare filters": Call(
        'select public.search_incidents(\'{"status": "acknowledged", "category": "security", "environment": "none"}\')',
        budget=_SEARCHED,
    ),
    **{
        f"search_incidents with {' '.join(filters.values())}": Call(
            f"select public.search_incidents({_literal(filters)})", budget=_FOUND
        )
        for filters in (
            {"severity": "critical"},
            {"status": "resolved", "severity": "high"},
            {"category": "security"},
            {"status": "resolved", "category": "infrastructure"},
            {"status": "all", "severity": "critical", "category": "infrastructure"},
            {"status": "all", "source": "none"},
            {"status": "resolved", "source": "seed 0"},
            {"status": "suppressed"},
            {"status": "all", "severity": "high", "after": "HIGH_0_INC-1"},
        )
    },
    "service_health": Call("select public.service_health()"),
    "send_test_notification": _service("select public.send_test_notification('seed-channel')"),
    "set_incident_severity": Call(f"select public.set_incident_severity('{OPEN}', 'CRITICAL', 'r')"),
    "set_kill_switch": _service("select public.set_kill_switch(true, 'r')"),
    "start_health_check_round": _service("select public.start_health_check_round()"),
    "status_page": Call("select public.status_page()", budget=_COUNTED),
    "status_summary": Call("select public.status_summary()", budget=_COUNTED),
    "suppress_incident": Call(f"select public.suppress_incident('{OPEN}', now() + interval '1 hour', 'r')"),
    "system_status": Call("select public.system_status()", budget=_COUNTED),
    "take_looks": _service("select public.take_looks()"),
    "unmute_target": _service("select public.unmute_target('seed-1')", _="select public.mute_target('seed-1', 9, 'r')"),
    "verify_audit of an incident": Call(f"select public.verify_audit('{OPEN}')"),
    "target_page": Call("select public.target_page('seed-1')"),
    "target_page of a heartbeat": Call("select public.target_page('seed-beat')"),
    "write_service_url": _service("select public.write_service_url('https://a.example')"),
    "write_service_targets": _service(
        "select public.write_service_targets('https://a.example/', 'https://b.example/')"
    ),
}
"""By function; words after the name distinguish several calls."""

UNBOUNDED = {
    "erase_personal_data": "it looks for a person in every text, for an operator who asks for it",
    "verify_audit": "without an incident it verifies every row, for an operator who asks for it",
}
"""Functions of the API that read whole tables by their nature, and why."""

VIEWS: dict[str, Call] = {
    "certificate_status": Call("select * from public.certificate_status"),
    "deployment_impact": Call("select * from public.deployment_impact order by started_at desc limit 50"),
    "incident_occurrences": Call(f"select * from public.incident_occurrences where incident_id = '{OPEN}'"),
    "incident_stats": Call("select * from public.incident_stats"),
    "incident_timeline": Call(f"select * from public.incident_timeline where incident_id = '{OPEN}'"),
    "open_incidents": Call("select * from public.open_incidents limit 50"),
    "target_days": Call("select * from public.target_days where target = 'seed-1'"),
    "target_history": Call(
        "select * from public.target_history where target = 'seed-1' and hour >= now() - interval '1 day'"
    ),
    "target_panels": Call("select * from public.target_panels where target = 'seed-1'"),
    "target_status": Call("select * from public.target_status"),
}

JOBS: dict[str, tuple[Call, ...]] = {
    "monitoring-health-checks": (_job(_ROUND),),
    "monitoring-confirm-failures": (_job("select monitoring.judge_health_checks()", _=_ROUND),),
    "monitoring-judge-health-checks": (_job("select monitoring.judge_health_checks()", _=_ROUND),),
    "monitoring-watch-jobs": (
        _job("select monitoring.watch_jobs()", Budget(entries=6_000, reason="it reads the newest 5,000 runs")),
    ),
    "monitoring-roll-up-checks": (
        _job("select monitoring.roll_up_checks()"),
        _job("select monitoring.roll_up_days()"),
        _job(
            "select monitoring.store_target_figures()",
            Budget(entries=100_000, blocks=100_000, reason="it sums up 30 days of hours and 90 days of each target"),
        ),
    ),
    "monitoring-roll-up-incidents": (
        _job("select monitoring.roll_up_incidents()", Budget(entries=10_000, reason="30 days are counted again")),
    ),
    "monitoring-make-partitions": (_job("select monitoring.make_partitions()"),),
    "monitoring-restore-missing": (
        _job("select monitoring.schedule_optional_jobs()"),
        _job("select monitoring.install_answer_trigger()"),
    ),
    "monitoring-purge-target-hours": _purge("target_hours", 5000),
    "monitoring-purge-target-days": _purge("target_days", 5000),
    "monitoring-purge-looks": _purge("looks", 5000),
    "monitoring-purge-receipts": _purge("receipts", 5000),
    "monitoring-purge-early-resolutions": _purge("early_resolutions", 5000),
    "monitoring-purge-quotas": _purge("quotas", 5000),
    "monitoring-purge-deliveries": _purge("deliveries", 2000),
    "monitoring-purge-incident-hours": _purge("incident_hours", 5000),
    "monitoring-purge-notifications": _purge("notifications", 2000),
    "monitoring-purge-emails": _purge("emails", 2000),
    "monitoring-purge-security-events": _purge("security_events", 5000),
    "monitoring-purge-deployments": _purge("deployments", 1000),
    "monitoring-purge-service-versions": _purge("service_versions", 1000),
    "monitoring-purge-agent-actions": _purge("agent_actions", 5000),
    "monitoring-purge-remembered-events": _purge("remembered_events"),
    "monitoring-purge-incidents": _purge("incidents", 500),
    "monitoring-purge-job-runs": _purge("job_runs", 5000),
    "monitoring-purge-checks": (_job("select monitoring.drop_old_partitions()"),),
    "monitoring-close-quiet-incidents": (
        _job(
            "select monitoring.close_quiet_incidents(200)",
            Budget(entries=20_000, blocks=100_000, reason="it closes up to 200 incidents"),
        ),
    ),
    "monitoring-end-suppressions": (
        _job("select monitoring.end_suppressions()"),
        _job("select monitoring.end_expired_claims()"),
        _job("select monitoring.count_reports()"),
    ),
    "monitoring-close-overdue-actions": (
        _job("select monitoring.fail_running_actions('exceeded its deadline', true)"),
    ),
    "monitoring-anchor-audit": (_job("select public.anchor_audit()"),),
    "monitoring-embed-knowledge": (
        _job("select monitoring.collect_embeddings()"),
        _job("select monitoring.send_embeddings()"),
    ),
    "monitoring-retry-deliveries": (_job("select monitoring.retry_deliveries()"),),
    "monitoring-send-notifications": (_job("select monitoring.send_due_notifications()"),),
    "monitoring-watch-sentry": (_job("select monitoring.check_sentry_feed()"),),
}
"""By job; each function that the job's command calls is in a call."""
