"""The targets of the shop, their history of 90 days, heartbeats, a certificate, and planned maintenance.

All addresses are those of the service itself on this machine, so the checks are real and nothing else is asked. One
address does not exist, and one answer is expected faster than it comes: so one target is down and one is degraded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

import psycopg

JsonObject = dict[str, object]

PAGE_TITLE = "Hazel & Oak"
_LOGO = (
    "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCA0MCA0MCI+PHJlY3Qgd2lkdGg9IjQwIiBoZWlnaHQ9"
    "IjQwIiByeD0iOSIgZmlsbD0iIzJmNmI0ZiIvPjxwYXRoIGQ9Ik0xMiA5djIyTTI4IDl2MjJNMTIgMjBoMTYiIHN0cm9rZT0iI2ZmZiIgc3Ryb2tl"
    "LXdpZHRoPSI0IiBmaWxsPSJub25lIiBzdHJva2UtbGluZWNhcD0icm91bmQiLz48L3N2Zz4="
)
PAGE_LOGO = f"data:image/svg+xml;base64,{_LOGO}"


@dataclass(frozen=True)
class Outage:
    """A time in the past at which a target was not up."""

    days_ago: int
    hour: int
    """Hour of the day, in UTC, with which it began."""
    minutes: int
    status: str = "down"
    problem: str = "the status is 503, expected 200-399"

    def hour_started(self, now: datetime) -> datetime:
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=self.days_ago) + timedelta(hours=self.hour)

    def hours(self, now: datetime) -> list[JsonObject]:
        """Each hour in which the target was not up, and for how many minutes of it."""
        started = self.hour_started(now)
        return [
            {
                "hour": (started + timedelta(hours=number)).isoformat(),
                "minutes": min(60, self.minutes - 60 * number),
                "status": self.status,
            }
            for number in range(ceil(self.minutes / 60))
        ]


@dataclass(frozen=True)
class Target:
    """A target, what it usually answers in, and when it was not up."""

    entry: JsonObject
    usual_ms: int = 20
    days: int = 90
    """How long it exists."""
    outages: tuple[Outage, ...] = ()

    @property
    def name(self) -> str:
        return str(self.entry["name"])

    @property
    def is_heartbeat(self) -> bool:
        return self.entry["type"] == "heartbeat"

    @property
    def is_paused(self) -> bool:
        return self.entry.get("is_paused") is True


TARGETS = (
    Target(
        {"name": "shop", "type": "frontend", "path": "/health?of=shop", "public": True, "group": "Shop"},
        24,
        outages=(Outage(9, 14, 38), Outage(31, 3, 104), Outage(62, 19, 55)),
    ),
    Target(
        {
            "name": "checkout",
            "type": "backend",
            "path": "/health?of=checkout",
            "public": True,
            "group": "Shop",
            "jsonb_path": '$.status == "ok"',
        },
        15,
        outages=(
            Outage(2, 9, 21, problem="timed out after 5000 ms"),
            Outage(9, 14, 41),
            Outage(24, 22, 34, "degraded", "answered in 1430 ms, expected 800 ms at most"),
            Outage(47, 6, 131),
        ),
    ),
    Target(
        {
            "name": "search",
            "type": "backend",
            "path": "/health?of=search",
            "public": True,
            "group": "Shop",
            "max_response_ms": 1,
        },
        31,
        40,
        outages=(
            Outage(1, 16, 48, "degraded", "answered in 910 ms, expected 400 ms at most"),
            Outage(6, 11, 26, "degraded", "answered in 870 ms, expected 400 ms at most"),
        ),
    ),
    Target(
        {
            "name": "gift-cards",
            "type": "backend",
            "path": "/gift-cards/health",
            "public": True,
            "group": "Shop",
            "depends_on": "checkout",
            "severity": "HIGH",
            "retry_interval_seconds": 0,
        },
        18,
        outages=(Outage(13, 8, 9), Outage(14, 8, 33)),
    ),
    Target(
        {"name": "payments-api", "type": "backend", "path": "/health?of=payments", "public": True, "group": "Payments"},
        17,
        outages=(Outage(18, 1, 29, problem="no HTTP response: connection refused"), Outage(71, 12, 88)),
    ),
    Target(
        {"name": "payouts", "type": "backend", "path": "/health?of=payouts", "group": "Payments"},
        26,
        outages=(Outage(4, 4, 15),),
    ),
    Target(
        {"name": "image-cdn", "type": "other", "path": "/health?of=images", "public": True, "group": "Delivery"},
        9,
        outages=(Outage(37, 17, 52),),
    ),
    Target(
        {"name": "warehouse-import", "type": "heartbeat", "period_minutes": 60, "group": "Jobs"},
        outages=(Outage(5, 2, 50, problem="no heartbeat arrived in time"),),
    ),
    Target(
        {
            "name": "nightly-backup",
            "type": "heartbeat",
            "cron": "0 2 * * *",
            "timezone": "Europe/Berlin",
            "grace_minutes": 30,
            "group": "Jobs",
        }
    ),
    Target({"name": "invoice-export", "type": "heartbeat", "period_minutes": 240, "group": "Jobs"}),
    Target(
        {
            "name": "old-catalog",
            "type": "backend",
            "path": "/health?of=catalog",
            "is_paused": True,
            "group": "Delivery",
        },
        21,
    ),
)
DOWN, DEGRADED, PAUSED = "gift-cards", "search", "old-catalog"
FINISHED_JOBS, FAILED_JOB = ("warehouse-import", "nightly-backup"), "invoice-export"
"""The heartbeats of which a run ended well today, and the one whose run failed with an exit code."""
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GROUPS = tuple(dict.fromkeys(str(target.entry["group"]) for target in TARGETS))


def entries(service_url: str) -> list[JsonObject]:
    """The targets as health_check_targets has them."""
    found = []
    for target in TARGETS:
        entry = dict(target.entry)
        path = entry.pop("path", None)
        found.append({**entry, "url": f"{service_url}{path}"} if path is not None else entry)
    return found


def maintenance_windows(now: datetime) -> list[JsonObject]:
    """One in progress, one tomorrow night, and one each week, which is never in progress: the next is in three days."""
    tomorrow = (now + timedelta(days=1)).strftime("%Y-%m-%d")
    weekday = _WEEKDAYS[(now + timedelta(days=3)).weekday()]
    return [
        {
            "starts_at": (now - timedelta(minutes=20)).strftime("%Y-%m-%dT%H:%M"),
            "ends_at": (now + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M"),
            "targets": ["image-cdn"],
            "reason": "Images move to another provider.",
        },
        {
            "starts_at": f"{tomorrow}T22:00",
            "ends_at": f"{tomorrow}T23:30",
            "targets": ["payments-api", "payouts"],
            "reason": "The payment database gets a larger disk.",
        },
        {
            "days": [weekday],
            "from": "03:00",
            "to": "04:00",
            "timezone": "Europe/Berlin",
            "targets": ["shop", "checkout", "search"],
            "reason": "Weekly updates of the servers.",
        },
    ]


_SET_TARGETS = """
update public.system_config
set value = (
    select coalesce(jsonb_agg(kept.item order by kept.position), '[]')
    from jsonb_array_elements(value) with ordinality as kept (item, position)
    where kept.item ->> 'name' not in (select given ->> 'name' from jsonb_array_elements(%(entries)s::jsonb) as given)
  ) || %(entries)s::jsonb
where key = 'health_check_targets'
  and not value @> %(entries)s::jsonb
"""
_SET_FIELDS = """
update public.system_config
set value = value || %(fields)s::jsonb
where key = 'health_check_policy'
  and not value @> %(fields)s::jsonb
"""
_SET_WINDOWS = """
update public.system_config
set value = value || jsonb_build_object(
    'maintenance_windows', coalesce(
      (
        select jsonb_agg(kept.item order by kept.position)
        from jsonb_array_elements(value -> 'maintenance_windows') with ordinality as kept (item, position)
        where kept.item ->> 'reason' is null
          or kept.item ->> 'reason' not in (
            select given ->> 'reason' from jsonb_array_elements(%(windows)s::jsonb) as given
          )
      ),
      '[]'
    ) || %(windows)s::jsonb
  )
where key = 'health_check_policy'
"""
# The last hours are counted first, so that what the demo adds hides no hour of other targets.
_ROLL_UP = "select monitoring.roll_up_checks()"
_ADD_HOURS = """
insert into monitoring.target_hourly_stats (
  target, hour, checks, up, degraded, down, unknown, maintenance, p50_ms, p95_ms, max_ms, up_seconds,
  degraded_seconds, down_seconds
)
select
  targets.name, hours.hour, 60, 60 - bad.degraded - bad.down, bad.degraded, bad.down, 0, 0,
  targets.usual_ms + wave.ms, (targets.usual_ms + wave.ms) * 7 / 4 + noise.number, (targets.usual_ms + wave.ms) * 5,
  60 * (60 - bad.degraded - bad.down), 60 * bad.degraded, 60 * bad.down
from jsonb_to_recordset(%(targets)s) as targets (name text, usual_ms integer, days integer, outages jsonb)
cross join lateral generate_series(
  date_trunc('day', now(), 'UTC') - make_interval(days => targets.days - 1),
  date_trunc('hour', now(), 'UTC') - interval '1 hour', interval '1 hour'
) as hours (hour)
cross join lateral (
  select
    coalesce(sum(outages.minutes) filter (where outages.status = 'degraded'), 0)::integer as degraded,
    coalesce(sum(outages.minutes) filter (where outages.status = 'down'), 0)::integer as down
  from jsonb_to_recordset(targets.outages) as outages (hour timestamptz, minutes integer, status text)
  where outages.hour = hours.hour
) as bad
cross join lateral (
  select abs(hashtext(targets.name || hours.hour::text)) %% (targets.usual_ms / 4 + 2) as number
) as noise
cross join lateral (
  -- Slower in the evening, and while something is wrong.
  select noise.number + (
    targets.usual_ms * (0.15 * (1 - cos(2 * pi() * (extract(hour from hours.hour at time zone 'UTC') - 7) / 24)))
  )::integer + 9 * bad.degraded + 2 * bad.down as ms
) as wave
on conflict (target, hour) do nothing
"""
_ADD_DAYS = (
    "select monitoring.write_days(date_trunc('day', now(), 'UTC')::date - 89, date_trunc('day', now(), 'UTC')::date)"
)
# The rounds of the last three hours, so that the charts of the last hour are complete at once.
_ADD_CHECKS = """
insert into public.monitoring_checks (
  target, target_type, url, status, http_status, response_time_ms, scheduled_at, sent_at, completed_at
)
select
  targets.name, targets.type::public.target_type, targets.url, 'up', 200,
  targets.usual_ms + abs(hashtext(targets.name || minutes.number::text)) %% (targets.usual_ms / 3 + 3),
  minutes.round, minutes.round, minutes.round + interval '1 second'
from jsonb_to_recordset(%(targets)s) as targets (name text, type text, url text, usual_ms integer)
cross join lateral (
  select
    ago.number,
    date_trunc('hour', now(), 'UTC') - interval '2 hours' + make_interval(mins => ago.number) as round
  from generate_series(0, 180) as ago (number)
) as minutes
where targets.url is not null
  and minutes.round < date_trunc('minute', now()) - interval '1 minute'
on conflict (target, scheduled_at) do nothing
"""
_ADD_PAUSED = """
insert into monitoring.target_states (target, status, last_status, since, last_check_at, last_response_time_ms)
values (%(name)s, 'up', 'up', now() - interval '20 days', now() - interval '4 days', 22)
on conflict (target) do nothing
"""
# Never judged: no target of the demo is https, so the judgement would delete them.
_ADD_CERTIFICATES = """
insert into monitoring.target_certificates (
  target, endpoint, next_look_at, looked_at, issuer, subject, names, not_before, not_after
)
values
(
  'shop', 'shop.example:443', now() + interval '5 hours', now() - interval '20 minutes', 'R12 (Let''s Encrypt)',
  'shop.example', '{shop.example,www.shop.example}', now() - interval '29 days', now() + interval '61 days'
),
(
  'payments-api', 'pay.shop.example:443', now() + interval '5 hours', now() - interval '20 minutes',
  'R12 (Let''s Encrypt)', 'pay.shop.example', '{pay.shop.example}', now() - interval '49 days',
  now() + interval '41 days'
)
on conflict (target) do update
  set next_look_at = excluded.next_look_at, looked_at = excluded.looked_at, not_after = excluded.not_after
"""
_ADD_RUNS = """
insert into monitoring.heartbeat_runs (target, ended_at, status, duration_ms, exit_code)
select
  jobs.name, runs.ended_at, case when jobs.failed = runs.number then 'failed' else 'ok' end,
  jobs.usual_ms + abs(hashtext(jobs.name || runs.number::text)) % (jobs.usual_ms / 3),
  case when jobs.failed = runs.number then 2 end
from (
  values
  ('warehouse-import', interval '1 hour', interval '8 minutes', 41000, 9),
  ('nightly-backup', interval '1 day', interval '1 hour 17 minutes', 870000, 0),
  ('invoice-export', interval '4 hours', interval '3 minutes', 126000, 4)
) as jobs (name, each, after, usual_ms, failed)
cross join lateral (
  select
    ago.number,
    date_bin(jobs.each, now(), timestamptz '2000-01-01 00:00:00+00') + jobs.after - jobs.each * ago.number as ended_at
  from generate_series(1, 24) as ago (number)
) as runs
where exists (select from monitoring.heartbeats where heartbeats.target = jobs.name)
on conflict (target, ended_at) do nothing
"""
# The service is told of the failed run only.
_ADD_LAST_SUCCESS = """
update monitoring.heartbeats
set last_ok_at = (
  select max(runs.ended_at)
  from monitoring.heartbeat_runs as runs
  where runs.target = heartbeats.target
    and runs.status = 'ok'
)
where target = %s
  and last_ok_at is null
"""
_COUNT_FIGURES = "select monitoring.store_target_figures()"
_HEARTBEAT_PATHS = "select name, path from monitoring.list_heartbeat_keys() where name = any(%s)"


def configure(database: psycopg.Connection, service_url: str, now: datetime) -> None:
    """Adds the targets, the title and logo of the page, and the maintenance windows; those of others stay."""
    fields = {"allow_private": True, "page_title": PAGE_TITLE, "page_logo": PAGE_LOGO}
    database.execute(_SET_FIELDS, {"fields": json.dumps(fields)})
    database.execute(_SET_TARGETS, {"entries": json.dumps(entries(service_url))})
    database.execute(_SET_WINDOWS, {"windows": json.dumps(maintenance_windows(now))})


def add_history(database: psycopg.Connection, service_url: str, now: datetime) -> None:
    """Writes the hours, days and rounds that are missing, the paused target and the certificates."""
    described = json.dumps(
        [
            {
                **entry,
                "usual_ms": None if target.is_heartbeat else target.usual_ms,
                "days": target.days,
                "outages": [hour for outage in target.outages for hour in outage.hours(now)],
            }
            for target, entry in zip(TARGETS, entries(service_url), strict=True)
        ]
    )
    database.execute(_ROLL_UP)
    database.execute(_ADD_PAUSED, {"name": PAUSED})
    for statement in (_ADD_HOURS, _ADD_CHECKS):
        database.execute(statement, {"targets": described})
    database.execute(_ADD_DAYS)
    database.execute(_ADD_RUNS)
    database.execute(_ADD_LAST_SUCCESS, [FAILED_JOB])
    database.execute(_ADD_CERTIFICATES)


def count_figures(database: psycopg.Connection) -> None:
    """Counts the uptime of all targets, as a job does each hour."""
    database.execute(_COUNT_FIGURES)


def heartbeat_paths(database: psycopg.Connection) -> dict[str, str]:
    """The path of the URL of each heartbeat of the demo."""
    names = [target.name for target in TARGETS if target.is_heartbeat]
    return dict(database.execute(_HEARTBEAT_PATHS, [names]).fetchall())
