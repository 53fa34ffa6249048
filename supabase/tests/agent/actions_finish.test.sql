begin;

select plan(8);

update public.system_config
set value = '{"agent_actions_per_hour": 100000, "all_agent_actions_per_hour": 100000}'
where key = 'rate_limits';

delete from monitoring.running_actions;

create temporary table begun (name text, id bigint) on commit drop;

insert into begun (name, id)
select
  name,
  (public.begin_agent_action('finisher', 'investigate') ->> 'action_id')::bigint
from unnest(array['good', 'bad', 'slow', 'stopped']) as names (name);

select is(
  public.finish_agent_action((
    select id from begun
    where name = 'good'
  ), true, '{"found": "it"}') -> 'success', 'true',
  'an action finishes with success'
);

select is(
  public.finish_agent_action((
    select id from begun
    where name = 'bad'
  ), false, null, 'no access, token=abcdefghijk')
  -> 'success', 'false', 'an action finishes with failure'
);

select throws_ok(
  format('select public.finish_agent_action(%s, true)', (
    select id from begun
    where name = 'good'
  )),
  'PT409', null, 'an action finishes once'
);

update monitoring.running_actions
set begun_at = now() - interval '2 hours', deadline = now() - interval '1 hour'
where action_id = (
  select id from begun
  where name = 'slow'
);

select is(monitoring.fail_running_actions('exceeded its deadline', true), 1::bigint, 'an action past its deadline fails');

update public.system_config
set value = '{"enabled": true, "reason": "it runs amok"}'
where key = 'kill_switch';

select is_empty($$ select from monitoring.running_actions $$, 'the kill switch ends running actions');

select is(
  public.begin_agent_action('finisher', 'investigate') -> 'reasons', '["kill_switch: it runs amok"]'::jsonb,
  'the kill switch refuses new actions'
);

insert into monitoring.running_actions (action_id, agent, kind, deadline)
select
  id as action_id,
  'finisher' as agent,
  'investigate' as kind,
  now() + interval '1 hour' as deadline
from public.agent_actions
where agent = 'finisher' and success is false
order by id desc limit 1;

select
  is(
    public.finish_agent_action(max(action_id), true) ->> 'message', 'the action was stopped by the kill switch',
    'no action finishes with success while the kill switch is on'
  )
from monitoring.running_actions;

select results_eq(
  $$ select success, error from public.agent_actions
     where finishes_id in (select id from begun) order by finishes_id $$,
  $$ values
     (true, null), (false, 'no access, token=[redacted]'), (false, 'exceeded its deadline'),
     (false, 'stopped by the kill switch') $$,
  'each end is recorded in a row of its own'
);

select * from finish();

rollback;
