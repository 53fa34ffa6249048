-- Purpose: searches known fixes by words and by embedding, and ranks fixes that worked more often higher.
-- Objects: functions monitoring.wilson_lower_bound, monitoring.widen_vector_search, public.match_error_knowledge,
--   public.search_error_knowledge.
-- Risks: the vector search must use its index; filters apply after the index scan, so the scan continues until
--   enough rows match.

-- The type vector, in whatever schema the extension is.
select set_config('search_path', monitoring.find_vector_schema(), true);

create function monitoring.wilson_lower_bound(successes integer, failures integer)
returns double precision
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- z = 1.96 for 95 % confidence. 2 of 2 successes give 0.34, 95 of 100 give 0.89.
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

comment on function monitoring.wilson_lower_bound(integer, integer) is
'Returns the lower bound of the success rate of a fix with 95 % confidence (Wilson score), 0 to 1. 0 without
attempts.';

create function monitoring.widen_vector_search()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- Set until commit: more candidates than the default of 40.
  perform set_config('hnsw.ef_search', '280', true);
  -- The scan continues when filters leave too few rows. An older pgvector refuses the setting.
  perform set_config('hnsw.iterative_scan', 'relaxed_order', true)
  from pg_catalog.pg_extension
  where pg_extension.extname = 'vector'
    and string_to_array(substring(pg_extension.extversion, '^[0-9]+(?:[.][0-9]+)*'), '.')::integer[] >= array[0, 8];
  return found;
end
$$;

comment on function monitoring.widen_vector_search() is
'Lets the index of embeddings return enough rows for filters, until the end of the transaction. Returns whether the scan
continues as long as needed, which pgvector can from 0.8 on; before, filters may leave fewer rows than match_count.';

create function public.match_error_knowledge(
  query_embedding vector,
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
  is_approved boolean,
  is_auto_fix_allowed boolean,
  revision integer,
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
    or cardinality(match_error_knowledge.query_embedding::real[]) <> 1536
  then
    perform monitoring.refuse_request(
      'PT400', 'query_embedding must have 1,536 dimensions', 'query_embedding', 'Send 1,536 numbers.'
    );
  end if;
  perform monitoring.widen_vector_search();
  -- Only a statement that is built here can name an operator in the schema of the extension.
  return query execute format(
    $query$
    select
      nearest.id, nearest.pattern, nearest.category, nearest.severity, nearest.root_cause, nearest.solution,
      nearest.is_approved, nearest.is_auto_fix_allowed, nearest.revision, nearest.success_rate, 1 - nearest.distance
    from (
      select error_knowledge.*, error_knowledge.embedding operator(%1$s.<=>) $1 as distance
      from public.error_knowledge
      where ($2 is null or error_knowledge.category = $2)
        and ($3 is null or error_knowledge.severity = $3)
      order by error_knowledge.embedding operator(%1$s.<=>) $1
      limit least(greatest($4, 1), 200)
    ) as nearest
    where 1 - nearest.distance >= $5
    order by nearest.distance
    $query$,
    monitoring.find_vector_schema()
  )
  using
    match_error_knowledge.query_embedding,
    monitoring.read_category(match_error_knowledge.filters ->> 'category'),
    monitoring.read_severity(match_error_knowledge.filters ->> 'severity'),
    match_error_knowledge.match_count,
    match_error_knowledge.match_threshold;
end
$$;

revoke all on function public.match_error_knowledge(vector, double precision, integer, jsonb)
from public, anon, authenticated, service_role;

grant execute on function public.match_error_knowledge(vector, double precision, integer, jsonb)
to authenticated, service_role;

comment on function public.match_error_knowledge(vector, double precision, integer, jsonb) is
'Finds the known errors whose embeddings are nearest, by cosine similarity.

query_embedding has 1,536 dimensions and must come from the same model. Rows below match_threshold (-1 to 1) are
left out; match_count is limited to 200. filters is {"category"?, "severity"?}, in any case. Without is_approved, an entry is the
suggestion of an agent that nobody reviewed. Security definer, because the
functions that it calls are in the closed schema monitoring; agents may read all of error_knowledge.';

create function public.search_error_knowledge(
  query_text text,
  query_embedding vector default null,
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
  is_approved boolean,
  is_auto_fix_allowed boolean,
  revision integer,
  success_rate double precision,
  score double precision
)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  -- Matches any of the words and ranks by their number, because an error message rarely repeats all of them.
  v_query tsquery := replace(
    plainto_tsquery('english', left(coalesce(search_error_knowledge.query_text, ''), 2000))::text, '&', '|'
  )::tsquery;
  v_most integer := least(greatest(search_error_knowledge.match_count, 1), 200);
  v_category public.incident_category := monitoring.read_category(search_error_knowledge.filters ->> 'category');
  v_severity public.incident_severity := monitoring.read_severity(search_error_knowledge.filters ->> 'severity');
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
        and error_knowledge.category = coalesce(v_category, error_knowledge.category)
        and error_knowledge.severity = coalesce(v_severity, error_knowledge.severity)
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
    error_knowledge.root_cause, error_knowledge.solution, error_knowledge.is_approved,
    error_knowledge.is_auto_fix_allowed, error_knowledge.revision, error_knowledge.success_rate,
    -- A fix that never failed ranks up to about six positions higher, but not above every match.
    (fused.score * (1 + monitoring.wilson_lower_bound(error_knowledge.success_count, error_knowledge.failure_count) / 10))
      ::double precision
  from fused
  join public.error_knowledge on error_knowledge.id = fused.id
  order by 11 desc, 1
  limit v_most;
end
$$;

revoke all on function public.search_error_knowledge(text, vector, integer, jsonb)
from public, anon, authenticated, service_role;

grant execute on function public.search_error_knowledge(text, vector, integer, jsonb)
to authenticated, service_role;

comment on function public.search_error_knowledge(text, vector, integer, jsonb) is
'Finds known errors and their fixes by words and, with query_embedding, by meaning.

The two rankings are combined by reciprocal rank fusion; fixes that worked more often rank higher. match_count is
limited to 200. filters is {"category"?, "severity"?}, in any case. Without is_approved, an entry is the suggestion of an agent that
nobody reviewed. Security definer, because the functions that it calls are in the closed schema monitoring; agents may read all of error_knowledge.';
