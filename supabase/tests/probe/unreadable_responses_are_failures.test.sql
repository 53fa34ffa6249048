begin;

select plan(4);

-- Keep the judgement from reading responses meanwhile.
select pg_advisory_xact_lock(20261123, 1800);

update public.system_config
set value = '[
  {"name": "answered", "type": "other", "url": "https://a.example/"},
  {"name": "refused", "type": "other", "url": "https://a.example/"}
]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 2, 'a round is sent');

select is(monitoring.read_content('ä'), '\xc3a4'::bytea, 'a body is read as bytes');

select is(length(monitoring.read_content(repeat('x', 16777217))), 2097152, 'of a large body the beginning is read');

create or replace function monitoring.read_excerpt(content bytea)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
begin
  raise character_not_in_repertoire using message = 'no text';
end
$$;

select
  monitoring.store_answer(
    probes.request_id, answers.status_code, '{"server": "x"}', 'x', false, 'x', clock_timestamp(), 5, 1
  )
from (values ('answered', 200), ('refused', null)) as answers (target, status_code)
inner join monitoring.probes on answers.target = probes.target;

select results_eq(
  $$ select target, http_status, response_time_ms, response_time_error_ms, error, unmet_condition, answer_excerpt
     from monitoring.probes where scheduled_at = '2020-01-01 10:00+00' order by target $$,
  $$ values
     ('answered', 200, 5, 1, 'the response could not be read: no text', 'the response could not be read: no text', null),
     ('refused', null, null, null, 'the response could not be read: no text', null, null) $$,
  'the status of a response that cannot be read is kept, and the reason says so'
);

select * from finish();

rollback;
