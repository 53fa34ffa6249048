begin;

select plan(7);

create function monitoring.test_act(sub text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform set_config(
    'request.jwt.claims', jsonb_build_object('role', 'authenticated', 'sub', test_act.sub)::text, true
  );
  insert into public.agent_actions (agent, action)
  values ('a', 'looked');
end
$$;

select monitoring.test_act(sub) from unnest(array['ann', 'ben', 'ann']) as sub;

select set_config('request.jwt.claims', '', true);

select results_eq(
  $$ select chain, chain_position, previous_hash is null from public.agent_actions
     where chain in ('user:ann', 'user:ben') order by id $$,
  $$ values ('user:ann', 1, true), ('user:ben', 1, true), ('user:ann', 2, false) $$,
  'each caller has a chain, so that callers do not wait for each other'
);

select is(public.verify_audit() -> 'is_intact', 'true', 'the whole trail is intact');

alter table public.agent_actions disable trigger user;

delete from monitoring.audit_heads
where chain = 'user:ben';

select is(
  (public.verify_audit() #> '{problems,0}') - 'broken_action_id',
  '{"chain": "user:ben", "problem": "the head of the chain is missing"}'::jsonb, 'a missing head is detected'
);

delete from public.agent_actions
where chain = 'user:ben' or (chain = 'user:ann' and chain_position = 1);

select is(
  (public.verify_audit() #> '{problems,0}') - 'broken_action_id',
  '{"chain": "user:ann", "problem": "an action was changed, or the action before it is missing"}'::jsonb,
  'a missing action is detected'
);

select throws_ok(
  $$ update public.agent_actions set previous_hash = null where chain = 'user:ann' $$,
  '23514', 'new row for relation "agent_actions" violates check constraint "first_actions_follow_nothing"',
  'only the first action follows nothing'
);

select throws_ok(
  $$ update monitoring.audit_heads set purged_position = chain_position + 1 $$,
  '23514', 'new row for relation "audit_heads" violates check constraint "purged_actions_were_written"',
  'a purge of actions that were never written is rejected'
);

select throws_ok(
  $$ update monitoring.audit_heads set purged_position = 1 $$,
  '23514', 'new row for relation "audit_heads" violates check constraint "purges_are_described"',
  'a purge without a hash is rejected'
);

select * from finish();

rollback;
