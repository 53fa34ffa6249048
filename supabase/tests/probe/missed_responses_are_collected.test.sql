begin;

select plan(7);

-- Keep the judgement from collecting them first.
select pg_advisory_xact_lock(20261123, 1800);

update public.system_config
set value = '[
  {"name": "good", "type": "backend", "url": "https://api.example/"},
  {"name": "odd", "type": "backend", "url": "https://api.example/"},
  {"name": "poisoned", "type": "backend", "url": "https://api.example/"},
  {"name": "silent", "type": "backend", "url": "https://api.example/"}
]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 4, 'a round is sent');

create temporary table sent as
select
  probes.id,
  probes.target,
  probes.request_id
from monitoring.probes
where probes.scheduled_at = '2020-01-01 10:00+00';

-- No check waits for them yet, so the trigger records nothing.
delete from monitoring.awaited_checks
using sent
where awaited_checks.request_id = sent.request_id;

insert into net._http_response (id, status_code, headers, content, timed_out)
select
  sent.request_id,
  case sent.target when 'good' then 204 when 'odd' then 1000 else 404 end as status_code,
  '{}'::jsonb as headers,
  '' as content,
  false as timed_out
from sent
where sent.target <> 'silent';

insert into net._http_response (id, status_code, timed_out)
values (-1, 200, false);

insert into monitoring.awaited_checks (request_id, check_id)
select
  sent.request_id,
  sent.id
from sent;

-- A fault that only one answer has.
alter table monitoring.probes add constraint poisoned check (http_status <> 404) not valid;

select is(monitoring.collect_missed_answers(), 2::bigint, 'the judgement collects what can be recorded');

select results_eq(
  $$ select sent.target, http_status, response_time_ms, response_time_error_ms, error, answered_at is not null
     from monitoring.probes join sent using (id) order by sent.target $$,
  $$ values
     ('good', 204, null::integer, null::integer, null, true),
     ('odd', null, null, null, 'responded with 1000, which is no HTTP status', true),
     ('poisoned', null, null, null, null, false),
     ('silent', null, null, null, null, false) $$,
  'response times are unknown, and an answer that cannot be recorded does not stop the others'
);

select results_eq(
  $$ select sent.target from net._http_response join sent on sent.request_id = _http_response.id $$,
  $$ values ('poisoned') $$,
  'what was collected is deleted from pg_net'
);

select isnt_empty($$ select from net._http_response where id = -1 $$, 'responses of others are left alone');

select is(monitoring.collect_missed_answers(), 0::bigint, 'nothing is collected twice');

delete from monitoring.awaited_checks;

select is(monitoring.collect_missed_answers(), 0::bigint, 'nothing is collected while no answer is awaited');

select * from finish();

rollback;
