begin;

select plan(12);

delete from monitoring.notifications;
delete from monitoring.notification_channels;

insert into monitoring.secrets (name, value)
values ('tap-hook', 'http://127.0.0.1:9/tap-settle'), ('tap-sign', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');

insert into monitoring.notification_channels (name, place, kind, min_severity, events, url_secret, signing_secret, agent)
values
('tap settle', 1, 'webhook', 'CRITICAL', '{opened}', 'tap-hook', 'tap-sign', null),
('tap agent', 2, 'agent', 'CRITICAL', '{opened}', 'tap-hook', 'tap-sign', 'fixer');

-- Sends a message to a channel about a new incident, and returns its id.
create function monitoring.test_send(channel text)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_incident text;
  v_id bigint;
begin
  insert into public.incidents (fingerprint, title, message, severity, category, rule)
  values ('tap settle ' || gen_random_uuid(), 't', 'm', 'HIGH', 'backend', 'r')
  returning incidents.id into v_incident;
  insert into monitoring.notifications (channel, incident_id, event, severity, details)
  values (test_send.channel, v_incident, 'opened', 'HIGH', '{"title": "t"}')
  returning notifications.id into v_id;
  perform monitoring.send_channel(test_send.channel);
  return v_id;
end
$$;

-- Answers the message as pg_net does.
create function monitoring.test_answer(notification_id bigint, status integer)
returns void
language sql
set search_path = ''
as $$
  with taken as (
    delete from net.http_request_queue
    where http_request_queue.id = (
      select notifications.request_id
      from monitoring.notifications
      where notifications.id = test_answer.notification_id
    )
    returning http_request_queue.id
  )

  insert into net._http_response (id, status_code, headers, content, timed_out)
  select taken.id, test_answer.status, '{"Retry-After": "120", "Set-Cookie": "s"}', 'said', false
  from taken
$$;

create temporary table sent as
select
  given.name,
  monitoring.test_send(given.channel) as id
from (
  values ('good', 'tap settle'), ('busy', 'tap settle'), ('agent', 'tap agent'), ('lost', 'tap settle'),
  ('unsent', 'tap settle'), ('old', 'tap settle'), ('held', 'tap settle')
) as given (name, channel);

select is(
  (
    select count(*) from monitoring.notifications
    where notifications.status = 'sending'
  ), 7::bigint, 'all are sent'
);

select monitoring.test_answer(sent.id, case sent.name when 'busy' then 429 when 'old' then 500 when 'held' then 500 else 200 end)
from sent
where sent.name not in ('lost', 'unsent');

select results_eq(
  $$ select answer_status, answer_headers, answer from monitoring.notifications join sent using (id)
     where sent.name = 'busy' $$,
  $$ values (429, '{"retry-after": "120"}'::jsonb, 'said') $$,
  'an answer is recorded when pg_net stores it'
);

select ok(not monitoring.store_notification_answer(-7, 200, '{}', '', false, null), 'that of another request is not');

update monitoring.notifications
set lease_expires_at = now() - interval '1 second'
from sent
where
  sent.id = notifications.id
  and sent.name in ('lost', 'unsent');

delete from net.http_request_queue
using monitoring.notifications
inner join sent on sent.id = notifications.id
where
  http_request_queue.id = notifications.request_id
  and sent.name = 'lost';

-- One was tried all day, the other was held all day by quiet hours or a silence.
update monitoring.notifications
set created_at = now() - interval '25 hours', attempts = case sent.name when 'old' then 10 else 1 end
from sent
where
  sent.id = notifications.id
  and sent.name in ('old', 'held');

select is(monitoring.settle_notifications(), 7, 'all are settled');

select results_eq(
  $$ select sent.name, status::text, error, may_have_arrived, finished_at is not null
     from monitoring.notifications join sent using (id) order by sent.name $$,
  $$ values
     ('agent', 'delivered', null, false, true), ('busy', 'queued', 'answered 429: said', false, false),
     ('good', 'delivered', null, false, true), ('held', 'queued', 'answered 500: said', false, false),
     ('lost', 'queued', 'no answer from pg_net', true, false),
     ('old', 'dead', 'given up after 24 hours: answered 500: said', false, true),
     ('unsent', 'queued', 'pg_net did not send it', false, false) $$,
  'what was accepted is done, what failed waits, and what was tried for a day is given up'
);

select results_eq(
  $$ select next_attempt_at - now() > interval '119 s' from monitoring.notifications join sent using (id)
     where sent.name in ('busy', 'unsent') order by sent.name $$,
  $$ values (true), (false) $$,
  'the next attempt is not before the time that the channel asks for'
);

select is_empty(
  $$ select from net._http_response join monitoring.notifications on request_id = _http_response.id
     where answer = 'said' $$,
  'answers are deleted from pg_net'
);

select is_empty(
  $$ select from net.http_request_queue where url = 'http://127.0.0.1:9/tap-settle' $$,
  'a request that was not sent is taken back'
);

select results_eq(
  $$ select sent.name, spawned_agents from monitoring.notifications join sent using (id)
     join public.incidents on incidents.id = incident_id where sent.name in ('agent', 'good') order by sent.name $$,
  $$ values ('agent', '{fixer}'::text[]), ('good', '{}'::text[]) $$,
  'an agent that accepted is noted on the incident'
);

update monitoring.notifications
set attempts = 30, next_attempt_at = now()
from sent
where
  sent.id = notifications.id
  and sent.name = 'lost';

select monitoring.send_channel('tap settle');

select monitoring.test_answer(sent.id, 200)
from sent
where sent.name = 'lost';

select results_eq(
  $$ select monitoring.settle_notifications(), monitoring.settle_notifications() $$, $$ values (1, 0) $$,
  'nothing is settled twice'
);

delete from monitoring.notification_channels
where notification_channels.name = 'tap settle';

select is(monitoring.send_due_notifications(), 0, 'nothing is sent to a channel that was removed');

select set_eq(
  $$ select status::text, error from monitoring.notifications join sent using (id)
     where sent.name in ('busy', 'unsent') $$,
  $$ values ('dead', 'the channel was removed') $$,
  'what waited for it is given up'
);

select * from finish();

rollback;
