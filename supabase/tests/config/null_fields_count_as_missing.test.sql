begin;

select plan(2);

select lives_ok(
  $$ update public.system_config set value = '{"maintenance_windows": null}' where key = 'health_check_policy' $$,
  'a null list of windows is accepted'
);

select throws_ok(
  $$ update public.system_config set value = '[{"name": "a", "type": "other", "url": "https://a.example", "expected_status": [null]}]' where key = 'health_check_targets' $$,
  '23514', $m$health_check_targets[0].expected_status must be a list of status codes and ranges such as [200, "300-399"] (status codes of a successful response, each a code or a range)$m$,
  'a null in a list of status codes is rejected'
);

select * from finish();

rollback;
