begin;

select plan(4);

update public.system_config
set value = '{"attempts": 1}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "bad", "type": "backend", "url": "https://bad.example/"},
  {"name": "good", "type": "other", "url": "https://good.example/"}
]'
where key = 'health_check_targets';

-- A URL that validation would reject, and that pg_net rejects.
update monitoring.probe_targets
set url = 'http://exa mple/'
where name = 'bad';

select is(monitoring.start_round('2020-01-01 10:00+00'), 2, 'both targets have a check');

select isnt(
  (
    select request_id from monitoring.probes
    where target = 'good'
  ),
  null, 'the valid request is sent'
);

select lives_ok($$ select monitoring.judge_health_checks() $$, 'the round is judged');

select results_eq(
  $$ select status::text, error like 'could not be sent:%' from public.monitoring_checks where target = 'bad' $$,
  $$ values ('unknown', true) $$,
  'the invalid target is unknown, with the reason'
);

select * from finish();

rollback;
