begin;

select plan(12);

insert into monitoring.secrets (name, value)
values ('tap_url', 'https://hooks.example.com/tap'), ('tap_signing', 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz');

-- Writes Slack channels, each with its own fields, and returns the error, or null.
create function pg_temp.problem_of(variadic channels jsonb[]) returns text language plpgsql as $$
begin
  update public.system_config
  set value = (
    select jsonb_agg('{"kind": "slack", "url_secret": "tap_url"}'::jsonb || given.channel order by given.place)
    from unnest(channels) with ordinality as given (channel, place)
  )
  where key = 'notification_recipients';
  return null;
exception
  when check_violation then
    return sqlerrm;
end
$$;

select is(
  pg_temp.problem_of('{"name": "ops"}', '{"name": "OPS"}'),
  'notification_recipients[0].name ops is used more than once: names must be unique, also ignoring case',
  'names are unique, ignoring case'
);

select matches(
  pg_temp.problem_of(
    '{"kind": "email", "url_secret": null, "email": "ann@example.com"}',
    '{"kind": "email", "url_secret": null, "email": "ann@example.com"}'
  ),
  '^notification_recipients\[0\]\.name .* is used more than once',
  'an address is the name of a recipient without one'
);

select is(
  pg_temp.problem_of('{"name": "ops", "escalate_to": "boss", "escalate_after": 15}', '{"name": "boss"}'),
  null,
  'a channel escalates to another'
);

select is(
  pg_temp.problem_of('{"name": "ops", "escalate_to": "boss", "escalate_after": 15}'),
  'notification_recipients[0].escalate_to is not the name of a channel in the list: boss',
  'escalate_to must exist'
);

select is(
  pg_temp.problem_of(
    '{"name": "a", "escalate_to": "b", "escalate_after": 15}', '{"name": "b", "escalate_to": "c", "escalate_after": 15}',
    '{"name": "c", "escalate_to": "b", "escalate_after": 15}'
  ),
  'notification_recipients[1].escalate_to forms a cycle through b',
  'a cycle is refused, and names a channel that is in it'
);

select is(
  pg_temp.problem_of('{"name": "ops", "escalate_after": 15}'),
  'notification_recipients[0].escalate_to is missing, which escalate_after needs: name of another channel in the list',
  'escalate_after needs escalate_to'
);

select is(
  pg_temp.problem_of('{"name": "ops", "escalate_to": "ops"}'),
  'notification_recipients[0].escalate_after is missing, which escalate_to needs: minutes until the other channel is told',
  'escalate_to needs escalate_after'
);

select is(
  pg_temp.problem_of('{"name": "ops", "remind_after": 30, "events": ["opened"]}'),
  'notification_recipients[0].remind_after needs the event reminder: add it to events',
  'a channel that is not told of reminders cannot be reminded'
);

select is(
  pg_temp.problem_of('{"name": "ops", "kind": "agent", "signing_secret": "tap_signing", "remind_after": 30}'),
  'notification_recipients[0].remind_after needs the event reminder: add it to events',
  'an agent is not told of reminders by default'
);

select is(
  pg_temp.problem_of('{"name": "ops", "quiet_hours": {"from": "22:00", "to": "22:00"}}'),
  'notification_recipients[0].quiet_hours has the same time as from and to: set enabled to false to pause the channel',
  'quiet hours end'
);

select is(
  pg_temp.problem_of('{"name": "ops", "quiet_hours": {"from": "22:00"}}'),
  'notification_recipients[0].quiet_hours.to is missing: end, as HH:MM; a time earlier than from is on the next day',
  'quiet hours need both times'
);

select is(
  pg_temp.problem_of('{"name": "ops", "quiet_hours": {"from": "22:00", "to": "07:00", "timezone": "Mars/Olympus"}}'),
  'notification_recipients[0].quiet_hours.timezone must be a timezone such as "Europe/Berlin" (timezone of the hours)',
  'the timezone of quiet hours must exist'
);

select * from finish();

rollback;
