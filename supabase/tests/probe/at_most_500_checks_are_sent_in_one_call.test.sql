begin;

select plan(4);

update public.system_config
set
  value = (
    select
      jsonb_agg(
        jsonb_build_object('name', 't' || number, 'type', 'other', 'url', format('https://t%s.example/', number))
      )
    from generate_series(1, 700) as numbers (number)
  )
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 700, 'each target has a check');

select is(
  (select count(*) from monitoring.awaited_checks), 500::bigint, 'at most 500 are sent in one call'
);

select is(monitoring.send_due_checks(), 200, 'the next call sends the others');

select ok(
  (
    select max(monitoring_checks.answer_due_at) - min(monitoring_checks.answer_due_at) > interval '15 seconds'
    from public.monitoring_checks
  ), 'those of later batches may be answered later'
);

select * from finish();

rollback;
