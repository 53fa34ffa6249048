begin;

select plan(8);

-- The deliveries of other tests do not count.
update monitoring.deliveries
set effect = 'recorded', next_attempt_at = null
where effect in ('deferred', 'failed');

insert into monitoring.deliveries (
  resource, action, body_hash, sent_at, effect, error, next_attempt_at, body
)
values
('error', 'created', 'a', now(), 'failed', '23514: m', now(), '{"data": {"error": {"issue_id": "90081"}}}'),
(
  'error', 'created', 'b', now(), 'failed', '23514: m', now() + interval '1 hour',
  '{"data": {"error": {"issue_id": "90082"}}}'
),
('error', 'created', 'c', now(), 'failed', '23514: m', null, '{"data": {"error": {"issue_id": "90083"}}}'),
('error', 'created', 'a', now(), 'failed', '23514: m', now(), '{"data": {"error": {"issue_id": "90081"}}}');

select is(public.service_health() #> '{sentry,failed}', '4', 'service_health() counts failed deliveries');

select is(monitoring.retry_deliveries(), 2::bigint, 'the job applies those that are due');

select results_eq(
  $$ select effect, count(*), count(error), count(next_attempt_at), count(nullif(body, '{}'))
     from monitoring.deliveries where body_hash in ('a', 'b', 'c') group by effect order by effect $$,
  $$ values ('failed', 2::bigint, 2::bigint, 1::bigint, 2::bigint), ('opened', 1, 0, 0, 1), ('repeated', 1, 0, 0, 0) $$,
  'each body once'
);

select is(public.replay_delivery(id) ->> 'effect', 'opened', 'any other can be applied by hand')
from monitoring.deliveries
where body_hash = 'c';

select is(public.replay_delivery(id) ->> 'effect', 'opened', 'once')
from monitoring.deliveries
where body_hash = 'c';

select is(
  public.ingest_deliveries(
    '[{"resource": "error", "body_hash": "b", "body": {"data": {"error": {"issue_id": "90082"}}}}]'
  ) #>> '{0,effect}',
  'opened', 'the same body sent again is applied'
);

update monitoring.deliveries
set next_attempt_at = clock_timestamp()
where effect = 'failed';

select is(monitoring.retry_deliveries(), 1::bigint, 'and the failed one then repeats it');

select results_eq(
  $$ select fingerprint, occurrence_count from public.incidents where fingerprint like 'sentry:issue:9008_' order by 1 $$,
  $$ values ('sentry:issue:90081', 1::bigint), ('sentry:issue:90082', 1), ('sentry:issue:90083', 1) $$,
  'each occurrence is counted once'
);

select * from finish();

rollback;
