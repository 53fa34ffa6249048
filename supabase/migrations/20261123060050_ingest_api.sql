-- Purpose: provides the RPCs that take error reports: batches for the service, single reports for agents and the SQL
--   editor.
-- Objects: functions public.ingest_events, public.report_error.
-- Risks: both are security definer, because API roles have no other right to write incidents.

create function public.ingest_events(events jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_prepared monitoring.prepared_event[] := '{}'::monitoring.prepared_event[];
  v_essences text[] := '{}'::text[]; -- of the events in v_prepared, in the same order
  v_essence text;
  v_twin integer;
  v_refused jsonb := '{}'::jsonb;
  v_event record;
  v_message text;
  v_field text;
  v_hint text;
begin
  if jsonb_typeof(ingest_events.events) is distinct from 'array' then
    raise exception using
      errcode = 'PT400',
      message = 'events must be a JSON array',
      detail = 'events',
      hint = 'Send [{"error": {"message": "text of the error"}}], or one event to report_error.';
  end if;
  if jsonb_array_length(ingest_events.events) > 1000 then
    raise exception using
      errcode = 'PT413',
      message = 'events holds more than 1,000 events',
      detail = 'events',
      hint = 'Split them into several calls.';
  end if;

  for v_event in
    select items.item, items.position
    from jsonb_array_elements(ingest_events.events) with ordinality as items (item, position)
  loop
    if jsonb_typeof(v_event.item) <> 'object' then
      v_event.item := '{}'::jsonb; -- rejected below, because it has no error
    end if;
    begin
      v_essence := md5((v_event.item - 'context' - 'idempotency_key')::text);
      v_twin := array_position(v_essences, v_essence);
      v_prepared := v_prepared || case
        when v_twin is null then monitoring.prepare_event(v_event.item, v_event.position::integer)
        else monitoring.prepare_repeat(v_prepared[v_twin], v_event.item, v_event.position::integer)
      end;
      v_essences := v_essences || v_essence;
    exception when sqlstate 'PT400' or data_exception or program_limit_exceeded then
      get stacked diagnostics v_message = message_text, v_field = pg_exception_detail, v_hint = pg_exception_hint;
      v_refused := v_refused || jsonb_build_object(
        v_event.position,
        case
          when sqlstate = 'PT400' then monitoring.describe_refusal('PT400', v_message, v_field, v_hint)
          else monitoring.describe_refusal('PT422', 'the event cannot be read', null, v_message)
        end
      );
    end;
  end loop;

  return (
    select coalesce(jsonb_agg(answers.answer order by answers.event_position), '[]')
    from (
      select stored.event_position, stored.answer
      from monitoring.store_events_isolated(v_prepared) as stored
      where v_prepared <> '{}'
      union all
      select refused.key::integer, refused.value
      from jsonb_each(v_refused) as refused
    ) as answers
  );
end
$$;

revoke all on function public.ingest_events(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.ingest_events(jsonb) to service_role;

comment on function public.ingest_events(jsonb) is
'Stores up to 1,000 error reports in one call.

events is an array of {"error": {"message", "type"?, "stack"?, "code"?}, "severity"?, "category"?, "source"?,
"environment"?, "release"?, "url"?, "fingerprint"?, "context"?, "idempotency_key"?, "http_status"?, "level"?}.
Returns an array in the same order: {"success": true, "incident_id", "severity", "category", "status",
"occurrence_count", "duplicate"}, or {"success": false, "error": {"code", "message", "field", "hint"}} for an event
that is rejected; the other events are stored. An idempotency_key that was stored within retention.receipts_hours
returns its first answer and is not counted again. Security definer, because service_role may write incidents
through such functions only.';

create function public.report_error(report jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_answer jsonb := public.ingest_events(jsonb_build_array(report_error.report)) -> 0;
begin
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

revoke all on function public.report_error(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.report_error(jsonb) to authenticated, service_role;

comment on function public.report_error(jsonb) is
'Reports one error and returns its incident.

report is {"error": {"message", "type"?, "stack"?, "code"?}, "severity"?, "category"?, "source"?, "environment"?,
"release"?, "url"?, "fingerprint"?, "context"?, "level"?, "http_status"?, "idempotency_key"?}. Returns {"success",
"incident_id", "severity", "category", "status", "occurrence_count", "duplicate"}. 400 with the name of the field in
details when a field is invalid, 429 when the source has opened rate_limits.new_incidents_per_minute new incidents
within a minute. Security definer, because agents may write incidents through such functions only.';
