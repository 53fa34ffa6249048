begin;

select plan(6);

-- Live incidents of other tests must not count here.
update public.incidents
set status = 'resolved', resolved_at = clock_timestamp()
where status <> 'resolved';

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, sender)
values
('INC-1', 'health-check:target:shop', 't', 'm', 'HIGH', 'backend', 'r', 'health-check'),
('INC-2', 'another', 't', 'm', 'HIGH', 'backend', 'r', 'server:default');

insert into monitoring.target_states (target, status, since, last_check_at, last_response_time_ms)
values ('shop', 'down', now() - interval '5 minutes', now(), 12), ('api', 'up', now(), now(), 34);

select is(
  public.system_status()
  - array[
    'server_time', 'notifications', 'postgres', 'open_incidents', 'targets', 'last_deployments', 'undelivered_emails'
  ],
  public.service_health() - array['server_time', 'notifications'],
  'the health of the database is included'
);

select is(public.system_status() ->> 'postgres', current_setting('server_version'), 'the version of PostgreSQL is included');

select is(
  public.system_status() -> 'open_incidents',
  (
    select
      jsonb_build_object(
        'LOW', count(*) filter (where severity = 'LOW'),
        'MEDIUM', count(*) filter (where severity = 'MEDIUM'),
        'HIGH', count(*) filter (where severity = 'HIGH'),
        'CRITICAL', count(*) filter (where severity = 'CRITICAL')
      )
    from public.incidents
    where status <> 'resolved'
  ),
  'live incidents are counted by severity'
);

update public.incidents
set status = 'resolved', resolved_at = now()
where id = 'INC-2';

select is(public.system_status() #> '{open_incidents,HIGH}', '1'::jsonb, 'resolved incidents are not counted');

set local role authenticated;

select is(
  (
    select jsonb_agg(jsonb_build_array(target -> 'target', target -> 'status', target -> 'incident_id'))
    from jsonb_array_elements(public.system_status() -> 'targets') as target
    where target ->> 'target' in ('api', 'shop')
  ),
  '[["api", "up", null], ["shop", "down", "INC-1"]]'::jsonb,
  'an agent reads the targets by name'
);

set local role service_role;

select is(public.system_status() ->> 'status', 'ok', 'the service reads the targets');

select * from finish();

rollback;
