-- Purpose: starts a round of health checks: each minute, each enabled target that is due gets one row and one
--   request.
-- Objects: type monitoring.sent_probe; tables monitoring.target_states, monitoring.awaited_checks; functions
--   monitoring.send_probe, monitoring.find_answer_due, monitoring.start_round, monitoring.run_health_checks.
-- Risks: each request is enqueued in a block of its own, so that one malformed URL does not stop the others. Rounds
--   and judgements take one advisory lock, so they never lock each other's rows in different orders.

create table monitoring.target_states (
  target text primary key,
  status public.check_status not null default 'pending',
  since timestamptz not null,
  last_status public.check_status,
  good_rounds integer not null default 0,
  degraded_rounds integer not null default 0,
  down_rounds integer not null default 0,
  unknown_rounds integer not null default 0,
  disputed_rounds integer not null default 0,
  worker_kills integer not null default 0,
  paused_at timestamptz,
  pause_reason text,
  changed_at timestamptz[] not null default '{}',
  is_slow boolean not null default false,
  last_check_at timestamptz,
  last_response_time_ms integer
)
with (fillfactor = 70); -- updated every minute

alter table monitoring.target_states enable row level security;

create policy target_states_are_read_by_agents on monitoring.target_states
for select to authenticated
using (true);

revoke all on table monitoring.target_states from public, anon, authenticated, service_role;

-- Only for the view public.target_status, which runs with the privileges of its reader. API roles have no USAGE on the
-- schema.
grant select on table monitoring.target_states to authenticated, service_role;

comment on table monitoring.target_states is 'Current state of each target after its last judged round.';

comment on column monitoring.target_states.target is 'Name of the target.';

comment on column monitoring.target_states.status is 'Result of the last round; pending before the first.';

comment on column monitoring.target_states.since is 'Round since which the status is unchanged.';

comment on column monitoring.target_states.last_status is 'Last status other than unknown and disputed: up, degraded or down.';

comment on column monitoring.target_states.good_rounds is
'Number of consecutive rounds that were up. Unknown rounds do not count.';

comment on column monitoring.target_states.degraded_rounds is 'Number of consecutive rounds that were degraded.';

comment on column monitoring.target_states.down_rounds is 'Number of consecutive rounds that were down.';

comment on column monitoring.target_states.unknown_rounds is 'Number of consecutive rounds without a response.';

comment on column monitoring.target_states.disputed_rounds is
'Number of consecutive rounds in which only the service reached the target.';

comment on column monitoring.target_states.worker_kills is
'Number of times that the worker of pg_net ended while it waited for this target alone.';

comment on column monitoring.target_states.paused_at is
'Time at which the health checks paused the target themselves. Null while they did not.';

comment on column monitoring.target_states.pause_reason is 'Why the health checks paused the target.';

comment on column monitoring.target_states.changed_at is 'Rounds of the last 30 minutes in which last_status changed.';

comment on column monitoring.target_states.is_slow is
'Whether the last round took more than a second or timed out. Slow targets are sent last, so that they do not delay
fast ones.';

comment on column monitoring.target_states.last_check_at is 'Round that was judged last.';

comment on column monitoring.target_states.last_response_time_ms is 'Response time of the last round in milliseconds.';

-- Unlogged as pg_net's tables are: the crash that lets pg_net count request ids from 1 again empties it as well.
create unlogged table monitoring.awaited_checks (
  request_id bigint primary key,
  check_id bigint not null
);

create index awaited_checks_check_idx on monitoring.awaited_checks (check_id);

alter table monitoring.awaited_checks enable row level security;

create policy awaited_checks_is_read_by_nobody on monitoring.awaited_checks
for select to authenticated
using (false);

revoke all on table monitoring.awaited_checks from public, anon, authenticated, service_role;

comment on table monitoring.awaited_checks is
'The check that each request of pg_net belongs to, until its answer is recorded or overdue. A crash of PostgreSQL empties
the table: an answer to a later request with the same id cannot count for a check that was sent before the crash.';

comment on column monitoring.awaited_checks.request_id is 'Id of the request in pg_net.';

comment on column monitoring.awaited_checks.check_id is 'Check that waits for the answer.';

create type monitoring.sent_probe as (request_id bigint, problem text);

comment on type monitoring.sent_probe is
'The request id of pg_net, or the reason why the request could not be enqueued.';

create function monitoring.send_probe(target monitoring.probe_targets)
returns monitoring.sent_probe
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_sent monitoring.sent_probe;
begin
  if (send_probe.target).method = 'POST' then
    v_sent.request_id := net.http_post(
      url => (send_probe.target).url,
      headers => (send_probe.target).headers,
      timeout_milliseconds => (send_probe.target).timeout_ms
    );
  else
    v_sent.request_id := net.http_get(
      url => (send_probe.target).url,
      headers => (send_probe.target).headers,
      timeout_milliseconds => (send_probe.target).timeout_ms
    );
  end if;
  return v_sent;
exception
  when others then
    v_sent.problem := monitoring.sanitize_text('could not be sent: ' || sqlerrm, 1000);
    return v_sent;
end
$$;

comment on function monitoring.send_probe(monitoring.probe_targets) is
'Enqueues one request with pg_net, which sends it after commit. An error of pg_net is returned in problem.';

create function monitoring.find_answer_due(timeout_ms integer, queued bigint, longest_timeout_ms integer)
returns timestamptz
language sql
volatile
strict
security invoker
set search_path = ''
as $$
  -- pg_net sends 200 requests at a time, and the next 200 after the slowest has finished and a second has passed.
  select clock_timestamp() + make_interval(
    secs => least(
      find_answer_due.timeout_ms / 1000.0 + 20
      + floor(find_answer_due.queued / 200) * (find_answer_due.longest_timeout_ms / 1000.0 + 1),
      55
    )::double precision
  )
$$;

comment on function monitoring.find_answer_due(integer, bigint, integer) is
'Returns when a request enqueued now counts as unanswered: 20 s after its timeout, later when other batches precede
it (queued is the number of requests before it), but within the minute.';

create function monitoring.start_round(scheduled_at timestamptz)
returns integer
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_queued bigint;
  v_has_windows boolean;
  v_count integer;
begin
  if not (monitoring.config('feature_flags') ->> 'monitoring')::boolean then
    return 0;
  end if;
  perform pg_advisory_xact_lock(20261123, 1800);
  v_queued := (select count(*) from net.http_request_queue);
  v_has_windows := monitoring.config('health_check_policy') -> 'maintenance_windows' <> '[]';

  with due as (
    select
      probe_targets as target,
      coalesce(target_states.is_slow, true) as is_slow,
      max(probe_targets.timeout_ms) over () as longest_timeout_ms
    from monitoring.probe_targets
    left join monitoring.target_states on target_states.target = probe_targets.name
    where probe_targets.is_enabled
      and probe_targets.type <> 'heartbeat'
      and not exists (
        select
        from public.monitoring_checks
        where monitoring_checks.target = probe_targets.name
          and monitoring_checks.scheduled_at
            > start_round.scheduled_at - make_interval(mins => probe_targets.interval_minutes)
      )
  ),

  ranked as (
    select
      due.*,
      row_number() over (order by due.is_slow, (due.target).place) as rank
    from due
    order by rank
  ),

  sent as materialized (
    select
      ranked.target, ranked.rank, ranked.longest_timeout_ms, probe.request_id, probe.problem
    from ranked
    cross join lateral monitoring.send_probe(ranked.target) as probe
  ),

  known as (
    insert into monitoring.target_states (target, since)
    select (sent.target).name, start_round.scheduled_at
    from sent
    order by (sent.target).name
    on conflict (target) do nothing
  ),

  noted as (
    insert into public.monitoring_checks (
      target, target_type, url, scheduled_at, sent_at, request_id, answer_due_at, retry_until, error, is_maintenance
    )
    select
      (sent.target).name,
      (sent.target).type,
      monitoring.sanitize_text((sent.target).url, 2000),
      start_round.scheduled_at,
      case when sent.problem is null then clock_timestamp() end,
      sent.request_id,
      case
        when sent.problem is not null then clock_timestamp()
        else monitoring.find_answer_due(
          (sent.target).timeout_ms, v_queued + sent.rank - 1, sent.longest_timeout_ms
        )
      end,
      clock_timestamp() + interval '59 seconds' - make_interval(secs => (sent.target).timeout_ms / 1000.0),
      sent.problem,
      case when v_has_windows then monitoring.is_in_maintenance((sent.target).name, now()) else false end
    from sent
    order by sent.rank
    returning monitoring_checks.id
  )

  select count(*)::integer
  into v_count
  from noted;
  return v_count;
end
$$;

comment on function monitoring.start_round(timestamptz) is
'Sends one request to each enabled target that is due at scheduled_at, inserts its check, and returns the number of
requests. A second call for the same minute sends nothing, nor does any call while feature_flags.monitoring is
false.';

create function monitoring.run_health_checks()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into monitoring.job_runs (job, ran_at)
  values ('monitoring-health-checks', clock_timestamp())
  on conflict (job) do update
    set ran_at = excluded.ran_at;
  return monitoring.start_round(date_trunc('minute', clock_timestamp()));
end
$$;

comment on function monitoring.run_health_checks() is
'Records the run in job_runs, starts the round of the current minute and returns the number of requests. pg_cron runs
it each minute.';
