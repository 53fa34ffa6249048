begin;

select plan(6);

delete from monitoring.notification_channels;

insert into monitoring.notification_channels (name, place, kind, url_secret, min_severity, events)
values ('tap ops', 1, 'webhook', 'tap_secret_name', 'LOW', '{opened,acknowledged,resolved}');

create function pg_temp.sign_in(claims jsonb)
returns void
language sql
as $$
  select set_config('request.jwt.claims', sign_in.claims::text, true)
$$;

create function pg_temp.told(incident_id text, members text[])
returns jsonb
language sql
as $$
  select jsonb_agg(
    (
      select jsonb_agg(entries.entry -> asked.member order by asked.place)
      from unnest(told.members) with ordinality as asked (member, place)
    )
    order by entries.place desc
  )
  from jsonb_array_elements(public.incident_page(told.incident_id) -> 'timeline') with ordinality as entries (entry, place)
$$;

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-2', 'tap told', 't', 'm', 'LOW', 'backend', 'r');

select pg_temp.sign_in('{"role": "authenticated", "sub": "a", "agent": "fe-agent"}');

select public.claim_next_incident('fe-agent', source => 'unknown', severity => 'low')
from public.incidents
where incidents.id = 'INC-2';

select public.release_claim('INC-2', 'needs a person');

select public.begin_agent_action('fe-agent', 'investigate', 'INC-2', '{"read": "the logs"}');

select pg_temp.sign_in('{"role": "authenticated", "sub": "b", "email": "ben@example.com"}');

select public.change_incident('INC-2', '{"action": "note", "note": "n"}');

select public.change_incident('INC-2', '{"action": "set_severity", "severity": "HIGH", "reason": "r"}');

select pg_temp.sign_in('{"role": "authenticated", "sub": "c"}');

select public.change_incident('INC-2', '{"action": "suppress", "minutes": "1", "reason": "r"}');

select pg_temp.sign_in('{"role": "service_role"}');

select public.change_incident('INC-2', '{"action": "reopen", "reason": "r"}', 'Ann');

select monitoring.resolve_incidents('{tap told}', 'sentry', 'kim', 'fixed', details => '{"by": "kim"}');

select pg_temp.sign_in(null);

update public.incidents
set status = 'open', resolved_at = null, resolved_by = null, resolution = null
where id = 'INC-2';

delete from monitoring.notifications;

select is(
  pg_temp.told('INC-2', '{kind,who,what,from,to,why}'),
  '[
    ["person", "postgres", "opened", null, "open", null],
    ["agent", "fe-agent", "claimed", "open", "acknowledged", null],
    ["agent", "fe-agent", "released the claim", "acknowledged", "open", "needs a person"],
    ["agent", "fe-agent", "began investigate", null, null, "read: the logs"],
    ["person", "ben@example.com", "noted", null, null, "n"],
    ["person", "ben@example.com", "escalated", "LOW", "HIGH", "r"],
    ["person", "c", "suppressed", "open", "suppressed", "r"],
    ["person", "Ann (operator)", "reopened", "suppressed", "open", "r"],
    ["person", "kim", "resolved", "open", "resolved", "fixed"],
    ["person", "operator", "edited the table", null, null, null],
    ["person", "postgres", "reopened", "resolved", "open", null]
  ]'::jsonb,
  'people, agents and jobs'
);

insert into monitoring.notifications (
  channel, incident_id, event, status, attempts, finished_at, lease_expires_at, error, answer, provider_id, details
)
values
('tap ops', 'INC-2', 'opened', 'delivered', 2, '2100-01-01T00:00:00Z', null, 'e', 'tap secret answer', 'p', '{"a": "tap d"}'),
('tap ops', 'INC-2', 'acknowledged', 'queued', 0, null, null, 'tap secret error', null, null, '{}'),
('tap ops', 'INC-2', 'reminder', 'sending', 1, null, now(), null, null, null, '{}'),
('tap ops', 'INC-2', 'resolved', 'dead', 9, now(), null, null, null, null, '{}'),
('tap ops', 'INC-2', 'escalated', 'collapsed', 0, now(), null, null, null, null, '{}');

select is(
  jsonb_path_query_array(
    pg_temp.told('INC-2', '{kind,who,what,channel,status,attempts,delivered_at}'), 'strict $[*] ? (@[0] == "notification")'
  ),
  '[
    ["notification", "tap ops", "message that it opened", "tap ops", "sent", 2, "2100-01-01T00:00:00+00:00"],
    ["notification", "tap ops", "message that it was acknowledged", "tap ops", "waiting", 0, null],
    ["notification", "tap ops", "reminder", "tap ops", "waiting", 1, null],
    ["notification", "tap ops", "message that it was resolved", "tap ops", "given up", 9, null],
    ["notification", "tap ops", "message that it was escalated", "tap ops", "collapsed", 0, null]
  ]',
  'what a channel was told, and whether it arrived'
);

select unalike(
  public.incident_page('INC-2')::text, '%tap secret%', 'no address, secret, answer or error of a channel'
);

select is(
  public.incident_page('INC-2') -> 'timeline_is_cut', 'false', 'all of a short timeline'
);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values
('INC-3', 'tap long', 't', 'm', 'LOW', 'backend', 'r'), ('INC-4', 'tap extended', 't', 'm', 'LOW', 'backend', 'r');

delete from monitoring.notifications;

select public.add_incident_note('INC-3', 'n' || number)
from generate_series(1, 150) as numbers (number);

select is(
  array[
    jsonb_array_length(public.incident_page('INC-3') -> 'timeline')::text,
    public.incident_page('INC-3') ->> 'timeline_is_cut', public.incident_page('INC-3') #>> '{timeline,0,why}'
  ],
  '{100,true,n150}', 'the newest of a long one'
);

insert into public.agent_actions (agent, action, incident_id, success, details)
select
  'a' as agent,
  'claim_extended' as action,
  'INC-4' as incident_id,
  true as success,
  '{}' as details
from generate_series(1, 320) as numbers (number);

select is(
  array[public.incident_page('INC-4') ->> 'timeline', public.incident_page('INC-4') ->> 'timeline_is_cut'],
  '{[],true}', 'an agent that works for long hides what came before, and the page says so'
);

select * from finish();

rollback;
