begin;

select plan(5);

-- Former incidents of one error, and the live one of another.
insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, status, first_seen, last_seen, resolved_at
)
select
  'INC-former-' || number as id,
  'tap former' as fingerprint,
  't' as title,
  'm' as message,
  'HIGH' as severity,
  'backend' as category,
  'r' as rule,
  'resolved' as status,
  now() - interval '1 day' as first_seen,
  now() - interval '1 day' as last_seen,
  now() - interval '1 minute' * number as resolved_at
from generate_series(1, 3) as numbers (number);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, status, first_seen, last_seen, resolved_at)
values
('INC-live', 'tap live', 't', 'm', 'HIGH', 'backend', 'r', 'suppressed', now() - interval '1 day', now(), null),
('INC-old', 'tap live', 't', 'm', 'HIGH', 'backend', 'r', 'resolved', now() - interval '1 day', now(), now());

select results_eq(
  $$ select fingerprint, incident_id
     from monitoring.find_fold_candidates(
       '{tap live,tap former,tap unknown}', array[now(), now(), now()]
     )
     order by fingerprint $$,
  $$ values ('tap former', 'INC-former-1'), ('tap live', 'INC-live') $$,
  'repeats fold into the live incident, else into the one that was resolved last, and into no other'
);

select is_empty(
  $$ select found.incident_id
     from monitoring.find_fold_candidates(
       '{tap former}',
       array[
         now() + (monitoring.config('incident_policy') ->> 'reopen_window')::interval
       ]
     ) as found $$,
  'into none after the reopen window'
);

select results_eq(
  $$ select fingerprint, incident_id, resolved_at from monitoring.lock_fold_candidates('{INC-live,INC-former-2,INC-none}') $$,
  $$ values ('tap former', 'INC-former-2', now() - interval '2 minutes'), ('tap live', 'INC-live', null) $$,
  'they are locked in the order of their fingerprints'
);

select results_eq(
  $$ select (monitoring.lock_latest_incident(given.fingerprint)).id
     from unnest('{tap live,tap former,tap unknown}'::text[]) as given (fingerprint) $$,
  $$ values ('INC-live'), ('INC-former-1'), (null) $$,
  'a delivery is about the live incident of its issue, else about the one that was resolved last'
);

select results_eq(
  $$ select opened_at = first_seen, active_hour = date_trunc('hour', last_seen, 'UTC')
     from public.incidents where id = 'INC-live' $$,
  $$ values (true, true) $$,
  'the columns that have the indexes follow the times'
);

select * from finish();

rollback;
