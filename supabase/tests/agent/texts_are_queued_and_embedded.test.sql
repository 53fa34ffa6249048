begin;

select plan(10);

delete from monitoring.embedding_jobs;

insert into monitoring.secrets (name, value) values ('embeddings_api_key', 'tap-key')
on conflict (name) do update set value = excluded.value;

select is(monitoring.read_secret('embeddings_api_key'), 'tap-key', 'the API key is read from monitoring.secrets');

select public.remember_fix('restart it', pattern => 'tap embedding one');

select is(monitoring.send_embeddings(), 0::bigint, 'by default no text is sent');

update public.system_config
set value = '{"embeddings": true, "embeddings_url": "https://ai.example/v1/embeddings", "embeddings_model": "m"}'
where key = 'feature_flags';

select is(monitoring.send_embeddings(), 1::bigint, 'a queued text is sent');

select results_eq(
  $$ select url, headers ->> 'Authorization', convert_from(body, 'UTF8')::jsonb
     from net.http_request_queue where url = 'https://ai.example/v1/embeddings' $$,
  $$ values ('https://ai.example/v1/embeddings', 'Bearer tap-key',
     '{"model": "m", "input": "tap embedding one\nrestart it", "dimensions": 1536}'::jsonb) $$,
  'the request has the format of the endpoint'
);

select monitoring.store_embedding_answer(request_id, 500, 'overloaded', null, now()) from monitoring.embedding_jobs;

select monitoring.collect_embeddings();

select results_eq(
  $$ select status, attempts, error, next_try_at > now() from monitoring.embedding_jobs $$,
  $$ values ('queued', 1, 'answered 500: overloaded', true) $$,
  'a failure is recorded and queued for a retry'
);

update monitoring.embedding_jobs
set next_try_at = now();

select monitoring.send_embeddings();

select
  monitoring.store_embedding_answer(
    request_id, 200, jsonb_build_object('data', jsonb_build_array(jsonb_build_object('embedding', (
      select jsonb_agg(0.5) from generate_series(1, 1536)
    ))))::text, null, now()
  )
from monitoring.embedding_jobs;

select is(monitoring.collect_embeddings(), 1::bigint, 'an embedding is stored');

update public.error_knowledge
set solution = 'restart it twice'
where pattern = 'tap embedding one';

select is((select count(*) from monitoring.embedding_jobs), 1::bigint, 'a changed text is queued again');

select throws_ok(
  $$ update monitoring.embedding_jobs set status = 'x' $$,
  '23514', 'new row for relation "embedding_jobs" violates check constraint "status_is_known"', 'an unknown status is rejected'
);

select throws_ok(
  $$ update monitoring.embedding_jobs set attempts = -1 $$,
  '23514', 'new row for relation "embedding_jobs" violates check constraint "attempts_is_not_negative"',
  'a negative number of attempts is rejected'
);

select is_empty(
  $$ select from unnest(array['<html>', '{"data":[{"embedding":"x"}]}', '{}', '[]', null]) as answer
     where monitoring.read_embedding(answer) is not null $$,
  'other responses give no embedding'
);

select * from finish();

rollback;
