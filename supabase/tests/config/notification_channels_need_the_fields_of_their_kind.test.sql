begin;

select plan(15);

insert into monitoring.secrets (name, value)
values
('tap_url', 'https://hooks.example.com/tap'), ('tap_token', 'tap-token'),
('tap_signing', 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz');

-- Writes a list and returns the error, or null.
create function pg_temp.problem_of(channels jsonb) returns text language plpgsql as $$
begin
  update public.system_config set value = channels where key = 'notification_recipients';
  return null;
exception
  when check_violation then
    return sqlerrm;
end
$$;

select is(
  pg_temp.problem_of('[
    {"email": "ann@example.com", "min_severity": "LOW"},
    {"name": "a", "kind": "slack", "url_secret": "tap_url"},
    {"name": "b", "kind": "discord", "url_secret": "tap_url"},
    {"name": "c", "kind": "teams", "url_secret": "tap_url"},
    {"name": "d", "kind": "pagerduty", "token_secret": "tap_token"},
    {"name": "e", "kind": "pagerduty", "token_secret": "tap_token", "url_secret": "tap_url"},
    {"name": "f", "kind": "webhook", "url_secret": "tap_url", "signing_secret": "tap_signing"},
    {"name": "g", "kind": "agent", "url_secret": "tap_url", "signing_secret": "tap_signing", "agent": "fixer"},
    {"name": "h", "kind": "email", "email": "bob@example.com", "provider": "resend", "token_secret": "tap_token",
     "from": "Monitoring <monitoring@example.com>", "name": "bob"},
    {"name": "i", "kind": "email", "email": "bob@example.com", "provider": "postmark", "token_secret": "tap_token",
     "from": "monitoring@example.com", "url_secret": "tap_url", "quiet_hours": null}
  ]'),
  null,
  'each kind is accepted with the fields that it needs'
);

select is(
  pg_temp.problem_of('[{"kind": "slack", "url_secret": "tap_url"}]'),
  'notification_recipients[0].name is missing, which a channel of kind slack needs: name of the channel, unique',
  'only e-mail needs no name'
);

select is(
  pg_temp.problem_of('[{"min_severity": "LOW"}]'),
  'notification_recipients[0].email is missing, which a channel of kind email (the default of kind) needs: '
  'address of the recipient',
  'an e-mail recipient needs an address'
);

select is(
  pg_temp.problem_of('[{"name": "ops", "url_secret": "tap_url"}]'),
  'notification_recipients[0].url_secret is not used by a channel of kind email (the default of kind) without '
  'provider: add provider, which is resend or postmark, or remove the field',
  'a forgotten kind is named'
);

select is(
  pg_temp.problem_of('[{"name": "ops", "kind": "slack", "url_secret": "tap_url", "email": "ann@example.com"}]'),
  'notification_recipients[0].email is not used by a channel of kind slack: remove the field, or correct kind',
  'a field that the kind does not use is refused'
);

select is(
  pg_temp.problem_of('[{"name": "ops", "kind": "slack"}]'),
  'notification_recipients[0].url_secret is missing, which a channel of kind slack needs: '
  'name of the secret with the URL to which notifications are posted',
  'a chat channel needs its URL'
);

select is(
  pg_temp.problem_of('[{"name": "ops", "kind": "webhook", "url_secret": "tap_url"}]'),
  'notification_recipients[0].signing_secret is missing, which a channel of kind webhook needs: '
  'name of the secret with which requests to webhooks and agents are signed',
  'webhooks are signed'
);

select is(
  pg_temp.problem_of('[{"email": "ann@example.com", "provider": "resend", "token_secret": "tap_token"}]'),
  'notification_recipients[0].from is missing, which a channel of kind email (the default of kind) with a provider '
  'needs: sender of the e-mails, such as Monitoring <address>',
  'a provider needs a sender'
);

select is(
  pg_temp.problem_of(
    '[{"email": "ann@example.com", "provider": "resend", "token_secret": "tap_token", "from": "Ann <ann>"}]'
  ),
  'notification_recipients[0].from must be an e-mail address, or a name and an address such as '
  'Monitoring <address>',
  'the sender must have an address'
);

select is(
  pg_temp.problem_of('[{"name": "ops", "kind": "slack", "url_secret": "tap_url", "colour": "red"}]'),
  'notification_recipients[0].colour is unknown; the known fields are agent, categories, critical_passes_quiet_hours, '
  'email, enabled, environments, escalate_after, escalate_to, events, from, kind, min_severity, name, provider, '
  'quiet_hours, remind_after, signing_secret, sources, token_secret, url_secret',
  'an unknown field is refused'
);

select is(
  pg_temp.problem_of('[{"name": "ops", "kind": "slack", "url_secret": "tap_url", "events": ["closed"]}]'),
  'notification_recipients[0].events must be a list of opened, escalated, reopened, acknowledged, resolved, reminder '
  '(what the channel is told of; missing means all but acknowledged, and for kind agent opened, escalated, reopened)',
  'an unknown event is refused'
);

select is(
  pg_temp.problem_of('[{"name": "ops", "kind": "fax", "url_secret": "tap_url"}]'),
  'notification_recipients[0].kind must be one of slack, discord, teams, pagerduty, webhook, email, agent '
  '(kind of the channel)',
  'an unknown kind is refused'
);

select is(
  pg_temp.problem_of('[{"name": " ops", "kind": "slack", "url_secret": "tap_url"}]'),
  'notification_recipients[0].name must not begin or end with a space, nor contain control characters',
  'a name that is hard to write is refused'
);

select is(
  pg_temp.problem_of(
    '[{"name": "sk_live_0123456789abcdefABCDEF01", "kind": "slack", "url_secret": "tap_url"}]'
  ),
  'notification_recipients[0].name looks like a secret or an address, and messages show it: choose a plain name',
  'a secret as name is refused, and not quoted'
);

select is(
  pg_temp.problem_of((
    select jsonb_agg(jsonb_build_object('email', format('a%s@example.com', number)))
    from generate_series(1, 101) as numbers (number)
  )),
  'notification_recipients must hold at most 100 channels',
  'the number of channels is limited'
);

select * from finish();

rollback;
