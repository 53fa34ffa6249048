-- Tokens of common providers are recognized by their prefixes.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('id AKIA' || repeat('X7', 8) || ', ASIA' || repeat('X7', 8), 'id [redacted], [redacted]', 'Amazon'),
  ('sk_live_' || repeat('a1', 12) || ' rk_test_' || repeat('a1', 12) || ' whsec_' || repeat('a1', 12), '[redacted] [redacted] [redacted]', 'Stripe'),
  ('ghp_' || repeat('a1', 18) || ' github_pat_' || repeat('a1', 18) || ' glpat-' || repeat('a1', 10), '[redacted] [redacted] [redacted]', 'GitHub and GitLab'),
  ('xoxb-1-' || repeat('a1', 9) || ' https://hooks.slack' || '.com/services/T0/B0/' || repeat('a1', 9), '[redacted] https://[redacted]', 'Slack'),
  ('sb_secret_' || repeat('a1', 9) || ' sbp_' || repeat('a1', 20) || ' sb_publishable_abc', '[redacted] [redacted] sb_publishable_abc', 'Supabase; the publishable key stays'),
  ('AIza' || repeat('a1', 17) || ' sk-' || repeat('a1', 20) || ' sk-ant-api03-' || repeat('a1', 20), '[redacted] [redacted] [redacted]', 'Google, OpenAI, Anthropic'),
  ('SG.' || repeat('a1', 11) || '.' || repeat('b2', 20) || ' npm_' || repeat('a1', 18) || ' SK' || repeat('a1', 16) || ' bot123:' || repeat('a1', 18) || ' dckr_pat_' || repeat('a1', 12) || ' ck_' || repeat('a1', 20), '[redacted] [redacted] [redacted] [redacted] [redacted] [redacted]', 'SendGrid, npm, Twilio, Telegram, Docker, WooCommerce'),
  ('jwt eyJ' || repeat('a1', 9) || '.eyJ' || repeat('b2', 9) || '.c-d_e, eyJ' || repeat('a1', 9), 'jwt [redacted], [redacted]', 'a JWT, complete and truncated')
) as sample (body, wanted, description);

select * from finish();

rollback;
