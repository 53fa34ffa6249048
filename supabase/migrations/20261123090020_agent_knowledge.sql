-- Purpose: provides the RPCs with which agents store a fix, and the service approves it.
-- Objects: functions monitoring.find_signature, monitoring.find_knowledge, monitoring.upsert_knowledge,
--   public.remember_fix, public.approve_fix.
-- Risks: find_knowledge() runs for every new incident. No function but approve_fix() approves an entry. An entry is
--   locked for no key update: a stronger lock would wait for sessions that link incidents to it, which may wait for
--   our incident.

-- The type vector, in whatever schema the extension is.
select set_config('search_path', monitoring.find_vector_schema(), true);

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
    pattern, signature, category, severity, root_cause, solution, auto_fix_code, embedding
  )
  values (
    entry.pattern, entry.signature, entry.category, entry.severity, entry.root_cause, entry.solution,
    entry.auto_fix_code, entry.embedding
  )
  on conflict (signature) do update
    set
      category = excluded.category,
      severity = excluded.severity,
      root_cause = coalesce(excluded.root_cause, known.root_cause),
      solution = excluded.solution,
      auto_fix_code = coalesce(excluded.auto_fix_code, known.auto_fix_code),
      embedding = coalesce(excluded.embedding, known.embedding)
  returning known.id into v_id;
  return v_id;
end
$$;

comment on function monitoring.upsert_knowledge(public.error_knowledge) is
'Writes an entry under its signature and returns its id. Fields that are null keep the stored value. A trigger ends the
approval of a changed entry.';

create function public.remember_fix(
  solution text,
  incident_id text default null,
  pattern text default null,
  error_type text default null,
  root_cause text default null,
  category text default null,
  severity text default null,
  auto_fix_code text default null,
  embedding vector default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_incident public.incidents;
  v_pattern text := monitoring.read_optional_text('pattern', remember_fix.pattern, 4096);
  v_type text := monitoring.read_optional_line('error_type', remember_fix.error_type, 200);
  v_category public.incident_category := monitoring.read_category(remember_fix.category);
  v_severity public.incident_severity := monitoring.read_severity(remember_fix.severity);
  v_verdict record;
  v_old public.error_knowledge;
  v_new public.error_knowledge;
  v_id bigint;
begin
  v_new.solution := monitoring.read_required_text('solution', remember_fix.solution, 16384);
  v_new.root_cause := monitoring.read_optional_text('root_cause', remember_fix.root_cause, 4096);
  -- Code is never truncated: half of a script is another script.
  perform monitoring.check_size('auto_fix_code', remember_fix.auto_fix_code, 16384);
  v_new.auto_fix_code := monitoring.read_optional_text('auto_fix_code', remember_fix.auto_fix_code, 16384);
  if cardinality(remember_fix.embedding::real[]) <> 1536 then
    perform monitoring.refuse_request(
      'PT400', format('embedding has %s dimensions', cardinality(remember_fix.embedding::real[])), 'embedding',
      'Send 1,536 numbers, or leave embedding out: it is then computed in the background.'
    );
  end if;
  if remember_fix.incident_id is not null then
    -- As in record_fix_outcome().
    perform pg_advisory_xact_lock_shared(20261126, 3);
    v_incident := monitoring.lock_incident(remember_fix.incident_id);
  end if;
  v_type := coalesce(v_type, case when v_pattern is null then v_incident.error_type end);
  v_pattern := monitoring.read_required_text('pattern', coalesce(v_pattern, v_incident.message), 4096);
  select verdict.severity, verdict.category
  into v_verdict
  from public.classify_error(v_pattern, v_type) as verdict;

  v_new.pattern := v_pattern;
  v_new.signature := monitoring.find_signature(v_pattern, v_type);
  v_new.embedding := remember_fix.embedding;
  select error_knowledge.*
  into v_old
  from public.error_knowledge
  where error_knowledge.signature = v_new.signature
  for no key update;
  v_new.category := coalesce(v_category, v_old.category, v_incident.category, v_verdict.category);
  v_new.severity := coalesce(v_severity, v_old.severity, v_incident.severity, v_verdict.severity);
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
      'replaced_success_rate', v_old.success_rate, 'replaced_approval_by', v_old.approved_by
    ))
  );
  return v_id;
end
$$;

revoke all on function public.remember_fix(
  text, text, text, text, text, text, text, text, vector
) from public, anon, authenticated, service_role;

grant execute on function public.remember_fix(
  text, text, text, text, text, text, text, text, vector
) to authenticated, service_role;

comment on function public.remember_fix(
  text, text, text, text, text, text, text, text, vector
) is
'Stores the fix of an error and returns the id of the new or updated entry in error_knowledge.

Required are solution, and either incident_id or pattern (the message of the error) with error_type. Entries are
identified by their signature, a fingerprint of the message and the type without numbers and ids, so the same error
updates the same entry; a changed solution resets its counts, and any change ends its approval: see approve_fix().
category and severity, in any case, keep their value, or are classified when they are not given. auto_fix_code has at most 16,384
bytes. embedding has 1,536 dimensions; without it, one is computed in the background if feature_flags.embeddings is
true. New incidents with the same signature are linked to the entry. Security definer, because agents may write
error_knowledge through such functions only.';

create function public.approve_fix(knowledge_id bigint, revision integer, is_auto_fix_allowed boolean default false)
returns public.error_knowledge
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_entry public.error_knowledge;
  v_is_allowed boolean := coalesce(approve_fix.is_auto_fix_allowed, false);
begin
  select error_knowledge.*
  into v_entry
  from public.error_knowledge
  where error_knowledge.id = approve_fix.knowledge_id
  for no key update;
  if not found then
    perform monitoring.refuse_request(
      'PT404', format('there is no knowledge %s', approve_fix.knowledge_id), 'knowledge_id',
      'search_error_knowledge() returns the ids of known errors.'
    );
  elsif v_entry.revision is distinct from approve_fix.revision then
    perform monitoring.refuse_request(
      'PT409', format('knowledge %s has revision %s', v_entry.id, v_entry.revision), 'revision',
      'Read the entry again: it was changed after the revision that you read.'
    );
  elsif v_is_allowed and v_entry.auto_fix_code is null then
    perform monitoring.refuse_request(
      'PT400', 'is_auto_fix_allowed needs auto_fix_code', 'is_auto_fix_allowed',
      'Store the code that may run with remember_fix(), then approve that revision.'
    );
  end if;
  update public.error_knowledge
  set approved_at = clock_timestamp(), is_auto_fix_allowed = v_is_allowed
  where error_knowledge.id = v_entry.id
  returning error_knowledge.* into v_entry;
  insert into public.agent_actions (agent, action, knowledge_id, success, details)
  values (
    monitoring.read_actor(), 'fix_approved', v_entry.id, true,
    jsonb_build_object('revision', v_entry.revision, 'is_auto_fix_allowed', v_is_allowed)
  );
  return v_entry;
end
$$;

revoke all on function public.approve_fix(bigint, integer, boolean) from public, anon, authenticated, service_role;

grant execute on function public.approve_fix(bigint, integer, boolean) to service_role;

comment on function public.approve_fix(bigint, integer, boolean) is
'Approves the fix of a known error, after its solution and its code were reviewed, and returns the entry.

revision is the one that was read: 409 when the entry was changed since. With is_auto_fix_allowed agents may run its
code by the action auto_fix; 400 when it has none. Any later change of the entry ends the approval. Agents may not
approve. Security definer, because error_knowledge is written through such functions only.';
