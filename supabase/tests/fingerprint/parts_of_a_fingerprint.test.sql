-- Environment, source, type, code, culprit and template of the message are parts of a fingerprint.

begin;

select plan(5);

select is(
  (
    select count(distinct fingerprint)
    from unnest(array[
      monitoring.fingerprint_error('m', 't', 's', 'production', 'c'), monitoring.fingerprint_error('m', 't', 's', 'staging', 'c'),
      monitoring.fingerprint_error('m', 't', 's', null, 'c'), monitoring.fingerprint_error('m', 't', 's', 'production', 'd'),
      monitoring.fingerprint_error('m', 't', 's', 'production', null), monitoring.fingerprint_error('m', 't', 's', 'productionc', null),
      monitoring.fingerprint_error('m', 't', 's', 'production', 'c', e'E: m\n    at total (/app/cart.js:5:7)')
    ]) as fingerprint
  ),
  7::bigint, 'each part counts, and none runs into the next'
);

select is(
  monitoring.fingerprint_error('m 1', 't', 's', 'production', 'c', e'E: m 1\n    at total (/app/cart.js:5:7)'),
  monitoring.fingerprint_error('m 2', 't', 's', 'production', 'c', e'E: m 2\n    at total (/app/cart.js:6:1)\n    at x (/app/y.js:1:1)'),
  'occurrences of one error have one fingerprint'
);

create temporary table answered as
select public.ingest_events('[
  {"error": {"message": "cache lost"}, "source": "parts", "environment": "staging"},
  {"error": {"message": "cache lost"}, "source": "parts", "environment": "production"},
  {"error": {"message": "cache lost"}, "source": "parts"}
]') as answer;

select is(
  (select count(distinct item ->> 'incident_id') from answered, jsonb_array_elements(answer) as items (item)), 3::bigint,
  'each environment has an incident of its own, and so have reports without one'
);

select is(
  (public.suppress_incident((select answer #>> '{0,incident_id}' from answered), now() + interval '1 hour', 'noise of staging')).status, 'suppressed',
  'the incident of staging is suppressed'
);

select results_eq(
  $$
    select item ->> 'status', (item ->> 'occurrence_count')::integer
    from jsonb_array_elements(public.ingest_events('[
      {"error": {"message": "cache lost"}, "source": "parts", "environment": "staging"},
      {"error": {"message": "cache lost"}, "source": "parts", "environment": "production"},
      {"error": {"message": "cache lost"}, "source": "parts"}
    ]')) with ordinality as items (item, position)
    order by position
  $$,
  $$ values ('suppressed', 2), ('open', 2), ('open', 2) $$,
  'a suppressed incident of staging takes no report of production'
);

select * from finish();

rollback;
