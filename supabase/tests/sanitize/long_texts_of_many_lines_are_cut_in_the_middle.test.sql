begin;

select plan(10);

create function pg_temp.lines(size integer)
returns text
language sql
as $$
  select string_agg(format('  File "/app/auth/token.py", line %s, in call_%s', number, number), e'\n' order by number)
  from generate_series(1, size) as numbers (number);
$$;

create temporary table answered as
select public.ingest_events(jsonb_build_array(jsonb_build_object(
  'error', jsonb_build_object(
    'message', e'Traceback (most recent call last):\n' || pg_temp.lines(400) || e'\nKeyError: ''price''',
    'stack', e'Traceback (most recent call last):\n' || pg_temp.lines(4000) || e'\nKeyError: ''price'''
  )
))) #>> '{0,incident_id}' as id;

create temporary table stored as
select
  incidents.message,
  incidents.stack
from public.incidents
inner join answered on incidents.id = answered.id;

select results_eq(
  $$ select
       stack like e'Traceback (most recent call last):\n  File "/app/auth/token.py", line 1, in call_1\n%',
       stack like e'%, line 4000, in call_4000\nKeyError: ''price''',
       octet_length(stack) <= 32768
     from stored $$,
  $$ values (true, true, true) $$,
  'a stack of 200 kB keeps both of its ends, although its lines look like secrets'
);

select results_eq(
  $$ select
       message like 'Traceback%', message like e'%line 400, in call_400\nKeyError: ''price''',
       octet_length(message) between 3000 and 4096
     from stored $$,
  $$ values (true, true, true) $$,
  'and so does a long message of many lines'
);

select is(
  (
    select count(*)
    from regexp_split_to_table((select stack from stored), e'\n') as lines (line)
    where line !~ '^(Traceback .*:|  File "/app/auth/token.py", line [0-9]+, in call_[0-9]+|KeyError: .price.|… \[[0-9]+ bytes left out\] …)$'
  ), 0::bigint, 'it is cut between two lines, with a note of how much was left out'
);

select is(
  monitoring.sanitize_middle((select stack from stored), 32768), (select stack from stored), 'it is stable'
);

select is(
  (
    select array_agg(monitoring.sanitize_middle(text, 4096) ~ 'c2VjcmV0|hunter2')
    from (
      values
      (
        repeat(e'a line\n', 900) || e'-----BEGIN PRIVATE KEY-----\n' || repeat(e'c2VjcmV0c2VjcmV0c2VjcmV0\n', 400)
        || e'-----END PRIVATE KEY-----\n' || repeat(e'a line\n', 20)
      ),
      (
        repeat(e'a line\n', 291) || e'-----BEGIN PRIVATE KEY-----\n' || repeat(e'c2VjcmV0c2VjcmV0c2VjcmV0\n', 400)
        || e'-----END PRIVATE KEY-----\n' || repeat(e'a line\n', 900)
      ),
      (repeat(e'a line\n', 900) || repeat(e'password:\n  hunter2hunter2hunter2\n', 200)),
      (repeat('a word ', 900) || e'\n' || repeat('password=hunter2hunter2 ', 300))
    ) as given (text)
  ), array[false, false, false, false], 'no secret is cut into one that is not recognized'
);

select results_eq(
  $$ select monitoring.take_first_lines(e'one\ntwo\nthree', 9), monitoring.take_last_lines(e'one\ntwo\nthree', 9),
       monitoring.take_last_lines(e'one\npassword:\ntwo\nthree', 14), monitoring.take_first_lines('one', 9) $$,
  $$ values (e'one\ntwo', 'three', 'three', 'one') $$,
  'complete lines are taken'
);

select results_eq(
  $$ select monitoring.cut_middle(repeat(e'ä line\n', 100), 300) ~ '^(ä line\n)+… \[[0-9]+ bytes left out\] …\n(ä line\n)+$',
       octet_length(monitoring.cut_middle(repeat(e'ä line\n', 100), 300)) <= 300,
       monitoring.cut_middle('short', 300), monitoring.cut_middle(e'a\nb', 2) $$,
  $$ values (true, true, 'short', 'a' || e'\n') $$,
  'characters of several bytes stay whole'
);

select ok(
  monitoring.sanitize_jsonb(jsonb_build_object('cause', jsonb_build_object('stack', pg_temp.lines(4000))), 65536)
  #>> '{cause,stack}' ~ 'call_1\n.*bytes left out.*line 4000, in call_4000$', 'a stack in a document is cut in the same way'
);

select is(
  (
    select count(*)
    from
      unnest(array[
        e'a line\n-----BEGIN RSA PRIVATE KEY-----\n' || repeat(e'c2VjcmV0c2VjcmV0c2VjcmV0\n', 200) || repeat(e'a line.\n', 10),
        repeat(e'a line\n', 900) || e'-----BEGIN RSA PRIVATE KEY-----\r\n' || repeat(e'c2VjcmV0c2VjcmV0c2VjcmV0\r\n', 200),
        repeat(e'a line\n', 900) || e'Private-Lines: 200\n' || repeat(e'c2VjcmV0c2VjcmV0c2VjcmV0\n', 200) || 'Private-MAC: 1'
      ]) as keys (body)
    where strpos(monitoring.sanitize_middle(keys.body, 4096), 'c2VjcmV0') > 0
  ), 0::bigint, 'of a key without an end that is cut in its middle, nothing stays'
);

select is(
  array[monitoring.redact_long_keys('PRIVATE'), monitoring.redact_long_keys(e'x\n-----BEGIN PRIVATE KEY-----\nabcd')],
  array['PRIVATE', e'x\n[redacted]'], 'texts without a key are unchanged'
);

select * from finish();

rollback;
