begin;

select plan(5);

select lives_ok(
  $$ update public.system_config set value = '{}' where key = 'incident_policy' $$,
  'an empty entry is valid'
);

select is(
  monitoring.config('incident_policy') ->> 'reopen_window', '24 hours',
  'a missing field has its default'
);

select lives_ok(
  $$ update public.system_config set value = '{"reopen_window": null}' where key = 'incident_policy' $$,
  'a null is valid for an optional field'
);

select is(
  monitoring.config('incident_policy') ->> 'reopen_window', '24 hours',
  'a null gives the default'
);

select is(
  (
    select updated_by from public.system_config
    where key = 'incident_policy'
  ),
  current_user::text,
  'the role that wrote the entry is recorded'
);

select * from finish();

rollback;
