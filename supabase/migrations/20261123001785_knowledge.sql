-- Purpose: what agents know of errors: remembering a fix, finding one by words and by meaning, and whether it worked.
-- Objects: private.find_signature(), private.find_knowledge(), private.wilson_lower_bound(), public.remember_fix(),
-- public.record_fix_outcome(), public.match_error_knowledge(), public.search_error_knowledge().
-- Risks: the vector search must stay within its index; filters come after it, so it scans on until enough are found.

create function private.find_signature(message text, error_type text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select private.fingerprint_error(find_signature.message, find_signature.error_type, null)
$$;

revoke all on function private.find_signature(text, text) from public, anon, authenticated, service_role;

comment on function private.find_signature(text, text) is
'What an error is known by, wherever it happens: its fingerprint without the source.';

create function private.find_knowledge(message text, error_type text)
returns bigint
language sql
stable
security invoker
set search_path = ''
as $$
  select error_knowledge.id
  from public.error_knowledge
  where error_knowledge.signature = private.find_signature(find_knowledge.message, find_knowledge.error_type)
$$;

revoke all on function private.find_knowledge(text, text) from public, anon, authenticated, service_role;

comment on function private.find_knowledge(text, text) is 'What is known about an error. Null when nothing is.';

create function private.wilson_lower_bound(successes integer, failures integer)
returns double precision
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- z = 1.96: what the success rate is at least, with 95 % confidence. Two of two is 0.34, 95 of 100 is 0.89.
  select case
    when tries.n = 0 then 0
    else greatest(
      0,
      (
        tries.p + 1.9208 / tries.n
        - 1.96 * sqrt((tries.p * (1 - tries.p) + 0.9604 / tries.n) / tries.n)
      ) / (1 + 3.8416 / tries.n)
    )
  end
  from (
    select
      (successes + failures)::double precision as n,
      successes / nullif(successes + failures, 0)::double precision as p
  ) as tries
$$;

revoke all on function private.wilson_lower_bound(integer, integer) from public, anon, authenticated, service_role;

comment on function private.wilson_lower_bound(integer, integer) is
'The success rate that a fix has at least, 0 to 1: one lucky try weighs little. 0 without any try.';

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
  v_type text := private.sanitise_text(remember_fix.error_type, 200);
  v_verdict record;
  v_old public.error_knowledge;
  v_id bigint;
begin
  if remember_fix.is_auto_fix_allowed and private.read_role() = 'authenticated' then
    perform private.refuse_request(
      'PT403', 'agents may not allow code to run by itself', 'is_auto_fix_allowed',
      'Leave it out; an operator sets it in the SQL editor after reading the code.'
    );
  end if;
  if remember_fix.incident_id is not null then
    v_incident := private.lock_incident(remember_fix.incident_id);
  end if;
  v_pattern := private.read_required_text('pattern', coalesce(remember_fix.pattern, v_incident.message), 4096);
  v_type := coalesce(v_type, case when remember_fix.pattern is null then v_incident.error_type end);
  if extensions.vector_dims(remember_fix.embedding) <> 1536 then
    perform private.refuse_request(
      'PT400', format('embedding has %s dimensions', extensions.vector_dims(remember_fix.embedding)), 'embedding',
      'Send 1,536 numbers, or none: then it is made in the background.'
    );
  end if;
  select verdict.severity, verdict.category
  into v_verdict
  from public.classify_error(v_pattern, v_type) as verdict;

  select error_knowledge.*
  into v_old
  from public.error_knowledge
  where error_knowledge.signature = private.find_signature(v_pattern, v_type)
  for update;
  if remember_fix.is_auto_fix_allowed and coalesce(remember_fix.auto_fix_code, v_old.auto_fix_code) is null then
    perform private.refuse_request(
      'PT400', 'is_auto_fix_allowed needs auto_fix_code', 'is_auto_fix_allowed', 'Send the code that may run.'
    );
  end if;

  insert into public.error_knowledge as known (
    pattern, signature, category, severity, root_cause, solution, auto_fix_code, is_auto_fix_allowed, embedding
  )
  values (
    v_pattern,
    private.find_signature(v_pattern, v_type),
    coalesce(remember_fix.category, v_incident.category, v_verdict.category),
    coalesce(remember_fix.severity, v_incident.severity, v_verdict.severity),
    private.sanitise_text(remember_fix.root_cause, 4096),
    private.read_required_text('solution', remember_fix.solution, 16384),
    private.sanitise_text(remember_fix.auto_fix_code, 16384),
    coalesce(remember_fix.is_auto_fix_allowed, false),
    remember_fix.embedding
  )
  on conflict (signature) do update
    set
      category = excluded.category,
      severity = excluded.severity,
      root_cause = coalesce(excluded.root_cause, known.root_cause),
      solution = excluded.solution,
      auto_fix_code = coalesce(excluded.auto_fix_code, known.auto_fix_code),
      -- Another fix has proved nothing yet, and nobody has allowed it.
      is_auto_fix_allowed = coalesce(
        remember_fix.is_auto_fix_allowed,
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
  if v_incident.id is not null then
    update public.incidents
    set knowledge_id = v_id
    where incidents.id = v_incident.id;
  end if;
  insert into public.agent_actions (agent, action, incident_id, knowledge_id, success, details)
  values (
    private.read_actor(), 'fix_remembered', v_incident.id, v_id, true,
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
'Remembers what fixed an error: the id of the entry, new or changed.

solution is required, and either incident_id or pattern (the error''s message) with error_type. An error is known by its
signature: message and type with numbers and ids normalised away, so the same error changes the same entry; another
solution begins with no successes. Only service_role may say is_auto_fix_allowed. What is not given is classified. New incidents with that signature are linked to the entry at once. Security definer, because agents
write knowledge through this function only.';

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
    perform private.refuse_request('PT400', 'success is missing', 'success', 'Send true if the fix worked, else false.');
  end if;
  update public.error_knowledge
  set
    success_count = error_knowledge.success_count + record_fix_outcome.success::integer,
    failure_count = error_knowledge.failure_count + (not record_fix_outcome.success)::integer
  where error_knowledge.id = record_fix_outcome.knowledge_id
  returning error_knowledge.* into v_entry;
  if not found then
    perform private.refuse_request(
      'PT404', format('there is no knowledge %s', record_fix_outcome.knowledge_id), 'knowledge_id',
      'search_error_knowledge finds what there is.'
    );
  end if;
  insert into public.agent_actions (agent, action, knowledge_id, success, details)
  values (
    private.read_actor(), 'fix_outcome_recorded', v_entry.id, true,
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
'Counts whether a known fix worked. Answers {"knowledge_id", "success_count", "failure_count", "success_rate"}.

Security definer, because agents change knowledge through such functions only.';

create function public.match_error_knowledge(
  query_embedding extensions.vector,
  match_threshold double precision default 0.5,
  match_count integer default 10,
  filters jsonb default '{}'
)
returns table (
  id bigint,
  pattern text,
  category public.incident_category,
  severity public.incident_severity,
  root_cause text,
  solution text,
  is_auto_fix_allowed boolean,
  success_rate double precision,
  similarity double precision
)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if match_error_knowledge.query_embedding is null
    or extensions.vector_dims(match_error_knowledge.query_embedding) <> 1536
  then
    perform private.refuse_request(
      'PT400', 'query_embedding must have 1,536 dimensions', 'query_embedding', 'Send 1,536 numbers.'
    );
  end if;
  -- Until commit. More than the usual 40 candidates; and on with the scan when filters leave too few.
  perform set_config('hnsw.ef_search', '280', true), set_config('hnsw.iterative_scan', 'relaxed_order', true);
  return query
  select
    nearest.id, nearest.pattern, nearest.category, nearest.severity, nearest.root_cause, nearest.solution,
    nearest.is_auto_fix_allowed, nearest.success_rate, 1 - nearest.distance
  from (
    select
      error_knowledge.*,
      error_knowledge.embedding operator(extensions.<=>) match_error_knowledge.query_embedding as distance
    from public.error_knowledge
    where (
      match_error_knowledge.filters ->> 'category' is null
      or error_knowledge.category::text = match_error_knowledge.filters ->> 'category'
    )
      and (
        match_error_knowledge.filters ->> 'severity' is null
        or error_knowledge.severity::text = match_error_knowledge.filters ->> 'severity'
      )
    order by error_knowledge.embedding operator(extensions.<=>) match_error_knowledge.query_embedding
    limit least(greatest(match_error_knowledge.match_count, 1), 200)
  ) as nearest
  where 1 - nearest.distance >= match_error_knowledge.match_threshold
  order by nearest.distance;
end
$$;

revoke all on function public.match_error_knowledge(extensions.vector, double precision, integer, jsonb)
from public, anon, authenticated, service_role;

grant execute on function public.match_error_knowledge(extensions.vector, double precision, integer, jsonb)
to authenticated, service_role;

comment on function public.match_error_knowledge(extensions.vector, double precision, integer, jsonb) is
'The known errors whose meaning is nearest, by cosine similarity from -1 to 1.

query_embedding has 1,536 numbers, made by the same model. match_count is 200 at most. filters: {"category", "severity"}.
Security definer, because it is made of functions in the closed schema private; agents may read all of it.';

create function public.search_error_knowledge(
  query_text text,
  query_embedding extensions.vector default null,
  match_count integer default 10,
  filters jsonb default '{}'
)
returns table (
  id bigint,
  pattern text,
  category public.incident_category,
  severity public.incident_severity,
  root_cause text,
  solution text,
  is_auto_fix_allowed boolean,
  success_rate double precision,
  score double precision
)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  -- Any of the words, the more the better: an error message rarely repeats all of them.
  v_query tsquery := replace(
    plainto_tsquery('english', left(coalesce(search_error_knowledge.query_text, ''), 2000))::text, '&', '|'
  )::tsquery;
  v_most integer := least(greatest(search_error_knowledge.match_count, 1), 200);
begin
  return query
  with by_words as (
    select
      found.id,
      row_number() over (order by found.rank desc, found.id) as place
    from (
      select error_knowledge.id, ts_rank_cd(error_knowledge.words, v_query, 1) as rank
      from public.error_knowledge
      where error_knowledge.words @@ v_query
        and error_knowledge.category::text
          = coalesce(search_error_knowledge.filters ->> 'category', error_knowledge.category::text)
        and error_knowledge.severity::text
          = coalesce(search_error_knowledge.filters ->> 'severity', error_knowledge.severity::text)
      order by rank desc, error_knowledge.id
      limit 100
    ) as found
  ),

  by_meaning as (
    select
      nearest.id,
      row_number() over (order by nearest.similarity desc, nearest.id) as place
    from public.match_error_knowledge(
      search_error_knowledge.query_embedding, -1, 100, search_error_knowledge.filters
    ) as nearest
    where search_error_knowledge.query_embedding is not null
  ),

  fused as (
    select
      ranks.id,
      -- Reciprocal rank fusion with the usual constant of 60.
      sum(1.0 / (60 + ranks.place)) as score
    from (
      select by_words.id, by_words.place
      from by_words
      union all
      select by_meaning.id, by_meaning.place
      from by_meaning
    ) as ranks
    group by ranks.id
  )

  select
    error_knowledge.id, error_knowledge.pattern, error_knowledge.category, error_knowledge.severity,
    error_knowledge.root_cause, error_knowledge.solution, error_knowledge.is_auto_fix_allowed,
    error_knowledge.success_rate,
    -- A fix that never failed goes before matches some six places better, but not before any match at all.
    (fused.score * (1 + private.wilson_lower_bound(error_knowledge.success_count, error_knowledge.failure_count) / 10))
      ::double precision
  from fused
  join public.error_knowledge on error_knowledge.id = fused.id
  order by 9 desc, 1
  limit v_most;
end
$$;

revoke all on function public.search_error_knowledge(text, extensions.vector, integer, jsonb)
from public, anon, authenticated, service_role;

grant execute on function public.search_error_knowledge(text, extensions.vector, integer, jsonb)
to authenticated, service_role;

comment on function public.search_error_knowledge(text, extensions.vector, integer, jsonb) is
'Known errors and their fixes, by words and, where an embedding is given, by meaning.

Both rankings are fused by reciprocal rank; fixes that worked more often weigh more. filters: {"category", "severity"}.
Security definer, because it is made of functions in the closed schema private; agents may read all of it.';
