begin;

select plan(8);

update public.system_config
set value = '{"new_incidents_per_minute": 2}'
where key = 'rate_limits';

create temporary table answered as
select public.ingest_events('[
  {"error": {"message": "one"}, "source": "noisy"},
  {"error": {"message": "two"}, "source": "noisy"},
  {"error": {"message": "three"}, "source": "noisy"},
  {"error": {"message": "one"}, "source": "noisy"},
  {"error": {"message": "three"}, "source": "quiet"}
]') as answer;

select is(
  (select jsonb_agg(item -> 'success') from answered, jsonb_array_elements(answer) as items (item)),
  '[true, true, false, true, true]'::jsonb,
  'the third new incident of a source is rejected, a repeat and another source are not'
);

select is(
  (select answer #>> '{2,error,code}' from answered), 'PT429',
  'the error has the code PT429'
);

select ok(
  (select (answer #>> '{2,error,retry_after}')::integer between 1 and 60 from answered),
  'the error contains the seconds to wait'
);

select throws_ok(
  $$ select public.report_error('{"error": {"message": "four"}, "source": "noisy"}') $$,
  'PT429', 'source noisy has reached its limit of new incidents per minute',
  'report_error raises PT429'
);

select is(
  public.report_error('{"error": {"message": "one"}, "source": "noisy"}') -> 'occurrence_count', '3'::jsonb,
  'repeats are still counted'
);

select lives_ok(
  $$ update monitoring.source_quotas set window_started_at = now() - interval '61 seconds' $$,
  'a minute passes'
);

select is(
  public.report_error('{"error": {"message": "four"}, "source": "noisy"}') -> 'success', 'true'::jsonb,
  'the next minute has a new quota'
);

select throws_ok(
  $$ update monitoring.source_quotas set created_count = -1 $$,
  '23514', 'new row for relation "source_quotas" violates check constraint "created_count_is_not_negative"',
  'a quota cannot be negative'
);

select * from finish();

rollback;
