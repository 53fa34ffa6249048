begin;

select plan(8);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'seen', 't', 'm', 'LOW', 'backend', 'r');

set local role authenticated;

select isnt_empty(
  $$ select from public.incidents where fingerprint = 'seen' $$,
  'agents read incidents'
);

select is_empty(
  $$ select from public.system_config $$,
  'agents read no configuration'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint) values ('f') $$,
  '42501', null,
  'agents cannot write incidents directly'
);

select throws_ok(
  $$ update public.agent_actions set agent = 'x' $$,
  '42501', null,
  'agents cannot write the audit trail'
);

select throws_ok(
  $$ select public.ingest_events('[]') $$,
  '42501', null,
  'agents do not ingest batches'
);

select throws_ok(
  $$ select from monitoring.event_receipts $$,
  '42501', null,
  'agents have no USAGE on monitoring'
);

select is(
  public.report_error('{"error": {"message": "m"}, "fingerprint": "seen"}') -> 'success', 'true'::jsonb,
  'agents report errors'
);

select throws_ok(
  $$ create domain pg_temp.text as pg_catalog.text $$,
  '42501', null,
  'agents cannot create temporary types, which security definer functions would resolve first'
);

select * from finish();

rollback;
