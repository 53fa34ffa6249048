begin;

select plan(13);

update public.system_config
set value = '{"agent_actions_per_hour": 100000, "all_agent_actions_per_hour": 100000}'
where key = 'rate_limits';

create function monitoring.test_report(source text, message text)
returns text
language sql
set search_path = ''
as $$
  select public.report_error(jsonb_build_object(
    'error', jsonb_build_object(
      'message', message, 'type', 'TapPoolError', 'stack',
      e'Traceback (most recent call last):\n'
      '  File "/usr/lib/python3/site-packages/pool.py", line 9, in get\n    raise Empty\n'
      '  File "/srv/shop/orders.py", line 42, in checkout\n    pool.get()\n'
      '  File "/usr/lib/python3/site-packages/pool.py", line 5, in wait\n    wait()\nTapPoolError: ' || message
    ),
    'source', source, 'category', 'backend'
  )) ->> 'incident_id';
$$;

create temporary table seen on commit drop as
select
  monitoring.test_report('tap-context-a', 'pool 4711 is exhausted') as id,
  monitoring.test_report('tap-context-b', 'pool 17 is exhausted') as other;

create function monitoring.test_context(variadic path text[])
returns jsonb
language sql
set search_path = ''
as $$
  select public.incident_context(id, 20000) #> path from pg_temp.seen;
$$;

select is(
  monitoring.test_context('incident', 'data', 'frames'),
  '["File \"/srv/shop/orders.py\", line 42, in checkout: pool.get()"]', 'the frames of the program, with their code'
);

select is(
  monitoring.test_context('incident', 'data', 'culprit'), '"shop/orders.py in checkout"', 'the culprit'
);

select is(
  (
    select found.item - 'last_seen' - 'severity'
    from jsonb_array_elements(monitoring.test_context('similar_incidents')) as found (item)
    where found.item ->> 'id' = (select other from seen)
  ),
  (
    select jsonb_build_object(
      'id', other, 'likeness', 'same message and type', 'status', 'open',
      'data', jsonb_build_object('title', 'TapPoolError: pool 17 is exhausted', 'source', 'tap-context-b')
    ) from seen
  ),
  'a similar incident of another source'
);

select is(monitoring.test_context('regression'), 'null', 'a new error is no regression');

-- Another agent looked at it, and was refused.
create temporary table begun on commit drop as
select (public.begin_agent_action('finder', 'investigate', id, '{"read": "the logs"}') ->> 'action_id')::bigint as action_id
from seen;

select is(
  monitoring.test_context('earlier_actions', '0', 'outcome'), '"running"', 'an action that runs'
);

select public.finish_agent_action(action_id, true, '{"found": "the pool is never closed"}') from begun;

select public.begin_agent_action('finder', 'restart', id, '{"confidence": 0.9}') from seen;

select is(
  monitoring.test_context('earlier_actions', '0') - 'at' - 'incident_id',
  '{"action_type": "restart", "outcome": "refused", "data": {"agent": "finder", "plan": "{\"confidence\": 0.9}",
    "refused_because": ["feature_flag: feature_flags.auto_fix"]}}',
  'what was refused, and why'
);

select is(
  monitoring.test_context('earlier_actions', '1') - 'at' - 'incident_id',
  '{"action_type": "investigate", "outcome": "succeeded", "data": {"agent": "finder", "plan": "{\"read\": \"the logs\"}",
    "result": "{\"found\": \"the pool is never closed\"}"}}',
  'what was found'
);

-- It was resolved with a fix, and comes back.
create temporary table fixed on commit drop as
select public.remember_fix('close the pool', id) as knowledge_id from seen;

select public.resolve_incident(seen.id, 'closed the pool', fixed.knowledge_id, true) from seen, fixed;

select monitoring.test_report('tap-context-a', 'pool 4712 is exhausted');

select is(
  monitoring.test_context('regression') - array['came_back_at', 'resolved_at'],
  (
    select jsonb_build_object(
      'how', 'the error came back within the reopen window', 'incident_id', seen.id, 'knowledge_id', fixed.knowledge_id,
      'was_said_to_work', true,
      'data', jsonb_build_object('resolution', 'closed the pool', 'resolved_by', monitoring.read_actor())
    ) from seen, fixed
  ),
  'how it was resolved before it came back'
);

select is(
  monitoring.test_context('fixes', '0') - array['data', 'is_approved', 'is_auto_fix_allowed', 'success_rate'],
  (
    select jsonb_build_object('knowledge_id', fixed.knowledge_id, 'success_count', 0, 'failure_count', 1) from fixed
  ),
  'the fix that did not last comes first, with its counts'
);

select is(
  monitoring.test_context('incident', 'data', 'message'), '"pool 4712 is exhausted"', 'the newest message'
);

select matches(monitoring.test_context('incident', 'activity') ->> 'rate', 'UTC$', 'how often it occurs');

-- The reopen window is over: a new incident.
select public.resolve_incident(id, 'closed it again') from seen;

update public.incidents
set
  first_seen = now() - interval '40 days', last_seen = now() - interval '40 days', reopened_at = null,
  resolved_at = now() - interval '39 days'
where id = (select id from seen);

create temporary table again on commit drop as
select monitoring.test_report('tap-context-a', 'pool 4713 is exhausted') as id;

select is(
  (select public.incident_context(id) -> 'regression' ->> 'how' from again), 'a new incident of the same error',
  'a new incident of an error that was resolved'
);

select is(
  (select public.incident_context(id) #>> '{earlier_actions,1,data,result}' from again),
  '{"found": "the pool is never closed"}', 'with what was found then'
);

select * from finish();

rollback;
