begin;

select plan(8);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values
('INC-one', 'explained', 't', 'm', 'HIGH', 'backend', 'r'),
('INC-two', 'explained too', 't', 'm', 'HIGH', 'backend', 'r');

select throws_ok(
  $$ update public.incidents set status = 'resolved' where id = 'INC-one' $$,
  '23514',
  'resolved_at is set when, and only when, the status is resolved. Change both together, or call '
  'resolve_incident(id, resolution) or reopen_incident(id, reason).',
  'a broken rule is explained'
);

select throws_ok(
  $$ update public.incidents set title = null where id = 'INC-one' $$,
  '23502', 'title must not be empty. Type and first line of the message, for lists.', 'so is a missing value'
);

select throws_ok(
  $$ update public.incidents set fingerprint = 'explained too' where id = 'INC-one' $$,
  '23505', monitoring.describe_row_rule('public.incidents', 'incidents_live_fingerprint_idx'), 'so is a second live incident'
);

select throws_ok(
  $$ update public.incidents set knowledge_id = -1 where id = 'INC-one' $$,
  '23503', 'knowledge_id must be the id of an entry of error_knowledge, or empty.', 'so is a link to nothing'
);

select throws_ok(
  $$ delete from public.incidents where id = 'INC-one' $$,
  '23503', monitoring.describe_row_rule('public.incidents', 'agent_actions_incident_id_fkey'),
  'so is the deletion of a row that the audit trail needs'
);

select lives_ok(
  $$ insert into public.system_config (key, value, description) values ('kill_switch', '{"enabled": false}', 'd')
     on conflict (key) do update set description = excluded.description $$,
  'a statement that handles duplicates is not refused'
);

create function monitoring.test_refusal(statement text)
returns text
language plpgsql
as $$
declare
  v_message text;
  v_detail text;
  v_hint text;
  v_context text;
begin
  execute statement;
  return 'not refused';
exception
  when others then
    get stacked diagnostics
      v_message = message_text, v_detail = pg_exception_detail, v_hint = pg_exception_hint,
      v_context = pg_exception_context;
    return v_message || v_detail || v_hint || v_context;
end
$$;

select is_empty(
  $$ select refusals.text
     from (values
       ('update public.incidents set message = ''swordfish'', occurrence_count = 0 where id = ''INC-one'''),
       ('update public.incidents set stack = ''swordfish'', title = null where id = ''INC-one'''),
       ('insert into public.system_config values (''added'', ''{"key": "swordfish"}'', ''d'')'),
       ('update public.system_config set value = ''{"enabled": "swordfish"}'' where key = ''kill_switch''')
     ) as edits (statement)
     cross join lateral monitoring.test_refusal(edits.statement) as refusals (text)
     where refusals.text ~ '(not refused|Failing row)' or replace(refusals.text, edits.statement, '') ~ 'swordfish' $$,
  'a refusal repeats no value of the row'
);

select is(
  (select count(*) from monitoring.list_row_rules('public.incidents', 'DELETE')), 1::bigint,
  'of the rows that refer to a deleted one, only those that would be left alone forbid it'
);

select * from finish();

rollback;
