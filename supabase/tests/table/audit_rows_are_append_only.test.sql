begin;

select plan(6);

-- A caller of its own: other tests act as postgres.
select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "append-only"}', true);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'with a trail', 't', 'm', 'LOW', 'backend', 'r');

insert into public.agent_actions (agent, action, incident_id, created_at)
values
('recent', 'looked', 'INC-1', now() - interval '364 days'),
('old', 'looked', null, now() - interval '366 days');

select throws_ok(
  $$ update public.agent_actions set agent = 'somebody else' $$,
  '42501', 'agent_actions is append-only: update is refused',
  'an audit row cannot be changed'
);

select throws_ok(
  $$ delete from public.agent_actions where agent = 'recent' $$,
  '42501', 'agent_actions is append-only: delete is refused',
  'an audit row within its retention cannot be deleted'
);

select throws_ok(
  $$ truncate public.agent_actions cascade $$,
  '42501', 'agent_actions is append-only: truncate is refused',
  'the table cannot be truncated'
);

select results_eq(
  $$ delete from public.agent_actions where agent = 'old' returning agent $$,
  $$ values ('old') $$,
  'a row past its retention can be deleted'
);

select throws_ok(
  $$ delete from public.incidents where fingerprint = 'with a trail' $$,
  '23503', null,
  'an incident with audit rows cannot be deleted'
);

select is(
  (
    select count(*) from public.agent_actions
    where agent = 'recent'
  ),
  1::bigint,
  'the audit row still exists'
);

select * from finish();

rollback;
