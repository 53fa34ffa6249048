begin;

select plan(5);

select is(
  monitoring.read_statuses('[404, "200", "300-399", "500-500"]'),
  '{[200,201),[300,400),[404,405),[500,501)}'::int4multirange,
  'codes and ranges are converted to a set'
);

select is(
  monitoring.describe_statuses(monitoring.read_statuses('[401, "300-399", "200-299", 404, "402"]')),
  '200-399, 401-402, 404',
  'the set is formatted in order, with merged ranges'
);

select throws_ok(
  $$ update public.system_config
     set value = '[{"name": "a", "type": "other", "url": "https://a.example", "expected_status": ["399-300"]}]'
     where key = 'health_check_targets' $$,
  '23514', $m$health_check_targets[0].expected_status must be a list of status codes and ranges such as [200, "300-399"] (status codes of a successful response, each a code or a range)$m$,
  'a range that ends before it starts is rejected'
);

select is_empty(
  $$ select value from unnest(array[
       '200', '"200"', '{}', '["2xx"]', '["200-"]', '["-299"]', '[20]', '[600]', '[2000]', '[200.5]', '["200 - 299"]',
       '["200-299-399"]', '[[200]]', '[true]', '[{}]'
     ]) as value
     where (
       monitoring.find_value_problem(value::jsonb, 'statuses', 1, 50, null) like 'must be a list of status codes%'
     ) is not true $$,
  'other values are rejected'
);

select is(
  monitoring.find_value_problem('[]', 'statuses', 1, 50, null), 'must be between 1 and 50 items long',
  'an empty list is rejected'
);

select * from finish();

rollback;
