begin;

select plan(8);

delete from monitoring.target_daily_stats;

delete from monitoring.target_hourly_stats;

insert into monitoring.target_daily_stats
values
('api', (now() at time zone 'UTC')::date - 1096, 1, 0, 0, 0, 0),
('api', (now() at time zone 'UTC')::date - 1095, 1, 0, 0, 0, 0);

insert into monitoring.target_hourly_stats (target, hour, checks, up, degraded, down, unknown, maintenance)
select
  'api' as target,
  day + make_interval(hours => hours) as hour,
  1 as checks,
  1 as up,
  0 as degraded,
  0 as down,
  0 as unknown,
  0 as maintenance
from (values (date_trunc('day', now(), 'UTC') - interval '1095 days')) as days (day)
cross join (values (-2), (-1), (0)) as given (hours);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'purged', 't', 'm', 'LOW', 'backend', 'r');

insert into monitoring.incident_hours (incident_id, hour, occurrences, first_seen, last_seen)
select
  'INC-1' as incident_id,
  date_trunc('hour', now() - days, 'UTC') as hour,
  1 as occurrences,
  now() as first_seen,
  now() as last_seen
from (values (interval '91 days'), (interval '89 days')) as given (days);

delete from monitoring.deliveries;

insert into monitoring.deliveries (resource, body_hash, sent_at, effect, received_at)
values
('issue', 'older', now(), 'recorded', now() - interval '32 days'),
('issue', 'old', now(), 'recorded', now() - interval '31 days');

select is(monitoring.purge_target_days(10), 1::bigint, 'daily figures past their retention are deleted');

select is(monitoring.purge_target_hours(1), 1::bigint, 'a batch deletes so many hourly figures at most');

select is(monitoring.purge_target_hours(10), 1::bigint, 'the next one those that are left of whole days');

select is(monitoring.purge_incident_hours(10), 1::bigint, 'hours of incidents past their retention are deleted');

select is(monitoring.purge_deliveries(10), 1::bigint, 'deliveries past their retention are deleted');

select is(
  (select string_agg(deliveries.body_hash, ' ') from monitoring.deliveries), 'old', 'the last of Sentry stays'
);

select is(
  array[
    monitoring.purge_target_days(10), monitoring.purge_target_hours(10), monitoring.purge_incident_hours(10),
    monitoring.purge_deliveries(10)
  ],
  array[0, 0, 0, 0]::bigint[],
  'purging again deletes nothing'
);

select is(
  (
    select count(*) from monitoring.incident_hours
    where incident_hours.incident_id = 'INC-1'
  ),
  1::bigint, 'younger rows stay'
);

select * from finish();

rollback;
