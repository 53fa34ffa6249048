-- Purpose: provides the RPCs with which an agent starts and finishes an action; both are recorded, refusals too.
-- Objects: functions monitoring.answer_conflict, monitoring.answer_refused_action, public.begin_agent_action,
--   public.finish_agent_action.
-- Risks: a refusal must be committed, so it is returned with HTTP status 409 instead of raised.

create function monitoring.answer_conflict(message text, details text, hint text, answer jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- PostgREST reads the status of its response from this setting. Raising PT409 would roll the audit row back.
  perform set_config('response.status', '409', true);
  return answer_conflict.answer || jsonb_build_object(
    'code', 'PT409', 'message', answer_conflict.message, 'details', answer_conflict.details, 'hint', answer_conflict.hint
  );
end
$$;

comment on function monitoring.answer_conflict(text, text, text, jsonb) is
'Returns an answer that PostgREST sends with status 409 while the transaction is committed. It has all members of an
error of PostgREST, code, message, details and hint, because clients such as supabase-py show no other.';

create function monitoring.answer_refused_action(audit_id bigint, checks jsonb)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select monitoring.answer_conflict(
    'the action is refused',
    string_agg(refused.reason, '; ' order by refused.position),
    string_agg(refused.remedy, ' ' order by refused.position),
    jsonb_build_object(
      'allowed', false,
      'action_id', null,
      'audit_id', answer_refused_action.audit_id,
      'reasons', jsonb_agg(refused.reason order by refused.position),
      'safety_checks', answer_refused_action.checks
    )
  )
  from (
    select checks.position, (checks.item ->> 'check') || ': ' || (checks.item ->> 'detail') as reason, remedies.remedy
    from jsonb_array_elements(answer_refused_action.checks) with ordinality as checks (item, position)
    left join monitoring.list_check_remedies() as remedies on remedies.name = checks.item ->> 'check'
    where not (checks.item ->> 'passed')::boolean
  ) as refused
$$;

comment on function monitoring.answer_refused_action(bigint, jsonb) is
'Returns the answer to an action that a check refuses: the failed checks as reasons, and what to do about each.';

create function public.begin_agent_action(
  agent text, action_type text, incident_id text default null, plan jsonb default '{}', dry_run boolean default false
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_agent text := monitoring.read_agent(begin_agent_action.agent);
  v_kind text := monitoring.require_argument(
    'action_type',
    monitoring.read_choice(
      'action_type', begin_agent_action.action_type,
      array(select action_kinds.kind from monitoring.action_kinds order by action_kinds.kind)
    )
  );
  v_plan jsonb := monitoring.read_document('plan', begin_agent_action.plan, 16384);
  v_is_dry_run boolean := coalesce(begin_agent_action.dry_run, false);
  v_incident public.incidents;
  v_checks jsonb;
  v_is_allowed boolean;
  v_id bigint;
  v_deadline timestamptz;
begin
  perform monitoring.require_subject();
  -- Changes of the configuration take this lock first, so the kill switch cannot be set, and no other action can
  -- start, between these checks and the start of the action.
  perform pg_advisory_xact_lock(20261126, 1);
  if begin_agent_action.incident_id is not null then
    v_incident := monitoring.lock_incident(begin_agent_action.incident_id);
  end if;
  v_checks := monitoring.check_agent_action(v_kind, v_incident.id, begin_agent_action.plan);
  v_is_allowed := not v_checks @> '[{"passed": false}]';

  insert into public.agent_actions (
    agent, action, incident_id, knowledge_id, success, safety_checks, safety_verdict, details
  )
  values (
    v_agent,
    v_kind,
    v_incident.id,
    monitoring.find_approved_fix(begin_agent_action.plan),
    case when not v_is_allowed then false end,
    v_checks,
    case when v_is_allowed then 'allowed' else 'refused' end,
    jsonb_build_object('plan', v_plan, 'dry_run', v_is_dry_run)
  )
  returning agent_actions.id into v_id;

  if not v_is_allowed then
    return monitoring.answer_refused_action(v_id, v_checks);
  end if;
  if not v_is_dry_run then
    v_deadline := clock_timestamp() + make_interval(
      mins => (monitoring.config('incident_policy') ->> 'action_deadline_minutes')::integer
    );
    insert into monitoring.running_actions (action_id, incident_id, agent, kind, deadline)
    values (v_id, v_incident.id, v_agent, v_kind, v_deadline);
  end if;
  return jsonb_build_object(
    'allowed', true,
    'action_id', case when not v_is_dry_run then v_id end,
    'audit_id', v_id,
    'dry_run', v_is_dry_run,
    'deadline', v_deadline,
    'safety_checks', v_checks
  );
end
$$;

revoke all on function public.begin_agent_action(text, text, text, jsonb, boolean)
from public, anon, authenticated, service_role;

grant execute on function public.begin_agent_action(text, text, text, jsonb, boolean) to authenticated, service_role;

comment on function public.begin_agent_action(text, text, text, jsonb, boolean) is
'Requests permission to start an action.

agent is a label: the action belongs to the user of the access token. action_type is investigate, notify, auto_fix,
restart, deploy or rollback, in any case. plan describes the action in at most 64 KiB; auto_fix and restart need
plan.confidence, 0 to 1, and auto_fix needs plan.knowledge_id, an approved fix. The checks are: kill switch, feature
flag of the action type, actions per hour of the caller and of all, deployment window, no other running action for the
incident, confidence, approved fix, no claim of another caller. The result is recorded either way; dry_run only
checks. Returns {"allowed", "action_id", "audit_id", "dry_run", "deadline", "safety_checks"}, or with status 409, when
the action is refused, {"code", "message", "details", "hint", "allowed", "audit_id", "reasons", "safety_checks"}:
details has the reasons, hint what to do. Call finish_agent_action() before the deadline, else the action counts as
failed. Security definer, because agents may write the audit trail through such functions only.';

create function public.finish_agent_action(
  action_id bigint, success boolean, result jsonb default '{}', error text default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_running monitoring.running_actions;
  v_caller text := monitoring.require_subject();
  v_is_success boolean := finish_agent_action.success;
  v_result jsonb := monitoring.read_document('result', finish_agent_action.result, 16384);
  v_error text := monitoring.read_optional_text('error', finish_agent_action.error, 4096);
  v_audit_id bigint;
begin
  if v_is_success is null then
    perform monitoring.refuse_request('PT400', 'success is missing', 'success', 'Send true or false.');
  elsif v_is_success and v_error is not null then
    perform monitoring.refuse_request(
      'PT400', 'error must be empty when success is true', 'error', 'Leave error out, or send success false.'
    );
  end if;
  perform pg_advisory_xact_lock(20261126, 1);
  delete from monitoring.running_actions
  where running_actions.action_id = finish_agent_action.action_id
  returning running_actions.* into v_running;
  if not found then
    perform monitoring.refuse_request(
      'PT409', format('action %s is not running', finish_agent_action.action_id), 'action_id',
      'It was finished, exceeded its deadline, was stopped by the kill switch, or never began: see agent_actions.'
    );
  elsif v_running.caller <> v_caller and monitoring.read_role() = 'authenticated' then
    perform monitoring.refuse_request(
      'PT403', format('action %s belongs to another caller', v_running.action_id), 'action_id',
      'The caller that began an action finishes it, or service_role does.'
    );
  end if;
  if v_is_success and monitoring.is_kill_switch_on() then
    v_is_success := false;
    v_error := 'stopped by the kill switch';
  end if;
  insert into public.agent_actions (agent, action, incident_id, success, error, duration_ms, details, finishes_id)
  values (
    v_running.agent,
    v_running.kind || '_finished',
    v_running.incident_id,
    v_is_success,
    case when not v_is_success then coalesce(v_error, 'no reason given') end,
    least(extract(epoch from clock_timestamp() - v_running.begun_at) * 1000, 2147483647)::integer,
    jsonb_build_object('result', v_result),
    v_running.action_id
  )
  returning agent_actions.id into v_audit_id;
  if v_is_success is distinct from finish_agent_action.success then
    return monitoring.answer_conflict(
      'the action was stopped by the kill switch',
      coalesce('kill_switch: ' || (monitoring.config('kill_switch') ->> 'reason'), 'kill_switch: kill_switch.enabled'),
      'Undo what you can and stop: the action is recorded as failed. Act again when a person releases the kill switch.',
      jsonb_build_object('success', false, 'audit_id', v_audit_id)
    );
  end if;
  return jsonb_build_object('success', v_is_success, 'audit_id', v_audit_id);
end
$$;

revoke all on function public.finish_agent_action(bigint, boolean, jsonb, text)
from public, anon, authenticated, service_role;

grant execute on function public.finish_agent_action(bigint, boolean, jsonb, text) to authenticated, service_role;

comment on function public.finish_agent_action(bigint, boolean, jsonb, text) is
'Records the end of a running action and returns {"success", "audit_id"}.

action_id is the one that begin_agent_action() returned. 409 when the action is not running, 403 when another caller
began it; service_role may finish any. result has at most 64 KiB. While the kill switch is
on, a success is recorded as a failure and answered with 409. Security definer, because agents may write the audit
trail through such functions only.';
