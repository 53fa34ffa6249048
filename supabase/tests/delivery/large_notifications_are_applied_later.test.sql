begin;

select plan(4);

-- The deliveries of other tests do not count.
update monitoring.deliveries
set effect = 'recorded', next_attempt_at = null
where effect in ('deferred', 'failed');

create temporary table answers on commit drop as
with alerts as (
  select
    jsonb_agg(
      jsonb_build_object(
        'status', 'firing', 'fingerprint', format('large-%s', numbers.number), 'startsAt', now(),
        'labels', jsonb_build_object('alertname', 'Large', 'severity', 'info')
      )
      order by numbers.number
    ) as list
  from generate_series(1, 203) as numbers (number)
)

select
  public.ingest_deliveries(
    jsonb_build_array(
      jsonb_build_object(
        'kind', 'alertmanager', 'resource', 'alertmanager', 'body_hash', 'large',
        'body', jsonb_build_object('alerts', alerts.list)
      )
    )
  ) -> 0 as answer
from alerts;

select results_eq(
  $$ select effect, count(*), min(position) from answers
     cross join lateral jsonb_array_elements_text(answer -> 'effects') with ordinality as effects (effect, position)
     group by effect order by effect $$,
  $$ values ('deferred', 3::bigint, 201::bigint), ('opened', 200::bigint, 1::bigint) $$,
  'of a call 200 alerts are applied'
);

select is(count(*), 203::bigint, 'all are stored')
from monitoring.deliveries
where fingerprint like 'alertmanager:large-%';

select ok(monitoring.retry_deliveries() >= 3::bigint, 'the job applies the others');

select is_empty(
  $$ select effect from monitoring.deliveries where fingerprint like 'alertmanager:large-%' and effect <> 'opened' $$,
  'so that each has its incident'
);

select * from finish();

rollback;
