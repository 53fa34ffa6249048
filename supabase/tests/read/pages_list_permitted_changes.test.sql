-- The actions of a page are exactly those that the RPC takes.

begin;

select plan(2);

create function pg_temp.is_taken(incident_id text, action text)
returns boolean
language plpgsql
as $$
begin
  perform public.change_incident(is_taken.incident_id, jsonb_build_object('action', is_taken.action) || case is_taken.action
    when 'resolve' then '{"resolution": "r"}'
    when 'suppress' then '{"minutes": 60, "reason": "r"}'
    when 'reopen' then '{"reason": "r"}'
    when 'note' then '{"note": "n"}'
    when 'set_severity' then '{"severity": "HIGH", "reason": "r"}'
    else '{}'
  end::jsonb);
  raise sqlstate 'TAKEN';
exception
  when sqlstate 'TAKEN' then
    return true;
  when sqlstate 'PT409' then
    return false;
end
$$;

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, status, acknowledged_at, resolved_at, claimed_by,
  claim_caller, claim_expires_at
)
values
('INC-1', 'tap open', 't', 'm', 'LOW', 'backend', 'r', 'open', null, null, null, null, null),
('INC-2', 'tap acknowledged', 't', 'm', 'LOW', 'backend', 'r', 'acknowledged', now(), null, null, null, null),
('INC-3', 'tap claimed', 't', 'm', 'LOW', 'backend', 'r', 'acknowledged', now(), null, 'a', 'user:a', now() + interval '1 hour'),
('INC-4', 'tap suppressed', 't', 'm', 'LOW', 'backend', 'r', 'suppressed', null, null, null, null, null),
('INC-5', 'tap resolved', 't', 'm', 'LOW', 'backend', 'r', 'resolved', null, now(), null, null, null),
('INC-6', 'tap replaced', 't', 'm', 'LOW', 'backend', 'r', 'resolved', null, now(), null, null, null),
('INC-7', 'tap replaced', 't', 'm', 'LOW', 'backend', 'r', 'open', null, null, null, null, null);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "1", "email": "ann@example.com"}', true);

select results_eq(
  $$
    select incidents.id, public.incident_page(incidents.id) -> 'actions' as actions
    from public.incidents
    where incidents.id in ('INC-1', 'INC-2', 'INC-3', 'INC-4', 'INC-5', 'INC-6')
    order by incidents.id
  $$,
  $$ values
     ('INC-1', '["acknowledge", "resolve", "suppress", "note", "set_severity"]'::jsonb),
     ('INC-2', '["resolve", "suppress", "note", "set_severity"]'),
     ('INC-3', '["acknowledge", "resolve", "suppress", "note", "set_severity"]'),
     ('INC-4', '["resolve", "reopen", "note", "set_severity"]'),
     ('INC-5', '["reopen", "note", "set_severity"]'),
     ('INC-6', '["note", "set_severity"]') $$,
  'what the status permits'
);

select is_empty(
  $$
    select incidents.id, members.action
    from public.incidents
    cross join lateral monitoring.list_change_members() as members
    where incidents.id like 'INC-_'
      and (public.incident_page(incidents.id) -> 'actions' ? members.action)
        is distinct from pg_temp.is_taken(incidents.id, members.action)
  $$,
  'the function takes these, and no others'
);

select * from finish();

rollback;
