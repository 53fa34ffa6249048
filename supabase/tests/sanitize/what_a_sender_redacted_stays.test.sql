-- What a sender wrote in place of a secret stays as it is, in texts and in documents.

begin;

select plan(4);

select is_empty(
  $$
    select sample.body, monitoring.sanitize_text(sample.body, 4096)
    from (
      values
      ('password: [Filtered]'), ('password=[FILTERED] token=***'), ('Authorization: [Filtered]'), ('{"secret":"[Filtered]"}'),
      ('Authorization: Bearer [REDACTED]'), ('api_key: ********'), ('token: <redacted>'), ('tokens: 12'), ('max_tokens=4096')
    ) as sample (body)
    where monitoring.sanitize_text(sample.body, 4096) <> sample.body
  $$,
  'texts'
);

select is(
  monitoring.sanitize_jsonb('{"password": "[Filtered]", "token": "***", "secret": "<redacted>", "max_tokens": 4096}', 4096),
  '{"password": "[Filtered]", "token": "***", "secret": "<redacted>", "max_tokens": 4096}', 'documents'
);

select is(
  monitoring.sanitize_text('password=[Filtered]hunter2 token=***abc', 4096), 'password=[redacted] token=[redacted]',
  'not if something follows'
);

select is(
  array[
    monitoring.is_redaction_mark('[Filtered]'), monitoring.is_redaction_mark('****'), monitoring.is_redaction_mark('x'),
    monitoring.is_redaction_mark(null)
  ],
  '{t,t,f,f}', 'marks'
);

select * from finish();

rollback;
