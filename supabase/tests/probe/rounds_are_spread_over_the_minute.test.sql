begin;

select plan(6);

update public.system_config
set value = '[
  {"name": "new", "type": "other", "url": "https://new.example/"},
  {"name": "fast", "type": "other", "url": "https://fast.example/"},
  {"name": "child", "type": "other", "url": "https://child.example/", "depends_on": "fast"},
  {"name": "slow", "type": "other", "url": "https://slow.example/"}
]'
where key = 'health_check_targets';

insert into monitoring.target_states (target, since, is_slow)
values ('fast', now(), false), ('child', now(), false), ('slow', now(), true);

-- The minute that comes next, in which nothing is due yet.
select is(
  monitoring.start_round(date_trunc('minute', clock_timestamp()) + interval '1 minute'), 4, 'each target has a check'
);

select results_eq(
  $$ select probes.target, probes.request_id is not null as is_sent,
       probes.send_at is null as waits_no_more
     from monitoring.probes
     where probes.target = 'new' $$,
  $$ values ('new', true, true) $$,
  'a target that was never checked is checked at once'
);

select results_eq(
  $$ select extract(epoch from probes.send_at - probes.scheduled_at)::numeric * 1000 as wait_ms
     from monitoring.probes
     where probes.target = 'fast' $$,
  $$ select probe_targets.send_offset_ms::numeric as offset_ms
     from monitoring.probe_targets
     where probe_targets.name = 'fast' $$,
  'a target is sent at its own offset'
);

select is(
  (
    select probes.send_at from monitoring.probes
    where probes.target = 'child'
  ),
  (
    select probes.send_at from monitoring.probes
    where probes.target = 'fast'
  ),
  'what depends on another target is sent with it'
);

select is(
  (
    select probes.send_at - probes.scheduled_at
    from monitoring.probes
    where probes.target = 'slow'
  ),
  interval '50 seconds', 'slow targets share the end of the minute'
);

update monitoring.probes
set send_at = clock_timestamp()
where target = 'fast';

select is(monitoring.send_due_checks(), 1, 'a check is sent when its time has come, and no other');

select * from finish();

rollback;
