begin;

select plan(8);

select
  public.report_error(jsonb_build_object(
    'error', jsonb_build_object('message', 'listed'), 'fingerprint', 'listed ' || number, 'source', 'tap-list',
    'severity', case number when 1 then 'LOW' else 'HIGH' end
  ))
from generate_series(1, 3) as numbers (number);

select is(
  (public.list_incidents('{"source": "tap-list", "severity": "high", "limit": "1"}') ->> 'total')::integer,
  2,
  'the total counts all incidents that match, in any case of letters'
);

select is(
  json_array_length(public.list_incidents('{"source": "tap-list", "severity": "high", "limit": "1"}') -> 'incidents'),
  1,
  'the limit applies to the page'
);

select is(
  public.list_incidents('{"source": "tap-list", "offset": "3"}') ->> 'incidents',
  '[]',
  'a page beyond the end is empty'
);

select throws_ok(
  $$ select public.list_incidents('{"severity": "worst"}') $$,
  'PT400', 'The parameter severity is invalid. It must be one of LOW, MEDIUM, HIGH, CRITICAL.',
  'a value that the enum does not have is refused with the values that the enum has'
);

select throws_ok(
  $$ select public.list_incidents('{"since": "infinity"}') $$,
  'PT400', 'The parameter since is invalid. It must be an ISO 8601 time such as 2026-01-31T10:00:00Z.',
  'a time that is not an ISO 8601 time is refused'
);

select throws_ok(
  $$ select public.list_incidents('{"limit": null}') $$,
  'PT400', 'The parameter limit is invalid. It must not be null.',
  'null does not switch a limit off'
);

select is_empty(
  $$ select since
     from unnest(array[
       '2026-01-31', '20260131', '2026-01-31T10:00', '2026-01-31 10:00:00.5', '2026-01-31T10:00:00,5Z', '2026-01-31T10:00:00+02',
       '2026-01-31T10:00:00 02:00', '2026-01-31t10:00:00z'
     ]) as since
     where public.list_incidents(jsonb_build_object('source', 'tap-list', 'since', since)) ->> 'total' <> '3' $$,
  'a time may have the usual forms of ISO 8601'
);

select throws_ok(
  $$ select public.list_incidents('[]') $$,
  'PT400', 'The parameter filters is invalid. There is no such parameter.',
  'filters that are not an object are refused'
);

select * from finish();

rollback;
