begin;

select plan(8);

-- Older than what other tests leave, so that these chains are purged first.
select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "older"}', true);

insert into public.agent_actions (agent, action, created_at)
select
  'a' as agent,
  'looked' as action,
  '1990-01-01'::timestamptz + make_interval(mins => number) as created_at
from generate_series(1, 3) as numbers (number);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "younger"}', true);

insert into public.agent_actions (agent, action, created_at)
select
  'a' as agent,
  'looked' as action,
  '1990-01-02'::timestamptz + make_interval(mins => number) as created_at
from generate_series(1, 5) as numbers (number);

insert into public.agent_actions (agent, action, details)
values ('a', 'looked', '{"note": "[erased]"}');

-- Refers to a row that is kept, so it is kept, and what follows it in its chain.
select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "blocked"}', true);

insert into public.agent_actions (agent, action, created_at, details)
select
  'a' as agent,
  'personal_data_erased' as action,
  '1980-01-01' as created_at,
  jsonb_build_object('actions', jsonb_build_object(id, monitoring.hash_action_content(agent_actions))) as details
from public.agent_actions
where chain = 'user:younger' and chain_position = 6;

insert into public.agent_actions (agent, action, created_at)
values ('a', 'looked', '1980-01-01');

select set_config('request.jwt.claims', '', true);

create function monitoring.test_kept()
returns text
language sql
set search_path = ''
as $$
  select string_agg(format('%s from %s', kept.chain, kept.first_position), ', ' order by kept.chain)
  from (
    select agent_actions.chain, min(agent_actions.chain_position) as first_position
    from public.agent_actions
    where agent_actions.chain in ('user:older', 'user:younger', 'user:blocked')
    group by agent_actions.chain
  ) as kept
$$;

select is(monitoring.purge_agent_actions(4), 4::bigint, 'a batch deletes as many actions as it may');

select is(
  monitoring.test_kept(), 'user:blocked from 1, user:younger from 2', 'the oldest ones first, and a chain that cannot be purged keeps no other'
);

select is(monitoring.purge_agent_actions(4), 4::bigint, 'the next batch goes on');

select is(monitoring.test_kept(), 'user:blocked from 1, user:younger from 6', 'until what retention keeps');

select is_empty(
  $$ select from (values ('user:older'), ('user:younger'), ('user:blocked')) as chains (chain)
    cross join monitoring.verify_chain(chains.chain, monitoring.find_purge_cutoff()) as verdict
    where verdict.problem is not null $$,
  'the chains are intact after each'
);

select results_eq(
  $$ select chain, purged_position, oldest_at is null from monitoring.audit_heads
    where chain in ('user:older', 'user:younger') order by chain $$,
  $$ values ('user:older', 3, true), ('user:younger', 5, false) $$,
  'the heads say how many were purged, and when the oldest action that is kept was written'
);

select is(
  (select sum((details ->> 'actions')::integer) from (
    select details from public.agent_actions
    where action = 'audit_purged'
    order by id desc limit 2
  ) as purges), 8::bigint, 'each batch is recorded in the trail'
);

-- The trail of a deleted incident ends: its head goes when no anchor names it any more.
insert into monitoring.audit_heads (chain, chain_position, hash, purged_position, purged_hash, purged_until, has_ended)
values ('INC-ended', 1, 'h', 1, 'h', '1990-01-01', true);

insert into monitoring.audit_heads (chain, chain_position, hash, purged_position, purged_hash, purged_until, has_ended)
values ('INC-anchored', 1, 'h', 1, 'h', '1990-01-01', true);

insert into monitoring.audit_anchors (anchored_on, hash, chains)
values ('2999-01-01', 'h', 1);

insert into monitoring.audit_anchor_heads (anchored_on, chain, from_position, chain_position, hash)
values ('2999-01-01', 'INC-anchored', 0, 1, 'h');

select monitoring.purge_agent_actions(5000);

select results_eq(
  $$ select chain from monitoring.audit_heads where chain in ('INC-ended', 'INC-anchored') $$, array['INC-anchored'],
  'heads of deleted incidents are deleted when no anchor names them'
);

select * from finish();

rollback;
