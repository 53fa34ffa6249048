begin;

select plan(8);

create function monitoring.test_audited()
returns text
language plpgsql
set search_path = ''
as $$
begin
  return (
    select string_agg(
      concat_ws(' ', agent_actions.agent, agent_actions.action, agent_actions.details ->> 'table', names.name), ', '
      order by agent_actions.id, names.name
    )
    from public.agent_actions
    cross join lateral jsonb_object_keys(agent_actions.details -> 'changes') as names (name)
    where agent_actions.created_at >= now()
      and agent_actions.action like 'direct_%'
      and names.name not in ('updated_at')
  );
end
$$;

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-edit', 'edit test', 't', 'm', 'HIGH', 'backend', 'r');

update public.incidents
set status = 'resolved', resolved_at = now(), resolution = 'fixed', severity = 'LOW'
where id = 'INC-edit';

select is(monitoring.test_audited(), null, 'what the triggers of incidents record is not recorded twice');

update public.incidents
set category = 'database', source = 'shop'
where id = 'INC-edit';

select is(
  monitoring.test_audited(),
  'operator direct_update incidents category, operator direct_update incidents source',
  'other columns are recorded with the incident'
);

insert into public.error_knowledge (pattern, signature, category, severity, root_cause)
values ('p', 'edit test', 'backend', 'LOW', 'password=hunter2-secret');

update public.error_knowledge
set root_cause = 'a full disk'
where signature = 'edit test';

delete from public.error_knowledge
where signature = 'edit test';

select results_eq(
  $$ select action, details -> 'changes' -> 'root_cause' from public.agent_actions
     where details ->> 'table' = 'error_knowledge' and created_at >= now() order by id $$,
  $$ values
     ('direct_insert', '{"from": null, "to": "password=[redacted]"}'::jsonb),
     ('direct_update', '{"from": "password=[redacted]", "to": "a full disk"}'),
     ('direct_delete', '{"from": "a full disk", "to": null}') $$,
  'an insert, an update and a delete are recorded with both values, without secrets'
);

insert into public.email_tracking (recipient, subject)
select
  'edit@example.com' as recipient,
  's' as subject
from generate_series(1, 150);

select results_eq(
  $$ select count(*), count(*) filter (where details ? 'note') from public.agent_actions
     where details ->> 'table' = 'email_tracking' and created_at >= now() $$,
  $$ values (97::bigint, 1::bigint) $$,
  'of many rows the first 100 of the transaction are listed'
);

truncate public.email_tracking cascade;

select isnt_empty(
  $$ select from public.agent_actions where action = 'direct_truncate' and details ->> 'table' = 'email_tracking' $$,
  'a truncate is recorded'
);

select results_eq(
  $$ select monitoring.list_changes(former, latter)
     from (values
       ('{"a": 1, "b": [1, 2], "c": 3}'::jsonb, '{"a": 2, "b": [2, 3], "c": 3}'::jsonb), ('null', '{"a": 1}'), ('[]', '7')
     ) as examples (former, latter) $$,
  $$ values
     ('{"a": {"from": 1, "to": 2}, "b": {"removed": [1], "added": [3]}}'::jsonb),
     ('{"from": null, "to": {"a": 1}}'), ('{"from": [], "to": 7}') $$,
  'lists are compared item by item, and any values can be compared'
);

update public.system_config
set value = '[{"name": "edited", "type": "backend", "url": "https://example.com/"}]'
where key = 'health_check_targets';

update public.system_config
set value = value
where key = 'health_check_targets';

select results_eq(
  $$ select agent, details #>> '{changes,added,0,name}' from public.agent_actions
     where action = 'config_changed' and details ->> 'entry' = 'health_check_targets' and created_at >= now() $$,
  $$ values ('operator', 'edited') $$,
  'a change of the configuration is recorded, and nothing else'
);

select is(public.verify_audit() -> 'is_intact', 'true', 'the trail is intact');

select * from finish();

rollback;
