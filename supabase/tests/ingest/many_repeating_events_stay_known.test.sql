begin;

select plan(3);

create temporary table reports as
select
  number,
  jsonb_build_object(
    'sender', 'server:shop',
    'event', '{"error": {"message": "order failed"}}'::jsonb || jsonb_build_object('order', number)
  ) as from_server,
  jsonb_build_object(
    'sender', 'public:web',
    'event', '{"error": {"message": "page failed"}}'::jsonb || jsonb_build_object('order', number)
  ) as from_page
from generate_series(1, 1000) as number;

create function pg_temp.remembered(sender text) returns bigint
language sql
as $$
  select count(distinct known.event_key)
  from monitoring.remembered_events as known
  where (known.prepared).sender = remembered.sender
    and monitoring.recall_event(known.event_key, remembered.sender) is not null
$$;

select monitoring.forget_remembered_events() as forgotten;

-- The second time an error is no longer new.
select jsonb_array_length(public.ingest_events(jsonb_agg(reports.from_server))) as stored
from reports
cross join generate_series(1, 2) as round
group by round;

select cmp_ok(pg_temp.remembered('server:shop'), '>=', 940::bigint, 'nearly all of 1,000 repeating events are known');

create temporary table flooded as
select
  jsonb_array_length(
    public.ingest_events(
      jsonb_agg(jsonb_set(reports.from_page, '{event,order}', to_jsonb(format('%s.%s', round, number))))
    )
  ) as stored
from reports
cross join generate_series(1, 6) as round
group by round;

select ok(
  pg_temp.remembered('public:web') between 2000 and 4096,
  'a flood of a public key fills its own slots'
);

select cmp_ok(pg_temp.remembered('server:shop'), '>=', 940::bigint, 'and no event of a server becomes unknown');

select * from finish();

rollback;
