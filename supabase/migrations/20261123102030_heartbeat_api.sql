-- Purpose: provides the RPCs that take heartbeats: batches for the service, one by its name for agents and people.
-- Objects: functions public.ingest_heartbeats, public.record_heartbeat.
-- Risks: rows are locked in the order of targets, as the judgement and changes of the configuration lock them.

create function public.ingest_heartbeats(heartbeats jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_signals monitoring.heartbeat_signal[];
  v_signal monitoring.heartbeat_signal;
  v_beat monitoring.heartbeats;
  v_after monitoring.heartbeats;
  v_repeats integer[] := '{}'::integer[];
  v_runs monitoring.heartbeat_runs[];
begin
  if jsonb_typeof(ingest_heartbeats.heartbeats) is distinct from 'array' then
    raise exception using
      errcode = 'PT400',
      message = 'heartbeats must be a JSON array',
      detail = 'heartbeats',
      hint = 'Send [{"sender": "heartbeat", "key": "…", "signal": "ok"}].';
  end if;
  if jsonb_array_length(ingest_heartbeats.heartbeats) > 1000 then
    raise exception using
      errcode = 'PT413',
      message = 'heartbeats holds more than 1,000 heartbeats',
      detail = 'heartbeats',
      hint = 'Split them into several calls.';
  end if;
  v_signals := array(
    select monitoring.read_heartbeat_signal(items.item, items.position::integer)
    from jsonb_array_elements(ingest_heartbeats.heartbeats) with ordinality as items (item, position)
    order by items.position
  );
  perform
  from monitoring.heartbeats as beats
  where beats.target in (select signal.target from unnest(v_signals) as signal)
  order by beats.target
  for no key update;

  for v_signal in
    select signal.*
    from unnest(v_signals) as signal
    -- Of what is refused, only a check-in of a public key leaves a trace.
    where signal.target is not null
      and (signal.refusal is null or signal.refusal #>> '{error,code}' = 'PT403')
    order by signal.target, signal.signal_position
  loop
    if v_beat.target is distinct from v_signal.target then
      if v_beat.target is not null then
        perform monitoring.save_heartbeat(v_beat);
      end if;
      select beats.*
      into v_beat
      from monitoring.heartbeats as beats
      where beats.target = v_signal.target;
      continue when v_beat.target is null; -- the target was removed in the meantime
    end if;
    v_after := monitoring.apply_heartbeat_signal(v_beat, v_signal);
    if v_after is not distinct from v_beat then
      v_repeats := v_repeats || v_signal.signal_position;
    end if;
    v_beat := v_after;
    v_runs := v_runs || monitoring.find_heartbeat_run(v_beat, v_signal);
  end loop;
  if v_beat.target is not null then
    perform monitoring.save_heartbeat(v_beat);
  end if;
  perform monitoring.store_heartbeat_runs(v_runs);

  return (
    select coalesce(
      jsonb_agg(
        coalesce(
          signal.refusal,
          jsonb_build_object(
            'success', true,
            'heartbeat', signal.target,
            'signal', signal.kind,
            'next_expected_at', nullif(beats.next_expected_at, 'infinity'),
            'duplicate', signal.signal_position = any(v_repeats)
          )
        )
        order by signal.signal_position
      ),
      '[]'
    )
    from unnest(v_signals) as signal
    left join monitoring.heartbeats as beats on beats.target = signal.target
  );
end
$$;

revoke all on function public.ingest_heartbeats(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.ingest_heartbeats(jsonb) to service_role;

comment on function public.ingest_heartbeats(jsonb) is
'Records up to 1,000 heartbeats in one call.

heartbeats is an array of {"sender", "received_at", "key" | "slug", "signal"?, "check_in"?: {"check_in_id", "status",
"duration"}}. sender is heartbeat for one with a key, and public:<name> for a check-in of a Sentry SDK, whose slug is the
name of the target and whose public key check_ins_from of the target must list. signal is ok, start, fail or an exit code,
else the status of the check-in counts. Returns an array in the same order: {"success": true, "heartbeat", "signal",
"next_expected_at", "duplicate"}, or {"success": false, "error": {"code", "message", "field", "hint"}} for one that is
refused; the others count. The time of receipt orders them, so that a heartbeat from the spool changes nothing that a later
one said, and a repeated one changes nothing at all. monitoring-judge-health-checks opens and closes incidents. Security
definer, because service_role may write heartbeats through such functions only.';

create function public.record_heartbeat(name text, status text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_answer jsonb;
begin
  perform monitoring.check_size('name', record_heartbeat.name, 1000);
  perform monitoring.check_size('status', record_heartbeat.status, 1000);
  perform monitoring.require_argument('name', nullif(btrim(record_heartbeat.name), ''));
  perform monitoring.require_argument('status', nullif(btrim(record_heartbeat.status), ''));
  v_answer := public.ingest_heartbeats(
    jsonb_build_array(
      jsonb_build_object(
        'sender', monitoring.read_sender(),
        'slug', btrim(record_heartbeat.name),
        'signal', record_heartbeat.status
      )
    )
  ) -> 0;
  if v_answer @> '{"success": true}' then
    return v_answer;
  end if;
  raise exception using
    errcode = v_answer #>> '{error,code}',
    message = v_answer #>> '{error,message}',
    detail = coalesce(v_answer #>> '{error,field}', ''),
    hint = coalesce(v_answer #>> '{error,hint}', '');
end
$$;

revoke all on function public.record_heartbeat(text, text) from public, anon, authenticated, service_role;

grant execute on function public.record_heartbeat(text, text) to authenticated, service_role;

comment on function public.record_heartbeat(text, text) is
'Records a heartbeat of a target of type heartbeat by its name.

status is ok, start, fail or an exit code from 0 to 255, of which 0 is a success. Returns {"success", "heartbeat",
"signal", "next_expected_at", "duplicate"}. 404 when no target of type heartbeat has the name, 400 for another status. The
sender is the caller: agent: and the subject of its JWT. Security definer, because agents may write heartbeats through such
functions only.';
