-- Purpose: converts a Sentry event or issue to an error report.
-- Objects: functions monitoring.list_sentry_exceptions, monitoring.format_sentry_stack,
--   monitoring.describe_sentry_occurrence, monitoring.is_sentry_outage, monitoring.guess_sentry_source,
--   monitoring.describe_sentry_event, monitoring.describe_sentry_metadata, monitoring.describe_sentry_issue.
-- Risks: texts are untrusted: prepare_event() sanitizes the report. These functions must not raise.

create function monitoring.list_sentry_exceptions(event jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select coalesce(
    nullif(
      jsonb_path_query_array(
        list_sentry_exceptions.event, '$.exception.values[*] ? (exists(@.type) || exists(@.value))', '{}', true
      ),
      '[]'
    ),
    nullif(
      jsonb_path_query_array(
        list_sentry_exceptions.event,
        '$.entries[*] ? (@.type == "exception").data.values[*] ? (exists(@.type) || exists(@.value))', '{}', true
      ),
      '[]'
    ),
    jsonb_path_query_array(
      list_sentry_exceptions.event, '$.exception[*] ? (exists(@.type) || exists(@.value))', '{}', true
    )
  )
$$;

comment on function monitoring.list_sentry_exceptions(jsonb) is
'Returns the exceptions of an event as a list, causes first, from any of the places that contain them.';

create function monitoring.format_sentry_stack(stacktrace jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  with frames as (
    select item, position, item -> 'in_app' = 'true' as is_in_app
    from jsonb_array_elements(
      jsonb_path_query_array(format_sentry_stack.stacktrace, '$.frames[*] ? (@.type() == "object")', '{}', true)
    ) with ordinality as items (item, position)
  )

  select string_agg(
    format(
      'at %s (%s)',
      coalesce(monitoring.read_lenient_text(chosen.item, 'function'), '?'),
      concat_ws(
        ':',
        coalesce(
          monitoring.read_lenient_text(chosen.item, 'filename'),
          monitoring.read_lenient_text(chosen.item, 'abs_path'),
          monitoring.read_lenient_text(chosen.item, 'module'),
          '?'
        ),
        monitoring.read_lenient_text(chosen.item, 'lineno'),
        monitoring.read_lenient_text(chosen.item, 'colno')
      )
    ),
    e'\n' order by chosen.position desc
  )
  from (
    select frames.item, frames.position
    from frames
    where frames.is_in_app
      or not exists (select from frames as own where own.is_in_app)
    order by frames.position desc
    limit 100
  ) as chosen
$$;

comment on function monitoring.format_sentry_stack(jsonb) is
'Formats the in-app frames of a stack trace, or all frames when none is in-app: one line each, newest first, as in
other stacks whose lines begin with "at".';

create function monitoring.describe_sentry_occurrence(event jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select nullif(
    concat_ws(
      e'\n',
      coalesce(
        monitoring.read_lenient_text(describe_sentry_occurrence.event, 'occurrence', 'issueTitle'),
        monitoring.read_lenient_text(describe_sentry_occurrence.event, 'title')
      ),
      monitoring.read_lenient_text(describe_sentry_occurrence.event, 'occurrence', 'subtitle'),
      (
        select string_agg(
          concat_ws(': ', monitoring.read_lenient_text(item, 'name'), monitoring.read_lenient_text(item, 'value')),
          e'\n' order by position
        )
        from jsonb_array_elements(
          jsonb_path_query_array(
            describe_sentry_occurrence.event, '$.occurrence.evidenceDisplay[0 to 19] ? (@.type() == "object")', '{}', true
          )
        ) with ordinality as items (item, position)
      )
    ),
    ''
  )
  where jsonb_typeof(describe_sentry_occurrence.event -> 'occurrence') = 'object'
$$;

comment on function monitoring.describe_sentry_occurrence(jsonb) is
'Returns the text of an issue without an exception (a missed check-in, an uptime check, a slow query): title,
subtitle and evidence, one line each. Null for other events.';

create function monitoring.is_sentry_outage(event jsonb)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select coalesce(
    jsonb_typeof(is_sentry_outage.event -> 'occurrence') = 'object'
    and monitoring.list_sentry_exceptions(is_sentry_outage.event) = '[]'
    and is_sentry_outage.event ->> 'type' is distinct from 'transaction',
    false
  )
  or coalesce(is_sentry_outage.event ->> 'issueCategory' in ('cron', 'uptime', 'outage'), false)
  or coalesce(
    is_sentry_outage.event ->> 'issueType' in ('monitor_check_in_failure', 'uptime_domain_failure'), false
  )
$$;

comment on function monitoring.is_sentry_outage(jsonb) is
'Returns whether an event or issue comes from the cron or uptime monitors of Sentry.';

create function monitoring.guess_sentry_source(event jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when lower(guess_sentry_source.event ->> 'platform') in ('node', 'python', 'ruby', 'php', 'java', 'go', 'csharp', 'elixir')
      then 'server'
    when jsonb_typeof(guess_sentry_source.event #> '{contexts,browser}') = 'object'
      or lower(guess_sentry_source.event ->> 'platform') = 'javascript'
      then 'browser'
    else 'sentry'
  end
$$;

comment on function monitoring.guess_sentry_source(jsonb) is
'Returns where the code of an event runs, as a source of classify_error(): browser, server, or sentry when it is
unknown.';

create function monitoring.describe_sentry_event(event jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_event jsonb := describe_sentry_event.event;
  v_exceptions jsonb := monitoring.list_sentry_exceptions(v_event);
  v_exception jsonb := v_exceptions -> 0; -- the root cause
  v_wrapper jsonb := case when jsonb_array_length(v_exceptions) > 1 then v_exceptions -> -1 end;
  v_tags jsonb := monitoring.read_sentry_tags(v_event -> 'tags');
  v_status text := monitoring.read_lenient_text(v_event, 'contexts', 'response', 'status_code');
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'error', jsonb_build_object(
      'message', coalesce(
        monitoring.read_lenient_text(v_exception, 'value'),
        monitoring.read_lenient_text(v_exception, 'type'),
        monitoring.describe_sentry_occurrence(v_event),
        monitoring.read_lenient_text(v_event, 'logentry', 'formatted'),
        monitoring.read_lenient_text(v_event, 'logentry', 'message'),
        monitoring.read_lenient_text(v_event, 'message'),
        monitoring.read_lenient_text(v_event, 'metadata', 'value'),
        monitoring.read_lenient_text(v_event, 'title'),
        monitoring.read_lenient_text(v_event, 'culprit'),
        'Sentry event without a message'
      ),
      'type', coalesce(
        monitoring.read_lenient_text(v_exception, 'type'), monitoring.read_lenient_text(v_event, 'metadata', 'type')
      ),
      'stack', coalesce(
        monitoring.format_sentry_stack(v_exception -> 'stacktrace'),
        monitoring.format_sentry_stack(v_wrapper -> 'stacktrace'),
        monitoring.format_sentry_stack(v_event -> 'stacktrace')
      )
    ),
    'source', monitoring.guess_sentry_source(v_event),
    'category', case when monitoring.is_sentry_outage(v_event) then 'infrastructure' end,
    'level', coalesce(monitoring.read_lenient_text(v_event, 'level'), v_tags ->> 'level'),
    'http_status', case
      when length(v_status) = 3 and v_status between '400' and '599' and translate(v_status, '0123456789', '') = ''
        then v_status
    end,
    'environment', coalesce(monitoring.read_lenient_text(v_event, 'environment'), v_tags ->> 'environment'),
    'release', coalesce(
      monitoring.read_lenient_text(v_event, 'release'),
      monitoring.read_lenient_text(v_event, 'release', 'version'),
      v_tags ->> 'release',
      v_tags ->> 'sentry:release'
    ),
    'url', coalesce(monitoring.read_lenient_text(v_event, 'request', 'url'), v_tags ->> 'url'),
    'context', jsonb_build_object(
      'sentry', jsonb_build_object(
        'project', monitoring.find_sentry_project(v_event),
        'event_id', monitoring.read_lenient_text(v_event, 'event_id'),
        'title', monitoring.read_lenient_text(v_event, 'title'),
        'culprit', monitoring.read_lenient_text(v_event, 'culprit'),
        'transaction', monitoring.read_lenient_text(v_event, 'transaction'),
        'platform', monitoring.read_lenient_text(v_event, 'platform'),
        'logger', monitoring.read_lenient_text(v_event, 'logger')
      ),
      'reported_error', case
        when v_wrapper is not null then jsonb_build_object(
          'type', monitoring.read_lenient_text(v_wrapper, 'type'),
          'message', monitoring.read_lenient_text(v_wrapper, 'value'),
          'stack', monitoring.format_sentry_stack(v_wrapper -> 'stacktrace')
        )
      end,
      'tags', nullif(v_tags, '{}'),
      'browser', case
        when jsonb_typeof(v_event #> '{contexts,browser}') = 'object' then v_event #> '{contexts,browser}'
        else to_jsonb(v_tags ->> 'browser')
      end,
      'contexts', v_event -> 'contexts',
      'user', monitoring.read_lenient_text(v_event, 'user', 'id'),
      'extra', nullif(v_event -> 'extra', '{}')
    )
  ));
end
$$;

comment on function monitoring.describe_sentry_event(jsonb) is
'Converts an event to a report for prepare_event(): the first exception, which is the root cause, else the occurrence,
else the message or title. The last of several exceptions is kept as context.reported_error.';

create function monitoring.describe_sentry_metadata(issue jsonb)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'project', monitoring.find_sentry_project(describe_sentry_metadata.issue),
    'short_id', monitoring.read_lenient_text(describe_sentry_metadata.issue, 'shortId'),
    'culprit', monitoring.read_lenient_text(describe_sentry_metadata.issue, 'culprit'),
    'platform', monitoring.read_lenient_text(describe_sentry_metadata.issue, 'platform'),
    'assignee', monitoring.find_sentry_name(describe_sentry_metadata.issue -> 'assignedTo')
  ))
$$;

comment on function monitoring.describe_sentry_metadata(jsonb) is
'Returns the project, short id, culprit, platform and assignee of an issue, for context.sentry.';

create function monitoring.describe_sentry_issue(issue jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_issue jsonb := describe_sentry_issue.issue;
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'error', jsonb_build_object(
      'message', coalesce(
        monitoring.read_lenient_text(v_issue, 'metadata', 'value'),
        monitoring.read_lenient_text(v_issue, 'title'),
        monitoring.read_lenient_text(v_issue, 'metadata', 'title'),
        monitoring.read_lenient_text(v_issue, 'culprit'),
        'Sentry issue ' || coalesce(
          monitoring.read_lenient_text(v_issue, 'shortId'), monitoring.read_lenient_text(v_issue, 'id'), 'without a title'
        )
      ),
      'type', monitoring.read_lenient_text(v_issue, 'metadata', 'type')
    ),
    'source', monitoring.guess_sentry_source(v_issue),
    'category', case when monitoring.is_sentry_outage(v_issue) then 'infrastructure' end,
    'level', monitoring.read_lenient_text(v_issue, 'level'),
    'context', jsonb_build_object('sentry', monitoring.describe_sentry_metadata(v_issue))
  ));
end
$$;

comment on function monitoring.describe_sentry_issue(jsonb) is
'Converts an issue to a report for prepare_event(), for deliveries without an event.';
