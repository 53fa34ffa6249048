-- Empty and very long input, and privileges.

begin;

select plan(8);

select is((public.classify_error(null)).rule, 'unmatched', 'no message');
select is((public.classify_error(e' \n\t ')).rule, 'unmatched', 'a blank message');
select is((public.classify_error(null, 'TypeError')).rule, 'type_error', 'a type without a message');
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
    cross join lateral regexp_matches(function.prosrc, ' !?~ | regexp_match\(', 'g')
    where
      function.pronamespace in ('public'::regnamespace, 'monitoring'::regnamespace)
      and function.proname in (
        'find_status_code', 'reports_no_failure', 'find_log_level', 'mentions_database', 'mentions_network_failure',
        'is_statement_timeout', 'is_database_connection_failure', 'is_unavailable', 'is_authentication_service_down', 'is_security_breach',
        'is_cors_block', 'match_critical_rule', 'is_payment_failure', 'is_timeout', 'is_type_error',
        'match_high_rule',
        'is_rate_limit', 'is_slow_query', 'is_cache_miss', 'is_deprecation', 'is_missing_image', 'is_not_found',
        'match_lower_rule', 'concerns_database', 'mentions_security', 'mentions_infrastructure', 'guess_category',
        'category_of_rule', 'classify_error'
      )
  ),
  11::bigint,
  'few regular expressions: a backend keeps 32 compiled ones for the whole ingest path'
);
set local role authenticated;

select is((public.classify_error('read ECONNRESET')).rule, 'socket_code', 'agents may execute it');

set local role anon;

select throws_ok($$ select public.classify_error('x') $$, '42501', null, 'anon may not execute it');

select * from finish();

rollback;
