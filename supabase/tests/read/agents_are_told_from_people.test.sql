begin;

select plan(2);

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

select * from finish();

rollback;
