-- 100 kB written to be slow are fingerprinted in some milliseconds, as a message, as a stack and as a chain of causes.

begin;

select plan(3);

create temporary table walls (body text) on commit drop;

insert into walls (body)
select repeat(brick, 100000 / octet_length(brick))
from unnest(array[
  '1', '1-', 'a1-', '1.', 'a', '"', '''', '''a ', '"\', '\', '`', '/?', '/a?b#', '=', 'a=b ', 'a=1', ')=(', '@', 'a@b.c ', ':', 'a:', '::1',
  'user a ', 'user: ', '3 mai ', 'mai ', '<*> ', '{"a":"b",', '-Abcdefgh.js', '日', '«a» ', e'at a (b:1:1)\n', e'a@b:1\n', 'Caused by: ', ' ---> ',
  e'  File "/usr/lib/python3/x.py", line 1, in x\n', '((((', e'\n', '[cause]: ', e'Caused by:\n', e'\n\nNext ', 'Traceback (most recent call last):'
]) as brick;

-- Far above what linear work takes on a busy machine. A cancelled statement ends this file with an error.
set local statement_timeout = '60s';

select is(
  (select count(monitoring.fingerprint_error(walls.body, 'E', 's', 'e', 'c', walls.body)) from walls), (select count(*) from walls),
  'messages and stacks are fingerprinted within the statement timeout'
);

select is(
  (
    select count(monitoring.resolve_exception_chain(jsonb_build_object('error', report.error)))
    from (
      select jsonb_build_object('message', walls.body, 'stack', walls.body, 'errors', jsonb_build_array(walls.body)) as error
      from walls
    ) as report
  ),
  (select count(*) from walls),
  'printed chains are read within the statement timeout'
);

select is(
  monitoring.resolve_exception_chain(
    ('{"error": ' || repeat('{"message": "m", "cause": ', 2000) || '1' || repeat('}', 2000) || '}')::jsonb
  ) #>> '{error,message}',
  'm', 'a chain of 2,000 causes is not followed to its end'
);

select * from finish();

rollback;
