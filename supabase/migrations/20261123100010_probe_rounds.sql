-- Purpose: starts a round of health checks: each minute, each enabled target that is due gets one row; its requests are
--   sent at their times.
-- Objects: type monitoring.sent_probe; tables monitoring.target_states, monitoring.awaited_checks; functions
--   monitoring.write_probe_headers, monitoring.send_probe, monitoring.find_answer_due, monitoring.carry_over_checks,
--   monitoring.start_round, monitoring.settle_unsendable_checks, monitoring.send_due_checks,
--   monitoring.run_health_checks.
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

comment on column monitoring.target_states.last_status is
'Last status other than unknown and disputed: up, degraded or down.';

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
  check_id bigint not null,
  group_size integer,
  is_slow boolean not null default false,
  worker_pid integer,
  worker_restarts integer not null default 0
);

create index awaited_checks_check_idx on monitoring.awaited_checks (check_id);

alter table monitoring.awaited_checks enable row level security;

create policy awaited_checks_is_read_by_nobody on monitoring.awaited_checks
for select to authenticated
using (false);

revoke all on table monitoring.awaited_checks from public, anon, authenticated, service_role;

comment on table monitoring.awaited_checks is
'The check that each request of pg_net belongs to, until its answer is recorded or overdue. A crash of PostgreSQL
empties the table: an answer to a later request with the same id cannot count for a check that was sent before the crash.';

comment on column monitoring.awaited_checks.request_id is 'Id of the request in pg_net.';

comment on column monitoring.awaited_checks.check_id is 'Check that waits for the answer.';

comment on column monitoring.awaited_checks.group_size is
'Number of suspected targets that were sent together while nothing else of ours was in flight: 1 when the target was
alone. Null for an ordinary attempt.';

comment on column monitoring.awaited_checks.is_slow is
'Whether the target may be slow, so that it delays other answers: it was slow, failed or unknown before.';

comment on column monitoring.awaited_checks.worker_pid is
'Process id of the worker of pg_net when it was last seen since the request was sent. Null while there was none.';

comment on column monitoring.awaited_checks.worker_restarts is
'Number of times that the worker of pg_net was seen with another process id since the request was sent.';

create type monitoring.sent_probe as (request_id bigint, problem text);

comment on type monitoring.sent_probe is
'The request id of pg_net, or the reason why the request could not be enqueued.';

create function monitoring.write_probe_headers(target monitoring.probe_targets)
returns jsonb
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_headers jsonb := (write_probe_headers.target).headers;
begin
  if (write_probe_headers.target).method = 'POST'
    and (write_probe_headers.target).content_type is not null
    and not exists (
      select
      from jsonb_object_keys(v_headers) as headers (name)
      where lower(headers.name) = 'content-type'
    )
  then
    v_headers := v_headers || jsonb_build_object('Content-Type', (write_probe_headers.target).content_type);
  end if;
  if (write_probe_headers.target).secret_headers <> '{}' then
    v_headers := v_headers || (
      select jsonb_object_agg(secret.header, monitoring.read_channel_secret(secret.name))
      from jsonb_each_text((write_probe_headers.target).secret_headers) as secret (header, name)
    );
  end if;
  return v_headers;
end
$$;

comment on function monitoring.write_probe_headers(monitoring.probe_targets) is
'Returns the headers of a request, with the values of its secrets: do not store them. Raises an error that names the
secret if one is missing or empty.';

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
  v_headers jsonb;
  v_content_type text;
begin
  v_headers := monitoring.write_probe_headers(send_probe.target);
  v_content_type := (
    select header.value
    from jsonb_each_text(v_headers) as header (key, value)
    where lower(header.key) = 'content-type'
    limit 1
  );
  if (send_probe.target).method <> 'POST' then
    v_sent.request_id := net.http_get(
      url => (send_probe.target).url,
      headers => v_headers,
      timeout_milliseconds => (send_probe.target).timeout_ms
    );
  elsif coalesce(v_content_type, 'application/json') = 'application/json' then
    v_sent.request_id := net.http_post(
      url => (send_probe.target).url,
      body => coalesce((send_probe.target).body, '{}')::jsonb,
      headers => v_headers,
      timeout_milliseconds => (send_probe.target).timeout_ms
    );
  else
    -- net.http_post() refuses other content types. The worker sends whatever the queue contains.
    insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
    values (
      'POST',
      net._encode_url_with_params_array((send_probe.target).url, '{}'),
      v_headers,
      convert_to(coalesce((send_probe.target).body, ''), 'UTF8'),
      (send_probe.target).timeout_ms
    )
    returning http_request_queue.id into v_sent.request_id;
    perform net.wake();
  end if;
  return v_sent;
exception
  -- What a target or a privilege can cause. A full disk, a cancelled statement or a deadlock stops the whole call.
  when internal_error or data_exception or raise_exception or check_violation
    or syntax_error_or_access_rule_violation or invalid_schema_name
  then
    v_sent.problem := monitoring.sanitize_text('could not be sent: ' || sqlerrm, 1000);
    return v_sent;
end
$$;

comment on function monitoring.send_probe(monitoring.probe_targets) is
'Enqueues one request with pg_net, which sends it after commit. A URL that pg_net refuses, a missing secret or a missing
privilege is returned in problem.';

create function monitoring.find_answer_due(timeout_ms integer, queued bigint, longest_timeout_ms integer)
returns timestamptz
language sql
volatile
strict
security invoker
set search_path = ''
as $$
  -- pg_net sends a batch of requests at a time, and the next one a second after the slowest has finished. One that is being sent still counts as queued.
  select clock_timestamp() + make_interval(
    secs => least(
      find_answer_due.timeout_ms / 1000.0 + 10
      + ceil(
        find_answer_due.queued
        / greatest(coalesce(nullif(current_setting('pg_net.batch_size', true), ''), '200')::numeric, 1)
      ) * (find_answer_due.longest_timeout_ms / 1000.0 + 1),
      55
    )::double precision
  )
$$;

comment on function monitoring.find_answer_due(integer, bigint, integer) is
'Returns when a request enqueued now counts as unanswered: 10 s after its timeout, later when other batches precede
it (queued is the number of requests before it), but within the minute.';

create function monitoring.carry_over_checks(scheduled_at timestamptz)
returns void
language sql
volatile
strict
security invoker
set search_path = ''
as $$
  update monitoring.probes
  set scheduled_at = carry_over_checks.scheduled_at
  where probes.send_at <= clock_timestamp()
    and probes.sent_at is null
    and probes.scheduled_at < carry_over_checks.scheduled_at
    and not exists (
      select
      from monitoring.all_checks as present
      where present.target = probes.target
        and present.scheduled_at > probes.scheduled_at
        and present.scheduled_at <= carry_over_checks.scheduled_at
        -- What waits is of the minutes before: no other partitions are read.
        and present.scheduled_at > carry_over_checks.scheduled_at - interval '1 day'
    )
$$;

comment on function monitoring.carry_over_checks(timestamptz) is
'Dates checks that could not be sent in an earlier minute to this one. They keep their place among those that wait.';

create function monitoring.start_round(scheduled_at timestamptz)
returns integer
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz;
  v_has_windows boolean;
  v_count integer;
begin
  if not (monitoring.config('feature_flags') ->> 'monitoring')::boolean then
    return 0;
  end if;
  perform pg_advisory_xact_lock(20261123, 1800);
  perform monitoring.remove_future_checks();
  perform monitoring.withdraw_unanswered_requests();
  perform monitoring.carry_over_checks(start_round.scheduled_at);
  v_now := clock_timestamp();
  v_has_windows := monitoring.config('health_check_policy') -> 'maintenance_windows' <> '[]';

  with due as (
    select
      probe_targets.*,
      target_states.target is null as is_new,
      coalesce(target_states.is_slow, true) as is_slow,
      target_states.is_slow and target_states.unknown_rounds = 0 as is_sent_last
    from monitoring.probe_targets
    left join monitoring.target_states on target_states.target = probe_targets.name
    where probe_targets.is_enabled
      and probe_targets.type <> 'heartbeat'
      and not (probe_targets.is_paused and monitoring.is_paused_by_owner(probe_targets))
      and target_states.paused_at is null
      and not exists (
        select
        from monitoring.all_checks as present
        where present.target = probe_targets.name
          and present.scheduled_at > start_round.scheduled_at - make_interval(mins => probe_targets.interval_minutes)
          and present.scheduled_at <= start_round.scheduled_at
          -- The longest interval: the partitions of earlier weeks are not read.
          and present.scheduled_at > start_round.scheduled_at - interval '1 day'
          -- An unknown round says nothing about the target, so it is tried again.
          and (present.status <> 'unknown' or present.scheduled_at = start_round.scheduled_at)
        -- A look-up for each target, instead of a join that reads all checks.
        offset 0
      )
  ),

  known as (
    insert into monitoring.target_states (target, since)
    select due.name, start_round.scheduled_at
    from due
    where due.is_new
    order by due.name
    on conflict (target) do nothing
  ),

  noted as (
    insert into monitoring.probes (
      target, target_type, url, scheduled_at, interval_minutes, send_at, is_maintenance
    )
    select
      due.name,
      due.type,
      monitoring.sanitize_text(due.url, 2000),
      start_round.scheduled_at,
      due.interval_minutes,
      case
        when due.is_new then v_now
        else greatest(
          v_now,
          -- The slow ones share batches of pg_net and delay nobody else.
          start_round.scheduled_at + make_interval(
            secs => case when due.is_sent_last then 50 else due.send_offset_ms / 1000.0 end
          )
        )
      end,
      v_has_windows and monitoring.is_in_maintenance(due.name, v_now)
    from due
    order by due.is_slow, due.place
    on conflict on constraint one_probe_a_target_and_round do nothing
    returning probes.id
  )

  select count(*)::integer
  into v_count
  from noted;
  perform monitoring.send_due_checks();
  return v_count;
end
$$;

comment on function monitoring.start_round(timestamptz) is
'Inserts a probe for each enabled target that is due at scheduled_at and not paused, with the time at which its request
is to be sent, sends those that are due now, and returns the number of checks. A second call for the same minute adds
nothing, nor does any call while feature_flags.monitoring is false.';

create function monitoring.settle_unsendable_checks()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_is_on boolean := (monitoring.config('feature_flags') ->> 'monitoring')::boolean;
begin
  with due as materialized (
    select
      probes.id,
      probes.sent_at,
      exists (
        select
        from monitoring.probe_targets
        left join monitoring.target_states on target_states.target = probe_targets.name
        where probe_targets.name = probes.target
          and v_is_on
          and probe_targets.is_enabled
          and probe_targets.type <> 'heartbeat'
          and not (probe_targets.is_paused and monitoring.is_paused_by_owner(probe_targets))
          and target_states.paused_at is null
      ) as is_wanted
    from monitoring.probes
    where probes.send_at <= clock_timestamp()
  ),

  unsent as (
    delete from monitoring.probes
    using due
    where probes.id = due.id
      and not due.is_wanted
      and due.sent_at is null
  )

  update monitoring.probes
  set
    send_at = null,
    answer_due_at = clock_timestamp(),
    error = coalesce(probes.error, 'was not sent again, because the target is no longer checked')
  from due
  where probes.id = due.id
    and not due.is_wanted
    and due.sent_at is not null;
end
$$;

comment on function monitoring.settle_unsendable_checks() is
'Removes the checks that are due to be sent and whose targets are no longer checked; those that were sent before become
unanswered.';

create function monitoring.send_due_checks()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_queued bigint;
  v_longest_timeout_ms integer;
  v_batch integer := greatest(coalesce(nullif(current_setting('pg_net.batch_size', true), ''), '200')::integer, 1);
  v_worker_pid integer;
  v_count integer;
begin
  perform pg_advisory_xact_lock(20261123, 1800);
  if not exists (
    select
    from monitoring.probes
    where probes.send_at <= clock_timestamp()
  ) then
    return 0;
  end if;
  perform monitoring.settle_unsendable_checks();
  select count(*), coalesce(max(queue.timeout_milliseconds), 0)
  into v_queued, v_longest_timeout_ms
  from net.http_request_queue as queue;
  v_worker_pid := monitoring.find_worker_pid();

  with due as materialized (
    select
      probes.id as check_id,
      chosen.group_size,
      chosen.is_slow,
      probe_targets as target,
      row_number() over (order by chosen.place) as rank,
      greatest(max(probe_targets.timeout_ms) over (), v_longest_timeout_ms) as longest_timeout_ms
    from monitoring.choose_due_checks() as chosen
    join monitoring.probes on probes.id = chosen.check_id
    join monitoring.probe_targets on probe_targets.name = probes.target
    order by rank
  ),

  sent as materialized (
    select
      due.*,
      -- Without requests before ours, none of ours is being sent yet.
      case when v_queued = 0 then (due.rank - 1) / v_batch * v_batch else v_queued + due.rank - 1 end as queued,
      probe.request_id,
      probe.problem
    from due
    cross join lateral monitoring.send_probe(due.target) as probe
  ),

  awaited as (
    insert into monitoring.awaited_checks as awaited (request_id, check_id, group_size, is_slow, worker_pid)
    select sent.request_id, sent.check_id, sent.group_size, sent.is_slow, v_worker_pid
    from sent
    where sent.request_id is not null
    on conflict (request_id) do update
      set
        check_id = excluded.check_id,
        group_size = excluded.group_size,
        is_slow = excluded.is_slow,
        worker_pid = excluded.worker_pid,
        worker_restarts = 0
  ),

  noted as (
    update monitoring.probes
    set
      send_at = null,
      sent_at = case when sent.problem is null then clock_timestamp() else probes.sent_at end,
      request_id = sent.request_id,
      url = monitoring.sanitize_text((sent.target).url, 2000),
      answered_at = null,
      error = coalesce(sent.problem, probes.error),
      answer_due_at = case
        when sent.problem is not null then clock_timestamp()
        -- Alone in the queue. A worker that is killed once sends it again.
        when sent.group_size is not null
          then clock_timestamp() + make_interval(secs => (sent.target).timeout_ms / 500.0 + 8)
        else monitoring.find_answer_due((sent.target).timeout_ms, sent.queued, sent.longest_timeout_ms)
      end,
      retry_until = coalesce(
        probes.retry_until,
        clock_timestamp() + interval '59 seconds' - make_interval(secs => (sent.target).timeout_ms / 1000.0)
      )
    from sent
    where probes.id = sent.check_id
    returning probes.request_id
  )

  select count(noted.request_id)::integer
  into v_count
  from noted;
  return v_count;
end
$$;

comment on function monitoring.send_due_checks() is
'Sends the requests of checks whose send_at has come, at most 500 in one call, and returns their number.';

create function monitoring.run_health_checks()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- Before the row of the run, which a judgement locks as well when the clock was set back.
  perform pg_advisory_xact_lock(20261123, 1800);
  insert into monitoring.job_runs (job, ran_at)
  values ('monitoring-health-checks', clock_timestamp())
  on conflict (job) do update
    set ran_at = excluded.ran_at;
  return monitoring.start_round(date_trunc('minute', clock_timestamp()));
end
$$;

comment on function monitoring.run_health_checks() is
'Records the run in job_runs, starts the round of the current minute and returns the number of its checks. pg_cron runs
it each minute.';
