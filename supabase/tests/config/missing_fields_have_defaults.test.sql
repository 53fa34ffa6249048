begin;

select plan(5);

select lives_ok(
  $$ update public.system_config set value = '{}' where key = 'incident_policy' $$,
  'an empty entry is good'
);

select is(
  monitoring.config('incident_policy') ->> 'reopen_window', '24 hours',
  'an absent field has its default'
);

select lives_ok(
  $$ update public.system_config set value = '{"reopen_window": null}' where key = 'incident_policy' $$,
  'a null is good where the field is optional'
);

select is(
  monitoring.config('incident_policy') ->> 'reopen_window', '24 hours',
  'a null means the default'
);

select is(
  (
    select updated_by from public.system_config
    where key = 'incident_policy'
  ),
  current_user::text,
  'the entry says who wrote it'
);

select * from finish();

rollback;
