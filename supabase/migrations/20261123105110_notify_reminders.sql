-- Purpose: tells again of incidents that nobody acknowledged: reminders to the same channel, escalations to another.
-- Objects: functions monitoring.write_reminders, monitoring.write_escalations, monitoring.queue_reminders.
-- Risks: lock order: incidents in order of their fingerprints, then notifications in order of their ids. Rows that
--   another session has locked are left for the next run.

create function monitoring.write_reminders(incident_ids text[])
returns integer
language sql
volatile
security invoker
set search_path = ''
as $$
  with due as materialized (
    select notifications.*
    from monitoring.notifications
    where notifications.remind_at <= (select clock_timestamp())
      and notifications.incident_id = any(write_reminders.incident_ids)
    order by notifications.id
    for no key update skip locked
  ),

  judged as materialized (
    select
      due.id,
      due.channel,
      due.incident_id,
      incidents.severity,
      monitoring.describe_transition(incidents, null, jsonb_build_object('reason', format(
        'open for %s minutes and not acknowledged',
        floor(extract(epoch from clock_timestamp() - coalesce(incidents.reopened_at, incidents.first_seen)) / 60)
      ))) as details,
      clock_timestamp() + interval '1 minute' * notification_channels.remind_after_minutes as next_at,
      incidents.status = 'open'
      and notification_channels.is_enabled
      and 'reminder' = any(notification_channels.events)
      and notification_channels.remind_after_minutes is not null
      and not exists (
        select
        from monitoring.notifications as newer
        where newer.incident_id = due.incident_id
          and newer.channel = due.channel
          and newer.id > due.id
          and newer.remind_at is not null
      ) as is_needed,
      due.finished_at is null
      or monitoring.is_silent(incidents)
      or not monitoring.is_channel_active(notification_channels) as is_too_early
    from due
    join public.incidents on incidents.id = due.incident_id
    left join monitoring.notification_channels on notification_channels.name = due.channel
  ),

  written as (
    insert into monitoring.notifications (channel, incident_id, event, severity, details, remind_at)
    select judged.channel, judged.incident_id, 'reminder', judged.severity, judged.details, judged.next_at
    from judged
    where judged.is_needed
      and not judged.is_too_early
    order by judged.id
    returning notifications.id
  ),

  disarmed as (
    update monitoring.notifications
    set remind_at = case when judged.is_needed and judged.is_too_early then judged.next_at end
    from judged
    where notifications.id = judged.id
  )

  select count(*)::integer
  from written
$$;

comment on function monitoring.write_reminders(text[]) is
'Writes the reminders of incidents that are due, and returns their number. The caller has locked the incidents.

A reminder is not needed when the incident is not open any more, when its channel takes none, or when a newer
notification will be followed by one. It is too early, and due again later, while the earlier notification was not sent
yet, while the incident is silent, and while nothing may be sent to the channel.';

create function monitoring.write_escalations(incident_ids text[])
returns integer
language sql
volatile
security invoker
set search_path = ''
as $$
  with due as materialized (
    select notifications.*
    from monitoring.notifications
    where notifications.escalate_at <= (select clock_timestamp())
      and notifications.incident_id = any(write_escalations.incident_ids)
    order by notifications.id
    for no key update skip locked
  ),

  judged as materialized (
    select
      due.id,
      due.incident_id,
      incidents.severity,
      target.name as channel,
      monitoring.describe_transition(incidents, null, jsonb_build_object(
        'reason', format('not acknowledged after %s minutes', source.escalate_after_minutes)
      )) || jsonb_build_object('escalated_from', source.name) as details,
      clock_timestamp() + interval '1 minute' * source.escalate_after_minutes as next_at,
      case
        when 'reminder' = any(target.events)
          then clock_timestamp() + interval '1 minute' * target.remind_after_minutes
      end as remind_at,
      case
        when target.escalate_to is not null
          then clock_timestamp() + interval '1 minute' * target.escalate_after_minutes
      end as escalate_at,
      incidents.status = 'open'
      and source.is_enabled
      and target.is_enabled
      and source.escalate_after_minutes is not null
      and not exists (
        select
        from monitoring.notifications as earlier
        where earlier.incident_id = due.incident_id
          and earlier.channel = target.name
          and earlier.event = 'escalated'
          and earlier.details ? 'escalated_from'
          and earlier.created_at >= coalesce(incidents.reopened_at, incidents.first_seen)
      ) as is_needed,
      (due.status = 'queued' and due.attempts = 0 and due.digest_id is null)
      or monitoring.is_silent(incidents)
      or not monitoring.is_channel_active(target) as is_too_early
    from due
    join public.incidents on incidents.id = due.incident_id
    left join monitoring.notification_channels as source on source.name = due.channel
    left join monitoring.notification_channels as target on target.name = source.escalate_to
  ),

  written as (
    insert into monitoring.notifications (
      channel, incident_id, event, severity, details, remind_at, escalate_at
    )
    select
      chosen.channel, chosen.incident_id, 'escalated', chosen.severity, chosen.details, chosen.remind_at,
      chosen.escalate_at
    from (
      select distinct on (judged.incident_id, judged.channel) judged.*
      from judged
      where judged.is_needed
        and not judged.is_too_early
      order by judged.incident_id, judged.channel, judged.id
    ) as chosen
    order by chosen.id
    returning notifications.id
  ),

  disarmed as (
    update monitoring.notifications
    set escalate_at = case when judged.is_needed and judged.is_too_early then judged.next_at end
    from judged
    where notifications.id = judged.id
  )

  select count(*)::integer
  from written
$$;

comment on function monitoring.write_escalations(text[]) is
'Writes the notifications of channels that are told of an incident because another channel did not acknowledge it in
time, and returns their number. The caller has locked the incidents.

The filters of the channel do not apply to them. Each channel is told so once until the incident is resolved. An
escalation is not needed when the incident is not open any more. It is too early, and due again later, while the
earlier notification was never tried, as in quiet hours, while the incident is silent, and while nothing may be sent to
the channel.';

create function monitoring.queue_reminders()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_incidents text[];
begin
  v_incidents := array(
    select incidents.id
    from public.incidents
    where incidents.id in (
      (
        select notifications.incident_id
        from monitoring.notifications
        -- A subquery, because an index is not searched for what changes with each row.
        where notifications.remind_at <= (select clock_timestamp())
        order by notifications.remind_at
        limit 500
      )
      union
      (
        select notifications.incident_id
        from monitoring.notifications
        where notifications.escalate_at <= (select clock_timestamp())
        order by notifications.escalate_at
        limit 500
      )
    )
    order by incidents.fingerprint
    for no key update skip locked
  );
  return monitoring.write_reminders(v_incidents) + monitoring.write_escalations(v_incidents);
end
$$;

comment on function monitoring.queue_reminders() is
'Queues the reminders and escalations that are due, of at most 500 notifications each, and returns their number.';
