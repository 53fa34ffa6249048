begin;

select plan(5);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, source)
values ('INC-1', 'tap late', 't', 'm', 'LOW', 'backend', 'r', 'tap late');

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "ann"}', true);

select public.claim_next_incident('slow', source => 'tap late');

update public.incidents
set claim_expires_at = now() - interval '1 second'
where id = 'INC-1';

select throws_ok(
  $$ select public.extend_claim('INC-1') $$, 'PT409', 'the claim of INC-1 has expired',
  'a claim that has expired cannot be extended, although no job has ended it'
);

select is(
  (
    select monitoring.is_claimed_by_another(incidents)
    from public.incidents
    where id = 'INC-1'
  ), false, 'nobody is kept from acting on the incident'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "ben"}', true);

select is(
  public.claim_next_incident('quick', source => 'tap late') ->> 'claimed_by', 'quick', 'another caller claims the incident'
);

select results_eq(
  $$ select who, what, "from", "to", details ->> 'claimed_by' from public.incident_timeline
     where incident_id = 'INC-1' and what like '%claim%' and what <> 'claim_extended' order by id $$,
  $$ values
     ('slow', 'incident_claimed', 'open', 'acknowledged', 'slow'),
     ('life-cycle', 'claim_expired', 'acknowledged', 'open', 'slow'),
     ('quick', 'incident_claimed', 'open', 'acknowledged', 'quick') $$,
  'after its expiry is recorded'
);

update public.incidents
set claim_expires_at = now() - interval '1 second'
where id = 'INC-1';

select is(
  (public.release_claim('INC-1', 'too late')).status, 'open', 'a release that comes too late frees the incident all the same'
);

select * from finish();

rollback;
