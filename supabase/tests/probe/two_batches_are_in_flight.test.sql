begin;

select plan(8);

update public.system_config
set
  value = (
    select
      jsonb_agg(
        jsonb_build_object('name', 't' || number, 'type', 'other', 'url', format('https://t%s.example/', number))
      )
    from generate_series(1, 1000) as numbers (number)
  )
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 1000, 'each target has a check');

select is(
  (select count(*) from monitoring.awaited_checks), 200::bigint, 'those that may be slow are sent a batch at a time'
);

select is(monitoring.send_due_checks(), 200, 'a second batch waits in the queue of pg_net');

select is(monitoring.send_due_checks(), 0, 'the others wait for an answer');

select monitoring.start_round('2020-01-01 10:01+00');

select results_eq(
  $$ select to_char(probes.scheduled_at at time zone 'UTC', 'HH24:MI') as minute, count(*) as checks
     from monitoring.probes
     group by minute
     order by minute $$,
  $$ values ('10:00', 400::bigint), ('10:01', 1000::bigint) $$,
  'what could not be sent stands for the next minute'
);

update monitoring.probes
set sent_at = clock_timestamp() - interval '21 seconds'
where request_id is not null;

select is(monitoring.send_due_checks(), 500, 'without an answer for 20 seconds, 500 are sent in one call');

select ok(
  (
    select max(probes.answer_due_at) - min(probes.answer_due_at) > interval '15 seconds'
    from monitoring.probes
  ), 'those of later batches may be answered later'
);

delete from monitoring.probes;

insert into monitoring.probes (target, target_type, scheduled_at, send_at)
values
('t1', 'other', '2020-01-01 10:00+00', clock_timestamp()),
('t1', 'other', '2020-01-01 10:01+00', clock_timestamp());

select monitoring.carry_over_checks('2020-01-01 10:02+00');

select results_eq(
  $$ select to_char(probes.scheduled_at at time zone 'UTC', 'HH24:MI') as minute
     from monitoring.probes
     order by minute $$,
  $$ values ('10:00'), ('10:02') $$,
  'of several that wait, only the latest stands for the next minute'
);

select * from finish();

rollback;
