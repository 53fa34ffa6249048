-- Differences between errors are kept by the normalization.

begin;

select plan(4);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one)
    from (
      values
      ('x is not a function', 'y is not a function'),
      ('Request failed with status code 404', 'Request failed with status code 502'),
      ('HTTP/1.1 502', 'HTTP/1.1 503'), ('server responded with a status of 404 ()', 'server responded with a status of 500 ()'),
      ('{"status":500}', '{"status":404}'), ('SQLSTATE 23505', 'SQLSTATE 40001'),
      ('{"level":"error","msg":"disk full"}', '{"level":"error","msg":"no route"}'),
      ('level=error msg="disk full"', 'level=error msg="no route"'), ('{"a":"b"}', '{"c":"b"}'),
      ('can''t open, isn''t there', 'can''t close, isn''t there'), ('ERR_HTTP2_STREAM_CANCEL', 'ERR_HTTP2_SESSION_ERROR'),
      ('密码错误', '用户不存在')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') = monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'pairs of two errors'
);

select isnt(
  monitoring.fingerprint_error('a', 'Error', 'web'), monitoring.fingerprint_error('a', 'Error', 'api'), 'different sources give different fingerprints'
);

select isnt(
  monitoring.fingerprint_error('a', 'TypeError', 'web'), monitoring.fingerprint_error('a', 'Error', 'web'), 'different types give different fingerprints'
);

select isnt(
  monitoring.fingerprint_error('c', 'a', 'b'), monitoring.fingerprint_error('c', 'ab', ''), 'text moved from one part to the next gives another fingerprint'
);

select * from finish();

rollback;
