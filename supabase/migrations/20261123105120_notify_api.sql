-- Purpose: lets an operator test a channel and send again what was given up.
-- Objects: functions monitoring.find_active_channel, monitoring.queue_test, monitoring.find_newest_test,
--   monitoring.describe_test, public.send_test_notification, monitoring.retry_dead_notifications.
-- Risks: pg_net sends after the commit, so the answer to a test is known at the next call at the earliest.

create function monitoring.find_active_channel(name text)
returns monitoring.notification_channels
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_channel monitoring.notification_channels;
  v_names text;
begin
  select channels.*
  into v_channel
  from monitoring.notification_channels as channels
  where lower(channels.name) = lower(btrim(find_active_channel.name));
  if not found then
    v_names := (
      select left(string_agg(channels.name, ', ' order by channels.place), 2000)
      from monitoring.notification_channels as channels
    );
    perform monitoring.refuse_request(
      'PT404', 'there is no notification channel of this name', 'channel',
      coalesce(
        'The channels are ' || v_names || '.',
        'No channel is configured. An operator can add one to notification_recipients.'
      )
    );
  elsif not monitoring.is_channel_active(v_channel) then
    perform monitoring.refuse_request(
      'PT409', 'nothing is sent to the channel now: ' || monitoring.find_channel_stop(v_channel), 'channel',
      'Change that in system_config, then call the function again.'
    );
  end if;
  return v_channel;
end
$$;

comment on function monitoring.find_active_channel(text) is
'Returns a notification channel by its name, ignoring case. 404 if there is none, naming those that exist; 409 if
nothing would be sent to it.';

create function monitoring.queue_test(channel text)
returns void
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
begin
  -- An earlier test is not repeated any more: its channel is tested again.
  perform monitoring.end_notification(
    earlier.id, 'dead', coalesce(earlier.error || '; ', '') || 'replaced by another test'
  )
  from (
    select notifications.id, notifications.error
    from monitoring.notifications
    where notifications.channel = queue_test.channel
      and notifications.event = 'test'
      and notifications.status in ('queued', 'sending')
    order by notifications.id
    for no key update skip locked
  ) as earlier;
  insert into monitoring.notifications (channel, event, details)
  values (queue_test.channel, 'test', jsonb_build_object('title', 'Test of the channel ' || queue_test.channel));
end
$$;

comment on function monitoring.queue_test(text) is
'Writes a test notification for a channel. Earlier tests of the channel that are not finished are given up.';

create function monitoring.find_newest_test(channel text)
returns monitoring.notifications
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select notifications.*
  from monitoring.notifications
  where notifications.incident_id is null
    and notifications.channel = find_newest_test.channel
    and notifications.event = 'test'
  order by notifications.id desc
  limit 1
$$;

comment on function monitoring.find_newest_test(text) is 'Returns the newest test notification of a channel.';

create function monitoring.describe_test(test monitoring.notifications)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'channel', (describe_test.test).channel,
    'status', (describe_test.test).status,
    'answer_status', (describe_test.test).answer_status,
    'answer', (describe_test.test).answer,
    'error', (describe_test.test).error,
    'hint', case
      when (describe_test.test).status = 'delivered' and (describe_test.test).sent_at is null
        then 'The e-mail is queued in email_tracking, for a mailer of yours.'
      when (describe_test.test).status = 'delivered' then 'The channel accepted the message.'
      when (describe_test.test).finished_at is not null
        then 'Correct what error says. The next call sends another test.'
      when (describe_test.test).error is not null
        then 'The attempt failed, and is repeated. Call the function again in a few seconds, or correct what error says.'
      else 'The message is on its way. Call the function again in a few seconds: it returns what the channel answered.'
    end
  )
$$;

comment on function monitoring.describe_test(monitoring.notifications) is
'Returns what became of a test notification so far, and what to do next.';

create function public.send_test_notification(channel text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_channel monitoring.notification_channels := monitoring.find_active_channel(send_test_notification.channel);
  v_test monitoring.notifications;
begin
  perform monitoring.settle_notifications();
  v_test := monitoring.find_newest_test(v_channel.name);
  if v_test.id is null
    or v_test.details ? 'told_at'
    or v_test.created_at < clock_timestamp() - interval '1 minute'
  then
    perform monitoring.queue_test(v_channel.name);
    perform monitoring.send_channel(v_channel.name);
    v_test := monitoring.find_newest_test(v_channel.name);
  end if;
  if v_test.finished_at is not null then
    update monitoring.notifications
    set details = notifications.details || jsonb_build_object('told_at', clock_timestamp())
    where notifications.id = v_test.id;
  end if;
  return monitoring.describe_test(v_test);
end
$$;

revoke all on function public.send_test_notification(text) from public, anon, authenticated, service_role;

grant execute on function public.send_test_notification(text) to service_role;

comment on function public.send_test_notification(text) is
'Sends a test message to a notification channel and returns what the channel answered.

channel is a name in notification_recipients. Returns {"channel", "status", "answer_status", "answer", "error", "hint"}.
A message is sent after the transaction has ended, so call it twice: the first call sends the message and returns the
status "sending", or "queued" if a job sends it within seconds; a call some seconds later, in a transaction of its own,
returns the status code and the beginning of the answer. status is then "delivered"; "dead", if the channel refused the
message; or "queued", if the attempt failed and is repeated. A call after that, or after a minute, sends another test.
404 if there is no such channel; the hint names those that exist. 409 for a channel that is paused, for e-mail while
feature_flags.email is off, and for an agent while the kill switch is on. Security definer, because the outbox is
written through functions only.';

create function monitoring.retry_dead_notifications(channel text)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_channel monitoring.notification_channels := monitoring.find_active_channel(retry_dead_notifications.channel);
  v_count bigint;
begin
  with retried as (
    update monitoring.notifications
    set
      status = 'queued',
      attempts = 0,
      first_attempt_at = null,
      next_attempt_at = clock_timestamp(),
      digest_id = null,
      -- The row of an e-mail stays failed: another one is written with the attempt.
      email_id = null,
      finished_at = null
    where notifications.id in (
      select dead.id
      from monitoring.notifications as dead
      join public.incidents on incidents.id = dead.incident_id
      where dead.channel = v_channel.name
        and dead.status = 'dead'
        and dead.created_at > clock_timestamp() - interval '24 hours'
        and (
          incidents.status <> 'resolved'
          or (dead.event = 'resolved' and monitoring.was_told(dead.incident_id, dead.channel))
        )
        and not exists (
          select
          from monitoring.notifications as later
          where later.channel = dead.channel
            and later.incident_id = dead.incident_id
            and later.id > dead.id
            and later.status = 'delivered'
        )
      order by dead.id
      for no key update of dead skip locked
    )
    returning notifications.id
  )

  select count(*)
  into v_count
  from retried;
  return v_count;
end
$$;

comment on function monitoring.retry_dead_notifications(text) is
'Queues the dead notifications of a channel again and returns their number: those of the last 24 hours whose incident is
not resolved, and resolutions of incidents that the channel was told of, unless it was told something later. For after
the reason of the failure was repaired. 404 if there is no such channel, 409 if nothing would be sent to it now.';
