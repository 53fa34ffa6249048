-- Each built-in format redacts its example and leaves its counterexample alone, in a sentence and in a document.

begin;

select plan(4);

select cmp_ok(
  (select count(*) from monitoring.secret_formats where origin = 'builtin' and is_enabled), '>=', 150::bigint,
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
      select jsonb_object_agg(listed.name, 'at ' || listed.example)
      from (
        select * from monitoring.list_secret_formats_a_to_h()
        union all
        select * from monitoring.list_secret_formats_i_to_z()
      ) as rows
      join monitoring.secret_formats as listed using (name)
      where length(listed.example) > 8
        and not monitoring.is_sensitive_key(listed.name)
    ),
    131072
  )::text like '%at [redacted]%', true,
  'documents are redacted too'
);

select * from finish();

rollback;
