-- Purpose: sends notifications: first attempts in the transaction of the transition, all others in a job.
-- Objects: functions monitoring.try_channel_lock, monitoring.send_notification, monitoring.send_notifications,
--   monitoring.send_new_of_channel, monitoring.send_at_once, monitoring.end_stopped_notifications,
--   monitoring.send_channel, monitoring.send_due_notifications.
-- Risks: who sends to a channel holds its advisory lock until commit, so that its limit counts every message and its
--   notifications are sent in order. Nobody waits for that lock; a session that changes an incident and leaves its
--   transaction open delays its channels. Sequential scans are off in the job, because after a storm the statistics do
--   not know yet how long the outbox is.

create function monitoring.try_channel_lock(channel text)
returns boolean
language sql
volatile
security invoker
set search_path = ''
as $$
  select pg_try_advisory_xact_lock(20261128, hashtext(try_channel_lock.channel))
$$;

comment on function monitoring.try_channel_lock(text) is
'Takes the lock of a channel until commit, without waiting, and returns whether it did.';

create function monitoring.send_notification(n monitoring.notifications, channel monitoring.notification_channels)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_timeout_ms constant integer := 5000;
  c_longest_timeout_ms constant integer := 30000; -- of the health checks that may be in the same batch
  v_n monitoring.notifications := send_notification.n;
  v_request monitoring.notification_request;
  v_queued bigint := (select count(*) from net.http_request_queue);
  v_request_id bigint;
begin
  if (send_notification.channel).kind = 'email' and v_n.email_id is null then
    insert into public.email_tracking (incident_id, recipient, subject)
    values (
      v_n.incident_id,
      (send_notification.channel).email,
      monitoring.write_email_subject(v_n)
    )
    returning email_tracking.id into v_n.email_id;
  end if;
  if (send_notification.channel).kind = 'email' and (send_notification.channel).provider is null then
    update monitoring.notifications
    set status = 'delivered', email_id = v_n.email_id, finished_at = clock_timestamp(), error = null
    where notifications.id = v_n.id;
    return;
  end if;
  v_request := monitoring.write_notification_request(v_n, send_notification.channel);
  v_request_id := net.http_post(
    url => v_request.url,
    body => v_request.body,
    headers => v_request.headers,
    timeout_milliseconds => c_timeout_ms
  );
  insert into monitoring.awaited_answers (request_id, notification_id)
  values (v_request_id, v_n.id)
  on conflict (request_id) do update
    set notification_id = excluded.notification_id;
  update monitoring.notifications
  set
    status = 'sending',
    attempts = notifications.attempts + 1,
    first_attempt_at = coalesce(notifications.first_attempt_at, clock_timestamp()),
    email_id = v_n.email_id,
    request_id = v_request_id,
    sent_at = clock_timestamp(),
    lease_expires_at = greatest(
      clock_timestamp() + interval '30 seconds',
      monitoring.find_answer_due(c_timeout_ms, v_queued, c_longest_timeout_ms)
    ),
    answered_at = null,
    answer_status = null,
    answer_headers = null,
    answer = null,
    error = null
  where notifications.id = v_n.id;
end
$$;

comment on function monitoring.send_notification(monitoring.notifications, monitoring.notification_channels) is
'Enqueues the request of a notification in pg_net, which sends it after commit, and starts its lease. Of an e-mail it
also writes the row of email_tracking, with which one without provider is delivered. Raises an error that names what is
wrong with the channel.';

create function monitoring.send_notifications(channel text, most integer)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_channel monitoring.notification_channels;
  v_n monitoring.notifications;
  v_sent integer := 0;
  v_problem text;
begin
  select channels.*
  into v_channel
  from monitoring.notification_channels as channels
  where channels.name = send_notifications.channel;

  for v_n in
    select notifications.*
    from monitoring.list_due_notifications(send_notifications.channel) as due
    join monitoring.notifications on notifications.id = due.id
    where notifications.status = 'queued'
    order by due.place
    limit send_notifications.most
    for no key update of notifications skip locked
  loop
    begin
      perform monitoring.send_notification(v_n, v_channel);
      v_sent := v_sent + 1;
    exception
      when others then
        -- An attempt that failed: the owner can repair the channel.
        v_problem := monitoring.sanitize_text(sqlerrm, 1000);
        update monitoring.notifications
        set attempts = notifications.attempts + 1, error = v_problem
        where notifications.id = v_n.id;
        perform monitoring.retry_notification(v_n.id, v_problem, null, false);
    end;
  end loop;
  return v_sent;
end
$$;

comment on function monitoring.send_notifications(text, integer) is
'Sends at most so many notifications of a channel, oldest first, and returns how many were enqueued. Each has a block of
its own: a missing secret or an invalid URL is an attempt that failed. The channel must be locked.';

create function monitoring.send_new_of_channel(channel monitoring.notification_channels, ids bigint[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_most_waiting constant integer := 50; -- of which it costs little to find out what is due
  v_n monitoring.notifications;
begin
  -- A channel that fails, as without its secret, would keep the others from sending at once. However many wait, only
  -- the first ones are read.
  if exists (
    select
    from (
      select
        earlier.attempts,
        row_number() over () as place
      from (
        select notifications.attempts
        from monitoring.notifications
        where notifications.channel = (send_new_of_channel.channel).name
          and notifications.status = 'queued'
          and notifications.id < send_new_of_channel.ids[1]
        limit c_most_waiting + 1
      ) as earlier
    ) as waiting
    where waiting.attempts > 0
      or waiting.place > c_most_waiting
  )
    or not monitoring.try_channel_lock((send_new_of_channel.channel).name)
  then
    return;
  end if;
  for v_n in
    with due as materialized (
      select listed.id, listed.place
      from monitoring.list_due_notifications((send_new_of_channel.channel).name) as listed
    )

    select notifications.*
    from due
    join monitoring.notifications on notifications.id = due.id
    where notifications.status = 'queued'
      and notifications.id = any(send_new_of_channel.ids)
      -- Earlier notifications that may be sent now come first. Those that are held delay no other.
      and not exists (select from due as earlier where earlier.id < send_new_of_channel.ids[1])
    order by due.place
    -- The last message of the minute is for a digest.
    limit greatest(monitoring.count_free_messages((send_new_of_channel.channel).name) - 1, 0)
    for no key update of notifications skip locked
  loop
    perform monitoring.send_notification(v_n, send_new_of_channel.channel);
  end loop;
end
$$;

comment on function monitoring.send_new_of_channel(monitoring.notification_channels, bigint[]) is
'Makes the first attempt to send these notifications of a channel, given by their ids in ascending order. Leaves to the
job what must wait for another notification or for the limit of the channel, and everything while more than 50 wait.';

create function monitoring.send_at_once(ids bigint[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_first constant bigint[] := send_at_once.ids[1:20];
begin
  if v_first = '{}' then
    return;
  end if;
  begin
    perform monitoring.send_new_of_channel(channels, v_first)
    from monitoring.notification_channels as channels
    where channels.name in (
      select notifications.channel
      from monitoring.notifications
      where notifications.id = any(v_first)
    )
    order by channels.name;
  exception
    when others then
      raise warning using
        errcode = sqlstate,
        message = format('notifications could not be sent at once: %s', monitoring.sanitize_text(sqlerrm, 1000)),
        hint = 'The job monitoring-send-notifications sends them.';
  end;
end
$$;

comment on function monitoring.send_at_once(bigint[]) is
'Makes the first attempt to send new notifications, of the first 20, in one block: if it fails, they stay queued and the
job sends them.';

create function monitoring.end_stopped_notifications()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_count bigint;
begin
  -- Once a channel: in a storm many notifications wait.
  with channels as materialized (
    select notification_channels.name, monitoring.find_channel_stop(notification_channels) as stop
    from monitoring.notification_channels
  ),

  stopped as materialized (
    select waiting.id, coalesce(channels.stop, 'the channel was removed') as reason
    from monitoring.notifications as waiting
    left join channels on channels.name = waiting.channel
    where waiting.status = 'queued'
      and (channels.name is null or channels.stop is not null)
    order by waiting.id
    for no key update of waiting skip locked
  ),

  ended as (
    select monitoring.end_notification(stopped.id, 'dead', stopped.reason)
    from stopped
  )

  select count(*)
  into v_count
  from ended;
  return v_count;
end
$$;

comment on function monitoring.end_stopped_notifications() is
'Gives up the waiting notifications of channels to which nothing may be sent, and returns their number. What was sent
already is settled as usual.';

create function monitoring.send_channel(channel text)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_free integer;
begin
  if not monitoring.try_channel_lock(send_channel.channel) then
    return 0;
  end if;
  perform monitoring.finish_digests(send_channel.channel);
  perform monitoring.collapse_notifications(send_channel.channel);
  v_free := monitoring.count_free_messages(send_channel.channel);
  if v_free <= 0 then
    return 0;
  end if;
  perform monitoring.queue_digests(send_channel.channel, v_free);
  return monitoring.send_notifications(send_channel.channel, v_free);
end
$$;

comment on function monitoring.send_channel(text) is
'Sends what a channel is due and returns the number of messages: ends what digests told, collapses what is over, puts
into digests what is more than the limit, and sends the rest. Does nothing while another session sends to the channel.';

create function monitoring.send_due_notifications()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
as $$
declare
  c_longest constant interval := interval '5 seconds';
  v_started constant timestamptz := clock_timestamp();
  v_channel text;
  v_sent integer := 0;
begin
  -- However many notifications are finished: a plan that is made while the table is empty must not read all of it later.
  perform monitoring.settle_notifications();
  perform monitoring.end_stopped_notifications();
  begin
    perform monitoring.queue_reminders();
  exception
    when others then
      -- What is due is sent without them.
      raise warning using
        errcode = sqlstate,
        message = format('reminders could not be queued: %s', monitoring.sanitize_text(sqlerrm, 1000)),
        hint = 'The next run tries again.';
  end;
  for v_channel in
    select channels.name
    from monitoring.notification_channels as channels
    where exists (
      select
      from monitoring.notifications as waiting
      where waiting.channel = channels.name
        and waiting.status = 'queued'
        and waiting.next_attempt_at <= clock_timestamp()
    )
    order by
      (
        select max(notifications.sent_at)
        from monitoring.notifications
        where notifications.channel = channels.name
      ) nulls first,
      channels.name
  loop
    -- Nothing is sent before the commit. The next run begins with the channels that were left out.
    exit when clock_timestamp() > v_started + c_longest;
    begin
      v_sent := v_sent + monitoring.send_channel(v_channel);
    exception
      when others then
        -- The other channels are served.
        raise warning using
          errcode = sqlstate,
          message = format('notifications of %s could not be sent: %s', v_channel, monitoring.sanitize_text(sqlerrm, 1000)),
          hint = 'The next run tries again.';
    end;
  end loop;
  return v_sent;
end
$$;

comment on function monitoring.send_due_notifications() is
'Settles answers, queues reminders, sends what is due to each channel and returns the number of messages. After 5
seconds it leaves further channels to the next run. pg_cron runs it every 5 seconds while there are channels or
unfinished notifications.';
