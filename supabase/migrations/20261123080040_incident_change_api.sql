-- Purpose: provides the RPC behind the buttons of an incident's page: one function for all changes that a person makes.
-- Objects: functions monitoring.list_change_members, monitoring.read_change, monitoring.read_operator,
--   monitoring.read_suppression_end, monitoring.read_fix_id, monitoring.change_seen_severity,
--   monitoring.apply_incident_change, public.change_incident.
-- Risks: the service names the operator in an argument, because the operator has no access token of Supabase. Only
--   service_role may, and read_actor() reads the name for that role only. The setting ends with the call. Locks are
--   those of the functions of incident_api: arguments are checked before them.

create function monitoring.list_change_members()
returns table (action text, members text[])
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  values
  ('acknowledge', '{}'::text[]),
  ('resolve', array['resolution', 'knowledge_id', 'has_worked']),
  ('suppress', array['minutes', 'until', 'reason']),
  ('reopen', array['reason']),
  ('note', array['note']),
  ('set_severity', array['severity', 'reason', 'seen_severity'])
$$;

comment on function monitoring.list_change_members() is
'Returns the actions of change_incident(), and which other members the change may have with each.';

create function monitoring.read_change(change jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_change jsonb := '{}'::jsonb;
  v_action text;
  v_known text[] := array(
    select distinct known.member
    from monitoring.list_change_members() as actions
    cross join lateral unnest(actions.members || 'action'::text) as known (member)
    order by known.member
  );
  v_member record;
begin
  if jsonb_typeof(read_change.change) is distinct from 'object' then
    perform monitoring.refuse_request(
      'PT400', 'change must be a JSON object', 'change', 'Send {"action": "note", "note": "seen on two hosts"}.'
    );
  end if;
  perform monitoring.check_size('change', read_change.change::text, 1048576);
  for v_member in
    select members.key as name, members.value, btrim(members.value #>> '{}', e' \t\r\n') as text
    from jsonb_each(read_change.change) as members
    order by members.key <> 'action', members.key
  loop
    if v_member.name <> all(v_known) then
      v_member.name := coalesce(monitoring.sanitize_line(v_member.name, 60), 'change');
      perform monitoring.refuse_request(
        'PT400', v_member.name || ' is unknown', v_member.name,
        'Leave it out. The members are ' || array_to_string(v_known, ', ') || '.'
      );
    elsif jsonb_typeof(v_member.value) in ('object', 'array') then
      perform monitoring.refuse_request('PT400', v_member.name || ' must be a text', v_member.name, 'Send a string.');
    elsif v_member.name = 'action' then
      v_action := monitoring.read_choice(
        'action', v_member.text, array(select actions.action from monitoring.list_change_members() as actions)
      );
    elsif v_member.text <> '' then
      v_change := v_change || jsonb_build_object(v_member.name, v_member.text);
    end if;
  end loop;
  v_action := monitoring.require_argument('action', v_action);
  for v_member in
    select jsonb_object_keys(v_change) as name
    except
    select unnest(actions.members)
    from monitoring.list_change_members() as actions
    where actions.action = v_action
    order by name
  loop
    perform monitoring.refuse_request(
      'PT400', format('%s takes no %s', v_action, v_member.name), v_member.name, 'Leave it out, or send another action.'
    );
  end loop;
  return v_change || jsonb_build_object('action', v_action);
end
$$;

comment on function monitoring.read_change(jsonb) is
'Returns the change of change_incident() as an object of texts: the action, and the other members that are not blank.
Raises PT400 for unknown members, and for those that the action does not take.';

create function monitoring.read_operator(operator text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_operator text := btrim(read_operator.operator);
begin
  if monitoring.read_role() <> 'service_role' then
    if read_operator.operator is not null then
      perform monitoring.refuse_request(
        'PT403', 'operator is for service_role only', 'operator',
        'Leave it out: who calls is who the access token names.'
      );
    end if;
    return null;
  end if;
  if v_operator is null
    or length(v_operator) not between 1 and 60
    or not monitoring.is_one_line(v_operator)
    or monitoring.sanitize_line(v_operator, 240) is null
    -- Spaces, fillers and joiners that show nothing.
    or btrim(
      v_operator, e' \u00a0\u00ad\u034f\u115f\u1160\u200c\u200d\u2007\u202f\u2800\u3000\u3164\uffa0'
    ) = ''
  then
    perform monitoring.refuse_request(
      'PT400', 'operator must be a name of 1 to 60 characters', 'operator',
      'Send the name under which the operator signed in, on one line.'
    );
  end if;
  -- Users go by their e-mail addresses too.
  if v_operator ~ '^[A-Za-z0-9._+-]+@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+$' then
    return v_operator;
  end if;
  return monitoring.sanitize_line(v_operator, 240);
end
$$;

comment on function monitoring.read_operator(text) is
'Returns the name of the operator, sanitized unless it is an e-mail address. Null for everybody but service_role, who
must send it (PT400); others must not (PT403).';

create function monitoring.read_suppression_end(change jsonb)
returns timestamptz
language plpgsql
volatile
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_minutes text := read_suppression_end.change ->> 'minutes';
  v_until text := read_suppression_end.change ->> 'until';
begin
  if v_until is not null then
    -- No word such as tomorrow, whose meaning depends on the zone.
    if v_until !~ '^\d{4}-\d{2}-\d{2}([T ]|$)' or not monitoring.is_valid_input(v_until, 'timestamptz') then
      perform monitoring.refuse_request(
        'PT400', 'until is no time', 'until', 'Send a time such as 2026-12-01T08:00, in UTC, or 2026-12-01T08:00+01:00.'
      );
    end if;
    return v_until::timestamptz;
  end if;
  v_minutes := monitoring.require_argument('minutes', v_minutes);
  if v_minutes !~ '^\d{1,6}$' or v_minutes::integer not between 1 and 525600 then
    perform monitoring.refuse_request(
      'PT400', 'minutes must be a whole number from 1 to 525600', 'minutes', 'Send minutes such as 60, or until, a time.'
    );
  end if;
  return clock_timestamp() + make_interval(mins => v_minutes::integer);
end
$$;

comment on function monitoring.read_suppression_end(jsonb) is
'Returns when a suppression ends: until, which is in UTC unless it names a zone, or else minutes from now. A form sends
minutes always, because one of its choices is selected: a time that somebody typed is what they mean.';

create function monitoring.read_fix_id(value text)
returns bigint
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if read_fix_id.value !~ '^\d{1,18}$' then
    perform monitoring.refuse_request(
      'PT400', 'knowledge_id is no id', 'knowledge_id', 'Send the id of a known fix, or leave it out.'
    );
  end if;
  return read_fix_id.value::bigint;
end
$$;

comment on function monitoring.read_fix_id(text) is
'Returns the id of a known fix that an argument names; null when it is missing. Raises PT400 for other text.';

create function monitoring.change_seen_severity(incident_id text, change jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_severity public.incident_severity := monitoring.read_severity(
    monitoring.require_argument('severity', change_seen_severity.change ->> 'severity')
  );
  v_reason text := monitoring.read_required_text('reason', change_seen_severity.change ->> 'reason', 1024);
  v_seen public.incident_severity := monitoring.read_choice(
    'seen_severity', change_seen_severity.change ->> 'seen_severity',
    enum_range(null::public.incident_severity)::text[]
  )::public.incident_severity;
  v_incident public.incidents := monitoring.lock_incident(change_seen_severity.incident_id);
begin
  if v_incident.severity <> v_seen then
    perform monitoring.refuse_conflict(
      format('the severity of %s is %s', v_incident.id, v_incident.severity)
      || coalesce(': ' || (monitoring.describe_severity_change(v_incident.id) ->> 'sentence'), ''),
      'severity', 'Look at the incident again, and change the severity if it is still wrong.'
    );
  end if;
  if v_incident.severity = v_severity and v_incident.has_manual_severity then
    perform monitoring.refuse_conflict(
      format('the severity of %s is %s already, set by hand', v_incident.id, v_severity)
      || coalesce(': ' || (monitoring.describe_severity_change(v_incident.id) ->> 'sentence'), ''),
      'severity', 'Choose another severity, or add a note.'
    );
  end if;
  perform public.set_incident_severity(v_incident.id, v_severity::text, v_reason);
end
$$;

comment on function monitoring.change_seen_severity(text, jsonb) is
'Sets the severity of an incident, unless it is another one by now than seen_severity, if that is given: PT409 says who
changed it. PT409 also when it was set by hand to this severity before: nothing would change, and the reason would be
lost. One that a rule gave can be confirmed.';

create function monitoring.apply_incident_change(incident_id text, change jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_id constant text := apply_incident_change.incident_id;
  v_change constant jsonb := apply_incident_change.change;
begin
  case v_change ->> 'action'
    when 'acknowledge' then
      perform public.acknowledge_incident(v_id);
    when 'resolve' then
      perform public.resolve_incident(
        v_id, v_change ->> 'resolution', monitoring.read_fix_id(v_change ->> 'knowledge_id'),
        monitoring.read_choice(
          'has_worked', v_change ->> 'has_worked', array['yes', 'no', 'true', 'false']
        )::boolean
      );
    when 'suppress' then
      perform public.suppress_incident(v_id, monitoring.read_suppression_end(v_change), v_change ->> 'reason');
    when 'reopen' then
      perform public.reopen_incident(v_id, v_change ->> 'reason');
    when 'note' then
      perform public.add_incident_note(v_id, v_change ->> 'note');
    when 'set_severity' then
      perform monitoring.change_seen_severity(v_id, v_change);
  end case;
end
$$;

comment on function monitoring.apply_incident_change(text, jsonb) is
'Changes an incident as read_change() returned it, with the functions that agents call.';

create function public.change_incident(incident_id text, change jsonb, operator text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_operator text := monitoring.read_operator(change_incident.operator);
  v_change jsonb := monitoring.read_change(change_incident.change);
  v_answer jsonb;
begin
  perform set_config('monitoring.operator', coalesce(v_operator, ''), true);
  perform monitoring.apply_incident_change(change_incident.incident_id, v_change);
  perform set_config('monitoring.operator', '', true);
  select jsonb_build_object(
    'incident_id', incidents.id, 'status', incidents.status, 'severity', incidents.severity,
    'action', v_change ->> 'action'
  )
  into v_answer
  from public.incidents
  where incidents.id = change_incident.incident_id;
  return v_answer;
end
$$;

revoke all on function public.change_incident(text, jsonb, text) from public, anon, authenticated, service_role;

grant execute on function public.change_incident(text, jsonb, text) to authenticated, service_role;

comment on function public.change_incident(text, jsonb, text) is
'Changes an incident as a form sends it, and returns {"incident_id", "status", "severity", "action"}.

change is {"action"} and the texts of the action; an empty text is absent. acknowledge; resolve: resolution, and if a
known fix was used, knowledge_id and has_worked (yes or no); suppress: reason, and until, a time in UTC unless it names
a zone, or minutes, which until replaces; reopen: reason; note: note; set_severity: severity, reason, and
seen_severity, the severity that the page showed. operator is for service_role only, who must send it: the name, of 1
to 60 characters, under which the operator signed in; the audit trail says "<operator> (operator)". 400 names the
member that is wrong in details, 403 when a user sends operator, 404 when the incident or the fix does not exist, 409
when somebody was faster: the message says who. Security definer, because agents may change incidents through such
functions only.';
