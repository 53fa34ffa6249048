-- The format of a fingerprint and of the message template.

begin;

select plan(6);

select matches(monitoring.fingerprint_error('a', 'b', 'c'), '^[0-9a-f]{32}$', '32 hex digits');

select matches(monitoring.fingerprint_error(null, null, null), '^[0-9a-f]{32}$', 'an empty message has a fingerprint');

select is(monitoring.fingerprint_error('a', null, ' '), monitoring.fingerprint_error('a', '', null), 'null counts as empty');

select is(
  monitoring.fingerprint_error('user 1', 'Error', 'web'), 'bbcbb3f7ff0bbc2c559cdade8cf4cba6',
  'the fingerprint is stable, because it is stored with incidents'
);

select is(
  monitoring.normalize_error_message('GET /api/7/x?a=1 took 404 s: "a b" at 10:20:30 by can''t'),
  'GET /api/<*>/x took <*>: <*> by can''t',
  'the template is readable'
);

select is(monitoring.normalize_error_message(e' \n\t'), '', 'an empty message has an empty template');

select * from finish();

rollback;
