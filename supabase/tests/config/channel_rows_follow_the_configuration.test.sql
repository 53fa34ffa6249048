begin;

select plan(6);

insert into monitoring.secrets (name, value)
values
('tap_url', 'https://hooks.example.com/tap'), ('tap_token', 'tap-token'),
('tap_signing', 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz');

update public.system_config
set value = '[
  {"email": "ann@example.com"},
  {"name": "agent", "kind": "agent", "url_secret": "tap_url", "signing_secret": "tap_signing"},
  {"name": "full", "kind": "email", "enabled": false, "min_severity": "LOW", "categories": ["database", "security"],
   "sources": ["shop", "api"], "environments": ["production"], "events": ["resolved", "opened", "reminder"],
   "quiet_hours": {"from": "22:00", "to": "07:30", "timezone": "Europe/Berlin"},
   "critical_passes_quiet_hours": false, "remind_after": 30, "escalate_after": 60, "escalate_to": "agent",
   "email": "bob@example.com", "provider": "resend", "from": "m@example.com", "token_secret": "tap_token",
   "url_secret": "tap_url"}
]'
where key = 'notification_recipients';

select results_eq(
  $$ select place, kind, is_enabled, min_severity::text, categories::text, sources, environments, events, quiet_from,
       quiet_timezone, critical_passes_quiet_hours, remind_after_minutes, escalate_to, provider, email, agent
     from monitoring.notification_channels where name = 'ann@example.com' $$,
  $$ values (
       1, 'email', true, 'HIGH', null::text, null::text[], null::text[],
       array['opened', 'escalated', 'reopened', 'resolved', 'reminder'], null::time, null::text, true, null::integer,
       null::text, null::text, 'ann@example.com', null::text
     ) $$,
  'missing fields have their defaults, and the address is the name'
);

select results_eq(
  $$ select place, kind, events, url_secret, signing_secret, agent
     from monitoring.notification_channels where name = 'agent' $$,
  $$ values (2, 'agent', array['opened', 'escalated', 'reopened'], 'tap_url', 'tap_signing', 'agent') $$,
  'agents have defaults of their own'
);

select results_eq(
  $$ select place, kind, is_enabled, min_severity::text, categories::text[], sources, environments, events, quiet_from,
       quiet_to, quiet_timezone, critical_passes_quiet_hours, remind_after_minutes, escalate_after_minutes, escalate_to,
       url_secret, token_secret, signing_secret, provider, email, from_address, agent
     from monitoring.notification_channels where name = 'full' $$,
  $$ values (
       3, 'email', false, 'LOW', array['database', 'security'], array['shop', 'api'], array['production'],
       array['resolved', 'opened', 'reminder'], '22:00'::time, '07:30'::time, 'Europe/Berlin', false, 30, 60, 'agent',
       'tap_url', 'tap_token', null::text, 'resend', 'bob@example.com', 'm@example.com', null::text
     ) $$,
  'given fields are used'
);

update public.system_config
set value = '[
  {"name": "new", "kind": "slack", "url_secret": "tap_url", "quiet_hours": {"from": "22:00", "to": "07:00"}},
  {"email": "ann@example.com", "min_severity": "CRITICAL", "kind": null}
]'
where key = 'notification_recipients';

select results_eq(
  $$ select name, place, min_severity::text, quiet_timezone from monitoring.notification_channels order by place $$,
  $$ values ('new', 1, 'HIGH', 'UTC'), ('ann@example.com', 2, 'CRITICAL', null) $$,
  'changed, added and removed channels are updated'
);

update public.system_config
set value = '[]'
where key = 'notification_recipients';

select is_empty($$ select from monitoring.notification_channels $$, 'an empty list removes all channels');

select is(monitoring.read_words('["b", "a"]'), array['b', 'a'], 'a list of strings is read in its order');

select * from finish();

rollback;
