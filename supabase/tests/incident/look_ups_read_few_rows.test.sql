begin;

select plan(5);

-- Many incidents.
insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, status, source, sender, first_seen, last_seen, resolved_at
)
select
  'INC-many-' || number as id,
  case when number % 3 = 0 then 'tap many' else 'sentry:issue:' || 7700000 + number end as fingerprint,
  't' as title,
  'm' as message,
  (enum_range(null::public.incident_severity))[1 + number % 4] as severity,
  'backend' as category,
  'r' as rule,
  case when number % 3 = 1 then 'open' else 'resolved' end::public.incident_status as status,
  'tap-many' as source,
  case when number % 3 = 0 then 'server:default' else 'sentry' end as sender,
  now() - interval '1 minute' * number as first_seen,
  now() - interval '1 minute' * number as last_seen,
  case when number % 3 <> 1 then now() - interval '1 minute' * number end as resolved_at
from generate_series(1, 3000) as numbers (number);

-- Statistics of the former rows, whose number depends on other tests, would decide.
analyze public.incidents;

-- How many rows of incidents a statement reads, of the table and by an index.
create function pg_temp.count_reads(statement text)
returns bigint
language plpgsql
as $$
declare
  v_before bigint;
  v_after bigint;
begin
  select seq_tup_read + coalesce(idx_tup_fetch, 0) into v_before
  from pg_stat_xact_user_tables where relid = 'public.incidents'::regclass;
  execute statement;
  select seq_tup_read + coalesce(idx_tup_fetch, 0) into v_after
  from pg_stat_xact_user_tables where relid = 'public.incidents'::regclass;
  return v_after - v_before;
end
$$;

create function pg_temp.deliver(action text, issue integer)
returns jsonb
language sql
as $$
  select public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
    'resource', 'issue', 'body_hash', gen_random_uuid(), 'sent_at', extract(epoch from now()),
    'body', jsonb_build_object(
      'action', action, 'data', jsonb_build_object('issue', jsonb_build_object('id', issue, 'title', 'boom'))
    )
  )))
$$;

select results_eq(
  $$ select pg_temp.count_reads(format('select pg_temp.deliver(%L, %s)', given.action, given.issue)) < 100
     from (
       values ('created', 7700001), ('created', 7700002), ('resolved', 7700004), ('created', 8800001), ('resolved', 8800002)
     ) as given (action, issue) $$,
  $$ values (true), (true), (true), (true), (true) $$,
  'a delivery of Sentry reads its incident only: a live one, a resolved one, or none'
);

select results_eq(
  $$ select pg_temp.count_reads(format('select public.report_error(%L)', given.report)) < 100
     from unnest(array[
       '{"error": {"message": "new"}, "fingerprint": "tap few"}',
       '{"error": {"message": "known"}, "fingerprint": "tap few"}',
       '{"fingerprint": "tap few", "status": "resolved"}',
       '{"error": {"message": "again"}, "fingerprint": "tap few"}'
     ]) as given (report) $$,
  $$ values (true), (true), (true), (true) $$,
  'a report of a new, a known, a resolved and a reopened error reads few incidents'
);

select is(
  pg_temp.count_reads(
    $$ select monitoring.find_fold_candidates(array['tap many'], array[now()]) $$
  ) < 10, true,
  'of the many former incidents of an error only the last one is read'
);

select is(
  pg_temp.count_reads($$ select monitoring.end_expired_claims(), monitoring.end_suppressions() $$) < 10, true,
  'what ends by time is found without the others'
);

select results_eq(
  $$ select pg_temp.count_reads(format('select public.list_incidents(%L)', given.filters)) < 300
     from unnest(array[
       '{"limit": "5", "source": "tap-none"}', '{"limit": "5", "status": "suppressed", "source": "tap-many"}',
       '{"limit": "5", "source": "tap-many", "severity": "LOW", "category": "security"}'
     ]) as given (filters) $$,
  $$ values (true), (true), (true) $$,
  'a list that is short or empty reads few incidents'
);

select * from finish();

rollback;
