-- Purpose: decides which notifications of a channel may be sent now: quiet hours, silence, repeats of a flapping
--   incident, order of an incident, messages per minute.
-- Objects: functions monitoring.is_quiet, monitoring.is_silent, monitoring.find_repeat_end, monitoring.is_held,
--   monitoring.keep_earlier_attempts, monitoring.count_free_messages, monitoring.list_due_notifications; trigger
--   earlier_attempts_are_kept.
-- Risks: a held notification is not changed: whether it is held is decided again before each attempt to send it, so a
--   change of the configuration, of the incident or of its severity has effect at once.

create function monitoring.is_quiet(
  channel monitoring.notification_channels, severity public.incident_severity, at timestamptz
)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select (is_quiet.channel).quiet_from is not null
    and not ((is_quiet.channel).critical_passes_quiet_hours and coalesce(is_quiet.severity = 'CRITICAL', false))
    and exists (
      select
      from (
        select
          (is_quiet.channel).quiet_timezone as timezone,
          (is_quiet.at at time zone (is_quiet.channel).quiet_timezone)::date as today,
          ((is_quiet.channel).quiet_to <= (is_quiet.channel).quiet_from)::integer as nights
      ) as clock
      cross join (
        values (0), (1)
      ) as days (ago)
      where is_quiet.at >= (clock.today - days.ago + (is_quiet.channel).quiet_from) at time zone clock.timezone
        and is_quiet.at < (
          clock.today - days.ago + clock.nights + (is_quiet.channel).quiet_to
        ) at time zone clock.timezone
    )
$$;

comment on function monitoring.is_quiet(monitoring.notification_channels, public.incident_severity, timestamptz) is
'Returns whether a channel has quiet hours at a time, for notifications of a severity. An end that is not later than
the start is on the next day. On the days on which clocks change, the quiet hours are one period from the start to the
end, as the clocks there show them.';

create function monitoring.is_silent(incident public.incidents)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  with recursive ancestors as (
    select probe_targets.depends_on as name
    from monitoring.probe_targets
    where (is_silent.incident).sender = 'health-check'
      and 'health-check:target:' || probe_targets.name = (is_silent.incident).fingerprint
    union
    select probe_targets.depends_on
    from ancestors
    join monitoring.probe_targets on probe_targets.name = ancestors.name
  )

  select (is_silent.incident).status = 'suppressed'
    or (
      (is_silent.incident).sender = 'health-check'
      and (is_silent.incident).fingerprint like 'health-check:target:%'
      and (
        monitoring.is_in_maintenance(
          substr((is_silent.incident).fingerprint, length('health-check:target:') + 1), clock_timestamp()
        )
        or exists (
          select
          from ancestors
          join monitoring.probe_targets on probe_targets.name = ancestors.name and probe_targets.is_enabled
          join monitoring.target_states on target_states.target = ancestors.name
          where target_states.status = 'down'
        )
      )
    )
$$;

comment on function monitoring.is_silent(public.incidents) is
'Returns whether nobody is told now that an incident is open: it is suppressed, or it is that of a target which is in
maintenance, or which depends on a target that is down, directly or through others.';

create function monitoring.find_repeat_end(
  channel text,
  incident_id text,
  id bigint,
  event monitoring.notification_event,
  severity public.incident_severity
)
returns timestamptz
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(told.sent_at, told.finished_at)
    + coalesce(monitoring.read_limit('rate_limits', 'notification_repeat_minutes'), 5) * interval '1 minute'
  from (
    select notifications.*
    from monitoring.notifications
    where notifications.incident_id = find_repeat_end.incident_id
      and notifications.channel = find_repeat_end.channel
      and notifications.id < find_repeat_end.id
      and notifications.status <> 'collapsed'
      and (notifications.status = 'delivered' or notifications.may_have_arrived)
      and notifications.event in ('opened', 'reopened', 'resolved')
      and (notifications.event = 'resolved') = (find_repeat_end.event = 'resolved')
    order by notifications.id desc
    limit 1
  ) as told
  where find_repeat_end.event in ('opened', 'reopened', 'resolved')
    and told.severity >= find_repeat_end.severity
$$;

comment on function monitoring.find_repeat_end(
  text, text, bigint, monitoring.notification_event, public.incident_severity
) is
'Returns the time until which a notification is a repeat that comes too soon: the channel was told the same of the
incident, that it is open or that it is resolved, less than rate_limits.notification_repeat_minutes before. Null when
it never was, and for a higher severity than it was told: that is news. Without a readable limit, 5 minutes.';

create function monitoring.is_held(
  notification monitoring.notifications, channel monitoring.notification_channels
)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select (is_held.notification).event <> 'test'
    and (
      monitoring.is_quiet(is_held.channel, (is_held.notification).severity, clock_timestamp())
      or coalesce(
        clock_timestamp() < monitoring.find_repeat_end(
          (is_held.notification).channel,
          (is_held.notification).incident_id,
          (is_held.notification).id,
          (is_held.notification).event,
          (is_held.notification).severity
        ),
        false
      )
      or (
        (is_held.notification).event in ('opened', 'escalated', 'reopened', 'reminder')
        and exists (
          select
          from public.incidents
          where incidents.id = (is_held.notification).incident_id
            and monitoring.is_silent(incidents)
        )
      )
    )
$$;

comment on function monitoring.is_held(monitoring.notifications, monitoring.notification_channels) is
'Returns whether a notification must wait although it is due: quiet hours, a silent incident, or a repeat that comes
too soon. What it tells is over when the incident is resolved meanwhile: then collapse_notifications() ends it.';

create function monitoring.keep_earlier_attempts()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  new.earlier_sent_at := array(
    select attempts.sent_at
    from unnest(old.earlier_sent_at || old.sent_at) as attempts (sent_at)
    where attempts.sent_at > clock_timestamp() - interval '1 minute'
    order by attempts.sent_at
  );
  return new;
end
$$;

comment on function monitoring.keep_earlier_attempts() is
'Keeps the times of the earlier attempts of the last minute, because they count in the limit too.';

create trigger earlier_attempts_are_kept
before update on monitoring.notifications
for each row
when (new.attempts > old.attempts and new.sent_at is distinct from old.sent_at)
execute function monitoring.keep_earlier_attempts();

create function monitoring.count_free_messages(channel text)
returns integer
language sql
stable
security invoker
set search_path = ''
set enable_seqscan = off
as $$
  select greatest(
    0, coalesce(monitoring.read_limit('rate_limits', 'notifications_per_minute'), 20) - (
      select count(*) + coalesce(
        sum((
          select count(*)
          from unnest(notifications.earlier_sent_at) as attempts (sent_at)
          where attempts.sent_at > clock_timestamp() - interval '1 minute'
        )),
        0
      )
      from monitoring.notifications
      where notifications.channel = count_free_messages.channel
        -- A subquery, because an index is not searched for what changes with each row.
        and notifications.sent_at > (select clock_timestamp() - interval '1 minute')
    )
  )::integer
$$;

comment on function monitoring.count_free_messages(text) is
'Returns how many more messages a channel may be sent now: rate_limits.notifications_per_minute minus the attempts of
the last minute, repeated ones included. Without a readable limit, 20 minus them. Sequential scans are off, because the
planner does not know how few rows a minute has.';

create function monitoring.list_due_notifications(channel text)
returns table (
  id bigint,
  place bigint,
  incident_id text,
  severity public.incident_severity,
  may_be_in_digest boolean
)
language sql
stable
security invoker
set search_path = ''
as $$
  with settings as materialized (
    select
      notification_channels.kind,
      monitoring.is_quiet(notification_channels, 'LOW', clock_timestamp()) as is_quiet,
      monitoring.is_quiet(notification_channels, 'CRITICAL', clock_timestamp()) as is_quiet_for_critical
    from monitoring.notification_channels
    where notification_channels.name = list_due_notifications.channel
  ),

  -- The first unfinished notification of each incident: the others follow it.
  first as (
    select
      notifications.id,
      notifications.incident_id,
      notifications.event,
      notifications.severity,
      notifications.status,
      notifications.digest_id,
      notifications.next_attempt_at,
      notifications.incident_id is null or notifications.may_have_arrived as is_retry,
      row_number() over (
        partition by coalesce(notifications.incident_id, notifications.message_id) order by notifications.id
      ) as position
    from monitoring.notifications
    where notifications.channel = list_due_notifications.channel
      and notifications.status in ('queued', 'sending')
  ),

  due as materialized (
    select first.*, settings.kind
    from first
    cross join settings
    where first.position = 1
      and first.status = 'queued'
      and first.digest_id is null
      and first.next_attempt_at <= clock_timestamp()
      and not (
        first.event <> 'test'
        and case when first.severity = 'CRITICAL' then settings.is_quiet_for_critical else settings.is_quiet end
      )
    order by first.is_retry desc, first.severity desc, first.id
    limit 5000
  )

  select
    due.id,
    row_number() over (order by due.is_retry desc, due.severity desc, due.id),
    due.incident_id,
    due.severity,
    not due.is_retry and not (
      due.kind = 'pagerduty'
      and due.event in ('acknowledged', 'resolved')
      and exists (
        select
        from monitoring.notifications as told
        where told.incident_id = due.incident_id
          and told.channel = list_due_notifications.channel
          and told.id < due.id
          and told.digest_id is null
          and (told.status = 'delivered' or told.may_have_arrived)
      )
    )
  from due
  left join public.incidents
    on incidents.id = due.incident_id
    and due.event in ('opened', 'escalated', 'reopened', 'reminder')
    and (incidents.sender = 'health-check' or incidents.status = 'suppressed')
  where (incidents.id is null or not monitoring.is_silent(incidents))
    and coalesce(
      monitoring.find_repeat_end(
        list_due_notifications.channel, due.incident_id, due.id, due.event, due.severity
      ) <= clock_timestamp(),
      true
    )
$$;

comment on function monitoring.list_due_notifications(text) is
'Returns the notifications of a channel that may be sent now, at most 5,000 and one for each incident, which is its
first unfinished one, so that the order of an incident is kept. They are queued, due, in no digest and not held: by
quiet hours, by a silent incident, or as a repeat that comes too soon. What a held one tells is over when the incident is
resolved meanwhile: then collapse_notifications() ends it.

place is the order to send them in: messages that may have arrived already and digests, then the worst severity first,
then the oldest. may_be_in_digest is false for messages that may have arrived, because a repeat keeps its id, and in
PagerDuty for the end of an incident that it knows from a message of its own, which would stay open there.';
