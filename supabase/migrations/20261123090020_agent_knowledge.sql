-- Purpose: provides the RPCs with which agents store a fix and record whether it worked.
-- Objects: functions monitoring.find_signature, monitoring.find_knowledge, monitoring.upsert_knowledge,
--   public.remember_fix, public.record_fix_outcome.
-- Risks: find_knowledge() runs for every new incident.

create function monitoring.find_signature(message text, error_type text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select monitoring.fingerprint_error(find_signature.message, find_signature.error_type, null)
$$;

comment on function monitoring.find_signature(text, text) is
'Returns the signature of an error: its fingerprint without the source.';

create function monitoring.find_knowledge(message text, error_type text)
returns bigint
language sql
stable
security invoker
set search_path = ''
as $$
  select error_knowledge.id
  from public.error_knowledge
  where error_knowledge.signature = monitoring.find_signature(find_knowledge.message, find_knowledge.error_type)
$$;

comment on function monitoring.find_knowledge(text, text) is
'Returns the id of the entry of an error in error_knowledge, or null.';

create function monitoring.upsert_knowledge(entry public.error_knowledge)
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_id bigint;
begin
  insert into public.error_knowledge as known (
    pattern, signature, category, severity, root_cause, solution, auto_fix_code, is_auto_fix_allowed, embedding
  )
  values (
    entry.pattern, entry.signature, entry.category, entry.severity, entry.root_cause, entry.solution,
    entry.auto_fix_code, coalesce(entry.is_auto_fix_allowed, false), entry.embedding
  )
  on conflict (signature) do update
    set
      category = excluded.category,
      severity = excluded.severity,
      root_cause = coalesce(excluded.root_cause, known.root_cause),
      solution = excluded.solution,
      auto_fix_code = coalesce(excluded.auto_fix_code, known.auto_fix_code),
      -- A changed fix starts without counts, and needs a new permission to run by itself.
      is_auto_fix_allowed = coalesce(
        entry.is_auto_fix_allowed,
        known.is_auto_fix_allowed
        and coalesce(excluded.auto_fix_code, known.auto_fix_code) is not distinct from known.auto_fix_code
      ),
      success_count = case
        when (excluded.solution, coalesce(excluded.auto_fix_code, known.auto_fix_code))
          is not distinct from (known.solution, known.auto_fix_code) then known.success_count
        else 0
      end,
      failure_count = case
        when (excluded.solution, coalesce(excluded.auto_fix_code, known.auto_fix_code))
          is not distinct from (known.solution, known.auto_fix_code) then known.failure_count
        else 0
      end,
      embedding = coalesce(excluded.embedding, known.embedding),
      updated_at = greatest(clock_timestamp(), known.created_at)
  returning known.id into v_id;
  return v_id;
end
$$;

comment on function monitoring.upsert_knowledge(public.error_knowledge) is
'Writes an entry under its signature and returns its id. Fields that are null keep the stored value; a changed
solution or code resets both counts and, unless is_auto_fix_allowed is given, the permission to run the code.';

create function public.remember_fix(
  solution text,
  incident_id text default null,
  pattern text default null,
  error_type text default null,
  root_cause text default null,
  category public.incident_category default null,
  severity public.incident_severity default null,
  auto_fix_code text default null,
  is_auto_fix_allowed boolean default null,
  embedding extensions.vector default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_incident public.incidents;
  v_pattern text;
  v_type text := monitoring.sanitize_line(remember_fix.error_type, 200);
  v_verdict record;
  v_old public.error_knowledge;
  v_new public.error_knowledge;
  v_id bigint;
begin
  if remember_fix.is_auto_fix_allowed and monitoring.read_role() = 'authenticated' then
    perform monitoring.refuse_request(
      'PT403', 'agents may not set is_auto_fix_allowed', 'is_auto_fix_allowed',
      'Leave the field out; an operator can set it in the SQL editor after reviewing the code.'
    );
  end if;
  if remember_fix.incident_id is not null then
    v_incident := monitoring.lock_incident(remember_fix.incident_id);
  end if;
  v_pattern := monitoring.read_required_text('pattern', coalesce(remember_fix.pattern, v_incident.message), 4096);
  v_type := coalesce(v_type, case when remember_fix.pattern is null then v_incident.error_type end);
  if extensions.vector_dims(remember_fix.embedding) <> 1536 then
    perform monitoring.refuse_request(
      'PT400', format('embedding has %s dimensions', extensions.vector_dims(remember_fix.embedding)), 'embedding',
      'Send 1,536 numbers, or leave embedding out: it is then computed in the background.'
    );
  end if;
  select verdict.severity, verdict.category
  into v_verdict
  from public.classify_error(v_pattern, v_type) as verdict;

  select error_knowledge.*
  into v_old
  from public.error_knowledge
  where error_knowledge.signature = monitoring.find_signature(v_pattern, v_type)
  for update;
  if remember_fix.is_auto_fix_allowed and coalesce(remember_fix.auto_fix_code, v_old.auto_fix_code) is null then
    perform monitoring.refuse_request(
      'PT400', 'is_auto_fix_allowed needs auto_fix_code', 'is_auto_fix_allowed', 'Send the code that may run.'
    );
  end if;

  v_new.pattern := v_pattern;
  v_new.signature := monitoring.find_signature(v_pattern, v_type);
  v_new.category := coalesce(remember_fix.category, v_incident.category, v_verdict.category);
  v_new.severity := coalesce(remember_fix.severity, v_incident.severity, v_verdict.severity);
  v_new.root_cause := monitoring.sanitize_text(remember_fix.root_cause, 4096);
  v_new.solution := monitoring.read_required_text('solution', remember_fix.solution, 16384);
  v_new.auto_fix_code := monitoring.sanitize_text(remember_fix.auto_fix_code, 16384);
  v_new.is_auto_fix_allowed := remember_fix.is_auto_fix_allowed;
  v_new.embedding := remember_fix.embedding;
  v_id := monitoring.upsert_knowledge(v_new);
  if v_incident.id is not null then
    update public.incidents
    set knowledge_id = v_id
    where incidents.id = v_incident.id;
  end if;
  insert into public.agent_actions (agent, action, incident_id, knowledge_id, success, details)
  values (
    monitoring.read_actor(), 'fix_remembered', v_incident.id, v_id, true,
    jsonb_strip_nulls(jsonb_build_object(
      'replaced_solution', v_old.solution, 'replaced_code', v_old.auto_fix_code,
      'replaced_success_rate', v_old.success_rate
    ))
  );
  return v_id;
end
$$;

revoke all on function public.remember_fix(
  text, text, text, text, text, public.incident_category, public.incident_severity, text, boolean, extensions.vector
) from public, anon, authenticated, service_role;

grant execute on function public.remember_fix(
  text, text, text, text, text, public.incident_category, public.incident_severity, text, boolean, extensions.vector
) to authenticated, service_role;

comment on function public.remember_fix(
  text, text, text, text, text, public.incident_category, public.incident_severity, text, boolean, extensions.vector
) is
'Stores the fix of an error and returns the id of the new or updated entry in error_knowledge.

Required are solution, and either incident_id or pattern (the message of the error) with error_type. Entries are
identified by their signature, a fingerprint of the message and the type without numbers and ids, so the same error
updates the same entry; a changed solution resets its counts. category and severity are classified when they are not
given. embedding has 1,536 dimensions; without it, one is computed in the background if feature_flags.embeddings is
true. Only service_role may set is_auto_fix_allowed. New incidents with the same signature are linked to the entry.
Security definer, because agents may write error_knowledge through such functions only.';

create function public.record_fix_outcome(knowledge_id bigint, success boolean)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_entry public.error_knowledge;
begin
  if record_fix_outcome.success is null then
    perform monitoring.refuse_request(
      'PT400', 'success is missing', 'success', 'Send true if the fix worked, else false.'
    );
  end if;
  update public.error_knowledge
  set
    success_count = error_knowledge.success_count + record_fix_outcome.success::integer,
    failure_count = error_knowledge.failure_count + (not record_fix_outcome.success)::integer
  where error_knowledge.id = record_fix_outcome.knowledge_id
  returning error_knowledge.* into v_entry;
  if not found then
    perform monitoring.refuse_request(
      'PT404', format('there is no knowledge %s', record_fix_outcome.knowledge_id), 'knowledge_id',
      'search_error_knowledge() returns the ids of known errors.'
    );
  end if;
  insert into public.agent_actions (agent, action, knowledge_id, success, details)
  values (
    monitoring.read_actor(), 'fix_outcome_recorded', v_entry.id, true,
    jsonb_build_object('has_worked', record_fix_outcome.success)
  );
  return jsonb_build_object(
    'knowledge_id', v_entry.id, 'success_count', v_entry.success_count, 'failure_count', v_entry.failure_count,
    'success_rate', v_entry.success_rate
  );
end
$$;

revoke all on function public.record_fix_outcome(bigint, boolean) from public, anon, authenticated, service_role;

grant execute on function public.record_fix_outcome(bigint, boolean) to authenticated, service_role;

comment on function public.record_fix_outcome(bigint, boolean) is
'Counts whether a known fix worked.

Returns {"knowledge_id", "success_count", "failure_count", "success_rate"}. 404 when the entry does not exist.
Security definer, because agents may write error_knowledge through such functions only.';
