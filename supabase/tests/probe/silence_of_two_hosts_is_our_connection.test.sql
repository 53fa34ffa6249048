begin;

select plan(8);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false, "allow_private": true}'
where key = 'health_check_policy';

-- Plays a round: of each target its HTTP status, its error, or null for no response. Returns what became of them.
create function monitoring.test_round(minute integer, answers jsonb)
returns text
language sql
set search_path = ''
as $$
  insert into monitoring.probes (
    target, target_type, url, scheduled_at, sent_at, request_id, answer_due_at, answered_at, http_status, error,
    unmet_condition, is_maintenance
  )
  select
    given.key,
    probe_targets.type,
    probe_targets.url,
    '2020-01-01 10:00+00'::timestamptz + make_interval(mins => minute),
    clock_timestamp(),
    -1,
    clock_timestamp(),
    case when given.value <> 'null' then clock_timestamp() end,
    case when jsonb_typeof(given.value) = 'number' then given.value::integer end,
    case when jsonb_typeof(given.value) = 'string' then given.value #>> '{}' end,
    case when jsonb_typeof(given.value) = 'number' and given.value::integer > 399 then 'responded with an error' end,
    monitoring.is_in_maintenance(given.key, now())
  from jsonb_each(answers) as given
  join monitoring.probe_targets on probe_targets.name = given.key;

  select monitoring.judge_health_checks();

  select string_agg(checks.target || ' ' || checks.status, ', ' order by checks.target)
  from monitoring.all_checks as checks
  where checks.scheduled_at = '2020-01-01 10:00+00'::timestamptz + make_interval(mins => minute);
$$;

create function monitoring.test_incidents()
returns text
language sql
set search_path = ''
as $$
  select string_agg(
    format('%s %s', substr(fingerprint, 14), severity), ', ' order by fingerprint
  )
  from public.incidents
  where source = 'health-check' and status <> 'resolved'
$$;

-- As if nothing had been checked before.
create function monitoring.test_case(targets jsonb, answers jsonb)
returns text
language sql
set search_path = ''
as $$
  update public.incidents
  set fingerprint = id, source = 'another test'
  where source = 'health-check';
  delete from monitoring.probes;
  delete from public.monitoring_checks;
  update public.system_config
  set value = targets
  where key = 'health_check_targets';
  delete from monitoring.target_states;
  select format('%s; %s', monitoring.test_round(0, answers), monitoring.test_incidents());
$$;

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "https://a.example/"},
      {"name": "b", "type": "other", "url": "https://b.example/"}
    ]',
    '{"a": "Could not connect to server", "b": "Could not connect to server"}'
  ),
  'a unknown, b unknown; connectivity HIGH',
  'two hosts without an answer are our own connection'
);

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "https://a.example/one"},
      {"name": "b", "type": "other", "url": "https://a.example/two"}
    ]',
    '{"a": "Could not connect to server", "b": "Could not connect to server"}'
  ),
  'a down, b down; target:a HIGH, target:b HIGH',
  'two targets of one host are down'
);

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "https://a.example/"},
      {"name": "b", "type": "other", "url": "http://A.example.:8080/"}
    ]',
    '{"a": "Could not connect to server", "b": "Could not connect to server"}'
  ),
  'a down, b down; target:a HIGH, target:b HIGH',
  'a port, a dot at the end and upper case make no other host'
);

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "http://192.0.2.7/"},
      {"name": "b", "type": "other", "url": "http://[::ffff:c000:207]/"}
    ]',
    '{"a": "Could not connect to server", "b": "Could not connect to server"}'
  ),
  'a down, b down; target:a HIGH, target:b HIGH',
  'neither does an IPv4 address that is written as IPv6'
);

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "http://[2001:db8::1]/"},
      {"name": "b", "type": "other", "url": "http://[2001:0DB8:0:0::1]:81/"}
    ]',
    '{"a": "Could not connect to server", "b": "Could not connect to server"}'
  ),
  'a down, b down; target:a HIGH, target:b HIGH',
  'or another spelling of an IPv6 address'
);

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "http://127.0.0.1/"},
      {"name": "b", "type": "other", "url": "http://[::1]/"},
      {"name": "c", "type": "other", "url": "http://localhost/"}
    ]',
    '{"a": "Could not connect to server", "b": "Could not connect to server", "c": "Could not connect to server"}'
  ),
  'a down, b down, c down; target:a HIGH, target:b HIGH, target:c HIGH',
  'or the names of this machine'
);

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "https://a.example/"}
    ]',
    '{"a": "Could not connect to server"}'
  ),
  'a down; target:a HIGH',
  'a single target is down'
);

select results_eq(
  $$ select monitoring.normalize_host(monitoring.find_url_host(url)) from unnest(array[
       'http://0x7f.1/', 'http://2130706433/', 'http://a.example:80/', 'http://[2001:db8::00]/'
     ]) as urls (url) $$,
  $$ values ('127.0.0.1'), ('127.0.0.1'), ('a.example'), ('2001:db8::') $$,
  'each spelling of a host is one host'
);

select * from finish();

rollback;
