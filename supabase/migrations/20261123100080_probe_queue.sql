-- Purpose: keeps the queue of pg_net in order: removes our unanswered requests, finds the targets whose responses end
--   its worker, and removes what a clock that was set back left in the future.
-- Objects: tables monitoring.withdrawn_requests, monitoring.suspected_targets; functions monitoring.find_worker_pid,
--   monitoring.choose_ordinary_checks, monitoring.choose_due_checks, monitoring.remove_future_checks,
--   monitoring.note_worker_restarts,
--   monitoring.delete_withdrawn_requests, monitoring.suspect_targets, monitoring.pause_killers,
--   monitoring.confirm_worker_kills, monitoring.withdraw_unanswered_requests, monitoring.resume_changed_targets;
--   trigger changed_targets_are_resumed.
-- Risks: the worker of pg_net holds the rows of a batch until its slowest request has finished. Every statement about
--   its rows skips locked ones and tries again in the next run.

-- Unlogged as the queue is: a crash empties both, and the request ids start again at 1.
create unlogged table monitoring.withdrawn_requests (
  request_id bigint primary key
);

alter table monitoring.withdrawn_requests enable row level security;

create policy withdrawn_requests_is_read_by_nobody on monitoring.withdrawn_requests
for select to authenticated
using (false);

revoke all on table monitoring.withdrawn_requests from public, anon, authenticated, service_role;

comment on table monitoring.withdrawn_requests is
'Requests that nobody waits for any more, until they are deleted from the queue of pg_net. While its worker sends one,
its row is locked.';

comment on column monitoring.withdrawn_requests.request_id is 'Id of the request in pg_net.';

create unlogged table monitoring.suspected_targets (
  target text primary key,
  scheduled_at timestamptz not null,
  attempts integer not null default 1,
  unanswered_at timestamptz not null,
  worker_ended_at timestamptz,
  worker_pid integer,
  worker_kills integer not null default 0
);

alter table monitoring.suspected_targets enable row level security;

create policy suspected_targets_is_read_by_nobody on monitoring.suspected_targets
for select to authenticated
using (false);

revoke all on table monitoring.suspected_targets from public, anon, authenticated, service_role;

comment on table monitoring.suspected_targets is
'Targets whose latest attempt got no answer while the worker of pg_net restarted: one of them may have ended it. They
are sent apart from the others, in ever smaller groups, until they answer.';

comment on column monitoring.suspected_targets.target is 'Name of the target.';

comment on column monitoring.suspected_targets.scheduled_at is 'Round of the latest unanswered attempt.';

comment on column monitoring.suspected_targets.attempts is
'Number of consecutive unanswered attempts. Each halves the group that the next one is sent in.';

comment on column monitoring.suspected_targets.unanswered_at is
'Time at which the latest attempt was given up. An answer after it ends the suspicion.';

comment on column monitoring.suspected_targets.worker_ended_at is
'Time at which an attempt was given up while the target was alone in the queue and the worker restarted at least twice.
It counts as the cause when the worker is seen to work since. Null otherwise.';

comment on column monitoring.suspected_targets.worker_pid is
'Process id of the worker that is to work since worker_ended_at. Null while there was none.';

comment on column monitoring.suspected_targets.worker_kills is
'Number of attempts that count as the cause of an end of the worker, without an answer in between.';

create function monitoring.find_worker_pid()
returns integer
language sql
stable
security invoker
set search_path = ''
as $$
  select max(pg_stat_activity.pid)
  from pg_catalog.pg_stat_activity
  where (pg_stat_activity.application_name like 'pg\_net %' or pg_stat_activity.backend_type like 'pg\_net %')
    and pg_stat_activity.datname = current_database()
$$;

comment on function monitoring.find_worker_pid() is
'Returns the process id of the worker of pg_net, or null while there is none.';

create function monitoring.choose_ordinary_checks()
returns table (check_id bigint, is_slow boolean, place integer)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_most constant integer := 500;
  v_batch integer := greatest(coalesce(nullif(current_setting('pg_net.batch_size', true), ''), '200')::integer, 1);
  v_in_flight bigint;
  v_is_stuck boolean;
  v_has_slow boolean;
begin
  -- Without an answer for so long, all that waits is sent, so that it becomes unknown instead of waiting for ever.
  select
    count(*),
    coalesce(min(probes.sent_at) < clock_timestamp() - interval '20 seconds', false),
    coalesce(bool_or(awaited_checks.is_slow), false)
  into v_in_flight, v_is_stuck, v_has_slow
  from monitoring.awaited_checks
  join monitoring.probes on probes.id = awaited_checks.check_id;

  return query
  with due as materialized (
    select
      probes.id,
      probes.send_at,
      -- What failed before, or was never answered, may time out. A batch of pg_net lasts as long as its slowest request.
      probes.attempt > 1
      or coalesce(
        target_states.is_slow or target_states.unknown_rounds > 0 or target_states.status = 'pending', true
      ) as is_slow
    from monitoring.probes
    left join monitoring.target_states on target_states.target = probes.target
    where probes.send_at <= clock_timestamp()
      and not exists (
        select
        from monitoring.suspected_targets
        where suspected_targets.target = probes.target
      )
  ),

  turn as (
    select
      coalesce(bool_and(due.is_slow), false)
      or not v_has_slow
      and coalesce(bool_or(due.is_slow and due.send_at < clock_timestamp() - interval '10 seconds'), false) as is_slow
    from due
  )

  select due.id, due.is_slow, row_number() over (order by due.send_at, due.id)::integer
  from due
  join turn on turn.is_slow = due.is_slow
  order by due.send_at, due.id
  limit case
    when v_is_stuck then c_most
    else greatest(
      0, least(c_most, 2 * v_batch - v_in_flight, case when (select turn.is_slow from turn) then v_batch end)
    )
  end;
end
$$;

comment on function monitoring.choose_ordinary_checks() is
'Returns the checks that are to be sent now, without those of suspected targets: at most 500, and no more than two
batches of pg_net in flight, so that what waits can still be put in order. Those that may be slow are sent apart from the others:
when no other is due, or after 10 seconds.';

create function monitoring.choose_due_checks()
returns table (check_id bigint, group_size integer, is_slow boolean, place integer)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_group bigint[];
  v_is_late boolean;
begin
  -- The answer to a group shows whether its targets end the worker only if nothing else of ours is in flight.
  if exists (select from monitoring.awaited_checks where awaited_checks.group_size is not null) then
    return;
  end if;

  with suspected as (
    select
      probes.id,
      suspected_targets.attempts,
      row_number() over (order by suspected_targets.attempts, suspected_targets.unanswered_at, probes.id)
        as place,
      min(suspected_targets.attempts) over () as fewest_attempts,
      (
        probes.send_at < clock_timestamp() - interval '10 seconds'
        and extract(second from clock_timestamp()) >= 53
      )
      or suspected_targets.unanswered_at < clock_timestamp() - interval '5 minutes' as is_late
    from monitoring.probes
    join monitoring.suspected_targets on suspected_targets.target = probes.target
    where probes.send_at <= clock_timestamp()
      and suspected_targets.worker_ended_at is null
  )

  select array_agg(suspected.id order by suspected.place), coalesce(bool_or(suspected.is_late), false)
  into v_group, v_is_late
  from suspected
  where suspected.attempts = suspected.fewest_attempts
    and suspected.place <= greatest(
      1, (select count(*) from monitoring.suspected_targets) >> least(suspected.fewest_attempts, 30)
    );

  if not v_is_late then
    return query
    select ordinary.check_id, null::integer, ordinary.is_slow, ordinary.place
    from monitoring.choose_ordinary_checks() as ordinary;
    if found then
      return;
    end if;
  end if;

  return query
  select chosen.id, cardinality(v_group), true, chosen.place::integer
  from unnest(v_group) with ordinality as chosen (id, place)
  where not exists (select from monitoring.awaited_checks)
    and not exists (select from monitoring.withdrawn_requests);
end
$$;

comment on function monitoring.choose_due_checks() is
'Returns the checks that are to be sent now. Suspected targets wait until no other check is due; then a group of them is
sent once nothing of ours is in flight, and nothing else until it is answered or given up. From second 53 of a minute, the
others wait for them.';

create function monitoring.remove_future_checks()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_is_set_back boolean := exists (
    select
    from monitoring.job_runs
    where greatest(job_runs.ran_at, job_runs.succeeded_at) > v_now + interval '1 second'
  );
  v_removed bigint;
begin
  with removed as (
    delete from monitoring.probes
    where probes.scheduled_at > v_now + interval '1 minute'
      or probes.send_at > v_now + interval '2 minutes'
    returning probes.id
  ),

  removed_results as (
    delete from public.monitoring_checks
    where monitoring_checks.scheduled_at > v_now + interval '1 minute'
    returning monitoring_checks.id
  ),

  unwanted as (
    delete from monitoring.target_looks
    where target_looks.check_id in (select removed.id from removed union all select removed_results.id from removed_results)
  )

  select (select count(*) from removed) + (select count(*) from removed_results)
  into v_removed;

  update monitoring.target_states
  set
    since = least(target_states.since, v_now),
    last_check_at = least(target_states.last_check_at, v_now),
    changed_at = array(
      select moments.moment
      from unnest(target_states.changed_at) as moments (moment)
      where moments.moment <= v_now
    )
  where target_states.target in (
    select ahead.target
    from monitoring.target_states as ahead
    where greatest(ahead.since, ahead.last_check_at) > v_now + interval '1 minute'
    order by ahead.target
    for no key update
  );

  if v_is_set_back then
    -- Attempts that seem to be sent later than they are answered.
    update monitoring.probes
    set
      sent_at = v_now,
      answer_due_at = least(probes.answer_due_at, v_now + interval '1 minute'),
      retry_until = least(probes.retry_until, v_now + interval '1 minute')
    where probes.sent_at > v_now
      and probes.id in (
        select pending.id
        from monitoring.probes as pending
        order by pending.id
        for no key update skip locked
      );
    -- Their rounds may be of the future. Whoever ends the worker is suspected again.
    delete from monitoring.suspected_targets;
    update monitoring.job_runs
    set ran_at = least(job_runs.ran_at, v_now), succeeded_at = least(job_runs.succeeded_at, v_now)
    where greatest(job_runs.ran_at, job_runs.succeeded_at) > v_now;
  end if;
  return v_removed;
end
$$;

comment on function monitoring.remove_future_checks() is
'Deletes checks, in flight and judged, that are dated more than a minute ahead of the clock, and dates states, jobs and
attempts of the future now, so that a clock that was set back stops neither rounds nor judgements. Returns the number of checks deleted.';

create function monitoring.note_worker_restarts()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_pid integer := monitoring.find_worker_pid();
begin
  update monitoring.awaited_checks
  set
    worker_restarts = awaited_checks.worker_restarts + (awaited_checks.worker_pid is not null)::integer,
    worker_pid = v_pid
  where awaited_checks.request_id in (
    select awaited.request_id
    from monitoring.awaited_checks as awaited
    where awaited.worker_pid is distinct from v_pid
      and v_pid is not null
    for no key update skip locked
  );
end
$$;

comment on function monitoring.note_worker_restarts() is
'Counts, for each request in flight, how often the worker of pg_net was seen with another process id. A worker that is
stopped is no restart.';

create function monitoring.delete_withdrawn_requests()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_deleted integer;
begin
  if not exists (select from monitoring.withdrawn_requests) then
    return 0;
  end if;
  with queued as (
    select queue.id
    from net.http_request_queue as queue
    where queue.id in (select withdrawn_requests.request_id from monitoring.withdrawn_requests)
    for update skip locked
  )

  delete from net.http_request_queue
  using queued
  where http_request_queue.id = queued.id;
  get diagnostics v_deleted = row_count;

  -- What is still there is being sent. Should the worker end, the request is deleted before it is sent again.
  delete from monitoring.withdrawn_requests
  where not exists (
    select
    from net.http_request_queue as queue
    where queue.id = withdrawn_requests.request_id
  );
  return v_deleted;
exception
  when insufficient_privilege then
    delete from monitoring.withdrawn_requests;
    -- Where the owner looks when checks are unknown: in the checks, and in the incident about them.
    update monitoring.probes
    set error = 'no response from pg_net, and the request stays in its queue: ' || sqlerrm
    where probes.id in (
      select unanswered.id
      from monitoring.probes as unanswered
      where unanswered.request_id is not null
        and unanswered.answered_at is null
        and unanswered.answer_due_at <= clock_timestamp()
      order by unanswered.id
      for no key update skip locked
    );
    return 0;
end
$$;

comment on function monitoring.delete_withdrawn_requests() is
'Deletes withdrawn requests from the queue of pg_net, unless its worker is sending them, and returns their number.
Without the privilege nothing is deleted, and the checks that are unanswered say so.';

create function monitoring.suspect_targets(requests monitoring.awaited_checks[])
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.suspected_targets as suspected (
    target, scheduled_at, unanswered_at, worker_ended_at, worker_pid
  )
  select
    probes.target,
    max(probes.scheduled_at),
    clock_timestamp(),
    max(
      case
        when request.group_size = 1
          and request.worker_restarts > 1
          -- A request before ours may be the one that ends the worker, whoever sent it.
          and not exists (select from net.http_request_queue as queue where queue.id < request.request_id)
          then clock_timestamp()
      end
    ),
    max(request.worker_pid)
  from unnest(suspect_targets.requests) as request
  join monitoring.probes on probes.id = request.check_id
  where request.worker_restarts > 0
  group by probes.target
  order by probes.target
  on conflict (target) do update
    set
      scheduled_at = excluded.scheduled_at,
      attempts = suspected.attempts + 1,
      unanswered_at = excluded.unanswered_at,
      worker_ended_at = excluded.worker_ended_at,
      worker_pid = excluded.worker_pid
$$;

comment on function monitoring.suspect_targets(monitoring.awaited_checks[]) is
'Suspects the targets of unanswered requests during which the worker of pg_net restarted.';

create function monitoring.pause_killers()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_reason constant text := 'the worker of pg_net ended twice while it waited for the response of this target alone, '
    'as a response of 1 GB makes it, and worked without it in between';
  v_target record;
  v_event monitoring.prepared_event;
  v_events monitoring.prepared_event[] := '{}'::monitoring.prepared_event[];
begin
  for v_target in
    select probe_targets.name, probe_targets.url, probe_targets.severity
    from monitoring.suspected_targets
    join monitoring.target_states on target_states.target = suspected_targets.target
    join monitoring.probe_targets on probe_targets.name = suspected_targets.target
    where suspected_targets.worker_kills > 1
    order by probe_targets.name
    for no key update of target_states
  loop
    -- Without its unknown rounds, it no longer keeps the incident about the prober open.
    update monitoring.target_states
    set paused_at = clock_timestamp(), pause_reason = c_reason, unknown_rounds = 0
    where target_states.target = v_target.name;
    delete from monitoring.suspected_targets
    where suspected_targets.target = v_target.name;
    v_event := monitoring.prepare_event(
      jsonb_build_object(
        'error', jsonb_build_object(
          'message', format(
            '%s is paused: %s. Repair it and call resume_target(), or change its URL.', v_target.name, c_reason
          ),
          'type', 'TargetEndsWorker'
        ),
        'severity', coalesce(v_target.severity, 'HIGH'),
        'category', 'infrastructure',
        'source', 'health-check',
        'url', v_target.url
      ),
      1,
      'health-check'
    );
    v_event.fingerprint := 'health-check:target:' || v_target.name;
    v_event.title := monitoring.sanitize_text(
      format('%s is paused: its responses end the worker of pg_net', v_target.name), 200
    );
    v_event.rule := 'health_check';
    v_event.event_position := cardinality(v_events) + 1;
    v_events := v_events || v_event;
  end loop;
  if v_events <> '{}' then
    perform monitoring.upsert_incidents(v_events);
  end if;
  return cardinality(v_events);
end
$$;

comment on function monitoring.pause_killers() is
'Pauses the targets that ended the worker of pg_net twice, opens an incident for each, and returns their number.';

create function monitoring.confirm_worker_kills()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_pid integer;
begin
  if not exists (select from monitoring.suspected_targets) then
    return;
  end if;
  v_pid := monitoring.find_worker_pid();
  -- An answer ends a suspicion, and so does the end of the target.
  with cleared as (
    delete from monitoring.suspected_targets as suspected
    where exists (
      select
      from monitoring.all_checks
      where all_checks.target = suspected.target
        and all_checks.scheduled_at >= suspected.scheduled_at
        and all_checks.answered_at > suspected.unanswered_at
    )
      or not exists (
        select
        from monitoring.target_states
        where target_states.target = suspected.target
          and target_states.paused_at is null
      )
    returning suspected.target
  )

  update monitoring.target_states
  set worker_kills = 0
  where target_states.worker_kills > 0
    and target_states.target in (select cleared.target from cleared);

  with ended as (
    update monitoring.suspected_targets as suspected
    set worker_ended_at = null, worker_kills = suspected.worker_kills + 1
    where exists (
      select
      from monitoring.all_checks
      where all_checks.scheduled_at >= suspected.scheduled_at
        and all_checks.target <> suspected.target
        and all_checks.sent_at > suspected.worker_ended_at
        and all_checks.answered_at is not null
    )
      or (
        suspected.worker_ended_at < clock_timestamp() - interval '1 minute'
        and suspected.worker_pid = v_pid
      )
    returning suspected.target, suspected.worker_kills
  )

  update monitoring.target_states
  set worker_kills = ended.worker_kills
  from ended
  where target_states.target = ended.target;

  -- Another worker gets a minute of its own. Without a result for five minutes, the target is tried again.
  update monitoring.suspected_targets as suspected
  set
    worker_pid = v_pid,
    worker_ended_at = case
      when suspected.unanswered_at > clock_timestamp() - interval '5 minutes' then clock_timestamp()
    end
  where suspected.worker_ended_at is not null
    and (
      suspected.worker_pid is distinct from v_pid
      or suspected.unanswered_at <= clock_timestamp() - interval '5 minutes'
    );
  perform monitoring.pause_killers();
end
$$;

comment on function monitoring.confirm_worker_kills() is
'Ends the suspicion of targets that answered. Counts an end of the worker for a target that was alone in the queue when
the worker works without it: it answered another check since, or has lived for a minute. The second end pauses the
target. An end that nothing decides about within five minutes does not count, and the target is tried again.';

create function monitoring.withdraw_unanswered_requests()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_requests monitoring.awaited_checks[];
begin
  perform monitoring.note_worker_restarts();
  with overdue as (
    select
      awaited_checks as request,
      coalesce(probes.id is not null and probes.answered_at is null, false) as is_unanswered
    from monitoring.awaited_checks
    left join monitoring.probes
      on probes.id = awaited_checks.check_id
      and probes.request_id = awaited_checks.request_id
    where probes.id is null
      or probes.answered_at is not null
      or probes.answer_due_at <= clock_timestamp()
    -- The answer to a locked one was recorded in a batch that has not ended yet.
    for update of awaited_checks skip locked
  ),

  withdrawn as (
    delete from monitoring.awaited_checks
    where awaited_checks.request_id in (select (overdue.request).request_id from overdue)
  ),

  remembered as (
    insert into monitoring.withdrawn_requests (request_id)
    select (overdue.request).request_id
    from overdue
    on conflict (request_id) do nothing
  )

  select array_agg(overdue.request order by (overdue.request).request_id) filter (where overdue.is_unanswered)
  into v_requests
  from overdue;

  perform monitoring.suspect_targets(v_requests);
  perform monitoring.confirm_worker_kills();
  return monitoring.delete_withdrawn_requests();
end
$$;

comment on function monitoring.withdraw_unanswered_requests() is
'Deletes the requests of health checks that are overdue, or whose checks are gone, from the queue of pg_net, and returns
their number, so that a worker that was stopped does not send them all later. Suspects the targets that may have ended
the worker, and pauses those that did so twice.';

create function monitoring.resume_changed_targets()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  -- Before the states, as judgements lock them.
  delete from monitoring.suspected_targets
  where suspected_targets.target in (
    select new_targets.name
    from new_targets
    join old_targets on old_targets.name = new_targets.name
    where new_targets.url is distinct from old_targets.url
  );
  update monitoring.target_states
  set paused_at = null, pause_reason = null, worker_kills = 0
  where target_states.target in (
    select paused.target
    from monitoring.target_states as paused
    join old_targets on old_targets.name = paused.target
    join new_targets on new_targets.name = paused.target
    where (paused.paused_at is not null or paused.worker_kills > 0)
      and new_targets.url is distinct from old_targets.url
    order by paused.target
    for no key update of paused
  );
  return null;
end
$$;

comment on function monitoring.resume_changed_targets() is
'Resumes targets that the health checks paused, and forgets what they are suspected of, when their URL changes. Security
definer: who may edit the configuration needs no right to write the states.';

create trigger changed_targets_are_resumed
after update on monitoring.probe_targets
referencing old table as old_targets new table as new_targets
for each statement
execute function monitoring.resume_changed_targets();
