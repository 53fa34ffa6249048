begin;

select plan(2);

select throws_ok(
  $$ insert into monitoring.service_versions (version) values (repeat('1', 41)) $$,
  '23514',
  'new row for relation "service_versions" violates check constraint "version_is_short"',
  'a version has at most 40 characters'
);

select throws_ok(
  $$ insert into monitoring.service_versions (version, last_seen) values ('1.0.0', now() - interval '1 day') $$,
  '23514',
  'new row for relation "service_versions" violates check constraint "service_was_seen_first_before_last"',
  'a version is not seen last before it is seen first'
);

select * from finish();

rollback;
