-- Empty and very long input, and privileges.

begin;

select plan(8);

select is((public.classify_error(null)).rule, 'unmatched', 'no message');
select is((public.classify_error(e' \n\t ')).rule, 'unmatched', 'a blank message');
select matches((public.classify_error(null, 'TypeError')).rule, '^type_error', 'a type without a message');
select is(
  (public.classify_error(repeat('a', 100000) || ' Data breach detected')).rule, 'unmatched',
  'text beyond the limit is ignored'
);
select ok(
  (public.classify_error('Data breach detected ' || repeat('503 ', 25000))).rule = 'security_breach',
  'a very long message'
);
select is(
  (
    select count(*)
    from pg_catalog.pg_proc as function
    cross join lateral regexp_matches(function.prosrc, '\s!?~\s|\mregexp_\w+\(|\msubstring\(', 'g')
    where
      function.pronamespace in ('public'::regnamespace, 'monitoring'::regnamespace)
      and function.proname in (
        'normalize_classified_text', 'index_error_text', 'is_amount', 'begins_reason_phrase', 'precedes_status_code',
        'is_logged_status', 'is_status_code', 'find_status_code', 'kind_of_level', 'begins_log_line', 'find_log_level',
        'severity_of_level', 'name_level_rule', 'read_error_signals', 'apply_rules', 'classify_error'
      )
  ),
  11::bigint,
  'few regular expressions: a backend keeps 32 compiled ones for the whole ingest path'
);
set local role authenticated;

select is((public.classify_error('read ECONNRESET')).severity::text, 'HIGH', 'agents may execute it');

set local role anon;

select throws_ok($$ select public.classify_error('x') $$, '42501', null, 'anon may not execute it');

select * from finish();

rollback;
