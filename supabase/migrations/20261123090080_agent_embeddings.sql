-- Purpose: computes embeddings of known errors: queues texts, sends them to an OpenAI-compatible endpoint with
--   pg_net, stores the results.
-- Objects: table monitoring.embedding_jobs; functions monitoring.describe_knowledge, monitoring.queue_embedding,
--   monitoring.send_embeddings, monitoring.store_embedding_answer, monitoring.read_embedding,
--   monitoring.collect_embeddings; triggers new_knowledge_is_queued_for_embedding,
--   changed_knowledge_is_queued_for_embedding.
-- Risks: off by default, because texts leave the database and an endpoint costs money. store_embedding_answer() runs
--   inside pg_net's worker: it only records the response.

-- The type vector, in whatever schema the extension is.
select set_config('search_path', monitoring.find_vector_schema(), true);

create table monitoring.embedding_jobs (
  knowledge_id bigint primary key references public.error_knowledge (id) on delete cascade,
  text_hash text not null,
  status text not null default 'queued',
  attempts integer not null default 0,
  next_try_at timestamptz not null default now(),
  request_id bigint,
  sent_at timestamptz,
  answer_status integer,
  answer text,
  error text,
  constraint status_is_known check (status in ('queued', 'sent', 'answered', 'failed')),
  constraint attempts_is_not_negative check (attempts >= 0)
);

create index embedding_jobs_due_idx on monitoring.embedding_jobs (next_try_at)
where status = 'queued';

create index embedding_jobs_request_idx on monitoring.embedding_jobs (request_id)
where status = 'sent';

alter table monitoring.embedding_jobs enable row level security;

create policy embedding_jobs_is_read_by_nobody on monitoring.embedding_jobs
for select to authenticated
using (false);

revoke all on table monitoring.embedding_jobs from public, anon, authenticated, service_role;

comment on table monitoring.embedding_jobs is
'Known errors without an embedding of their current text. A row is deleted when the embedding is stored.';

comment on column monitoring.embedding_jobs.knowledge_id is 'Entry of error_knowledge.';

comment on column monitoring.embedding_jobs.text_hash is 'The sha256, in hex, of the text to embed.';

comment on column monitoring.embedding_jobs.status is
'queued, sent, answered (not read yet), or failed after 8 attempts: then see error.';

comment on column monitoring.embedding_jobs.attempts is 'Number of requests that were sent.';

comment on column monitoring.embedding_jobs.next_try_at is 'Earliest time of the next attempt.';

comment on column monitoring.embedding_jobs.request_id is 'Request id of the latest attempt in pg_net.';

comment on column monitoring.embedding_jobs.sent_at is 'Time at which the latest attempt was sent.';

comment on column monitoring.embedding_jobs.answer_status is 'HTTP status code of the response.';

comment on column monitoring.embedding_jobs.answer is 'Body of the response, until it is read.';

comment on column monitoring.embedding_jobs.error is 'Reason of the latest failure, sanitized.';

create function monitoring.describe_knowledge(entry public.error_knowledge)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select left(
    concat_ws(
      e'\n', (describe_knowledge.entry).pattern, (describe_knowledge.entry).root_cause, (describe_knowledge.entry).solution
    ),
    8000
  )
$$;

comment on function monitoring.describe_knowledge(public.error_knowledge) is
'Returns the text of an entry that is embedded, at most 8,000 characters.';

create function monitoring.queue_embedding()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_hash text := encode(sha256(convert_to(monitoring.describe_knowledge(new), 'UTF8')), 'hex');
begin
  if new.embedding is not null and (tg_op = 'INSERT' or new.embedding::text is distinct from old.embedding::text) then
    -- The entry was written with an embedding.
    delete from monitoring.embedding_jobs
    where embedding_jobs.knowledge_id = new.id;
    return null;
  end if;
  insert into monitoring.embedding_jobs (knowledge_id, text_hash)
  values (new.id, v_hash)
  on conflict (knowledge_id) do update
    set text_hash = excluded.text_hash, status = 'queued', attempts = 0, next_try_at = now(), error = null;
  return null;
end
$$;

comment on function monitoring.queue_embedding() is
'Queues a known error for embedding when its text is new or changed and no embedding came with it.';

create trigger new_knowledge_is_queued_for_embedding
after insert on public.error_knowledge
for each row execute function monitoring.queue_embedding();

create trigger changed_knowledge_is_queued_for_embedding
after update on public.error_knowledge
for each row
when (
  (old.pattern, old.root_cause, old.solution) is distinct from (new.pattern, new.root_cause, new.solution)
)
execute function monitoring.queue_embedding();

create function monitoring.send_embeddings()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_flags jsonb := monitoring.config('feature_flags');
  v_key text := monitoring.read_secret('embeddings_api_key');
  v_job record;
  v_sent bigint := 0::bigint;
begin
  if not monitoring.is_feature_on('embeddings') or v_flags ->> 'embeddings_url' is null then
    return v_sent;
  end if;
  for v_job in
    select
      jobs.knowledge_id,
      monitoring.describe_knowledge(error_knowledge) as body
    from monitoring.embedding_jobs as jobs
    join public.error_knowledge on error_knowledge.id = jobs.knowledge_id
    where jobs.status = 'queued'
      and jobs.next_try_at <= clock_timestamp()
    order by jobs.next_try_at
    limit 20
    for no key update of jobs skip locked
  loop
    update monitoring.embedding_jobs
    set
      status = 'sent',
      text_hash = encode(sha256(convert_to(v_job.body, 'UTF8')), 'hex'),
      attempts = embedding_jobs.attempts + 1,
      sent_at = clock_timestamp(),
      answer = null,
      answer_status = null,
      request_id = net.http_post(
        url => v_flags ->> 'embeddings_url',
        body => jsonb_build_object('model', v_flags ->> 'embeddings_model', 'input', v_job.body, 'dimensions', 1536),
        headers => jsonb_strip_nulls(jsonb_build_object(
          'Content-Type', 'application/json', 'Authorization', 'Bearer ' || v_key
        )),
        -- pg_net completes a batch after its slowest request, so a long timeout would delay health checks.
        timeout_milliseconds => 5000
      )
    where embedding_jobs.knowledge_id = v_job.knowledge_id;
    v_sent := v_sent + 1;
  end loop;
  return v_sent;
end
$$;

comment on function monitoring.send_embeddings() is
'Sends up to 20 queued texts to feature_flags.embeddings_url, while feature_flags.embeddings is true. Returns their
number.';

create function monitoring.store_embedding_answer(
  request_id bigint, status_code integer, content text, error_msg text, created timestamptz
)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update monitoring.embedding_jobs
  set
    status = 'answered',
    answer_status = store_embedding_answer.status_code,
    answer = case
      when store_embedding_answer.status_code between 200 and 299
        and octet_length(store_embedding_answer.content) < 1048576
        then store_embedding_answer.content
    end,
    error = case
      when store_embedding_answer.status_code between 200 and 299 then null
      else coalesce(
        left(store_embedding_answer.error_msg, 500),
        -- pg_net stores bytes that are not UTF-8, which text functions cannot read.
        format(
          'answered %s: %s',
          store_embedding_answer.status_code,
          left(monitoring.read_excerpt(pg_catalog.textsend(store_embedding_answer.content)), 500)
        )
      )
    end
  where embedding_jobs.knowledge_id = (
    select waiting.knowledge_id
    from monitoring.embedding_jobs as waiting
    where waiting.request_id = store_embedding_answer.request_id
      and waiting.status = 'sent'
      -- After a crash of PostgreSQL, pg_net counts request ids from 1 again, so two jobs can have the same one.
      and store_embedding_answer.created > waiting.sent_at - interval '1 minute'
    order by waiting.sent_at desc
    limit 1
    -- pg_net's worker must not wait for a lock.
    for no key update skip locked
  );
  return found;
end
$$;

comment on function monitoring.store_embedding_answer(bigint, integer, text, text, timestamptz) is
'Records the response to an embedding request. Returns whether the request was ours.';

create function monitoring.read_embedding(answer text)
returns vector
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_vector public.error_knowledge.embedding%type;
begin
  -- Assigned in the body, because the exception handler does not cover declarations.
  v_vector := (read_embedding.answer::jsonb #> '{data,0,embedding}')::text;
  return case when cardinality(v_vector::real[]) = 1536 then v_vector end;
exception
  when others then
    return null; -- an invalid response must not stop other entries
end
$$;

comment on function monitoring.read_embedding(text) is
'Returns the vector of a response {"data": [{"embedding": […]}]}. Null unless it has 1,536 dimensions.';

create function monitoring.collect_embeddings()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_job record;
  v_vector public.error_knowledge.embedding%type;
  v_written bigint := 0::bigint;
begin
  -- Responses that the trigger did not record, and requests that pg_net lost.
  begin
    perform monitoring.store_embedding_answer(
      response.id, response.status_code, response.content, response.error_msg, response.created
    )
    from net._http_response as response
    where response.id in (select jobs.request_id from monitoring.embedding_jobs as jobs where jobs.status = 'sent');
  exception
    when others then
      null; -- a body that is not valid text: the request counts as lost after two minutes
  end;
  update monitoring.embedding_jobs
  set status = 'answered', error = 'no response from pg_net'
  where embedding_jobs.knowledge_id in (
    select lost.knowledge_id
    from monitoring.embedding_jobs as lost
    where lost.status = 'sent'
      and lost.sent_at < clock_timestamp() - interval '2 minutes'
    for no key update skip locked
  );

  for v_job in
    select
      jobs.*,
      encode(sha256(convert_to(monitoring.describe_knowledge(error_knowledge), 'UTF8')), 'hex') as current_hash
    from monitoring.embedding_jobs as jobs
    join public.error_knowledge on error_knowledge.id = jobs.knowledge_id
    where jobs.status = 'answered'
    order by jobs.knowledge_id
    -- Locks the entry first, in the same order as remember_fix().
    for no key update of error_knowledge skip locked
  loop
    v_vector := monitoring.read_embedding(v_job.answer);
    if v_vector is not null and v_job.current_hash = v_job.text_hash then
      update public.error_knowledge
      set embedding = v_vector
      where error_knowledge.id = v_job.knowledge_id;
      delete from monitoring.embedding_jobs
      where embedding_jobs.knowledge_id = v_job.knowledge_id;
      v_written := v_written + 1;
      continue;
    end if;
    update monitoring.embedding_jobs
    set
      status = case when v_job.attempts >= 8 then 'failed' else 'queued' end,
      answer = null,
      -- Backoff of 30 s, 1 min, 2 min, … up to 1 h, with jitter.
      next_try_at = clock_timestamp() + least(
        interval '15 seconds' * power(2, v_job.attempts), interval '1 hour'
      ) * (0.8 + random() * 0.4),
      error = monitoring.sanitize_text(
        coalesce(v_job.error, 'the response contains no embedding of 1,536 dimensions'), 1000
      )
    where embedding_jobs.knowledge_id = v_job.knowledge_id;
  end loop;
  return v_written;
end
$$;

comment on function monitoring.collect_embeddings() is
'Stores received embeddings and returns their number. Queues failed requests again with exponential backoff.';
