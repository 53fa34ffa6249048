begin;

select plan(8);

-- The deliveries of other tests do not count.
update monitoring.deliveries
set effect = 'recorded', next_attempt_at = null
where effect in ('deferred', 'failed');

select is_empty(
  $$ select code from unnest(array['22P02', '22003', '22P05', '23502', '23514', '54001', 'PT409', 'PT400']) as code
     where not monitoring.is_caused_by_body(code) $$,
  'bodies cause data exceptions, violated constraints, too deep a nesting, and refusals'
);

select is_empty(
  $$ select code from unnest(array[
       '2200H', '23503', '23505', '23P01', '08006', '25006', '40001', '42703', '42883', '42P01', '53100', '57014', '58030',
       '55P03', 'P0001', 'XX000', 'PT503', '0A000'
     ]) as code where monitoring.is_caused_by_body(code) $$,
  'all others are faults of the database, a full sequence too'
);

create function monitoring.test_deliver(issue_id text)
returns jsonb
language sql
set search_path = ''
as $$
  select public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
    'resource', 'error', 'body_hash', test_deliver.issue_id,
    'body', jsonb_build_object('data', jsonb_build_object('error', jsonb_build_object('issue_id', test_deliver.issue_id)))
  ))) -> 0;
$$;

create function monitoring.test_fault()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception using errcode = current_setting('test.code'), message = 'injected';
end
$$;

create trigger test_fault
before insert on public.incidents
for each row execute function monitoring.test_fault();

select set_config('test.code', '58030', true);

select throws_ok($$ select monitoring.test_deliver('90071') $$, '58030', 'injected', 'a fault of the database is raised');

select set_config('test.code', '23514', true);

select is(monitoring.test_deliver('90072') ->> 'effect', 'failed', 'an error of a body is not');

update monitoring.deliveries
set next_attempt_at = clock_timestamp()
where body_hash = '90072';

select set_config('test.code', '58030', true);

select is(monitoring.retry_deliveries(), 0::bigint, 'a retry during a fault of the database applies nothing');

select results_eq(
  $$ select effect, error, attempts, date_trunc('minute', next_attempt_at - applied_at + interval '30 seconds')
     from monitoring.deliveries where body_hash = '90072' $$,
  $$ values ('failed', '23514: injected', 1, interval '1 minute') $$,
  'and does not count as an attempt'
);

select set_config('test.code', '22P02', true);

select lives_ok(
  $$ do $loop$
     begin
       for v_attempt in 1..15 loop
         update monitoring.deliveries set next_attempt_at = clock_timestamp()
         where body_hash = '90072' and next_attempt_at is not null;
         perform monitoring.retry_deliveries();
       end loop;
     end
     $loop$ $$,
  'a delivery may fail again and again'
);

select results_eq(
  $$ select effect, error, attempts, next_attempt_at from monitoring.deliveries where body_hash = '90072' $$,
  $$ values ('failed', '22P02: injected', 12, null::timestamptz) $$,
  'after 12 attempts it is given up'
);

select * from finish();

rollback;
