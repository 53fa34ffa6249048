begin;

select plan(8);

delete from monitoring.notification_channels;

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, sender, status, first_seen, last_seen, acknowledged_at,
  reopened_at, claimed_by, claim_caller, claim_expires_at
)
select
  given.id,
  coalesce(given.fingerprint, 'quiet ' || given.id) as fingerprint,
  't' as title,
  'm' as message,
  given.severity::public.incident_severity as severity,
  'backend'::public.incident_category as category,
  'r' as rule,
  given.sender,
  given.status::public.incident_status as status,
  now() - interval '40 days' as first_seen,
  now() - given.quiet_for as last_seen,
  now() - given.acknowledged as acknowledged_at,
  now() - given.reopened as reopened_at,
  given.claimed_by,
  given.claimed_by as claim_caller,
  case when given.claimed_by is not null then now() + interval '1 hour' end as claim_expires_at
from (
  values
  ('INC-10', null, 'CRITICAL', 'server:default', 'open', interval '15 days', null, null, null),
  ('INC-11', null, 'LOW', 'server:default', 'open', interval '13 days', null, null, null),
  ('INC-12', null, 'LOW', 'sentry', 'acknowledged', interval '15 days', interval '15 days', null, null),
  ('INC-13', null, 'LOW', 'server:default', 'acknowledged', interval '15 days', interval '1 day', null, null),
  ('INC-14', null, 'LOW', 'server:default', 'acknowledged', interval '15 days', interval '15 days', null, 'agent'),
  ('INC-15', null, 'LOW', 'server:default', 'open', interval '15 days', null, interval '1 day', null),
  ('INC-16', null, 'LOW', 'server:default', 'suppressed', interval '15 days', null, null, null),
  ('INC-17', 'health-check:quiet', 'LOW', 'health-check', 'open', interval '15 days', null, null, null),
  ('INC-18', 'sentry:feed', 'LOW', 'sentry', 'open', interval '15 days', null, null, null)
) as given (id, fingerprint, severity, sender, status, quiet_for, acknowledged, reopened, claimed_by);

update public.system_config
set value = value || '{"auto_resolve_after": "0", "feed_silence_hours": 1}'
where key = 'incident_policy';

select is(monitoring.close_quiet_incidents(100), 0::bigint, 'with 0 nothing is closed');

select is(
  (
    select count(*) from public.incidents
    where id like 'INC-1_' and status = 'resolved'
  ), 0::bigint,
  'nor closed'
);

update public.system_config
set value = value - 'auto_resolve_after'
where key = 'incident_policy';

select is(monitoring.close_quiet_incidents(1), 1::bigint, 'a batch closes so many incidents at most');

select ok(monitoring.close_quiet_incidents(100) >= 1, 'the next one the rest, and returns how many');

select results_eq(
  $$ select id from public.incidents where id like 'INC-1_' and status = 'resolved' order by id $$,
  $$ values ('INC-10'), ('INC-12') $$,
  'open and acknowledged incidents without a repeat for 14 days are closed; those that somebody touched, holds or suppressed
or that we resolve ourselves are not'
);

select results_eq(
  $$ select resolved_by, resolution, resolved_at >= now() from public.incidents where id = 'INC-10' $$,
  $$ values ('life-cycle', 'Closed because it was not reported for 14 days (incident_policy.auto_resolve_after).', true) $$,
  'the resolution says why'
);

select results_eq(
  $$ select agent, details ->> 'reason' from public.agent_actions
     where incident_id = 'INC-10' and action = 'incident_resolved' $$,
  $$ values ('life-cycle', 'no repeat for incident_policy.auto_resolve_after') $$,
  'so does its audit row'
);

update public.incidents
set last_seen = now() - interval '20 days', reopened_at = null
where incidents.id = 'INC-15';

update public.system_config
set value = value || '{"auto_resolve_after": "30 days"}'
where key = 'incident_policy';

select monitoring.close_quiet_incidents(100);

select is((
  select status::text from public.incidents
  where id = 'INC-15'
), 'open', 'the time is configured');

select * from finish();

rollback;
