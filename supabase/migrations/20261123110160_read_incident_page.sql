-- Purpose: returns everything that the page of one incident shows, in one document.
-- Objects: functions monitoring.list_stack_lines, monitoring.page_incident, monitoring.page_stack,
--   monitoring.describe_decision, monitoring.page_reason, monitoring.page_activity, monitoring.page_releases,
--   monitoring.name_timeline_entry, monitoring.list_members, monitoring.name_timeline_kind,
--   monitoring.list_timeline_actions,
--   monitoring.list_timeline_notifications, monitoring.page_timeline, monitoring.page_deployments,
--   monitoring.page_similar, monitoring.page_fixes, monitoring.list_permitted_changes, public.incident_page.
-- Risks: most texts in it are untrusted: who shows them escapes them. Each part reads a bounded number of rows by an
--   index. Of a notification it tells the name of the channel and whether it was delivered, and no address or answer.

create function monitoring.list_stack_lines(stack text)
returns table (place integer, line text, is_frame boolean, is_in_app boolean)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_stack text collate "C" := list_stack_lines.stack;
  v_lines text[] := string_to_array(replace(v_stack, e'\r\n', e'\n'), e'\n');
  v_count integer := coalesce(cardinality(v_lines), 0);
  v_is_python boolean := strpos(v_stack, '  File "') > 0;
  v_text text collate "C";
  v_frame record;
  v_frames boolean[] := array_fill(false, array[v_count]);
  v_own boolean[] := array_fill(false, array[v_count]);
begin
  for v_place in 1..v_count loop
    v_text := btrim(v_lines[v_place], e' \t\r|');
    v_frame := monitoring.read_stack_frame(
      case when length(v_text) between 6 and 1000 then v_lines[v_place] end, v_lines[v_place - 1]
    );
    if coalesce(v_frame.file, v_frame.function, '') <> '' then
      v_frames[v_place] := true;
      v_own[v_place] := not monitoring.is_library_frame(v_frame.file, v_frame.function);
      -- Go and Rust print the function above the file.
      if v_place > 1
        and not v_frames[v_place - 1]
        and (
          (
            v_frame.function <> ''
            and strpos(v_text, v_frame.function) = 0
            and strpos(v_lines[v_place - 1], v_frame.function) > 0
          )
          or v_lines[v_place - 1] ~ '^ *\d+: '
        )
      then
        v_frames[v_place - 1] := true;
        v_own[v_place - 1] := v_own[v_place];
      end if;
    elsif v_text like any(array['(%) lib/%.ex%:%', '#% {main}', '#% [internal function]%', '%@[native code]', '... % more']) then
      v_frames[v_place] := true;
    elsif v_is_python and v_lines[v_place] like '    _%' and v_place > 1 and v_frames[v_place - 1] then
      -- The code below a frame.
      v_frames[v_place] := true;
      v_own[v_place] := v_own[v_place - 1];
    end if;
  end loop;
  return query
  select numbers.place, rtrim(v_lines[numbers.place], e'\r'), v_frames[numbers.place], v_own[numbers.place]
  from generate_series(1, v_count) as numbers (place);
end
$$;

comment on function monitoring.list_stack_lines(text) is
'Returns the lines of a stack in any language of read_stack_frame(): whether a line belongs to a frame, and whether that
frame belongs to the program itself. Code below a frame, or a function above its file, belongs to the frame.';

create function monitoring.page_incident(incident public.incidents)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select to_jsonb(shown)
  from (
    select
      incident.id, incident.title, incident.message, incident.error_type, incident.error_code, incident.severity,
      incident.category, incident.status, incident.rule, incident.source, incident.sender, incident.environment,
      incident.release, incident.url, incident.external_url, incident.occurrence_count, incident.first_seen,
      incident.last_seen, incident.opened_at, incident.reopened_at, incident.acknowledged_at,
      incident.acknowledged_by, incident.suppressed_until, incident.resolved_at, incident.resolved_by,
      incident.resolution, incident.claimed_by, incident.claim_expires_at, incident.has_manual_severity,
      incident.fingerprint, incident.context
  ) as shown
$$;

comment on function monitoring.page_incident(public.incidents) is
'Returns the fields of an incident for incident_page(), as they are stored.';

create function monitoring.page_stack(incident public.incidents)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_count integer := cardinality(string_to_array(incident.stack, e'\n'));
  v_stack text := incident.stack;
begin
  if v_count > 200 then
    v_stack := array_to_string((string_to_array(v_stack, e'\n'))[:100], e'\n')
      || format(e'\n… %s lines\n', v_count - 199)
      || array_to_string((string_to_array(v_stack, e'\n'))[v_count - 98:], e'\n');
  end if;
  return jsonb_build_object(
    'stack', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('text', lines.line, 'is_in_app', lines.is_in_app, 'is_frame', lines.is_frame)
          order by lines.place
        ),
        '[]'
      )
      from monitoring.list_stack_lines(v_stack) as lines
    ),
    'stack_is_cut', coalesce(v_count > 200, false)
  );
end
$$;

comment on function monitoring.page_stack(public.incidents) is
'Returns {"stack", "stack_is_cut"} for incident_page(): of more than 200 lines the first 100 and the last 99, because
the error is at the beginning or at the end.';

create function monitoring.describe_decision(rule text, severity public.incident_severity, words jsonb, fields jsonb)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select format(
    '%s rule %s matches %s and gives the severity %s.',
    case classification_rules.origin when 'builtin' then 'The built-in' else 'The operator''s' end,
    classification_rules.name,
    decided.parts,
    describe_decision.severity
  )
  from public.classification_rules
  cross join lateral (
    select string_agg(known.part, ' and ' order by known.place) as parts
    from (
      select
        1 as place,
        case count(*) when 1 then 'the word ' else 'the words ' end
        || string_agg(found.word, ', ' order by found.position) as part
      from jsonb_array_elements_text(describe_decision.words) with ordinality as found (word, position)
      union all
      select 2 as place, string_agg(translate(members.key, '_', ' ') || ' ' || members.value, ' and ') as part
      from jsonb_each_text(describe_decision.fields) as members
    ) as known
  ) as decided
  where classification_rules.name = describe_decision.rule
    and decided.parts <> ''
$$;

comment on function monitoring.describe_decision(text, public.incident_severity, jsonb, jsonb) is
'Returns which words and fields of an incident a rule matches, as a sentence. Null when they are not known.';

create function monitoring.page_reason(incident public.incidents)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_most_calls constant integer := 40;
  c_most_words constant integer := 12;
  v_explained jsonb := monitoring.explain_incident(incident, c_most_calls);
  v_words jsonb := nullif(v_explained -> 'words', 'null');
  v_fields jsonb := nullif(v_explained -> 'fields', 'null');
begin
  -- Too many words were not looked at to the end.
  if jsonb_array_length(v_words) > c_most_words then
    v_words := null;
    v_fields := null;
  end if;
  return jsonb_build_object(
    'rule', v_explained -> 'rule',
    'origin', v_explained -> 'origin',
    'description', case
      -- change says who did.
      when incident.has_manual_severity then 'The severity was set by hand.'
      else coalesce(
        monitoring.describe_decision(
          incident.rule, incident.severity, coalesce(v_words, '[]'), coalesce(v_fields, '{}')
        ),
        -- That of a rule can be long.
        monitoring.truncate_text(v_explained ->> 'description', 300)
      )
    end,
    'words', nullif(v_words, '[]'),
    'fields', nullif(v_fields, '{}'),
    'change', monitoring.describe_severity_change(incident.id) -> 'sentence',
    'note', v_explained -> 'note'
  );
end
$$;

comment on function monitoring.page_reason(public.incidents) is
'Returns which rule decided the severity of an incident and why, for incident_page(). As explain_classification(), with
40 instead of 200 attempts to find the words, which are null when that was not enough, and a shorter description.';

create function monitoring.page_activity(incident public.incidents)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select public.incident_activity(incident.id) - 'rate' || jsonb_build_object(
    'from', min(counted.hour),
    'hours', jsonb_agg(counted.occurrences order by counted.hour)
  )
  from (
    select slots.hour, coalesce(sum(hours.occurrences), 0) as occurrences
    from generate_series(
      date_trunc('hour', now(), 'UTC') - interval '167 hours', date_trunc('hour', now(), 'UTC'), interval '1 hour'
    ) as slots (hour)
    left join monitoring.incident_hours as hours
      on hours.hour = slots.hour and hours.incident_id = incident.id
    group by slots.hour
  ) as counted
$$;

comment on function monitoring.page_activity(public.incidents) is
'Returns how often an incident occurs, for incident_page(): as incident_activity(), without the sentence, and with the
counts of 168 hours, oldest first.';

create function monitoring.page_releases(incident public.incidents)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(jsonb_agg(to_jsonb(seen) order by seen.last_seen desc, seen.release, seen.environment), '[]')
  from (
    select
      nullif(hours.release, '') as release,
      nullif(hours.environment, '') as environment,
      sum(hours.occurrences)::bigint as occurrences,
      min(hours.first_seen) as first_seen,
      max(hours.last_seen) as last_seen
    from (
      select incident_hours.*
      from monitoring.incident_hours
      where incident_hours.incident_id = incident.id
      order by incident_hours.hour desc
      limit 5000
    ) as hours
    group by hours.release, hours.environment
    order by max(hours.last_seen) desc, hours.release, hours.environment
    limit 10
  ) as seen
$$;

comment on function monitoring.page_releases(public.incidents) is
'Returns the 10 pairs of release and environment in which an incident occurred last, for incident_page(). Looks at the
latest 5,000 rows of incident_hours: of most incidents, all that are kept.';

create function monitoring.name_timeline_entry(entry public.agent_actions)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select case
    when entry.finishes_id is not null
      then case when entry.success then 'finished ' else 'failed ' end
        || replace(regexp_replace(entry.action, '_finished$', ''), '_', ' ')
    when entry.safety_verdict = 'refused' then 'was refused ' || replace(entry.action, '_', ' ')
    when entry.safety_verdict = 'allowed' and entry.details -> 'dry_run' = 'true'
      then 'tried ' || replace(entry.action, '_', ' ')
    when entry.safety_verdict = 'allowed' then 'began ' || replace(entry.action, '_', ' ')
    when entry.action = 'incident_created' then 'opened'
    when entry.action = 'incident_severity_frozen' then 'confirmed the severity'
    when entry.action = 'fix_outcome_recorded'
      then case when entry.details -> 'has_worked' = 'true' then 'said that the fix worked' else 'said that the fix failed' end
    else coalesce(
      (
        '{
          "direct_update": "edited the table", "claim_released": "released the claim",
          "fix_remembered": "remembered a fix", "email_queued": "queued an e-mail",
          "personal_data_erased": "erased personal data"
        }'::jsonb ->> entry.action
      ),
      replace(regexp_replace(entry.action, '^incident_', ''), '_', ' ')
    )
  end
$$;

comment on function monitoring.name_timeline_entry(public.agent_actions) is
'Returns what an entry of the audit trail of an incident is called on its page, such as acknowledged.';

create function monitoring.list_members(document jsonb)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select string_agg(
    format(
      '%s: %s',
      replace(members.name, '_', ' '),
      -- A list of words in a row.
      case
        when jsonb_typeof(members.value) = 'array'
          and not jsonb_path_exists(members.value, '$[*] ? (@.type() == "object")')
          then (select string_agg(items.item, ', ') from jsonb_array_elements_text(members.value) as items (item))
        else members.value #>> '{}'
      end
    ),
    e'\n'
  )
  from jsonb_each(case when jsonb_typeof(list_members.document) = 'object' then list_members.document end)
  as members (name, value)
  where members.value not in ('null', '""', '[]', '{}')
$$;

comment on function monitoring.list_members(jsonb) is
'Returns the members of a JSON object as lines to read, such as pool size: 20, without empty ones. Null without any.';

create function monitoring.name_timeline_kind(entry public.agent_actions)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select case
    when entry.safety_verdict <> 'not_required' or entry.finishes_id is not null or entry.action = 'incident_claimed'
      -- The holder of a claim goes by any name.
      or (entry.action like 'claim\_%' and entry.agent = entry.details ->> 'claimed_by')
      then 'agent'
    when entry.details ->> 'by' <> '' then 'person'
    -- Who reports errors, as in incidents.sender.
    when entry.agent ~ '^(server|public|agent|generic):.'
      or entry.agent in ('sentry', 'alertmanager', 'grafana', 'uptime-kuma', 'github')
      or (entry.action = 'incident_created' and entry.caller like 'user:%')
      then 'sender'
    when entry.caller like 'user:%' or entry.caller = 'authenticated'
      then case
        when strpos(entry.agent, '@') > 0 or entry.caller = 'user:' || entry.agent then 'person'
        else 'agent'
      end
    when entry.caller = 'service_role' then case when entry.agent like '% (operator)' then 'person' else 'job' end
    -- In the SQL editor.
    when entry.agent in ('operator', entry.caller) then 'person'
    else 'job'
  end
$$;

comment on function monitoring.name_timeline_kind(public.agent_actions) is
'Returns who wrote an entry of the audit trail: person, agent, sender or job. A user whose token names an agent is an
agent; who reported an error is a sender, a monitor too; what health checks and the life cycle write is of a job.';

create function monitoring.list_timeline_actions(incident_id text)
returns table (happened_at timestamptz, place bigint, entry jsonb)
language sql
stable
security invoker
set search_path = ''
as $$
  select
    actions.created_at,
    actions.id,
    jsonb_build_object(
      'at', actions.created_at,
      'kind', monitoring.name_timeline_kind(actions),
      'who', coalesce(nullif(actions.details ->> 'by', ''), actions.agent),
      'what', monitoring.name_timeline_entry(actions),
      'from', monitoring.truncate_text(actions.details ->> 'from', 300),
      'to', monitoring.truncate_text(actions.details ->> 'to', 300),
      'why', monitoring.truncate_text(
        coalesce(
          actions.error, actions.details ->> 'reason', actions.details ->> 'note', actions.details ->> 'comment',
          -- That of a reopened incident is the former one.
          case when actions.action = 'incident_resolved' then actions.details ->> 'resolution' end,
          monitoring.list_members(actions.details -> 'result'), monitoring.list_members(actions.details -> 'plan')
        ),
        4000
      ),
      'channel', null, 'status', null, 'attempts', null, 'delivered_at', null
    )
  from (
    select newest.*
    from (
      select agent_actions.*
      from public.agent_actions
      where agent_actions.incident_id = list_timeline_actions.incident_id
      order by agent_actions.id desc
      limit 300
    ) as newest
    -- An agent that works for long writes many of them.
    where newest.action <> 'claim_extended'
      -- A change of the severity has another entry, which says in which direction.
      and (
        newest.action <> 'incident_severity_frozen'
        or newest.details ->> 'from' is not distinct from newest.details ->> 'to'
      )
    order by newest.id desc
    -- Long texts are read of these only.
    limit 101
  ) as actions
$$;

comment on function monitoring.list_timeline_actions(text) is
'Returns the latest 101 entries of the audit trail of an incident for incident_page(), of the latest 300.';

create function monitoring.list_timeline_notifications(incident_id text)
returns table (happened_at timestamptz, place bigint, entry jsonb)
language sql
stable
security invoker
set search_path = ''
as $$
  select
    told.created_at,
    told.id,
    jsonb_build_object(
      'at', told.created_at,
      'kind', 'notification',
      'who', told.channel,
      'what', case told.event
        when 'opened' then 'message that it opened'
        when 'reminder' then 'reminder'
        when 'digest' then 'digest'
        when 'test' then 'test message'
        else 'message that it was ' || told.event
      end,
      'from', null, 'to', null, 'why', null,
      'channel', told.channel,
      'status', case told.status
        when 'delivered' then 'sent'
        when 'dead' then 'given up'
        when 'collapsed' then 'collapsed'
        else 'waiting'
      end,
      'attempts', told.attempts,
      'delivered_at', case when told.status = 'delivered' then told.finished_at end
    )
  from monitoring.notifications as told
  where told.incident_id = list_timeline_notifications.incident_id
  order by told.id desc
  limit 101
$$;

comment on function monitoring.list_timeline_notifications(text) is
'Returns the latest 101 notifications of an incident for incident_page(): which channel was told what, and whether the
message waits, was sent, given up, or collapsed. No address, answer or error.';

create function monitoring.page_timeline(incident public.incidents)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'timeline', coalesce(jsonb_agg(entries.entry order by entries.number) filter (where entries.number <= 100), '[]'),
    'timeline_is_cut', count(*) > 100 or (
      -- The older ones are not looked at.
      select count(*) = 301
      from (
        select
        from public.agent_actions
        where agent_actions.incident_id = incident.id
        limit 301
      ) as actions
    )
  )
  from (
    select
      known.entry,
      row_number() over (order by known.happened_at desc, known.is_told desc, known.place desc) as number
    from (
      select actions.entry, actions.happened_at, actions.place, false as is_told
      from monitoring.list_timeline_actions(incident.id) as actions
      union all
      select told.entry, told.happened_at, told.place, true as is_told
      from monitoring.list_timeline_notifications(incident.id) as told
    ) as known
  ) as entries
$$;

comment on function monitoring.page_timeline(public.incidents) is
'Returns {"timeline", "timeline_is_cut"} for incident_page(): the latest 100 entries of the audit trail and of the
notifications, newest first.';

create function monitoring.page_deployments(incident public.incidents)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'id', deployments.id,
        'service', deployments.service,
        'version', deployments.version,
        'environment', deployments.environment,
        'status', deployments.status,
        'started_at', deployments.started_at,
        'finished_at', deployments.finished_at,
        'deployed_by', deployments.deployed_by,
        'is_linked', deployments.id is not distinct from incident.deployment_id,
        'is_before', deployments.started_at <= incident.opened_at
      )
      order by deployments.started_at desc, deployments.id desc
    ),
    '[]'
  )
  from (
    select around.id
    from (
      (
        select deployment_history.id
        from public.deployment_history
        where deployment_history.started_at > incident.opened_at - interval '7 days'
          and deployment_history.started_at <= incident.opened_at
        order by deployment_history.started_at desc
        limit 4
      )
      union all
      (
        select deployment_history.id
        from public.deployment_history
        where deployment_history.started_at > incident.opened_at
          and deployment_history.started_at < incident.opened_at + interval '1 day'
        order by deployment_history.started_at
        limit 3
      )
      union all
      select incident.deployment_id
    ) as around
    group by around.id
  ) as chosen
  join public.deployment_history as deployments on deployments.id = chosen.id
$$;

comment on function monitoring.page_deployments(public.incidents) is
'Returns the deployments around the time at which an incident opened, for incident_page(), latest first: up to 4 of the
7 days before, up to 3 of the day after, and the one that the incident is linked to.';

create function monitoring.page_similar(incident public.incidents)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'id', incidents.id,
        'title', incidents.title,
        'status', incidents.status,
        'severity', incidents.severity,
        'last_seen', incidents.last_seen,
        'likeness', found.likeness,
        'resolution', incidents.resolution
      )
      order by found.position
    ),
    '[]'
  )
  from monitoring.find_similar_incidents(incident) with ordinality as found (incident_id, likeness, position)
  join public.incidents on incidents.id = found.incident_id
$$;

comment on function monitoring.page_similar(public.incidents) is
'Returns the incidents of find_similar_incidents() for incident_page(), the most alike first.';

create function monitoring.page_fixes(incident public.incidents, former_fix bigint)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_signature text := monitoring.find_signature(incident.message, incident.error_type);
  v_is_user boolean := monitoring.read_role() = 'authenticated';
  v_is_reporter boolean := v_is_user and exists (
    select
    from public.agent_actions
    where agent_actions.incident_id = incident.id
      and agent_actions.action = 'incident_created'
      and agent_actions.caller = monitoring.current_caller()
  );
begin
  return (
    select jsonb_build_object(
      'fixes', coalesce(jsonb_agg(to_jsonb(listed) - array['place', 'is_recordable'] order by listed.place), '[]'),
      'fix_choices', coalesce(
        jsonb_agg(
          jsonb_build_object(
            'id', listed.id,
            'text', monitoring.truncate_text(coalesce(nullif(listed.solution, ''), listed.pattern), 300)
          )
          order by listed.place
        ) filter (where listed.is_recordable),
        '[]'
      )
    )
    from (
      select
        fix.id, fix.pattern, fix.root_cause, fix.solution, fix.success_count, fix.failure_count, fix.success_rate,
        fix.is_approved,
        fix.id is not distinct from incident.knowledge_id as is_linked,
        -- As record_fix_outcome() decides.
        not v_is_reporter and (
          fix.signature = v_signature or (not v_is_user and fix.id is not distinct from incident.knowledge_id)
        ) as is_recordable,
        row_number() over (
          order by
            -- Those of this error, and then those whose words are similar.
            fix.id is not distinct from incident.knowledge_id
            or fix.id is not distinct from page_fixes.former_fix
            or fix.signature = v_signature desc,
            fix.success_count > 0 desc, fix.success_rate desc nulls last,
            fix.id = incident.knowledge_id desc nulls last, found.score desc, fix.id
        ) as place
      from (
        select fixes.*
        from monitoring.find_fixes(incident, page_fixes.former_fix) as fixes
        limit 7
      ) as found
      join public.error_knowledge as fix on fix.id = found.knowledge_id
    ) as listed
  );
end
$$;

comment on function monitoring.page_fixes(public.incidents, bigint) is
'Returns {"fixes", "fix_choices"} for incident_page(): the known fixes of find_fixes(), those of the same error first,
then those that worked; and of which of them the caller may say whether they worked.';

create function monitoring.list_permitted_changes(incident public.incidents)
returns text[]
language sql
stable
security invoker
set search_path = ''
as $$
  select array_remove(
    array[
      -- A person takes a claimed incident over.
      case when incident.status = 'open' or incident.claim_caller is not null then 'acknowledge' end,
      case when incident.status <> 'resolved' then 'resolve' end,
      case when incident.status in ('open', 'acknowledged') then 'suppress' end,
      case
        when incident.status = 'suppressed'
          or (incident.status = 'resolved' and monitoring.find_live_incident(incident.fingerprint) is null)
          then 'reopen'
      end,
      'note',
      'set_severity'
    ],
    null
  )
$$;

comment on function monitoring.list_permitted_changes(public.incidents) is
'Returns the actions of change_incident() that the status of an incident permits.';

create function public.incident_page(incident_id text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_incident public.incidents;
  v_regression jsonb;
begin
  select incidents.*
  into v_incident
  from public.incidents
  where incidents.id = incident_page.incident_id;
  if not found then
    perform monitoring.refuse_unknown_incident(incident_page.incident_id);
  end if;
  v_regression := monitoring.find_regression(v_incident);
  return jsonb_build_object(
    'incident', monitoring.page_incident(v_incident),
    'reason', monitoring.page_reason(v_incident),
    'activity', monitoring.page_activity(v_incident),
    'releases', monitoring.page_releases(v_incident),
    'deployments', monitoring.page_deployments(v_incident),
    'similar', monitoring.page_similar(v_incident),
    'regression', v_regression,
    'actions', monitoring.list_permitted_changes(v_incident),
    'severities', enum_range(null::public.incident_severity),
    'suppress_choices', '[
      {"minutes": 60, "label": "1 hour"}, {"minutes": 240, "label": "4 hours"}, {"minutes": 1440, "label": "1 day"},
      {"minutes": 10080, "label": "7 days"}, {"minutes": 43200, "label": "30 days"}
    ]'::jsonb
  )
  || monitoring.page_stack(v_incident)
  || monitoring.page_timeline(v_incident)
  || monitoring.page_fixes(v_incident, (v_regression ->> 'knowledge_id')::bigint);
end
$$;

revoke all on function public.incident_page(text) from public, anon, authenticated, service_role;

grant execute on function public.incident_page(text) to authenticated, service_role;

comment on function public.incident_page(text) is
'Returns everything that the page of an incident shows, in one document.

Returns {"incident", "stack", "stack_is_cut", "reason", "activity", "releases", "timeline", "timeline_is_cut",
"deployments", "similar", "fixes", "fix_choices", "regression", "actions", "severities", "suppress_choices"}. stack are
the lines of the newest stack, at most 200; reason says which rule decided the severity and by which words; activity
has counts of 168 hours; timeline are the latest 100 entries of the audit trail and notifications (status waiting,
sent, given up or collapsed); regression says how the error was resolved before it came back; actions are those of
change_incident() that the status permits; fix_choices are {"id", "text"} of the fixes that may be named with
has_worked. Texts are as stored: untrusted. 404 when the incident does not exist. Security definer, because the
notifications are closed to API roles, and the functions that it calls are in the closed schema monitoring; agents may
read all of it.';
