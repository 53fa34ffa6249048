begin;

select plan(8);

-- Every incident of the test has this source; the numbers are in the order of the list.
create function pg_temp.open(number integer, severity text, status text, hours integer)
returns void
language sql
as $$
  insert into public.incidents (
    id, fingerprint, title, message, severity, category, rule, source, sender, status, first_seen, last_seen,
    acknowledged_at, resolved_at
  )
  values (
    'INC-77000' || open.number, 'tap search ' || open.number, 't', 'm', open.severity::public.incident_severity,
    'backend', 'r', 'tap-search', 'server:default', open.status::public.incident_status,
    now() - interval '1 hour' * open.hours, now() - interval '1 hour' * open.hours,
    case when open.status = 'acknowledged' then now() end, case when open.status = 'resolved' then now() end
  )
$$;

create function pg_temp.ids(filters jsonb)
returns text[]
language sql
as $$
  select coalesce(array_agg(substr(incidents.incident ->> 'id', 10) order by incidents.place), '{}')
  from jsonb_array_elements(public.search_incidents('{"source": "tap-search"}' || ids.filters) -> 'incidents')
  with ordinality as incidents (incident, place)
$$;

select pg_temp.open(opened.number, opened.severity, opened.status, opened.hours)
from (
  values
  (1, 'CRITICAL', 'open', 9),
  (2, 'HIGH', 'acknowledged', 1),
  (3, 'HIGH', 'open', 2),
  (4, 'LOW', 'suppressed', 0),
  (5, 'MEDIUM', 'resolved', 3),
  (6, 'CRITICAL', 'resolved', 4)
) as opened (number, severity, status, hours);

select is(
  pg_temp.ids('{}'), array['1', '2', '3', '4'],
  'live incidents come first by severity, then the latest opened'
);

select is(
  pg_temp.ids('{"status": "all"}'), array['1', '2', '3', '4', '5', '6'],
  'then come resolved ones, the latest opened first, whatever their severity'
);

select results_eq(
  $$ select status, pg_temp.ids(jsonb_build_object('status', status))
     from unnest(array['live', 'open', 'acknowledged', 'suppressed', 'resolved']) with ordinality as words (status, place)
     order by place $$,
  $$ values ('live', array['1', '2', '3', '4']), ('open', array['1', '3']), ('acknowledged', array['2']),
     ('suppressed', array['4']), ('resolved', array['5', '6']) $$,
  'each status has its incidents'
);

select results_eq(
  $$ select severity, pg_temp.ids(jsonb_build_object('severity', severity, 'status', 'all'))
     from unnest(array['CRITICAL', 'HIGH', 'MEDIUM', 'LOW']) with ordinality as words (severity, place)
     order by place $$,
  $$ values ('CRITICAL', array['1', '6']), ('HIGH', array['2', '3']), ('MEDIUM', array['5']), ('LOW', array['4']) $$,
  'each severity has its incidents, live ones first'
);

select is(
  pg_temp.ids('{"status": "Acknowledged", "severity": " high ", "category": "BACKEND", "period": "7D"}'), array['2'],
  'words are known in any case, and filters are combined'
);

select is(
  pg_temp.ids('{"status": "", "severity": null, "category": "  ", "environment": "", "text": "", "after": "", "period": ""}'),
  array['1', '2', '3', '4'],
  'an empty filter is none'
);

select is(
  (
    select string_agg(keys.name, ' ' order by keys.name)
    from jsonb_object_keys(public.search_incidents('{"source": "tap-search"}') #> '{incidents,0}') as keys (name)
  ),
  'acknowledged_by category claim_expires_at claimed_by environment error_type first_seen id last_seen occurrence_count '
  'opened_at release reopened_at resolved_at resolved_by sender severity source status suppressed_until title',
  'an incident has what a list shows of it, and no message, stack or context'
);

select public.reopen_incident('INC-770006', 'it is back');

select is(
  jsonb_path_query_array(
    public.search_incidents('{"source": "tap-search"}') -> 'incidents', '$[*] ? (@.reopened_at != null).id'
  ), '["INC-770006"]', 'a reopened incident says when it was reopened'
);

select * from finish();

rollback;
