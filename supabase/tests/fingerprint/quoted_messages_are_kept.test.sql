-- A message in quotes, as a whole or under its key, is not masked as a value.

begin;

select plan(3);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('"Disk full"', '"Payment gateway down"'), ('''Login broken''', '''Disk full'''),
      ('Error: "Disk full"', 'Error: "CPU hot"'), ('"密码错误"', '"用户不存在"')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') = monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'messages that are quoted as a whole'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('{''error'': ''disk full''}', '{''error'': ''no route''}'), ('err="disk full"', 'err="no route"'),
      ('reason="disk full"', 'reason="no route"'), ('{"detail": "disk full"}', '{"detail": "no route"}'),
      ('{"reason": "disk full"}', '{"reason": "no route"}'),
      ('failed, code: ''ECONNREFUSED''', 'failed, code: ''ENOTFOUND'''),
      ('failed with code "23505"', 'failed with code "23503"'), ('{''a'': ''x''}', '{''b'': ''x''}')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') = monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'messages under a key that names the message'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('"user 42 gone"', '"user 43 gone"'), ('Error: "job 7 failed"', 'Error: "job 8 failed"'),
      ('{''error'': ''row 1'', ''id'': ''a''}', '{''error'': ''row 2'', ''id'': ''b''}'),
      ('"a" is not "b"', '"c" is not "d"')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') <> monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'numbers in them and other values are masked'
);

select * from finish();

rollback;
