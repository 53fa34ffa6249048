begin;

select plan(6);

select results_eq(
  $$ select days, severity::text from monitoring.certificate_thresholds order by days $$,
  $$ values (1, 'CRITICAL'), (7, 'HIGH'), (21, 'MEDIUM') $$,
  'an installation has three thresholds'
);

delete from monitoring.certificate_thresholds
where days = 21;

update monitoring.certificate_thresholds
set severity = 'LOW'
where days = 7;

select monitoring.seed_certificate_thresholds() as seeded;

select results_eq(
  $$ select days, severity::text from monitoring.certificate_thresholds order by days $$,
  $$ values (1, 'CRITICAL'), (7, 'LOW') $$,
  'those of the owner stay'
);

create function monitoring.test_judge(days_left numeric)
returns text
language sql
set search_path = ''
as $$
  select concat_ws(' ', (judged.state).severity, date_part('day', (judged.state).next_at - '2026-01-01'::timestamptz))
  from (
    select monitoring.judge_certificate(
      jsonb_populate_record(
        null::monitoring.target_certificates,
        jsonb_build_object(
          'target', 'api', 'endpoint', 'a.example:443',
          'not_after', '2026-01-01'::timestamptz + make_interval(secs => days_left * 86400)
        )
      ),
      '2026-01-01'::timestamptz
    ) as state
  ) as judged
$$;

select is(
  array[monitoring.test_judge(20), monitoring.test_judge(7), monitoring.test_judge(1), monitoring.test_judge(0)],
  array['13', 'LOW 1', 'CRITICAL 1', 'CRITICAL'],
  'the severity is that of the rows, and changes at the first one, each day from then on, and at the end'
);

delete from monitoring.certificate_thresholds
where days is not null;

select is(
  array[monitoring.test_judge(3), monitoring.test_judge(0)], array['3', 'CRITICAL'],
  'without rows, only the end of a certificate is an incident'
);

select monitoring.seed_certificate_thresholds() as seeded;

select is(
  (select count(*) from monitoring.certificate_thresholds), 3::bigint, 'an installation without rows gets them'
);

select results_eq(
  $$ select origin, description from monitoring.describe_rule('certificate') $$,
  $$ values ('health-check', 'The days that are left, or why clients reject the certificate, give the severity.') $$,
  'the rule of the incidents is explained'
);

select * from finish();

rollback;
