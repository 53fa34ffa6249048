begin;

select plan(6);

select throws_ok(
  $$ insert into monitoring.target_looks (target, purpose, due_at) values ('tap', 'other', now()) $$,
  '23514', 'new row for relation "target_looks" violates check constraint "purpose_is_known"',
  'an unknown purpose is rejected'
);

select throws_ok(
  $$ insert into monitoring.target_looks (target, purpose, due_at, error_kind)
     values ('tap', 'certificate', now(), 'other') $$,
  '23514', 'new row for relation "target_looks" violates check constraint "error_kind_is_known"',
  'an unknown kind of error is rejected'
);

select throws_ok(
  $$ insert into monitoring.target_looks (target, purpose, due_at) values ('tap', 'confirm', now()) $$,
  '23514', 'new row for relation "target_looks" violates check constraint "confirmations_name_their_check"',
  'a confirmation without a check is rejected'
);

select throws_ok(
  $$ insert into monitoring.target_looks (target, purpose, due_at, recorded_at)
     values ('tap', 'certificate', now(), now()) $$,
  '23514', 'new row for relation "target_looks" violates check constraint "recorded_looks_have_a_status"',
  'a result without a status is rejected'
);

select throws_ok(
  $$ insert into monitoring.target_certificates (target, endpoint, next_look_at, looked_at)
     values ('tap', 'a.example:443', now(), now()) $$,
  '23514',
  'new row for relation "target_certificates" violates check constraint "certificates_have_an_end_or_a_problem"',
  'a certificate without an end and without a problem is rejected'
);

select throws_ok(
  $$ insert into monitoring.certificate_thresholds (days, severity) values (0, 'LOW') $$,
  '23514', 'new row for relation "certificate_thresholds" violates check constraint "days_are_positive"',
  'a threshold of no days is rejected'
);

select * from finish();

rollback;
