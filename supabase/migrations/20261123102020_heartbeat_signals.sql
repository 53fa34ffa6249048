-- Purpose: reads what a job or an SDK reports about a heartbeat, and applies it to the heartbeat's state.
-- Objects: type monitoring.heartbeat_signal; functions monitoring.read_signal, monitoring.find_heartbeat,
--   monitoring.read_heartbeat_signal, monitoring.apply_heartbeat_signal, monitoring.save_heartbeat,
--   monitoring.find_heartbeat_run, monitoring.store_heartbeat_runs.
-- Risks: the order of arrival is not the order of events, because the spool keeps reports during an outage: the time of
--   receipt decides. A repeated signal changes nothing.

create type monitoring.heartbeat_signal as (
  signal_position integer,
  target text,
  sender text,
  received_at timestamptz,
  kind text,
  exit_code smallint,
  run_id text,
  duration_ms bigint,
  refusal jsonb
);

comment on type monitoring.heartbeat_signal is
'One element of ingest_heartbeats(). kind is start, ok or fail; refusal is the answer when the signal is refused.';

create function monitoring.read_signal(signal text, out kind text, out exit_code smallint)
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select
    case
      when given.word in ('start', 'in_progress') then 'start'
      when given.word in ('ok', '0') then 'ok'
      when given.word in ('fail', 'error') or given.code between 1 and 255 then 'fail'
    end,
    case when given.code between 1 and 255 then given.code::smallint end
  from (
    select
      words.word,
      case when words.word ~ '^[0-9]{1,3}$' then words.word::integer end as code
    from (select lower(btrim(read_signal.signal)) as word) as words
  ) as given
$$;

comment on function monitoring.read_signal(text) is
'Returns what ok, start, fail or an exit code from 0 to 255 means: start, ok or fail, and the exit code of a failure.
The words of SDKs, in_progress and error, are start and fail. Null for others.';

create function monitoring.find_heartbeat(key text, slug text)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(
    (
      select heartbeat_keys.target
      from monitoring.heartbeat_keys
      where heartbeat_keys.key = substring(
        find_heartbeat.key from '(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
      )::uuid
    ),
    (select heartbeats.target from monitoring.heartbeats where lower(heartbeats.target) = lower(find_heartbeat.slug))
  )
$$;

comment on function monitoring.find_heartbeat(text, text) is
'Returns the target of a heartbeat by its key or by its name, in any case. Null when there is none.';

create function monitoring.read_heartbeat_signal(item jsonb, signal_position integer)
returns monitoring.heartbeat_signal
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_item jsonb := case jsonb_typeof(read_heartbeat_signal.item) when 'object' then read_heartbeat_signal.item else '{}' end;
  v_check_in jsonb := v_item -> 'check_in';
  v_now timestamptz := clock_timestamp();
  v_read monitoring.heartbeat_signal;
  v_seconds text := v_check_in ->> 'duration';
begin
  v_read.signal_position := read_heartbeat_signal.signal_position;
  v_read.sender := left(coalesce(v_item ->> 'sender', 'heartbeat'), 110);
  v_read.received_at := least(coalesce(monitoring.read_timestamp(v_item -> 'received_at'), v_now), v_now);
  v_read.run_id := substring(v_check_in ->> 'check_in_id' from '^[0-9A-Za-z-]{1,64}$');
  if jsonb_typeof(v_check_in -> 'duration') = 'number' and v_seconds ~ '^[0-9]{1,8}(\.[0-9]+)?$' then
    v_read.duration_ms := round(v_seconds::numeric * 1000)::bigint;
  end if;
  select signal.kind, signal.exit_code
  into v_read.kind, v_read.exit_code
  from monitoring.read_signal(coalesce(v_item ->> 'signal', v_check_in ->> 'status')) as signal;
  v_read.target := monitoring.find_heartbeat(
    case v_read.sender when 'heartbeat' then v_item ->> 'key' end,
    case when v_read.sender <> 'heartbeat' then v_item ->> 'slug' end
  );
  v_read.refusal := case
    when v_read.sender !~ '^(heartbeat|service|(public|agent|server):.+)$'
      then monitoring.describe_refusal(
        'PT400', 'sender is unknown', 'sender', 'Send heartbeat, public:<name of a key> or agent:<subject>.'
      )
    when v_read.kind is null
      then monitoring.describe_refusal(
        'PT400', 'the signal is unknown', 'status', 'Send ok, start, fail or an exit code from 0 to 255.'
      )
    when v_read.target is null and v_read.sender = 'heartbeat'
      then monitoring.describe_refusal(
        'PT404', 'no heartbeat has this key', 'key', 'monitoring.list_heartbeat_keys() lists the keys for the owner.'
      )
    when v_read.target is null
      then monitoring.describe_refusal(
        'PT404', 'no heartbeat has this name', 'name', 'A name is that of a target of type heartbeat.'
      )
    when v_read.sender like 'public:%' and not exists (
      select
      from monitoring.probe_targets
      where probe_targets.name = v_read.target
        and substr(v_read.sender, 8) = any(probe_targets.check_ins_from)
    )
      then monitoring.describe_refusal(
        'PT403', 'check-ins of this public key do not count for this heartbeat', 'check_ins_from',
        'The owner lists the name of the key in check_ins_from of the target.'
      )
  end;
  return v_read;
end
$$;

comment on function monitoring.read_heartbeat_signal(jsonb, integer) is
'Parses an element of ingest_heartbeats(). What is wrong with it is returned in refusal. A sender heartbeat is known by
its key, any other names the heartbeat; check-ins of a public key count only where check_ins_from lists it.';

create function monitoring.apply_heartbeat_signal(heartbeat monitoring.heartbeats, signal monitoring.heartbeat_signal)
returns monitoring.heartbeats
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_beat monitoring.heartbeats := apply_heartbeat_signal.heartbeat;
  v_signal monitoring.heartbeat_signal := apply_heartbeat_signal.signal;
  v_ended_at timestamptz := coalesce(greatest(v_beat.last_ok_at, v_beat.last_failed_at), '-infinity');
begin
  if v_signal.refusal is not null then
    v_beat.last_refused_at := greatest(v_beat.last_refused_at, v_signal.received_at);
    v_beat.last_refused_sender := v_signal.sender;
    return v_beat;
  elsif v_signal.kind = 'start' then
    if v_signal.received_at > v_ended_at then
      v_beat.running_since := least(v_beat.running_since, v_signal.received_at);
    end if;
    v_beat.last_started_at := greatest(v_beat.last_started_at, v_signal.received_at);
    v_beat.last_run_id := coalesce(v_signal.run_id, v_beat.last_run_id);
    v_beat.last_sender := v_signal.sender;
    return v_beat;
  elsif v_signal.kind = 'ok' and v_signal.received_at > coalesce(v_beat.last_ok_at, '-infinity') then
    v_beat.last_ok_at := v_signal.received_at;
  elsif v_signal.kind = 'fail' and v_signal.received_at > coalesce(v_beat.last_failed_at, '-infinity') then
    v_beat.last_failed_at := v_signal.received_at;
    v_beat.last_exit_code := v_signal.exit_code;
  else
    return v_beat; -- a repeated signal, or one that is older than what is known
  end if;

  if v_signal.received_at < v_ended_at then
    return v_beat; -- the spool kept it: a later run has ended already
  end if;
  v_beat.state := case v_signal.kind when 'ok' then 'ok' else 'failed' end;
  v_beat.last_duration_ms := coalesce(
    v_signal.duration_ms, round(extract(epoch from v_signal.received_at - v_beat.running_since) * 1000)::bigint
  );
  if v_beat.last_duration_ms < 0 then
    v_beat.last_duration_ms := null;
  end if;
  v_beat.running_since := case
    when v_beat.last_started_at > v_signal.received_at then v_beat.last_started_at
  end;
  v_beat.last_run_id := coalesce(v_signal.run_id, v_beat.last_run_id);
  v_beat.last_sender := v_signal.sender;
  return v_beat;
end
$$;

comment on function monitoring.apply_heartbeat_signal(monitoring.heartbeats, monitoring.heartbeat_signal) is
'Returns the state of a heartbeat after a signal. Of two unfinished runs, the older one counts. A signal that was
applied already, or that is older than the last end of a run, leaves the state as it is.';

create function monitoring.save_heartbeat(heartbeat monitoring.heartbeats)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  update monitoring.heartbeats
  set
    state = (save_heartbeat.heartbeat).state,
    next_expected_at = greatest(
      heartbeats.next_expected_at,
      case
        when (save_heartbeat.heartbeat).last_ok_at is distinct from heartbeats.last_ok_at
          or (save_heartbeat.heartbeat).last_failed_at is distinct from heartbeats.last_failed_at
          then monitoring.find_next_heartbeat(
            probe_targets,
            greatest((save_heartbeat.heartbeat).last_ok_at, (save_heartbeat.heartbeat).last_failed_at)
          )
      end
    ),
    running_since = (save_heartbeat.heartbeat).running_since,
    last_started_at = (save_heartbeat.heartbeat).last_started_at,
    last_ok_at = (save_heartbeat.heartbeat).last_ok_at,
    last_failed_at = (save_heartbeat.heartbeat).last_failed_at,
    last_exit_code = (save_heartbeat.heartbeat).last_exit_code,
    last_duration_ms = (save_heartbeat.heartbeat).last_duration_ms,
    last_run_id = (save_heartbeat.heartbeat).last_run_id,
    last_sender = (save_heartbeat.heartbeat).last_sender,
    last_refused_at = (save_heartbeat.heartbeat).last_refused_at,
    last_refused_sender = (save_heartbeat.heartbeat).last_refused_sender
  from monitoring.probe_targets
  where heartbeats.target = (save_heartbeat.heartbeat).target
    and probe_targets.name = heartbeats.target
    and heartbeats is distinct from save_heartbeat.heartbeat
$$;

comment on function monitoring.save_heartbeat(monitoring.heartbeats) is
'Stores the state of a heartbeat, whose row must be locked. An end of a run moves next_expected_at on.';

create function monitoring.find_heartbeat_run(heartbeat monitoring.heartbeats, signal monitoring.heartbeat_signal)
returns monitoring.heartbeat_runs
language sql
immutable
security invoker
set search_path = ''
as $$
  select case
    when (find_heartbeat_run.signal).refusal is null and (find_heartbeat_run.signal).kind in ('ok', 'fail')
      then row(
        (find_heartbeat_run.signal).target,
        (find_heartbeat_run.signal).received_at,
        case (find_heartbeat_run.signal).kind when 'ok' then 'ok' else 'failed' end,
        coalesce(
          (find_heartbeat_run.signal).duration_ms,
          case
            when (find_heartbeat_run.signal).received_at = greatest(
              (find_heartbeat_run.heartbeat).last_ok_at, (find_heartbeat_run.heartbeat).last_failed_at
            ) then (find_heartbeat_run.heartbeat).last_duration_ms
          end
        ),
        (find_heartbeat_run.signal).exit_code
      )::monitoring.heartbeat_runs
  end
$$;

comment on function monitoring.find_heartbeat_run(monitoring.heartbeats, monitoring.heartbeat_signal) is
'Returns the run that a signal ended, given the state of the heartbeat after it. Null for a start, and for a refused
signal.';

create function monitoring.store_heartbeat_runs(runs monitoring.heartbeat_runs[])
returns void
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
begin
  insert into monitoring.heartbeat_runs (target, ended_at, status, duration_ms, exit_code)
  select ended.target, ended.ended_at, ended.status, ended.duration_ms, ended.exit_code
  from unnest(store_heartbeat_runs.runs) as ended
  where ended.target is not null
  order by ended.target, ended.ended_at
  -- A repeated signal.
  on conflict (target, ended_at) do nothing;

  delete from monitoring.heartbeat_runs
  using (
    select distinct ended.target
    from unnest(store_heartbeat_runs.runs) as ended
  ) as written
  where heartbeat_runs.target = written.target
    and heartbeat_runs.ended_at < (
      select kept.ended_at
      from monitoring.heartbeat_runs as kept
      where kept.target = written.target
      order by kept.ended_at desc
      offset 29
      limit 1
    );
end
$$;

comment on function monitoring.store_heartbeat_runs(monitoring.heartbeat_runs[]) is
'Stores runs that ended, of heartbeats whose rows are locked, and removes all but the last 30 of each. Safe to repeat.';
