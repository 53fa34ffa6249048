begin;

select plan(6);

select throws_ok(
  $$ select public.begin_agent_action('a', 'investigate', 'INC-0', jsonb_build_object('p', repeat('x', 70000))) $$,
  'PT413', 'plan has 70009 bytes', 'a plan above 64 KiB is rejected, before its incident is looked up'
);

select throws_ok(
  $$ select public.finish_agent_action(-1, true, '[]') $$, 'PT400', 'result must be a JSON object', 'a list is no document'
);

select throws_ok(
  $$ select public.add_incident_note('INC-0', repeat('x', 1048577)) $$,
  'PT413', 'note has 1048577 bytes', 'a text above 1 MiB is rejected'
);

select throws_ok(
  $$ select public.remember_fix('s', pattern => 'p', auto_fix_code => repeat('x', 16385)) $$,
  'PT413', 'auto_fix_code has 16385 bytes', 'code is rejected instead of truncated'
);

select is(monitoring.read_document('plan', null, 100), '{}'::jsonb, 'a missing document is empty');

select public.begin_agent_action('size', 'investigate', null, '{"token": "hunter2"}', true);

select is(
  (
    select details -> 'plan' from public.agent_actions
    where agent = 'size'
  ),
  '{"token": "[redacted]"}', 'a plan is stored sanitized'
);

select * from finish();

rollback;
