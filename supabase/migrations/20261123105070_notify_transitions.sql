-- Purpose: writes the notifications of a transition of an incident, in the transaction of the transition.
-- Objects: type monitoring.incident_transition; functions monitoring.find_channel_stop, monitoring.is_channel_active,
--   monitoring.describe_transition, monitoring.was_told, monitoring.queue_email_row,
--   monitoring.queue_transitions, monitoring.update_told_notifications, monitoring.queue_opened_notifications,
--   monitoring.queue_notifications, monitoring.send_new_notifications; triggers
--   notifications_without_provider_are_mailed, new_incidents_are_notified, incident_changes_are_notified,
--   notifications_are_sent_at_once.
-- Risks: a transition that cannot write its notifications fails, because nothing else would ever tell it; sending them
--   cannot make it fail. The transition holds the lock of its incident, so it waits for no lock on notifications: rows
--   that another session holds are skipped. Without channels, ingest pays for one look at an empty table. Sequential
--   scans are off in the triggers, because in a storm the statistics do not know yet how long the outbox is.

create type monitoring.incident_transition as (
  incident_id text,
  event monitoring.notification_event,
  was_suppressed boolean,
  is_open boolean,
  severity public.incident_severity,
  category public.incident_category,
  source text,
  environment text,
  details jsonb
);

comment on type monitoring.incident_transition is
'A transition of an incident that channels may be told of. was_suppressed: the transition ended a suppression. is_open:
nobody has acknowledged or resolved the incident, so reminders follow.';

create function monitoring.find_channel_stop(channel monitoring.notification_channels)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select case
    when not (find_channel_stop.channel).is_enabled then 'the channel is disabled'
    when (find_channel_stop.channel).kind = 'agent' and monitoring.is_kill_switch_on() then 'the kill switch is on'
    when (find_channel_stop.channel).kind = 'email' and not monitoring.is_feature_on('email')
      then 'feature_flags.email is off'
  end
$$;

comment on function monitoring.find_channel_stop(monitoring.notification_channels) is
'Returns why nothing may be sent to a channel now. Null if it may.';

create function monitoring.is_channel_active(channel monitoring.notification_channels)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select monitoring.find_channel_stop(is_channel_active.channel) is null
$$;

comment on function monitoring.is_channel_active(monitoring.notification_channels) is
'Returns whether a channel gets notifications now.';

create function monitoring.describe_transition(
  incident public.incidents, from_severity public.incident_severity, change jsonb
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'title', (describe_transition.incident).title,
    'message', left((describe_transition.incident).message, 500),
    'severity', (describe_transition.incident).severity,
    'from_severity', describe_transition.from_severity,
    'category', (describe_transition.incident).category,
    'status', (describe_transition.incident).status,
    'source', (describe_transition.incident).source,
    'environment', (describe_transition.incident).environment,
    'release', (describe_transition.incident).release,
    'error_type', (describe_transition.incident).error_type,
    'occurrence_count', (describe_transition.incident).occurrence_count,
    'first_seen', (describe_transition.incident).first_seen,
    'occurred_at', clock_timestamp(),
    'actor', describe_transition.change ->> 'actor',
    'reason', left(describe_transition.change ->> 'reason', 500),
    'resolution', left((describe_transition.incident).resolution, 500),
    'external_url', (describe_transition.incident).external_url,
    'open_for', date_trunc('second', (describe_transition.incident).time_to_resolution)::text
  ))
$$;

comment on function monitoring.describe_transition(public.incidents, public.incident_severity, jsonb) is
'Returns what a notification says of an incident: its fields as they are now, the severity before, and of the change
{"actor", "reason"}.';

create function monitoring.was_told(incident_id text, channel text)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select exists (
    select
    from (
      select notifications.event
      from monitoring.notifications
      where notifications.incident_id = was_told.incident_id
        and notifications.channel = was_told.channel
        and notifications.event in ('opened', 'escalated', 'reopened', 'reminder', 'resolved')
        and notifications.status <> 'collapsed'
        and (notifications.status in ('queued', 'sending', 'delivered') or notifications.may_have_arrived)
      order by notifications.id desc
      limit 1
    ) as latest
    where latest.event <> 'resolved'
  )
$$;

comment on function monitoring.was_told(text, text) is
'Returns whether a channel knows, or will know, that the incident is not resolved: it was told of it since it was last
told of a resolution. Notifications that never reached the channel do not count.';

create function monitoring.queue_email_row()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_channel monitoring.notification_channels;
begin
  select channels.*
  into v_channel
  from monitoring.notification_channels as channels
  where channels.name = new.channel
    and channels.kind = 'email'
    and channels.provider is null;
  if found
    and not monitoring.is_held(new, v_channel)
    -- The order of an incident is kept.
    and not exists (
      select
      from monitoring.notifications as earlier
      where earlier.channel = new.channel
        and earlier.incident_id = new.incident_id
        and earlier.status in ('queued', 'sending')
    )
  then
    insert into public.email_tracking (incident_id, recipient, subject)
    values (new.incident_id, v_channel.email, monitoring.write_email_subject(new))
    returning email_tracking.id into new.email_id;
    new.status := 'delivered';
    new.finished_at := clock_timestamp();
  end if;
  return new;
end
$$;

comment on function monitoring.queue_email_row() is
'Hands a notification of an e-mail channel without provider to the mailer of the owner: writes its row of
email_tracking, with which the notification is delivered. One that must wait stays queued, and the job hands it over.';

create trigger notifications_without_provider_are_mailed
before insert on monitoring.notifications
for each row
when (new.status = 'queued')
execute function monitoring.queue_email_row();

create function monitoring.queue_transitions(transitions monitoring.incident_transition[])
returns bigint[]
language sql
volatile
security invoker
set search_path = ''
as $$
  with wanted as (
    select
      transition.*,
      channels.place,
      channels.name as channel,
      channels.events,
      channels.remind_after_minutes,
      case when channels.escalate_to is not null then channels.escalate_after_minutes end as escalate_after_minutes,
      told.was_told,
      case
        when transition.was_suppressed and not told.was_told then 'opened'
        else transition.event
      end as told_event
    from unnest(queue_transitions.transitions) as transition
    cross join monitoring.notification_channels as channels
    cross join lateral (
      select transition.event <> 'opened' and monitoring.was_told(transition.incident_id, channels.name) as was_told
    ) as told
    where monitoring.is_channel_active(channels)
      and (
        -- Who was told of an incident is told of its end, whatever its severity is by now.
        (transition.event in ('acknowledged', 'resolved') and told.was_told)
        or (
          transition.event not in ('acknowledged', 'resolved')
          and transition.severity >= channels.min_severity
          and transition.category = any(coalesce(channels.categories, array[transition.category]))
          and transition.source = any(coalesce(channels.sources, array[transition.source]))
          and (channels.environments is null or transition.environment = any(channels.environments))
        )
      )
  ),

  queued as (
    insert into monitoring.notifications (channel, incident_id, event, severity, details, remind_at, escalate_at)
    select
      wanted.channel,
      wanted.incident_id,
      wanted.told_event,
      wanted.severity,
      wanted.details,
      case when wanted.is_open then clock_timestamp() + make_interval(mins => wanted.remind_after_minutes) end,
      case when wanted.is_open then clock_timestamp() + make_interval(mins => wanted.escalate_after_minutes) end
    from wanted
    where wanted.told_event::text = any(wanted.events)
      -- An incident that only now is severe enough is news to a channel that asks for new ones.
      or (wanted.told_event = 'escalated' and not wanted.was_told and 'opened' = any(wanted.events))
    order by wanted.incident_id, wanted.event, wanted.place
    returning notifications.id, notifications.status
  )

  select coalesce(array_agg(queued.id order by queued.id), '{}')
  from queued
  where queued.status = 'queued'
$$;

comment on function monitoring.queue_transitions(monitoring.incident_transition[]) is
'Writes a notification for each transition and each channel that wants to be told of it. Returns the ids of those that
are to be sent. The incidents must be locked.';

create function monitoring.update_told_notifications(
  incident public.incidents, former_status public.incident_status, former_severity public.incident_severity
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  -- Found by the incident alone: in a storm the indexes of queued rows and of reminders are long.
  v_told monitoring.notifications[] := array(
    select notifications
    from monitoring.notifications
    where notifications.incident_id = (update_told_notifications.incident).id
      and (
        notifications.status <> 'collapsed'
        or notifications.remind_at is not null
        or notifications.escalate_at is not null
      )
  );
begin
  if (update_told_notifications.incident).severity > update_told_notifications.former_severity then
    update monitoring.notifications
    set
      severity = (update_told_notifications.incident).severity,
      details = notifications.details || jsonb_build_object('severity', (update_told_notifications.incident).severity)
    where notifications.id in (
      select waiting.id
      from monitoring.notifications as waiting
      where waiting.id = any(array(
        select told.id
        from unnest(v_told) as told
        where told.status = 'queued'
          and told.severity < (update_told_notifications.incident).severity
      ))
        and waiting.status = 'queued'
      order by waiting.id
      for no key update skip locked
    );
  end if;

  if (update_told_notifications.incident).status = update_told_notifications.former_status then
    return;
  elsif (update_told_notifications.incident).status <> 'open' then
    update monitoring.notifications
    set remind_at = null, escalate_at = null
    where notifications.id in (
      select armed.id
      from monitoring.notifications as armed
      where armed.id = any(array(
        select told.id
        from unnest(v_told) as told
        where told.remind_at is not null
          or told.escalate_at is not null
      ))
      order by armed.id
      for no key update skip locked
    );
  elsif update_told_notifications.former_status = 'acknowledged' then
    update monitoring.notifications
    set
      remind_at = clock_timestamp() + make_interval(mins => channels.remind_after_minutes),
      escalate_at = case
        when channels.escalate_to is not null
          then clock_timestamp() + make_interval(mins => channels.escalate_after_minutes)
      end
    from monitoring.notification_channels as channels
    where channels.name = notifications.channel
      and notifications.id in (
        select newest.id
        from monitoring.notifications as newest
        where newest.id = any(array(
          select max(told.id)
          from unnest(v_told) as told
          where told.event in ('opened', 'escalated', 'reopened', 'reminder')
            and (told.status in ('queued', 'sending', 'delivered') or told.may_have_arrived)
          group by told.channel
        ))
        order by newest.id
        for no key update skip locked
      );
  end if;
end
$$;

comment on function monitoring.update_told_notifications(
  public.incidents, public.incident_status, public.incident_severity
) is
'Changes the earlier notifications of an incident with it. Those that wait to be sent get a raised severity. Reminders
end when the incident is acknowledged, suppressed or resolved, and start again when the claim of an agent ended. Rows
that another session holds are skipped: who sends a reminder looks at the incident first.';

create function monitoring.queue_opened_notifications()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  if not exists (select from monitoring.notification_channels) then
    return null;
  end if;
  perform monitoring.send_at_once(monitoring.queue_transitions(array(
    select (
      opened.id, 'opened', false, opened.status = 'open', opened.severity, opened.category, opened.source,
      opened.environment,
      monitoring.describe_transition(opened::public.incidents, null, '{}')
    )::monitoring.incident_transition
    from opened
    where opened.status in ('open', 'acknowledged')
    order by opened.fingerprint
  )));
  return null;
end
$$;

comment on function monitoring.queue_opened_notifications() is
'Writes the notifications of new incidents and makes the first attempts to send them. Security definer: who may open an
incident needs no right to read the channels and their secrets, nor to write the outbox.';

create trigger new_incidents_are_notified
after insert on public.incidents
referencing new table as opened
for each statement execute function monitoring.queue_opened_notifications();

create function monitoring.queue_notifications()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_change jsonb;
  v_details jsonb;
  v_events monitoring.notification_event[];
  v_ids bigint[];
  v_unsent text := coalesce(current_setting('monitoring.unsent_notifications', true), '');
begin
  if not exists (select from monitoring.notification_channels) then
    return null;
  end if;
  v_change := jsonb_build_object(
    'actor', coalesce(nullif(current_setting('monitoring.agent', true), ''), monitoring.read_actor()),
    'reason', nullif(current_setting('monitoring.details', true), '')::jsonb -> 'reason'
  );
  v_details := monitoring.describe_transition(
    new, case when old.severity <> new.severity then old.severity end, v_change
  );
  perform monitoring.update_told_notifications(new, old.status, old.severity);

  v_events := array_remove(
    array[
      case
        when new.status = 'open' and old.status in ('resolved', 'suppressed') then 'reopened'
        when new.severity > old.severity and new.status in ('open', 'acknowledged') then 'escalated'
      end,
      case when new.status <> old.status and new.status in ('acknowledged', 'resolved') then new.status::text end
    ]::monitoring.notification_event[],
    null
  );
  v_ids := monitoring.queue_transitions(array(
    select (
      new.id, transition.event, old.status = 'suppressed' and new.status = 'open', new.status = 'open', new.severity,
      new.category, new.source, new.environment, v_details
    )::monitoring.incident_transition
    from unnest(v_events) with ordinality as transition (event, place)
    order by transition.place
  ));
  if v_ids <> '{}' then
    perform set_config(
      'monitoring.unsent_notifications', concat_ws(',', nullif(v_unsent, ''), array_to_string(v_ids, ',')), true
    );
  end if;
  return null;
end
$$;

comment on function monitoring.queue_notifications() is
'Writes the notifications of a change of an incident: escalated, reopened, acknowledged or resolved. The trigger
notifications_are_sent_at_once sends them when the statement ends. Security definer: who may change an incident needs no
right to read the channels, nor to write the outbox.';

create trigger incident_changes_are_notified
after update on public.incidents
for each row
when (old.status <> new.status or old.severity <> new.severity)
execute function monitoring.queue_notifications();

create function monitoring.send_new_notifications()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_unsent text := current_setting('monitoring.unsent_notifications', true);
begin
  if v_unsent <> '' then
    perform set_config('monitoring.unsent_notifications', '', true);
    perform monitoring.send_at_once(string_to_array(v_unsent, ',')::bigint[]);
  end if;
  return null;
end
$$;

comment on function monitoring.send_new_notifications() is
'Makes the first attempts to send the notifications that a statement wrote, in one block. The trigger of the statement
fires after those of its rows. Security definer: who may change an incident needs no right to read secrets.';

create trigger notifications_are_sent_at_once
after update on public.incidents
for each statement execute function monitoring.send_new_notifications();
