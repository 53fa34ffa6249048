-- Each built-in format redacts its example and leaves its counterexample alone, in a sentence and in a document.

begin;

select plan(4);

select cmp_ok(
  (
    select count(*) from monitoring.secret_formats
    where origin = 'builtin' and is_enabled
  ), '>=', 150::bigint,
  'there are built-in formats'
);

select is_empty(
  $$
    select listed.name, monitoring.sanitize_text('upload with ' || listed.example || ' failed (401)', 4096)
    from monitoring.secret_formats as listed
    where listed.origin = 'builtin'
      and monitoring.sanitize_text('upload with ' || listed.example || ' failed (401)', 4096)
      <> 'upload with [redacted] failed (401)'
  $$,
  'examples are redacted'
);

select is_empty(
  $$
    select listed.name, monitoring.sanitize_text(listed.counterexample, 4096)
    from monitoring.secret_formats as listed
    where listed.origin = 'builtin'
      and monitoring.sanitize_text(listed.counterexample, 4096) <> listed.counterexample
  $$,
  'counterexamples stay'
);

select is(
  monitoring.sanitize_jsonb(
    (
      select jsonb_agg('at ' || listed.example order by listed.name)
      from monitoring.secret_formats as listed
      where listed.name in ('groq', 'doppler_service', 'databricks', 'mailgun')
    ),
    4096
  ),
  '["at [redacted]", "at [redacted]", "at [redacted]", "at [redacted]"]', 'documents are redacted too'
);

select * from finish();

rollback;
