-- Purpose: removes bulk data from the body of a Sentry webhook before it is stored.
-- Objects: functions monitoring.trim_sentry_event, monitoring.trim_sentry_body.
-- Risks: what is removed here is not there for a replay: nothing that a reader uses may be removed.

create function monitoring.trim_sentry_event(event jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when jsonb_typeof(trim_sentry_event.event) = 'object'
      then (
        trim_sentry_event.event - array[
          'breadcrumbs', 'modules', 'packages', 'debug_meta', 'spans', 'measurements', 'sdk', 'threads', 'hashes',
          'entries', 'errors', '_meta', '_metrics', 'grouping_config', 'exception', 'request'
        ]
      ) || jsonb_strip_nulls(jsonb_build_object(
        'breadcrumbs', monitoring.read_sentry_breadcrumbs(trim_sentry_event.event),
        'request', case
          when jsonb_typeof(trim_sentry_event.event -> 'request') = 'object'
            then jsonb_build_object('url', trim_sentry_event.event #> '{request,url}')
              || coalesce(monitoring.read_sentry_request(trim_sentry_event.event), '{}')
        end
      )) || jsonb_build_object(
        'exception', jsonb_build_object(
          'values', (
            select coalesce(
              jsonb_agg(
                jsonb_build_object(
                  'type', item -> 'type',
                  'value', item -> 'value',
                  'mechanism', case
                    when jsonb_typeof(item -> 'mechanism') = 'object' then (item -> 'mechanism') - array['data', 'meta']
                  end,
                  'stacktrace', jsonb_build_object(
                    'frames', (
                      select jsonb_agg(
                        jsonb_build_object(
                          'function', frame -> 'function',
                          'filename', frame -> 'filename',
                          'abs_path', frame -> 'abs_path',
                          'module', frame -> 'module',
                          'lineno', frame -> 'lineno',
                          'colno', frame -> 'colno',
                          'in_app', frame -> 'in_app'
                        )
                        order by frames.position
                      )
                      from (
                        select listed.frame, listed.position
                        from jsonb_array_elements(
                          jsonb_path_query_array(
                            item, '$.stacktrace.frames[*] ? (@.type() == "object")', '{}', true
                          )
                        ) with ordinality as listed (frame, position)
                        order by (listed.frame -> 'in_app' = 'true') is true desc, listed.position desc
                        limit 100
                      ) as frames
                    )
                  )
                )
                order by items.position
              ),
              '[]'
            )
            from jsonb_array_elements(
              monitoring.list_sentry_exceptions(trim_sentry_event.event)
            ) with ordinality as items (item, position)
          )
        )
      )
    else trim_sentry_event.event
  end
$$;

comment on function monitoring.trim_sentry_event(jsonb) is
'Removes bulk data from an event: modules, spans, local variables, and what a request contained beside its URL, method
and a few headers. The last 20 breadcrumbs stay, and up to 100 frames per exception, in-app frames first.';

create function monitoring.trim_sentry_body(body jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_body jsonb := trim_sentry_body.body;
  v_path text[];
begin
  foreach v_path slice 1 in array array[array['data', 'event'], array['data', 'error']] loop
    if jsonb_typeof(v_body #> v_path) = 'object' then
      v_body := jsonb_set(v_body, v_path, monitoring.trim_sentry_event(v_body #> v_path));
    end if;
  end loop;
  if jsonb_typeof(v_body -> 'event') = 'object' then
    v_body := jsonb_set(v_body, '{event}', monitoring.trim_sentry_event(v_body -> 'event'));
  end if;
  return v_body;
end
$$;

comment on function monitoring.trim_sentry_body(jsonb) is
'Removes bulk data from the events in a body, see trim_sentry_event().';
