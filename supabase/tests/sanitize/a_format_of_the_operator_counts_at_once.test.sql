-- A row of the operator counts from the next text, can be switched off, and is left alone by an upgrade; a built-in row
-- can only be switched off.

begin;

select plan(8);

insert into monitoring.secret_formats (name, prefix, body, example, counterexample)
values (
  'acme_test_key', 'acmetest_live_', '[a-z0-9]{24}', 'acmetest_live_' || repeat('a1b2', 6), 'acmetest_live_mode is off'
);

select is(
  monitoring.sanitize_text('denied for acmetest_live_' || repeat('0c9d', 6) || '.', 4096), 'denied for [redacted].',
  'it is redacted at once'
);

select is(
  monitoring.sanitize_jsonb(jsonb_build_object('a', 'acmetest_live_' || repeat('0c9d', 6)), 4096), '{"a": "[redacted]"}',
  'in documents too'
);

select monitoring.seed_secret_formats();

select is(
  (
    select listed.origin || ' ' || listed.body from monitoring.secret_formats as listed
    where listed.name = 'acme_test_key'
  ),
  'operator [a-z0-9]{24}', 'an upgrade leaves it alone'
);

update monitoring.secret_formats
set is_enabled = false
where name in ('acme_test_key', 'groq');

select is(
  monitoring.sanitize_text('acmetest_live_' || repeat('0c9d', 6), 4096), 'acmetest_live_' || repeat('0c9d', 6),
  'switched off, it does not count'
);

select monitoring.seed_secret_formats();

select is(
  (
    select listed.is_enabled from monitoring.secret_formats as listed
    where listed.name = 'groq'
  ), false,
  'a built-in row that was switched off stays off'
);

select throws_ok(
  $$ update monitoring.secret_formats set body = '[a-z]{20,}' where name = 'groq' $$, '22023',
  'origin must be operator', 'a built-in row cannot be edited'
);

delete from monitoring.secret_formats
where name = 'groq';

select monitoring.seed_secret_formats();

select is(
  (
    select listed.is_enabled from monitoring.secret_formats as listed
    where listed.name = 'groq'
  ), true,
  'an upgrade inserts a missing built-in row'
);

select results_eq(
  $$
    select action, details ->> 'format', details #>> '{to,is_enabled}'
    from public.agent_actions
    where action like 'secret_format_%' and details ->> 'format' in ('acme_test_key', 'groq') and created_at >= now()
    order by details ->> 'format', id
  $$,
  $$
    values
    ('secret_format_added', 'acme_test_key', 'true'),
    ('secret_format_changed', 'acme_test_key', 'false'),
    ('secret_format_changed', 'groq', 'false'),
    ('secret_format_removed', 'groq', null)
  $$,
  'the audit trail has the changes, and none of an upgrade'
);

select * from finish();

rollback;
