begin;

select plan(10);

create temporary table given as
select '[{"error": {"message": "the ledger is out of balance"}, "fingerprint": "memory", "context": {"step": 1}}]'::jsonb
  as events;

create function pg_temp.repeats() returns table (severity text, context jsonb, remembered bigint)
language plpgsql
as $$
declare
  v_answer jsonb := public.ingest_events((select events from given)) -> 0;
begin
  return query
  select
    v_answer ->> 'severity',
    (select incidents.context from public.incidents where incidents.id = v_answer ->> 'incident_id'),
    (
      select count(*)
      from monitoring.remembered_events
      where (prepared).message like 'the ledger %'
    );
end
$$;

create function pg_temp.forgotten() returns setof monitoring.remembered_events
language plpgsql
as $$
begin
  perform monitoring.forget_remembered_events();
  return query select * from monitoring.remembered_events;
end
$$;

select is(
  (select remembered from pg_temp.repeats()), 0::bigint,
  'a new error is not remembered: it may be the only one'
);

select is((select remembered from pg_temp.repeats()), 1::bigint, 'a repeat is remembered');

select is(
  (
    select array[(prepared).message, (prepared).idempotency_key, (prepared).happened_at::text]
    from monitoring.remembered_events
    where
      (prepared).message like 'the ledger %'
      and monitoring.recall_event(event_key, (prepared).sender) is not null
  ),
  array['the ledger is out of balance', null, null],
  'it is recalled by its key, without what differs between repeats'
);

update monitoring.remembered_events
set prepared.message = 'the ledger is out of balance, remembered'
where (prepared).message like 'the ledger %';

update given
set events = jsonb_set(events, '{0,context}', '{"step": 2, "password": "hunter2x"}');

select is(
  (select context - 'fingerprint' from pg_temp.repeats()), '{"step": 2, "password": "[redacted]"}'::jsonb,
  'a repeat with another context gets its own, sanitized'
);

select is(
  (
    select message from public.incidents
    where
      source = 'unknown'
      and title = 'the ledger is out of balance'
  ),
  'the ledger is out of balance, remembered',
  'and the remembered rest'
);

update given
set events = jsonb_set(events, '{0,url}', '"https://shop.example/orders/2?token=hunter2x"');

select pg_temp.repeats() as repeated;

select is(
  (
    select array[message, url] from public.incidents
    where title = 'the ledger is out of balance'
  ),
  array['the ledger is out of balance, remembered', 'https://shop.example/orders/2?token=[redacted]'],
  'from another URL, too, with its own, sanitized'
);

update given
set events = jsonb_set(events, '{0,url}', '["https://shop.example"]');

select is(
  (select public.ingest_events(events) #>> '{0,error,field}' from given), 'url',
  'a repeat with an invalid URL is rejected as any report is'
);

update given
set events = jsonb_set(events - 'url', '{0}', jsonb_build_object('sender', 'public:web', 'event', (events -> 0) - 'url'));

create temporary table repeated as
select *
from pg_temp.repeats();

select is(
  (
    select message from public.incidents
    where
      source = 'web'
      and title = 'the ledger is out of balance'
  ), 'the ledger is out of balance',
  'another sender does not get it'
);

insert into public.classification_rules (name, priority, severity, category, matches, example, counterexample)
values ('ledger', 1, 'CRITICAL', 'backend', 'ledger', 'the ledger is out of balance', 'nothing');

update given
set events = jsonb_build_array(events #> '{0,event}', events #> '{0,event}' || '{"timestamp": "2001-01-01"}');

select is(
  (select severity from pg_temp.repeats()), 'CRITICAL',
  'a new rule counts at once'
);

update monitoring.remembered_events
set remembered_at = now() - interval '2 hours'
where (prepared).message like 'the ledger %, %';

select is(
  array[monitoring.purge_remembered_events(), (select count(*) from pg_temp.forgotten())], array[1, 0]::bigint[],
  'old ones are purged, and all can be forgotten'
);

select * from finish();

rollback;
