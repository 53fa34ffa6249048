begin;

select plan(12);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, source, first_seen)
values
('INC-1', 'tap claim 1', 't', 'm', 'LOW', 'backend', 'r', 'tap claims', now() - interval '9 seconds'),
('INC-2', 'tap claim 2', 't', 'm', 'CRITICAL', 'database', 'r', 'tap claims', now() - interval '9 seconds'),
('INC-3', 'tap claim 3', 't', 'm', 'HIGH', 'backend', 'r', 'tap claims', now() - interval '9 seconds'),
('INC-4', 'tap claim 4', 't', 'm', 'HIGH', 'backend', 'r', 'tap claims', now() - interval '1 second');

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "ann"}', true);

set local role authenticated;

select results_eq(
  $$ select claim ->> 'id', claim ->> 'claimed_by', claim ->> 'status'
     from public.claim_next_incident('fixer', source => 'tap claims') as claim $$,
  $$ values ('INC-2', 'fixer', 'acknowledged') $$,
  'the most severe open incident is claimed'
);

select is(
  public.claim_next_incident('fixer', 60, source => 'tap claims', category => 'BACKEND', severity => 'high') ->> 'id',
  'INC-4', 'of those with the same severity, the one that opened last; the case of the arguments does not matter'
);

select is(
  public.claim_next_incident('fixer', source => 'tap claims', severity => 'CRITICAL'), null,
  'nothing is claimed when no incident is as severe'
);

select is(
  (public.extend_claim('INC-4', 3600)).claim_expires_at > now() + interval '59 minutes', true,
  'the holder extends its claim'
);

select results_eq(
  $$ select status::text, acknowledged_by, claim_expires_at from public.release_claim('INC-4', 'not mine') $$,
  $$ values ('open', null, null::timestamptz) $$,
  'a released incident is open again, without an acknowledgement'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "ben"}', true);

select throws_ok(
  $$ select public.extend_claim('INC-2') $$, 'PT403', 'the claim of INC-2 belongs to another caller',
  'nobody else extends a claim'
);

select throws_ok(
  $$ select public.release_claim('INC-2', 'mine') $$, 'PT403', 'the claim of INC-2 belongs to another caller',
  'nor releases it'
);

select throws_ok(
  $$ select public.release_claim('INC-4', 'mine') $$, 'PT409', 'INC-4 is open and nobody holds it',
  'a claim that has ended cannot be released'
);

select throws_ok(
  $$ select public.claim_next_incident('fixer', 29) $$, 'PT400', 'lease_seconds must be between 30 and 86400',
  'a claim lasts half a minute at least'
);

select set_config('request.jwt.claims', '{"role": "authenticated"}', true);

select throws_ok(
  $$ select public.claim_next_incident('fixer') $$, 'PT403', 'the access token names no user',
  'a token that names no user claims nothing'
);

reset role;

select results_eq(
  $$ select id, claimed_by, claim_expires_at is not null from public.open_incidents where source = 'tap claims' order by id $$,
  $$ values ('INC-1', null, false), ('INC-2', 'fixer', true), ('INC-3', null, false), ('INC-4', null, false) $$,
  'the list of open incidents shows who holds them'
);

select results_eq(
  $$ select who, caller, what, "from", "to", why from public.incident_timeline
     where incident_id = 'INC-4' and what <> 'incident_created' order by id $$,
  $$ values
     ('fixer', 'user:ann', 'incident_claimed', 'open', 'acknowledged', null),
     ('fixer', 'user:ann', 'claim_extended', 'acknowledged', 'acknowledged', null),
     ('fixer', 'user:ann', 'claim_released', 'acknowledged', 'open', 'not mine') $$,
  'the timeline has each change'
);

select * from finish();

rollback;
