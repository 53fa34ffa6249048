begin;

select plan(6);

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, status, first_seen, last_seen, acknowledged_at, resolved_at
)
values
('INC-1', 'v1', 't', 'm', 'HIGH', 'security', 'r', 'open', now(), now(), null, null),
(
  'INC-2', 'v2', 't', 'm', 'HIGH', 'security', 'r', 'resolved', '1999-01-02 10:00+00', '1999-01-02 10:00+00',
  '1999-01-02 10:10+00', '1999-01-02 11:00+00'
),
(
  'INC-3', 'v3', 't', 'm', 'HIGH', 'security', 'r', 'resolved', '1999-01-02 12:00+00', '1999-01-02 12:00+00', null,
  '1999-01-02 14:00+00'
);

insert into public.deployment_history (id, service, version, status, deployed_by)
overriding system value
values (-1, 'tap', '1', 'in_progress', 'ann');

update public.incidents
set deployment_id = -1
where id in ('INC-1', 'INC-2');

delete from monitoring.incident_daily_stats;

create function monitoring.test_stats()
returns text
language sql
set search_path = ''
as $$
  select concat_ws(' ', severity, category, opened, resolved, mtta, mttr)
  from public.incident_stats
  where day = '1999-01-02';
$$;

select is(
  monitoring.test_stats(), 'HIGH security 2 2 00:10:00 01:30:00', 'counts of a day are shown before they are summed up'
);

select ok(monitoring.roll_up_incidents() >= 1, 'counts are summed up');

select is(monitoring.test_stats(), 'HIGH security 2 2 00:10:00 01:30:00', 'counts are the same afterwards');

set local role authenticated;

select results_eq(
  $$ select id, status::text, age >= interval '0' from public.open_incidents where fingerprint like 'v_' $$,
  $$ values ('INC-1', 'open', true) $$,
  'agents read open incidents'
);

select results_eq(
  $$ select who, what, "to" from public.incident_timeline where incident_id = 'INC-1' order by id $$,
  $$ values ('postgres', 'incident_created', 'open'), ('operator', 'direct_update', null) $$,
  'agents read the timeline'
);

select results_eq(
  $$ select incidents, open_incidents, worst_severity::text from public.deployment_impact where deployment_id = -1 $$,
  $$ values (2::bigint, 1::bigint, 'HIGH') $$,
  'agents read the impact of deployments'
);

select * from finish();

rollback;
