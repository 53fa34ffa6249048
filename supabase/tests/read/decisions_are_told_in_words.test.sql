begin;

select plan(1);

select results_eq(
  $$
    select monitoring.describe_decision('socket_code', 'HIGH', words, '{}')
    from jsonb_array_elements('[["ECONNREFUSED"], ["ECONNREFUSED", "redis"]]') as decided (words)
  $$,
  $$
    values
    ('The built-in rule socket_code matches the word ECONNREFUSED and gives the severity HIGH.'),
    ('The built-in rule socket_code matches the words ECONNREFUSED, redis and gives the severity HIGH.')
  $$,
  'one word, and several'
);

select * from finish();

rollback;
