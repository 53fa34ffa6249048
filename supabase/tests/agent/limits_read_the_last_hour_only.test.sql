begin;

select plan(3);

-- Triggers would chain each row; only the number of rows matters here.
alter table public.agent_actions disable trigger user;

insert into public.agent_actions (
  agent, caller, action, safety_verdict, details, created_at, chain_position, content_salt, content_hash, hash, previous_hash
)
select
  'a' as agent,
  'user:counted' as caller,
  'investigate' as action,
  'allowed' as safety_verdict,
  jsonb_build_object('dry_run', number % 3 = 0) as details,
  case when number > 2990 then clock_timestamp() else now() - interval '2 hours' end as created_at,
  number + 1 as chain_position,
  gen_random_uuid() as content_salt,
  'c' as content_hash,
  'h' as hash,
  'p' as previous_hash
from generate_series(1, 3000) as numbers (number);

alter table public.agent_actions enable trigger user;

analyze public.agent_actions;

create temporary table before on commit drop as
select
  pg_stat_get_xact_tuples_returned('public.agent_actions_allowed_idx'::regclass) as entries,
  pg_stat_get_xact_tuples_returned('public.agent_actions'::regclass) as scanned;

select is(monitoring.count_begun_actions('user:counted'), 6::bigint, 'dry runs and older actions do not count');

select cmp_ok(monitoring.count_begun_actions(null), '>=', 6::bigint, 'so do they not for all callers');

select cmp_ok(
  (
    select
      pg_stat_get_xact_tuples_returned('public.agent_actions_allowed_idx'::regclass) - before.entries
      + pg_stat_get_xact_tuples_returned('public.agent_actions'::regclass) - before.scanned
    from before
  ),
  '<', 500::bigint, 'only what was begun within the last hour is read'
);

select * from finish();

rollback;
