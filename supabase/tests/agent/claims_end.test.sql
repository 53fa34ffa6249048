begin;

select plan(9);

create function pg_temp.claim(source text)
returns text
language sql
as $$ select public.claim_next_incident('fixer', source => claim.source) ->> 'id'; $$;

create function pg_temp.state(incident_id text)
returns text
language sql
as $$
  select concat_ws(' ', status, acknowledged_by, claimed_by, claim_caller, claim_expires_at)
  from public.incidents
  where id = state.incident_id;
$$;

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, source, sender)
select
  'INC-' || number as id,
  'health-check:tap claim ' || number as fingerprint,
  't' as title,
  'm' as message,
  'LOW' as severity,
  'backend' as category,
  'r' as rule,
  'tap end ' || number as source,
  'health-check' as sender
from generate_series(1, 8) as numbers (number);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "ann"}', true);

select pg_temp.claim('tap end ' || number)
from generate_series(1, 7) as numbers (number);

-- The holder keeps the first one; a person, who signs in with the same role, takes over the second.
select public.acknowledge_incident('INC-1');

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "ben", "email": "ben@example.com"}', true);

select public.acknowledge_incident('INC-2');

select is(
  pg_temp.state('INC-1') || ', ' || pg_temp.state('INC-2'), 'acknowledged ann, acknowledged ben@example.com',
  'an acknowledgement, by the holder or by a person, ends the claim and stays'
);

select public.resolve_incident('INC-3', 'fixed');

select public.suppress_incident('INC-4', now() + interval '1 hour', 'known');

select is(
  pg_temp.state('INC-3') || ', ' || pg_temp.state('INC-4'), 'resolved fixer, suppressed fixer',
  'a resolution and a suppression end it'
);

select monitoring.resolve_incidents(array['health-check:tap claim 5'], 'sentry', 'sentry', 'Resolved in Sentry.');

select is(pg_temp.state('INC-5'), 'resolved fixer', 'so does what Sentry and the health checks change');

update public.incidents
set status = 'open'
where id = 'INC-6';

select is(pg_temp.state('INC-6'), 'open', 'and a person who edits the table');

select throws_ok(
  $$ update public.incidents set status = 'open' where id = 'INC-2' $$,
  'PT409', 'INC-2 is acknowledged and cannot become open', 'an acknowledgement without a claim has no end'
);

update public.incidents
set claim_expires_at = now() - interval '1 second'
where id = 'INC-7';

select ok(monitoring.end_expired_claims() >= 1 and pg_temp.state('INC-7') = 'open', 'a claim ends when it expires');

select is(monitoring.end_claims(array['INC-7'], 'tap', '{}'), 0::bigint, 'what nobody holds does not end');

select results_eq(
  $$ select incident_id, who, what, details ->> 'claimed_by', why from public.incident_timeline
     where incident_id = any('{INC-1,INC-2,INC-3,INC-4,INC-5,INC-6,INC-7}') and what not in ('incident_created', 'incident_claimed')
       and details ->> 'claimed_by' is not null and details ->> 'to' is not null
       and what <> 'claim_extended' order by incident_id $$,
  $$ values
     ('INC-1', 'ann', 'incident_acknowledged', 'fixer', null),
     ('INC-2', 'ben@example.com', 'incident_acknowledged', 'fixer', null),
     ('INC-3', 'ben@example.com', 'incident_resolved', 'fixer', 'fixed'),
     ('INC-4', 'ben@example.com', 'incident_suppressed', 'fixer', 'known'),
     ('INC-5', 'sentry', 'incident_resolved', 'fixer', 'Resolved in Sentry.'),
     ('INC-6', 'ben@example.com', 'claim_released', 'fixer', null),
     ('INC-7', 'life-cycle', 'claim_expired', 'fixer', 'the claim expired') $$,
  'the timeline says how each claim ended, and whose it was'
);

select pg_temp.claim('tap end 8');

update public.system_config
set value = '{"enabled": true, "reason": "tap"}'
where key = 'kill_switch';

select is(
  (
    select concat_ws(' ', pg_temp.state('INC-8'), what, why)
    from public.incident_timeline
    where incident_id = 'INC-8'
    order by id desc
    limit 1
  ),
  'open claim_released stopped by the kill switch', 'the kill switch ends all claims'
);

select * from finish();

rollback;
