begin;

select plan(8);

update public.system_config
set value = '[
  {"name": "get", "type": "backend", "url": "https://get.example/?password=hunter2hunter2",
   "headers": {"X-Probe": "1"}, "timeout_ms": 700},
  {"name": "post", "type": "other", "url": "https://post.example/", "method": "POST"},
  {"name": "rare", "type": "other", "url": "https://rare.example/", "interval_minutes": 3},
  {"name": "off", "type": "other", "url": "https://off.example/", "enabled": false}
]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 3, 'each enabled target gets a request');

select results_eq(
  $$ select queued.method::text, queued.url, queued.headers ->> 'X-Probe', queued.timeout_milliseconds
     from net.http_request_queue as queued
     join monitoring.probes on probes.request_id = queued.id
     order by queued.id $$,
  $$ values
     ('GET', 'https://get.example/?password=hunter2hunter2', '1', 700),
     ('POST', 'https://post.example/', null, 5000),
     ('GET', 'https://rare.example/', null, 5000) $$,
  'the request follows the settings of the target'
);

select results_eq(
  $$ select attempt::integer, sent_at is not null, answer_due_at - sent_at < interval '26 seconds'
     from monitoring.probes where target = 'post' $$,
  $$ values (1, true, true) $$,
  'a probe is inserted'
);

select unalike(
  (
    select url from monitoring.probes
    where target = 'get'
  ),
  '%hunter2%', 'the check contains no secret of the URL'
);

select is(monitoring.start_round('2020-01-01 10:00+00'), 0, 'a second round of the same minute sends nothing');

select is(monitoring.start_round('2020-01-01 10:01+00'), 2, 'the next minute is a new round, except for a longer interval');

select is(monitoring.start_round('2020-01-01 10:03+00'), 3, 'the longer interval is due after three minutes');

update public.system_config
set value = '{"monitoring": false}'
where key = 'feature_flags';

select is(monitoring.start_round('2020-01-01 10:04+00'), 0, 'no round starts while monitoring is disabled');

select * from finish();

rollback;
