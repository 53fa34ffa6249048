-- The table of formats only adds: without any row, the tokens of common vendors are still redacted, and nothing fails.

begin;

select plan(6);

delete from monitoring.secret_formats;

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('id AKIA' || repeat('X7', 8) || ' ghp_' || repeat('a1', 18) || ' xoxb-1-' || repeat('a1', 9), 'id [redacted] [redacted] [redacted]', 'Amazon, GitHub, Slack'),
  ('sk_live_' || repeat('a1', 12) || ' sk-ant-api03-' || repeat('a1', 20) || ' SG.' || repeat('a1', 11) || '.' || repeat('b2', 20), '[redacted] [redacted] [redacted]', 'Stripe, Anthropic, SendGrid'),
  ('hvs.' || repeat('a1', 20) || ' sntrys_' || repeat('a1', 20) || ' npm_' || repeat('a1', 18), '[redacted] [redacted] [redacted]', 'Vault, Sentry, npm'),
  ('login MTA' || repeat('a1', 11) || '.a1B2c3.' || repeat('a1', 19) || ' x', 'login [redacted] x', 'Discord'),
  ('glsa_' || repeat('a1', 20), 'glsa_' || repeat('a1', 20), 'only the formats of the rows are unknown')
) as sample (body, wanted, description);

truncate monitoring.secret_formats;

select is(
  (select compiled.prefixes from monitoring.compiled_secret_formats as compiled), '$.',
  'the compiled expressions match nothing'
);

select * from finish();

rollback;
