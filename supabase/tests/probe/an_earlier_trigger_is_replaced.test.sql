begin;

select plan(4);

create function monitoring.test_trigger()
returns text
language sql
set search_path = ''
as $$
  select split_part(pg_get_triggerdef(pg_trigger.oid), ' ON ', 1)
  from pg_catalog.pg_trigger
  where pg_trigger.tgname = 'monitoring_records_answers'
$$;

create or replace trigger monitoring_records_answers
after insert on net._http_response
for each row execute function monitoring.record_answer();

select is(
  monitoring.test_trigger(), 'CREATE TRIGGER monitoring_records_answers AFTER INSERT',
  'an earlier version recorded what was stored already'
);

select is(monitoring.install_answer_trigger(), true, 'the trigger is replaced by whoever may create it');

select is(
  monitoring.test_trigger(), 'CREATE TRIGGER monitoring_records_answers BEFORE INSERT', 'it records before the insertion'
);

select is(monitoring.install_answer_trigger(), true, 'installing it again changes nothing');

select * from finish();

rollback;
