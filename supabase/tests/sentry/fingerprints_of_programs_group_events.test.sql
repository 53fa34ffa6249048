begin;

select plan(5);

create function monitoring.test_group(fingerprint jsonb, message text, sender text default 'public:tap-group')
returns text
language sql
set search_path = ''
as $$
  select public.ingest_events(jsonb_build_array(jsonb_build_object(
    'sender', sender,
    'sentry_event', jsonb_strip_nulls(jsonb_build_object('message', message, 'fingerprint', fingerprint))
  ))) #>> '{0,incident_id}'
$$;

create temporary table opened as
select
  monitoring.test_group('["checkout"]', 'one of tap') as given,
  monitoring.test_group('["checkout", "{{ default }}"]', 'one of tap') as combined,
  monitoring.test_group(null, 'one of tap') as computed;

select is(
  (select count(distinct id) from opened, unnest(array[given, combined, computed]) as id), 3::bigint,
  'each fingerprint is an incident'
);

select results_eq(
  $$ select monitoring.test_group('["checkout"]', 'two of tap') = given,
       monitoring.test_group('"checkout"', 'three of tap') = given,
       monitoring.test_group('["checkout", "{{default}}"]', 'one of tap') = combined,
       monitoring.test_group('["checkout", "{{ default }}"]', 'two of tap') = combined,
       monitoring.test_group('["{{ default }}"]', 'one of tap') = computed,
       monitoring.test_group('["", null, 7, {"a": 1}]', 'one of tap') = monitoring.test_group('[7, {"a": 1}]', 'x'),
       monitoring.test_group('[]', 'one of tap') = computed, monitoring.test_group('[[]]', 'other of tap') = computed
     from opened $$,
  $$ values (true, true, true, false, true, true, true, false) $$,
  'the default stands for the computed one, alone or combined'
);

select is(
  monitoring.test_group('["checkout"]', 'one of tap', 'public:tap-group-2') = (select given from opened), false,
  'another key has another incident'
);

select is(
  (
    select incidents.context -> 'fingerprint'
    from opened
    inner join public.incidents on opened.combined = incidents.id
  ), '"[\"checkout\", \"{{default}}\"]"'::jsonb,
  'the incident shows what the program set'
);

select is(
  (
    select jsonb_agg(item -> 'occurrence_count')
    from jsonb_array_elements(public.ingest_events('[
      {"error": {"message": "a of tap"}, "fingerprint": "tap {{ default }}"},
      {"error": {"message": "b of tap"}, "fingerprint": "tap {{ default }}"},
      {"error": {"message": "a of tap"}, "fingerprint": "tap {{ default }}"},
      {"error": {"message": "a of tap"}, "fingerprint": " {{ default }} "}, {"error": {"message": "a of tap"}}
    ]')) as item
  ), '[1, 1, 2, 1, 2]'::jsonb,
  'in reports, too'
);

select * from finish();

rollback;
