begin;

select plan(22);

insert into monitoring.secrets (name, value)
values
('tap_url', 'https://hooks.example.com/tap'), ('tap_pasted_url', e'https://hooks.example.com/tap\n'),
('tap_no_url', 'ftp://hooks.example.com'),
('tap_no_host', 'https://hooks.example.com:99999/'), ('tap_token', 'tap-token'), ('tap_no_token', 'two words'),
('tap_24_bytes', 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz'), ('tap_23_bytes', 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI='),
('tap_64_bytes', 'whsec_' || replace(encode(decode(repeat('00', 64), 'hex'), 'base64'), e'\n', '')),
('tap_65_bytes', 'whsec_' || replace(encode(decode(repeat('00', 65), 'hex'), 'base64'), e'\n', '')),
('tap_no_prefix', 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz');

-- Writes a channel and returns what is said of it, or null.
create function pg_temp.problem_of(channel jsonb) returns text language plpgsql as $$
begin
  update public.system_config
  set value = jsonb_build_array('{"name": "ops"}'::jsonb || channel)
  where key = 'notification_recipients';
  return null;
exception
  when check_violation then
    return replace(sqlerrm, monitoring.describe_secret_creation(), '<statement>');
end
$$;

-- The statement itself is not redacted on its way into the message.
select is(
  monitoring.sanitize_text(monitoring.describe_secret_creation(), 1000), monitoring.describe_secret_creation(),
  'the statement that creates a secret stays as it is'
);

select is(
  monitoring.describe_secret_creation(),
  case
    when to_regclass('vault.decrypted_secrets') is null
      then 'insert into monitoring.secrets (name, value) values (''<name>'', ''<value>'');'
    else 'select vault.create_secret(''<value>'', ''<name>'');'
  end,
  'the statement suits the database'
);

select is(
  pg_temp.problem_of('{"kind": "slack", "url_secret": "tap_missing"}'),
  'notification_recipients[0].url_secret names no secret that exists. Create it with <statement> and write its name, not its '
  'value',
  'a secret that does not exist is refused'
);

select is(
  pg_temp.problem_of('{"kind": "slack", "url_secret": "tap_missing", "enabled": false}'),
  'notification_recipients[0].url_secret names no secret that exists. Create it with <statement> and write its name, not its '
  'value',
  'of a paused channel too'
);

select is(
  pg_temp.problem_of('{"kind": "slack", "url_secret": "tap_url"}'), null, 'a secret that exists is accepted'
);

select is(
  pg_temp.problem_of('{"kind": "slack", "url_secret": "https://hooks.slack.com/services/T0/B0/x"}'),
  'notification_recipients[0].url_secret must be the name of a secret, of letters, digits, "_", "-" and ".", '
  'not its value. Create the secret with <statement> and write its name',
  'a value in place of a name is refused, and not quoted'
);

select is(
  pg_temp.problem_of('{"kind": "pagerduty", "token_secret": "0123456789abcdef0123456789abcdef"}'),
  'notification_recipients[0].token_secret names no secret that exists. Create it with <statement> and write its name, not its '
  'value',
  'a key in place of a name is not quoted either'
);

select is(
  pg_temp.problem_of('{"kind": "slack", "url_secret": "tap_no_url"}'),
  'notification_recipients[0].url_secret names a secret whose value is not an http or https URL without user name '
  'and password',
  'the value must be a URL'
);

select is(
  pg_temp.problem_of('{"kind": "slack", "url_secret": "tap_no_host"}'),
  'notification_recipients[0].url_secret names a secret whose value is not an http or https URL without user name '
  'and password',
  'the URL must have a usable host'
);

select is(
  pg_temp.problem_of('{"kind": "pagerduty", "token_secret": "tap_no_token"}'),
  'notification_recipients[0].token_secret names a secret whose value is not a token: it is empty, or has spaces or '
  'characters beyond ASCII',
  'a token goes into a header'
);

select is(
  pg_temp.problem_of('{"kind": "webhook", "url_secret": "tap_url", "signing_secret": "tap_24_bytes"}'), null,
  'a signing secret of 24 bytes is accepted'
);

select is(
  pg_temp.problem_of('{"kind": "webhook", "url_secret": "tap_url", "signing_secret": "tap_64_bytes"}'), null,
  'a signing secret of 64 bytes is accepted'
);

select is(
  pg_temp.problem_of('{"kind": "webhook", "url_secret": "tap_url", "signing_secret": "tap_23_bytes"}'),
  'notification_recipients[0].signing_secret names a secret whose value is not whsec_ followed by 24 to 64 bytes in '
  'base64: make one with echo "whsec_$(openssl rand -base64 32)"',
  'a signing secret of 23 bytes is refused'
);

select isnt(
  pg_temp.problem_of('{"kind": "webhook", "url_secret": "tap_url", "signing_secret": "tap_65_bytes"}'), null,
  'a signing secret of 65 bytes is refused'
);

select isnt(
  pg_temp.problem_of('{"kind": "webhook", "url_secret": "tap_url", "signing_secret": "tap_no_prefix"}'), null,
  'a signing secret without its prefix is refused'
);

select is(
  monitoring.find_secret_value_problem(
    'signing_secret', 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI0'
  ), null,
  'a signing secret may be two, while one is replaced'
);

select isnt(
  monitoring.find_secret_value_problem(
    'signing_secret', 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI0 '
  ), null,
  'but not three'
);

select is(
  pg_temp.problem_of('{"kind": "slack", "url_secret": "tap_pasted_url"}'), null, 'a final line break is not looked at'
);

select is(
  pg_temp.problem_of('{"kind": "slack", "url_secret": "tap_url"}'), null, 'the channel is configured'
);

select is(monitoring.find_secret_value_problem('token_secret', 'tap-token'), null, 'a token is accepted');

delete from monitoring.secrets
where name = 'tap_url';

select isnt(
  pg_temp.problem_of('{"kind": "slack", "url_secret": "tap_url", "min_severity": "LOW"}'), null,
  'a secret that was removed is noticed at the next edit'
);

select is(
  pg_temp.problem_of('{"kind": "slack", "url_secret": "tap_url", "enabled": false}'), null,
  'but its channel can be paused'
);

select * from finish();

rollback;
