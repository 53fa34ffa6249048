begin;

select plan(5);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'seen', 't', 'm', 'LOW', 'backend', 'r');

set local role service_role;

select throws_ok(
  $$ insert into public.incidents (fingerprint) values ('f') $$,
  '42501', null,
  'the service cannot write incidents directly'
);

select throws_ok(
  $$ delete from public.agent_actions $$,
  '42501', null,
  'the service cannot write the audit trail'
);

select throws_ok(
  $$ select from monitoring.event_receipts $$,
  '42501', null,
  'the service has no USAGE on monitoring'
);

select is(
  public.ingest_events('[{"error": {"message": "m"}, "fingerprint": "seen"}]') #> '{0,success}', 'true'::jsonb,
  'the service ingests events'
);

select is(
  public.service_health() ->> 'status', 'ok',
  'the service reads its health'
);

select * from finish();

rollback;
