begin;

select plan(8);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '[
  {"name": "missed", "type": "heartbeat", "period_minutes": 60},
  {"name": "failed", "type": "heartbeat", "period_minutes": 60},
  {"name": "long", "type": "heartbeat", "period_minutes": 60, "max_run_minutes": 10},
  {"name": "running", "type": "heartbeat", "period_minutes": 60, "max_run_minutes": 10},
  {"name": "new", "type": "heartbeat", "period_minutes": 60}
]'
where key = 'health_check_targets';

update monitoring.heartbeats
set next_expected_at = now() - interval '6 minutes'
where target in ('missed', 'running');

update monitoring.heartbeats
set running_since = now() - interval '11 minutes'
where target = 'long';

update monitoring.heartbeats
set running_since = now() - interval '9 minutes'
where target = 'running';

select public.record_heartbeat('failed', '1');

-- Both judgements are of one minute.
create temporary table judged as
select clock_timestamp() as judged_at;

select is((select monitoring.judge_heartbeats(judged.judged_at) from judged), 3, 'what is wrong has a check, what waits has none');

select results_eq(
  $$ select title, error_type, severity::text, category::text, fingerprint, status::text
     from public.incidents where source = 'health-check' order by title $$,
  $$ values
       ('failed is down', 'HeartbeatFailed', 'HIGH', 'infrastructure', 'health-check:target:failed', 'open'),
       ('long is down', 'HeartbeatTooLong', 'HIGH', 'infrastructure', 'health-check:target:long', 'open'),
       ('missed is down', 'HeartbeatMissed', 'HIGH', 'infrastructure', 'health-check:target:missed', 'open') $$,
  'and an incident of its own'
);

select results_eq(
  $$ select target, target_type::text, url, status::text, response_time_ms, incident_id is not null
     from public.monitoring_checks order by target $$,
  $$ values ('failed', 'heartbeat', null::text, 'down', null::integer, true), ('long', 'heartbeat', null, 'down', null, true),
       ('missed', 'heartbeat', null, 'down', null, true) $$,
  'the checks are those of targets without URL and response time'
);

select results_eq(
  $$ select target, status::text from monitoring.target_states order by target $$,
  $$ values ('failed', 'down'), ('long', 'down'), ('missed', 'down'), ('new', 'pending'), ('running', 'pending') $$,
  'a new target is pending'
);

select is((select monitoring.judge_heartbeats(judged.judged_at) from judged), 0, 'a second judgement in the minute changes nothing');

select public.record_heartbeat(target, 'ok') from unnest(array['missed', 'failed', 'long', 'new', 'running']) as targets (target);

select is(monitoring.judge_heartbeats(clock_timestamp()), 5, 'a success counts at once');

select results_eq(
  $$ select distinct status::text, resolved_by, resolution from public.incidents where source = 'health-check' $$,
  $$ values ('resolved', 'health-check', 'A heartbeat arrived.') $$, 'and resolves every incident'
);

select is(
  (
    select monitoring.judge_heartbeats(clock_timestamp() + interval '1 minute') + count(*)
    from monitoring.heartbeats
    where heartbeats.state <> 'ok'
  ), 5::bigint, 'each minute has a check'
);

select * from finish();

rollback;
