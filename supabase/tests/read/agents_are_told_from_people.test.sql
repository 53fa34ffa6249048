begin;

select plan(4);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'tap kinds', 't', 'm', 'CRITICAL', 'backend', 'r');

create function pg_temp.kinds(action text)
returns jsonb
language sql
as $$
  select jsonb_path_query_array(
    public.incident_page('INC-1'), '$.timeline[*] ? (@.what == $action).kind', jsonb_build_object('action', kinds.action)
  )
$$;

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "7"}', true);

-- The agent gives itself the name of a person.
select public.claim_next_incident('Ann @ work', 900, 'CRITICAL');
select public.extend_claim('INC-1', 900);
select public.release_claim('INC-1', 'too hard');

select is(pg_temp.kinds('released the claim'), '["agent"]', 'who releases a claim of its own is an agent, by any name');

select public.claim_next_incident('Ann @ work', 900, 'CRITICAL');
select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "8", "email": "ben@example.com"}', true);
select public.acknowledge_incident('INC-1');

select is(pg_temp.kinds('acknowledged'), '["person"]', 'who takes the incident over is a person');

select is(
  (
    select
      jsonb_agg(
        monitoring.name_timeline_kind(
          jsonb_populate_record(
            null::public.agent_actions,
            jsonb_build_object(
              'agent', given.agent, 'caller', given.caller, 'action', given.action, 'details', '{}'::jsonb,
              'safety_verdict', 'not_required'
            )
          )
        )
        order by given.place
      )
    from (
      values
      (1, 'server:default', 'service_role', 'incident_created'),
      (2, 'public:shop', 'service_role', 'incident_reopened'),
      (3, 'agent:ann@example.com', 'user:ann', 'incident_created'),
      (4, 'ann@example.com', 'user:ann', 'incident_created'),
      (5, 'generic:deploys', 'service_role', 'incident_resolved'),
      (6, 'sentry', 'service_role', 'incident_escalated'),
      (7, 'health-check', 'postgres', 'incident_created'),
      (8, 'life-cycle', 'postgres', 'incident_reopened'),
      (9, 'Ann (operator)', 'service_role', 'incident_acknowledged'),
      (10, 'ann@example.com', 'user:ann', 'incident_acknowledged')
    ) as given (place, agent, caller, action)
  ),
  '["sender", "sender", "sender", "sender", "sender", "sender", "job", "job", "person", "person"]',
  'who reports errors is a sender, and no job'
);

select results_eq(
  $$
    select given.document, monitoring.list_members(given.document::jsonb) as lines
    from (values
      ('{"pool_size": 20, "notes": ["a", "b"], "none": null, "empty": "", "list": []}'),
      ('{"steps": [{"read": "logs"}], "is_done": true}'), ('{}'), ('["a"]')
    ) as given (document)
  $$,
  $$ values
     ('{"pool_size": 20, "notes": ["a", "b"], "none": null, "empty": "", "list": []}', e'notes: a, b\npool size: 20'),
     ('{"steps": [{"read": "logs"}], "is_done": true}', e'steps: [{"read": "logs"}]\nis done: true'),
     ('{}', null), ('["a"]', null) $$,
  'what an agent returns is told in lines'
);

select * from finish();

rollback;
