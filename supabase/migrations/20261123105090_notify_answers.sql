-- Purpose: records the answers to notifications and decides what follows: done, another attempt, or given up.
-- Objects: type monitoring.notification_outcome; functions monitoring.store_notification_answer,
--   monitoring.collect_missed_notification_answers, monitoring.read_retry_after, monitoring.judge_notification_answer,
--   monitoring.end_notification, monitoring.retry_notification, monitoring.take_back_request,
--   monitoring.find_told_incidents, monitoring.lock_incidents_of_agents, monitoring.settle_email,
--   monitoring.settle_notification, monitoring.settle_notifications.
-- Risks: store_notification_answer() runs inside pg_net's worker, in the transaction of a whole batch: it only records,
--   and skips a row that another session holds. settle_notifications() locks incidents before notifications and waits
--   for neither.

create type monitoring.notification_outcome as (
  verdict text,
  problem text,
  may_have_arrived boolean,
  wait interval
);

comment on type monitoring.notification_outcome is
'What an answer means. verdict is delivered, retry or dead. may_have_arrived: whether the channel can have the message
all the same. wait is the time that the channel asks to wait for.';

create function monitoring.store_notification_answer(
  request_id bigint,
  status_code integer,
  headers jsonb,
  content text,
  timed_out boolean,
  error_msg text
)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update monitoring.notifications
  set
    answered_at = clock_timestamp(),
    answer_status = store_notification_answer.status_code,
    answer_headers = monitoring.read_answer_headers(store_notification_answer.headers, '{location,retry-after}'),
    -- textsend() instead of convert_to(), which rejects the invalid UTF-8 that pg_net stores.
    answer = monitoring.read_excerpt(pg_catalog.textsend(store_notification_answer.content)),
    error = case
      when store_notification_answer.timed_out then 'timed out'
      else monitoring.sanitize_text(store_notification_answer.error_msg, 1000)
    end
  where notifications.id = (
    select waiting.id
    from monitoring.awaited_answers as awaited
    join monitoring.notifications as waiting on waiting.id = awaited.notification_id
    where awaited.request_id = store_notification_answer.request_id
      and waiting.request_id = awaited.request_id
      and waiting.status = 'sending'
      and waiting.answered_at is null
    for no key update of waiting skip locked
  );
  return found;
end
$$;

comment on function monitoring.store_notification_answer(bigint, integer, jsonb, text, boolean, text) is
'Records an answer of pg_net on the notification that waits for it, and returns whether there was one.';

create function monitoring.collect_missed_notification_answers()
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
  select count(*)
  from (
    select
      response.id, response.status_code, response.headers, response.content, response.timed_out, response.error_msg
    from net._http_response as response
    -- created is the start of the batch, which can be before its requests were enqueued.
    where response.created >= (
      select min(notifications.sent_at) - interval '1 minute'
      from monitoring.notifications
      where notifications.status = 'sending'
        and notifications.answered_at is null
    )
      and response.id in (
        select notifications.request_id
        from monitoring.notifications
        where notifications.status = 'sending'
          and notifications.answered_at is null
      )
  ) as missed
  where monitoring.store_notification_answer(
    missed.id, missed.status_code, missed.headers, missed.content, missed.timed_out, missed.error_msg
  )
$$;

comment on function monitoring.collect_missed_notification_answers() is
'Records answers that the trigger did not record, and returns their number.';

create function monitoring.read_retry_after(value text, at timestamptz)
returns interval
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select case
    when read_retry_after.value ~ '^\s*[0-9]+\s*$' then make_interval(
      secs => least(btrim(read_retry_after.value)::numeric, 3600)::double precision
    )
    when read_retry_after.value ~ '^\s*[A-Za-z]{3}, [0-9]{2} [A-Za-z]{3} [0-9]{4} [0-9:]{8} GMT\s*$'
      and monitoring.is_valid_input(read_retry_after.value, 'timestamptz')
      then least(
        greatest(read_retry_after.value::timestamptz - read_retry_after.at, interval '0'), interval '1 hour'
      )
  end
$$;

comment on function monitoring.read_retry_after(text, timestamptz) is
'Returns the time that a Retry-After header of an answer at a time asks to wait for, at most an hour. Null if it is
neither a number of seconds nor an HTTP date.';

create function monitoring.judge_notification_answer(kind text, n monitoring.notifications)
returns monitoring.notification_outcome
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_status constant integer := (judge_notification_answer.n).answer_status;
  v_location constant text := (judge_notification_answer.n).answer_headers ->> 'location';
  v_answer constant text := coalesce((judge_notification_answer.n).answer, '');
  v_problem text := coalesce((judge_notification_answer.n).error, 'no answer from pg_net');
begin
  if (judge_notification_answer.n).answered_at is null then
    return ('retry', v_problem, true, null)::monitoring.notification_outcome;
  elsif v_status is null and v_problem ~* '^number of redirects' then
    return ('dead', 'the URL redirects in a circle', false, null)::monitoring.notification_outcome;
  elsif v_status is null then
    -- libcurl's words for a request that was never sent: no address, no connection.
    return (
      'retry', v_problem, v_problem !~* '^(couldn''t|could not|failed to) (resolve|connect)', null
    )::monitoring.notification_outcome;
  end if;
  v_problem := left(concat_ws(': ', format('answered %s', v_status), nullif(v_answer, '')), 500);
  -- pg_net follows redirects, as a GET without the message, and stores the headers of the first answer. What was created
  -- or accepted can have an address too: Teams workflows answer 202 with that of their run.
  if v_status between 300 and 399 or (v_location is not null and v_status not in (201, 202)) then
    return (
      'dead', 'the URL redirects' || coalesce(': ' || v_location, ''), false, null
    )::monitoring.notification_outcome;
  elsif v_status in (408, 425, 429) or v_status >= 500 then
    return (
      'retry',
      v_problem,
      false,
      monitoring.read_retry_after(
        (judge_notification_answer.n).answer_headers ->> 'retry-after', (judge_notification_answer.n).answered_at
      )
    )::monitoring.notification_outcome;
  elsif v_status = 409
    and judge_notification_answer.kind = 'email'
    and (judge_notification_answer.n).may_have_arrived
  then
    -- Resend knows the Idempotency-Key: an earlier attempt arrived.
    return ('delivered', null, false, null)::monitoring.notification_outcome;
  elsif v_status not between 200 and 299 or (judge_notification_answer.kind = 'slack' and btrim(v_answer) <> 'ok') then
    return ('dead', v_problem, false, null)::monitoring.notification_outcome;
  end if;
  return ('delivered', null, false, null)::monitoring.notification_outcome;
end
$$;

comment on function monitoring.judge_notification_answer(text, monitoring.notifications) is
'Returns what the answer to a notification, or that there is none, means for a channel of this kind. 2xx is delivered;
of Slack the body must be ok. 408, 425, 429 and 5xx are tried again, as is no answer; all others are final, and so is a
redirect, because the message does not follow it.';

create function monitoring.end_notification(
  notification_id bigint, status monitoring.notification_status, problem text
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_n monitoring.notifications;
begin
  update monitoring.notifications
  set
    status = end_notification.status,
    finished_at = clock_timestamp(),
    lease_expires_at = null,
    error = end_notification.problem
  where notifications.id = end_notification.notification_id
  returning notifications.* into v_n;
  if v_n.email_id is not null then
    perform monitoring.settle_email(v_n);
  end if;
end
$$;

comment on function monitoring.end_notification(bigint, monitoring.notification_status, text) is
'Gives a notification its final status, and records it on the row of an e-mail. The notification must be locked.';

create function monitoring.retry_notification(
  notification_id bigint, problem text, wait interval, may_have_arrived boolean
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_n monitoring.notifications;
begin
  update monitoring.notifications
  set
    status = 'queued',
    lease_expires_at = null,
    may_have_arrived = notifications.may_have_arrived or retry_notification.may_have_arrived,
    error = retry_notification.problem,
    -- Null when the attempt failed before anything was sent.
    first_attempt_at = coalesce(notifications.first_attempt_at, clock_timestamp()),
    next_attempt_at = clock_timestamp() + greatest(
      -- Backoff of 5 s, 10 s, 20 s, … up to 15 min, with jitter.
      least(interval '5 seconds' * power(2, least(notifications.attempts - 1, 20)), interval '15 minutes')
      * (0.8 + random() * 0.4),
      retry_notification.wait
    )
  where notifications.id = retry_notification.notification_id
  returning notifications.* into v_n;
  if v_n.first_attempt_at < clock_timestamp() - interval '24 hours' then
    perform monitoring.end_notification(v_n.id, 'dead', left('given up after 24 hours: ' || v_n.error, 1000));
  end if;
end
$$;

comment on function monitoring.retry_notification(bigint, text, interval, boolean) is
'Queues a notification for another attempt: after its backoff, and not before the time that the channel asks for. One
that was tried for 24 hours is given up. The notification must be locked.';

create function monitoring.take_back_request(n monitoring.notifications, channel monitoring.notification_channels)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_url text;
begin
  begin
    v_url := (monitoring.write_notification_request(take_back_request.n, take_back_request.channel)).url;
  exception
    when undefined_object or invalid_parameter_value then
      return 'gone'; -- the secret that contains it was removed or changed
  end;
  if not exists (
    select
    from net.http_request_queue as queued
    join monitoring.awaited_answers as awaited on awaited.request_id = queued.id
    where queued.id = (take_back_request.n).request_id
      and queued.url = v_url
      and awaited.notification_id = (take_back_request.n).id
  )
  then
    return 'gone';
  end if;
  delete from net.http_request_queue
  where http_request_queue.id = (
    select queued.id
    from net.http_request_queue as queued
    where queued.id = (take_back_request.n).request_id
      and queued.url = v_url
    for update skip locked
  );
  return case when found then 'taken back' else 'being sent' end;
end
$$;

comment on function monitoring.take_back_request(monitoring.notifications, monitoring.notification_channels) is
'Deletes the request of an attempt from the queue of pg_net, so that it is not sent as well as the next one: its
signature would be old. Returns taken back; being sent while the worker holds it; or gone when it is not there.';

create function monitoring.find_told_incidents(n monitoring.notifications)
returns setof text
language sql
stable
security invoker
set search_path = ''
as $$
  select (find_told_incidents.n).incident_id
  where (find_told_incidents.n).incident_id is not null
  union
  select member.incident_id
  from monitoring.notifications as member
  where member.digest_id = (find_told_incidents.n).id
$$;

comment on function monitoring.find_told_incidents(monitoring.notifications) is
'Returns the incidents that a notification tells of: its own, or those of a digest.';

create function monitoring.lock_incidents_of_agents()
returns text[]
language sql
volatile
security invoker
set search_path = ''
as $$
  with locked as materialized (
    select incidents.id
    from public.incidents
    where incidents.id in (
      select told.incident_id
      from monitoring.notifications
      join monitoring.notification_channels as channels on channels.name = notifications.channel
      cross join lateral monitoring.find_told_incidents(notifications) as told (incident_id)
      where notifications.status = 'sending'
        and notifications.answered_at is not null
        and channels.kind = 'agent'
    )
    order by incidents.fingerprint
    for no key update skip locked
  )

  select coalesce(array_agg(locked.id), '{}')
  from locked
$$;

comment on function monitoring.lock_incidents_of_agents() is
'Locks the incidents that answered notifications of agents tell of, and returns those that no other session holds.';

create function monitoring.settle_email(n monitoring.notifications)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  select case
    when (settle_email.n).status = 'delivered'
      then monitoring.record_email_sent(
        (settle_email.n).email_id, (settle_email.n).provider_id, (settle_email.n).sent_at
      )
    else monitoring.record_email_failed((settle_email.n).email_id, coalesce((settle_email.n).error, 'not sent'))
  end
$$;

comment on function monitoring.settle_email(monitoring.notifications) is
'Records on the row of an e-mail that the provider accepted it, with its id there, or why it was not sent.';

create function monitoring.settle_notification(n monitoring.notifications, channel monitoring.notification_channels)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_n monitoring.notifications := settle_notification.n;
  v_outcome monitoring.notification_outcome := monitoring.judge_notification_answer(
    (settle_notification.channel).kind, v_n
  );
begin
  if v_n.answered_at is null then
    case monitoring.take_back_request(v_n, settle_notification.channel)
      when 'being sent' then
        update monitoring.notifications
        set lease_expires_at = clock_timestamp() + interval '30 seconds'
        where notifications.id = v_n.id;
        return;
      when 'taken back' then
        v_outcome.may_have_arrived := false;
        v_outcome.problem := 'pg_net did not send it';
      else
        null;
    end case;
  else
    -- Answers can quote what was sent. pg_net deletes expired rows at the same time.
    delete from net._http_response
    where _http_response.ctid = any(array(
      select response.ctid
      from net._http_response as response
      join monitoring.awaited_answers as awaited on awaited.request_id = response.id
      where response.id = v_n.request_id
        and response.created >= v_n.sent_at - interval '1 minute'
        and awaited.notification_id = v_n.id
      for update of response skip locked
    ));
  end if;
  delete from monitoring.awaited_answers
  where awaited_answers.request_id = v_n.request_id
    and awaited_answers.notification_id = v_n.id;

  if v_outcome.verdict = 'retry' then
    perform monitoring.retry_notification(
      v_n.id, v_outcome.problem, v_outcome.wait, v_outcome.may_have_arrived
    );
    return;
  end if;
  if v_outcome.verdict = 'delivered' then
    update monitoring.notifications
    -- "id" of Resend, "MessageID" of Postmark.
    set provider_id = substring(notifications.answer from '"(?:id|MessageID)"\s*:\s*"([^"]{1,255})"')
    where notifications.id = v_n.id
      and (settle_notification.channel).kind = 'email';
    if (settle_notification.channel).kind = 'agent' then
      update public.incidents
      set spawned_agents = array_append(
        incidents.spawned_agents, coalesce((settle_notification.channel).agent, v_n.channel)
      )
      where incidents.id in (select told.incident_id from monitoring.find_told_incidents(v_n) as told (incident_id))
        and coalesce((settle_notification.channel).agent, v_n.channel) <> all(incidents.spawned_agents);
    end if;
  end if;
  perform monitoring.end_notification(
    v_n.id, v_outcome.verdict::monitoring.notification_status, v_outcome.problem
  );
end
$$;

comment on function monitoring.settle_notification(monitoring.notifications, monitoring.notification_channels) is
'Decides what follows the latest attempt of a notification, which was answered or whose lease expired, and deletes its
rows in pg_net. The agent of a channel of kind agent is added to spawned_agents. The notification must be locked, and
before it the incidents that an agent was told of.';

create function monitoring.settle_notifications()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_most constant integer := 200;
  v_incidents text[];
  v_n monitoring.notifications;
  v_channel monitoring.notification_channels;
  v_settled integer := 0;
begin
  if not exists (select from monitoring.notifications where notifications.status = 'sending') then
    return 0;
  end if;
  begin
    perform monitoring.collect_missed_notification_answers();
  exception
    when others then
      -- An answer that cannot be recorded must not stop the others: its lease expires.
      raise warning using
        errcode = sqlstate,
        message = format('answers could not be recorded: %s', monitoring.sanitize_text(sqlerrm, 1000)),
        hint = 'The next run tries again.';
  end;
  v_incidents := monitoring.lock_incidents_of_agents();
  for v_n in
    select notifications.*
    from monitoring.notifications
    where notifications.status = 'sending'
      and (notifications.answered_at is not null or notifications.lease_expires_at <= clock_timestamp())
    order by notifications.id
    limit c_most
    for no key update skip locked
  loop
    select channels.*
    into v_channel
    from monitoring.notification_channels as channels
    where channels.name = v_n.channel;
    -- One of its incidents is in use: later.
    continue when v_channel.kind = 'agent' and exists (
      select
      from monitoring.find_told_incidents(v_n) as told (incident_id)
      where told.incident_id <> all(v_incidents)
    );
    begin
      perform monitoring.settle_notification(v_n, v_channel);
      v_settled := v_settled + 1;
    exception
      when others then
        raise warning using
          errcode = sqlstate,
          message = format('notification %s could not be settled: %s', v_n.id, monitoring.sanitize_text(sqlerrm, 1000)),
          hint = 'The next run tries again.';
    end;
  end loop;
  return v_settled;
end
$$;

comment on function monitoring.settle_notifications() is
'Settles up to 200 notifications whose latest attempt was answered or whose lease expired, and returns their number.';
