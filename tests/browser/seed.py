"""Sample data for the status page: targets, checks, incidents and deployments, relative to now."""

from __future__ import annotations

import json

import psycopg

TARGETS = [
    {"name": "api", "type": "backend", "url": "https://api.shop.example/health", "public": True},
    {
        "name": "checkout",
        "type": "frontend",
        "url": "https://shop.example/checkout",
        "depends_on": "api",
        "group": "Shop",
    },
    {"name": "legacy", "type": "backend", "url": "https://old.shop.example/", "is_paused": True},
    {"name": "payments", "type": "backend", "url": "https://pay.shop.example/health", "group": "Shop"},
    {
        "name": "search",
        "type": "backend",
        "url": "https://search.shop.example/health",
        "max_response_ms": 400,
    },
    {"name": "shop", "type": "frontend", "url": "https://shop.example/", "public": True, "group": "Shop"},
]

STATES = """
insert into monitoring.target_states (target, status, since, last_check_at, last_response_time_ms)
values
('api', 'up', now() - interval '3 days 4 hours', now() - interval '1 minute', 42),
('checkout', 'down', now() - interval '12 minutes', now() - interval '1 minute', null),
('legacy', 'down', now() - interval '12 days', now() - interval '5 days', null),
('payments', 'disputed', now() - interval '4 minutes', now() - interval '1 minute', null),
('search', 'degraded', now() - interval '25 minutes', now() - interval '1 minute', 610),
('shop', 'up', now() - interval '12 days', now() - interval '1 minute', 180)
"""

# 90 days for all targets but search, which has 40; some of the days have failures.
HOURS = """
insert into monitoring.target_hourly_stats
select
  targets.target, hours.hour, 60, 60 - hours.down, 0, hours.down, 0, 0, 40, 60, 90,
  60 * (60 - hours.down), 0, 60 * hours.down, 0, 0, 0
from unnest('{api,checkout,search,shop}'::text[]) with ordinality as targets (target, place)
cross join lateral (
  select
    date_trunc('day', now(), 'UTC') - make_interval(hours => number) as hour,
    case
      when targets.target = 'checkout' and number between 700 and 706 then 30
      when number % 500 = targets.place * 50 then 6
      else 0
    end as down
  from generate_series(1, 24 * case targets.target when 'search' then 40 else 90 end) as ago (number)
) as hours
"""

CHECKS = """
insert into public.monitoring_checks (
  target, target_type, url, status, response_time_ms, scheduled_at, completed_at
)
select
  targets.target, 'backend', 'https://shop.example/',
  case
    when targets.target = 'checkout' and number < 12 then 'down'
    when targets.target = 'search' and number < 25 then 'degraded'
    else 'up'
  end::public.check_status,
  case when targets.target = 'search' and number < 25 then 600 else 40 * targets.place end
    + (number * number * targets.place) % 23,
  date_trunc('minute', now()) - make_interval(mins => number), now()
from unnest('{api,checkout,search,shop}'::text[]) with ordinality as targets (target, place)
cross join generate_series(0, 59) as ago (number)
"""

# The database does not reach payments, the service does.
DISPUTED = """
insert into public.monitoring_checks (
  target, target_type, url, status, error, service_status, scheduled_at, completed_at
)
values (
  'payments', 'backend', 'https://pay.shop.example/health', 'disputed', 'timed out after 5000 ms', 'up',
  date_trunc('minute', now()), now()
)
"""

CERTIFICATES = """
insert into monitoring.target_certificates (target, endpoint, next_look_at, looked_at, issuer, not_after, problem)
values
(
  'payments', 'pay.shop.example:443', now() + interval '6 hours', now(), 'R11 (Let''s Encrypt)',
  now() + interval '5 days 1 hour', null
),
(
  'checkout', 'shop.example:443', now() + interval '1 hour', now(), 'Office Authority', now() + interval '90 days',
  'the certificate is self-signed'
)
"""

REPORTS = [
    ("checkout does not answer", "CRITICAL", "infrastructure", "checkout", 12, 12),
    ("search answers in 610 ms, expected 400 ms at most", "MEDIUM", "infrastructure", "search", 25, 25),
    ("connect ECONNREFUSED 10.0.0.5:5432", "HIGH", "database", "orders", 71, 1204),
    (
        "TypeError: Cannot read properties of undefined (reading 'price')",
        "MEDIUM",
        "frontend",
        "shop",
        190,
        17,
    ),
    ("Deprecated endpoint /v1/cart was called", "LOW", "backend", "cart", 4000, 3),
]

INCIDENT = """
insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, source, occurrence_count, first_seen, last_seen
)
select %s, 'page ' || %s, %s, %s, %s, %s, 'given', %s, %s,
  now() - make_interval(mins => %s), now() - interval '1 minute'
"""

DEPLOYMENTS = """
insert into public.deployment_history (
  service, version, environment, status, deployed_by, started_at, finished_at
)
select
  service, version, 'production', status::public.deployment_status, 'ci',
  now() - started::interval, now() - started::interval + interval '5 minutes'
from (
  values ('checkout', 'v2.14.0', 'failed', '20 minutes'), ('search', 'v1.9.2', 'succeeded', '5 hours')
) as given (service, version, status, started)
"""


# No job runs: a round would send requests to these targets.
STOP_JOBS = "update cron.job set schedule = '0 0 1 1 *'"


def fill(connection: psycopg.Connection) -> None:
    """Fills an empty database."""
    connection.execute(STOP_JOBS)
    connection.execute(
        "update public.system_config set value = %s where key = 'health_check_targets'", [json.dumps(TARGETS)]
    )
    for statement in (STATES, HOURS, CHECKS, DISPUTED, CERTIFICATES, DEPLOYMENTS):
        connection.execute(statement)
    for number, (title, severity, category, source, minutes, count) in enumerate(REPORTS, start=1):
        identifier = f"INC-{number}"
        connection.execute(
            INCIDENT,
            [identifier, identifier, title, title, severity, category, source, count, minutes],
        )
