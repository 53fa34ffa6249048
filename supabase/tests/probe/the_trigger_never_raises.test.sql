begin;

select plan(5);

-- Keep the judgement from running while a column is missing.
select pg_advisory_xact_lock(20261123, 1800);

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://api.example/"}]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 1, 'a round is sent');

alter table monitoring.probes add constraint poisoned check (http_status is null) not valid;

select lives_ok(
  $$ insert into net._http_response (id, status_code, content, timed_out, created)
     select request_id, 200, 'ok', false, clock_timestamp() from monitoring.probes where target = 'api' $$,
  'an error while recording does not reach pg_net'
);

select is(
  (
    select answered_at from monitoring.probes
    where target = 'api'
  ),
  null, 'the check is still pending'
);

alter table monitoring.probes drop column answer_headers;

select lives_ok(
  $$ insert into net._http_response (id, status_code, content, timed_out, created)
     select request_id, 200, 'ok', false, clock_timestamp() from monitoring.probes where target = 'api' $$,
  'an error about a missing column does not reach pg_net'
);

select lives_ok(
  $$ insert into net._http_response (id, status_code, content, timed_out, created)
     values (-1, null, null, null, now()), (null, 999, '', true, now()) $$,
  'invalid rows do not raise'
);

select * from finish();

rollback;
