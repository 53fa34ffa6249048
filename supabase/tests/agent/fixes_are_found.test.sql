begin;

select plan(8);

delete from monitoring.embedding_jobs;

delete from public.error_knowledge
where
  not exists (
    select from public.agent_actions
    where agent_actions.knowledge_id = error_knowledge.id
  )
  and not exists (
    select from public.incidents
    where incidents.knowledge_id = error_knowledge.id
  );

create function monitoring.test_vector(place integer)
returns extensions.vector
language sql
set search_path = ''
as $$
  select array_agg(case when number = place then 1.0 else 0.001 end order by number)::extensions.vector
  from generate_series(1, 1536) as numbers (number);
$$;

insert into public.error_knowledge (
  id, pattern, signature, category, severity, solution, embedding, success_count, failure_count
)
overriding system value
values
(-1, 'zygote pool exhausted', 's1', 'database', 'CRITICAL', 'raise the pool', monitoring.test_vector(1), 0, 0),
(-2, 'zygote timeout upstream', 's2', 'backend', 'HIGH', 'retry', monitoring.test_vector(2), 0, 0),
(-3, 'certificate expired', 's3', 'infrastructure', 'HIGH', 'renew the zygote certificate', monitoring.test_vector(3), 0, 0);

select results_eq(
  $$ select id from public.match_error_knowledge(monitoring.test_vector(2), 0.99, 5) where id < 0 $$, array[-2::bigint],
  'the nearest embedding is found'
);

select is_empty(
  $$ select from public.match_error_knowledge(monitoring.test_vector(2), 0.5, 5, '{"category": "database"}') where id < 0 $$,
  'filters are applied'
);

select results_eq(
  $$ select id from public.search_error_knowledge('the zygote certificate has expired') where id < 0 limit 1 $$,
  array[-3::bigint], 'an entry is found by its words'
);

select results_eq(
  $$ select id from public.search_error_knowledge('zygote pool', monitoring.test_vector(1)) where id < 0 limit 1 $$,
  array[-1::bigint], 'words and embedding are combined'
);

update public.error_knowledge
set success_count = 90, failure_count = 10
where id = -2;

select results_eq(
  $$ select id from public.search_error_knowledge('zygote pool', monitoring.test_vector(1)) where id < 0 limit 2 $$,
  array[-2::bigint, -1::bigint], 'a fix that worked ranks above a slightly better match'
);

select is_empty(
  $$ select from public.search_error_knowledge('', null) $$, 'an empty query finds nothing'
);

select throws_ok(
  $$ select public.match_error_knowledge('[1,2]') $$, 'PT400', 'query_embedding must have 1,536 dimensions',
  'an embedding of other dimensions is rejected'
);

select ok(
  monitoring.wilson_lower_bound(0, 0) = 0
  and monitoring.wilson_lower_bound(2, 0) between 0.34 and 0.35
  and monitoring.wilson_lower_bound(95, 5) between 0.88 and 0.90,
  'a single success has little weight'
);

select * from finish();

rollback;
