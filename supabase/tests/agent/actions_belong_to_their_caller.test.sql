begin;

select plan(9);

update public.system_config
set value = '{"agent_actions_per_hour": 3, "all_agent_actions_per_hour": 100000}'
where key = 'rate_limits';

create function monitoring.test_as(claims text)
returns text
language sql
set search_path = ''
as $$
  select set_config('request.jwt.claims', claims, true);
  select monitoring.current_caller();
$$;

select results_eq(
  $$ select monitoring.test_as(claims) from unnest(array[
       '{"role": "authenticated", "sub": "ann", "agent": "ben"}', '{"role": "service_role", "sub": "x"}',
       '{"role": "authenticated"}', '{"role": "authenticated", "sub": ""}', ''
     ]) as claims $$,
  $$ values ('user:ann'), ('service_role'), ('authenticated'), ('authenticated'), ('postgres') $$,
  'the caller is the subject of the token, the service, or the database role'
);

select throws_ok(
  $$ select monitoring.test_as('{"role": "authenticated"}'), public.begin_agent_action('a', 'investigate') $$,
  'PT403', 'the access token names no user', 'a token without a subject starts nothing'
);

select monitoring.test_as('{"role": "authenticated", "sub": "ann"}');

create temporary table begun (number integer, id bigint) on commit drop;

insert into begun (number, id)
select
  number,
  (public.begin_agent_action('caller test ' || number, 'investigate') ->> 'action_id')::bigint
from generate_series(1, 4) as numbers (number);

select results_eq(
  $$ select number, id is not null from begun order by number $$,
  $$ values (1, true), (2, true), (3, true), (4, false) $$,
  'another name gives no other limit'
);

select is(
  (
    select string_agg(distinct caller, ' ') from public.agent_actions
    where agent in ('caller test 1', 'caller test 4')
  ), 'user:ann', 'the caller is recorded, whether allowed or refused'
);

select monitoring.test_as('{"role": "authenticated", "sub": "ben"}');

select throws_ok(
  $$ select public.finish_agent_action(id, true) from begun where number = 1 $$,
  'PT403', null, 'another user cannot finish an action'
);

select is(
  public.begin_agent_action('caller test 1', 'investigate') -> 'allowed', 'true', 'another user has a limit of its own'
);

select monitoring.test_as('{"role": "service_role"}');

select is(
  public.finish_agent_action((
    select id from begun
    where number = 1
  ), true) -> 'success', 'true', 'service_role can'
);

select monitoring.test_as('{"role": "authenticated", "sub": "ann"}');

select is(
  public.finish_agent_action((
    select id from begun
    where number = 2
  ), true) -> 'success', 'true', 'so can the caller that began it'
);

select throws_ok(
  $$ insert into public.agent_actions (agent, action, caller, chain_position, hash)
     values ('a', 'b', 'user:ben', 1, 'h') returning 1 / (caller = 'user:ann')::integer - 1 / 0 $$,
  '22012', null, 'a caller that a row brings is replaced'
);

select * from finish();

rollback;
