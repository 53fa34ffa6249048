-- Purpose: converts a Sentry event or issue to an error report.
-- Objects: functions monitoring.list_sentry_exceptions, monitoring.format_sentry_stack,
--   monitoring.describe_sentry_occurrence, monitoring.is_sentry_outage, monitoring.guess_sentry_source,
--   monitoring.order_sentry_chain, monitoring.describe_sentry_chain, monitoring.read_sentry_breadcrumbs,
--   monitoring.read_sentry_request, monitoring.read_sentry_message, monitoring.replace_blank_text,
--   monitoring.describe_sentry_event,
--   monitoring.list_sentry_group, monitoring.describe_sentry_context, monitoring.hash_user,
--   monitoring.seed_user_hash_key, monitoring.describe_sentry_metadata, monitoring.describe_sentry_issue.
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
  -- Without read_lenient_text(): calls of functions, six a frame, would cost more than all the rest.
  select string_agg(
    concat(
      'at ', coalesce(nullif(btrim(left(chosen.item ->> 'function', 1000)), ''), '?'), ' (',
      coalesce(
        nullif(btrim(left(chosen.item ->> 'filename', 2000)), ''),
        nullif(btrim(left(chosen.item ->> 'abs_path', 2000)), ''),
        nullif(btrim(left(chosen.item ->> 'module', 1000)), ''),
        '?'
      ),
      ':' || nullif(btrim(left(chosen.item ->> 'lineno', 20)), ''),
      ':' || nullif(btrim(left(chosen.item ->> 'colno', 20)), ''),
      ')'
    ),
    e'\n' order by chosen.position desc
  )
  from (
    select items.item, items.position
    from jsonb_array_elements(
      coalesce(
        nullif(
          jsonb_path_query_array(
            format_sentry_stack.stacktrace, '$.frames[*] ? (@.type() == "object" && @.in_app == true)', '{}', true
          ), '[]'
        ),
        jsonb_path_query_array(format_sentry_stack.stacktrace, '$.frames[*] ? (@.type() == "object")', '{}', true)
      )
    ) with ordinality as items (item, position)
    order by items.position desc
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
    is_sentry_outage.event ? 'occurrence'
    and jsonb_typeof(is_sentry_outage.event -> 'occurrence') = 'object'
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

create function monitoring.order_sentry_chain(exceptions jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_causes constant integer := 16;
  v_exceptions jsonb := order_sentry_chain.exceptions;
  v_chain jsonb;
  v_current jsonb;
begin
  if not jsonb_path_exists(v_exceptions, '$[*].mechanism.parent_id ? (@.type() == "number")', '{}', true) then
    return v_exceptions;
  end if;
  -- The last exception without a parent is the one that was caught.
  v_current := jsonb_path_query_array(
    v_exceptions, '$[*] ? (!(exists(@.mechanism.parent_id ? (@.type() == "number"))))', '{}', true
  ) -> -1;
  v_chain := jsonb_build_array(coalesce(v_current, v_exceptions -> -1));
  for v_depth in 1..c_most_causes loop
    select item
    into v_current
    from jsonb_array_elements(v_exceptions) as items (item)
    where item #> '{mechanism,parent_id}' = v_chain #> '{0,mechanism,exception_id}'
      and jsonb_typeof(item #> '{mechanism,parent_id}') = 'number'
      and not v_chain @> jsonb_build_array(jsonb_build_object('mechanism', item -> 'mechanism'))
    -- A cause rather than a member of a group; of a group, the first.
    order by
      item #>> '{mechanism,source}' = any(array['cause', '__cause__', '__context__']) is true desc,
      item #> '{mechanism,exception_id}'
    limit 1;
    exit when not found;
    v_chain := v_current || v_chain;
  end loop;
  return v_chain;
end
$$;

comment on function monitoring.order_sentry_chain(jsonb) is
'Returns the chain of exceptions, root cause first, from a list that list_sentry_exceptions() returns: by the ids of
their mechanisms, if the SDK gave any, because a group of exceptions is a tree. Of a group, the first member is the cause.';

create function monitoring.describe_sentry_chain(chain jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_size integer := jsonb_array_length(describe_sentry_chain.chain);
  v_described jsonb;
begin
  for v_place in 1..least(v_size, 16) - 1 loop
    v_described := jsonb_strip_nulls(jsonb_build_object(
      'type', monitoring.read_lenient_text(describe_sentry_chain.chain, v_place::text, 'type'),
      'message', monitoring.read_lenient_text(describe_sentry_chain.chain, v_place::text, 'value'),
      'stack', case
        when v_place = v_size - 1
          then monitoring.format_sentry_stack(describe_sentry_chain.chain #> array[v_place::text, 'stacktrace'])
      end,
      'cause', v_described
    ));
  end loop;
  return v_described;
end
$$;

comment on function monitoring.describe_sentry_chain(jsonb) is
'Returns the exception that was caught, as context.reported_error, with those between it and the root cause as cause in
each other, see list_causes(). Null for a chain of one. The root cause is the error itself.';

create function monitoring.read_sentry_breadcrumbs(event jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select nullif(
    jsonb_agg(
      jsonb_strip_nulls(jsonb_build_object(
        'timestamp', case
          -- Seconds since 1970: as a number of so many digits it would have to be tested for being one of a card.
          when jsonb_typeof(item -> 'timestamp') = 'number' and (item -> 'timestamp')::numeric between 1 and 99999999999
            then (to_jsonb(to_timestamp((item -> 'timestamp')::double precision) at time zone 'UTC') #>> '{}') || 'Z'
          else left(item ->> 'timestamp', 40)
        end,
        'type', left(item ->> 'type', 100),
        'category', left(item ->> 'category', 100),
        'level', left(item ->> 'level', 20),
        'message', left(item ->> 'message', 500),
        'data', case when octet_length((item -> 'data')::text) <= 1000 then nullif(item -> 'data', '{}') end
      ))
      order by position
    ),
    '[]'
  )
  from jsonb_array_elements(
    jsonb_path_query_array(
      case
        when jsonb_typeof(read_sentry_breadcrumbs.event -> 'breadcrumbs') = 'object'
          then read_sentry_breadcrumbs.event #> '{breadcrumbs,values}'
        else read_sentry_breadcrumbs.event -> 'breadcrumbs'
      end,
      '$[last - 19 to last] ? (@.type() == "object")', '{}', true
    )
  ) with ordinality as items (item, position)
$$;

comment on function monitoring.read_sentry_breadcrumbs(jsonb) is
'Returns the last 20 breadcrumbs of an event, oldest first: what happened before the error, with times in ISO 8601. Data
of more than 1,000 bytes is left out. Null without breadcrumbs.';

create function monitoring.read_sentry_request(event jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select nullif(
    jsonb_strip_nulls(jsonb_build_object(
      'method', left(monitoring.read_lenient_text(read_sentry_request.event, 'request', 'method'), 20),
      'headers', (
        select jsonb_object_agg(lower(header.key), left(header.value, 500))
        from jsonb_each_text(
          case jsonb_typeof(read_sentry_request.event #> '{request,headers}')
            when 'object' then read_sentry_request.event #> '{request,headers}'
            else monitoring.read_sentry_tags(read_sentry_request.event #> '{request,headers}')
          end
        ) as header (key, value)
        where lower(header.key) in ('user-agent', 'referer', 'host', 'origin', 'content-type', 'accept-language')
      )
    )),
    '{}'
  )
$$;

comment on function monitoring.read_sentry_request(jsonb) is
'Returns the method and a few headers of the request in which an event happened. Cookies, data and other headers contain
personal data and secrets. The URL has a column of its own. Null without any.';

create function monitoring.read_sentry_message(event jsonb)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_log jsonb := case
    when jsonb_typeof(read_sentry_message.event -> 'logentry') = 'object' then read_sentry_message.event -> 'logentry'
    when jsonb_typeof(read_sentry_message.event -> 'message') = 'object' then read_sentry_message.event -> 'message'
  end;
  v_text text := coalesce(
    monitoring.read_lenient_text(v_log, 'formatted'), monitoring.read_lenient_text(v_log, 'message')
  );
  v_at integer;
begin
  if v_text is null then
    return monitoring.read_lenient_text(read_sentry_message.event, 'message');
  elsif monitoring.read_lenient_text(v_log, 'formatted') is null and jsonb_typeof(v_log -> 'params') = 'array' then
    for v_place in 0..least(jsonb_array_length(v_log -> 'params'), 20) - 1 loop
      v_at := strpos(v_text, '%s');
      exit when v_at = 0;
      v_text := concat(left(v_text, v_at - 1), left(v_log -> 'params' ->> v_place, 500), substr(v_text, v_at + 2));
    end loop;
  end if;
  return v_text;
end
$$;

comment on function monitoring.read_sentry_message(jsonb) is
'Returns the logged message of an event, with its parameters in the places of %s. Null without a message.';

create function monitoring.replace_blank_text(value text, replacement text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when btrim(monitoring.strip_controls(replace_blank_text.value), e' \t\r\n') <> '' then replace_blank_text.value
    else replace_blank_text.replacement
  end
$$;

comment on function monitoring.replace_blank_text(text, text) is
'Returns a text, or another one for a text without a visible character, which prepare_event() rejects as missing.';

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
  v_chain jsonb := monitoring.order_sentry_chain(v_exceptions);
  v_exception jsonb := v_chain -> 0; -- the root cause
  v_tags jsonb := case when v_event ? 'tags' then monitoring.read_sentry_tags(v_event -> 'tags') else '{}' end;
  v_texts jsonb := monitoring.list_lenient_texts(v_event);
  v_status text := monitoring.read_lenient_text(v_event, 'contexts', 'response', 'status_code');
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'error', jsonb_build_object(
      'message', monitoring.replace_blank_text(
        coalesce(
          monitoring.read_lenient_text(v_exception, 'value'),
          monitoring.read_lenient_text(v_exception, 'type'),
          monitoring.describe_sentry_occurrence(v_event),
          monitoring.read_sentry_message(v_event),
          monitoring.read_lenient_text(v_event, 'metadata', 'value'),
          v_texts ->> 'title',
          v_texts ->> 'culprit'
        ),
        'Sentry event without a message'
      ),
      'type', coalesce(
        monitoring.read_lenient_text(v_exception, 'type'), monitoring.read_lenient_text(v_event, 'metadata', 'type')
      ),
      'stack', coalesce(
        monitoring.format_sentry_stack(v_exception -> 'stacktrace'),
        monitoring.format_sentry_stack(v_chain #> '{-1,stacktrace}'),
        monitoring.format_sentry_stack(v_event -> 'stacktrace'),
        monitoring.format_sentry_stack(
          jsonb_path_query_first(
            v_event, '$.threads.values[*] ? (@.crashed == true || @.current == true).stacktrace', '{}', true
          )
        )
      )
    ),
    'source', monitoring.guess_sentry_source(v_event),
    'category', case when monitoring.is_sentry_outage(v_event) then 'infrastructure' end,
    'level', coalesce(v_texts ->> 'level', v_tags ->> 'level'),
    'http_status', case
      when length(v_status) = 3 and v_status between '400' and '599' and translate(v_status, '0123456789', '') = ''
        then v_status
    end,
    'environment', coalesce(v_texts ->> 'environment', v_tags ->> 'environment'),
    'release', coalesce(
      v_texts ->> 'release',
      monitoring.read_lenient_text(v_event, 'release', 'version'),
      v_tags ->> 'release',
      v_tags ->> 'sentry:release'
    ),
    'url', coalesce(monitoring.read_lenient_text(v_event, 'request', 'url'), v_tags ->> 'url'),
    'context', monitoring.describe_sentry_context(v_event, v_texts, v_tags, v_chain) || jsonb_build_object(
      'exceptions', case
        when jsonb_array_length(v_exceptions) > jsonb_array_length(v_chain)
          then monitoring.list_sentry_group(v_exceptions)
      end
    )
  ));
end
$$;

comment on function monitoring.describe_sentry_event(jsonb) is
'Converts an event, of a webhook or of an SDK, to a report for prepare_event(): the root cause of its exceptions, else
the occurrence, else the message or title. The exception that was caught is kept as context.reported_error.';

create function monitoring.list_sentry_group(exceptions jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select jsonb_agg(
    left(
      concat_ws(': ', monitoring.read_lenient_text(item, 'type'), monitoring.read_lenient_text(item, 'value')), 500
    )
    order by position desc
  )
  from jsonb_array_elements(list_sentry_group.exceptions) with ordinality as items (item, position)
  where position > jsonb_array_length(list_sentry_group.exceptions) - 20
$$;

comment on function monitoring.list_sentry_group(jsonb) is
'Returns a group of exceptions as texts, the group first: at most 20.';

create function monitoring.describe_sentry_context(event jsonb, texts jsonb, tags jsonb, chain jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_event jsonb := describe_sentry_context.event;
begin
  return jsonb_build_object(
    'sentry', jsonb_build_object(
      'project', case
        when v_event ?| array['project', 'project_slug', 'project_name', 'url']
          then monitoring.find_sentry_project(v_event)
      end,
      'event_id', describe_sentry_context.texts -> 'event_id',
      'title', describe_sentry_context.texts -> 'title',
      'culprit', describe_sentry_context.texts -> 'culprit',
      'transaction', describe_sentry_context.texts -> 'transaction',
      'platform', describe_sentry_context.texts -> 'platform',
      'logger', describe_sentry_context.texts -> 'logger',
      'server_name', describe_sentry_context.texts -> 'server_name',
      'dist', describe_sentry_context.texts -> 'dist',
      'sdk', nullif(
        concat_ws(
          ' ', monitoring.read_lenient_text(v_event, 'sdk', 'name'), monitoring.read_lenient_text(v_event, 'sdk', 'version')
        ), ''
      ),
      'mechanism', monitoring.read_lenient_text(describe_sentry_context.chain, '-1', 'mechanism', 'type'),
      'handled', case
        when jsonb_typeof(describe_sentry_context.chain #> '{-1,mechanism,handled}') = 'boolean'
          then describe_sentry_context.chain #> '{-1,mechanism,handled}'
      end
    ),
    'reported_error', monitoring.describe_sentry_chain(describe_sentry_context.chain),
    'tags', nullif(describe_sentry_context.tags, '{}'),
    'browser', case
      when jsonb_typeof(v_event #> '{contexts,browser}') = 'object' then v_event #> '{contexts,browser}'
      else to_jsonb(describe_sentry_context.tags ->> 'browser')
    end,
    'request', case when v_event ? 'request' then monitoring.read_sentry_request(v_event) end,
    'user', case
      when v_event ? 'user'
        then monitoring.hash_user(
          coalesce(
            monitoring.read_lenient_text(v_event, 'user', 'id'),
            monitoring.read_lenient_text(v_event, 'user', 'username'),
            monitoring.read_lenient_text(v_event, 'user', 'email')
          )
        )
    end,
    'breadcrumbs', monitoring.read_sentry_breadcrumbs(v_event),
    'contexts', v_event -> 'contexts',
    'extra', nullif(v_event -> 'extra', '{}')
  );
end
$$;

comment on function monitoring.describe_sentry_context(jsonb, jsonb, jsonb, jsonb) is
'Returns the context of an event: what has no column. The user is reduced to a hash, see hash_user().';

create function monitoring.hash_user(id text)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
begin
  -- Letters only, because sanitizing takes some numbers for those of accounts.
  return translate(
    left(
      encode(
        monitoring.hmac_sha256(
          convert_to(hash_user.id, 'UTF8'), convert_to(monitoring.read_secret('user_hash_key'), 'UTF8')
        ), 'hex'
      ), 12
    ), '0123456789', 'ghijklmnop'
  );
end
$$;

comment on function monitoring.hash_user(text) is
'Returns 12 letters that stand for the id of a user: the same for the same user, so that one can see how many users an
error reached. They are made with the secret user_hash_key, because a plain hash of an e-mail address can be guessed.
Null without that secret.';

create function monitoring.seed_user_hash_key()
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.secrets (name, value)
  values ('user_hash_key', concat(gen_random_uuid(), gen_random_uuid()))
  on conflict (name) do nothing
$$;

comment on function monitoring.seed_user_hash_key() is
'Creates the random key of hash_user(), unless it exists. Without the key, the hashes lead to nobody: delete it to
separate them from later ones. A secret of this name in Supabase Vault is used instead.';

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
      'message', monitoring.replace_blank_text(
        coalesce(
          monitoring.read_lenient_text(v_issue, 'metadata', 'value'),
          monitoring.read_lenient_text(v_issue, 'title'),
          monitoring.read_lenient_text(v_issue, 'metadata', 'title'),
          monitoring.read_lenient_text(v_issue, 'culprit')
        ),
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
