-- Purpose: keeps a storm short: ends notifications that are over before they were sent, and tells many incidents in one
--   digest when a channel may not be sent that many messages.
-- Objects: functions monitoring.find_last_told, monitoring.collapse_notifications, monitoring.describe_digest,
--   monitoring.queue_digests, monitoring.finish_digests.
-- Risks: the caller holds the advisory lock of the channel. Rows that another session has locked are skipped with all
--   others of their incident, so a later one never overtakes an earlier one.

create function monitoring.find_last_told(channel text, incident_id text, before_id bigint)
returns table (is_open boolean, severity public.incident_severity)
language sql
stable
security invoker
set search_path = ''
as $$
  select notifications.event <> 'resolved', notifications.severity
  from monitoring.notifications
  where notifications.incident_id = find_last_told.incident_id
    and notifications.channel = find_last_told.channel
    and notifications.id < find_last_told.before_id
    and notifications.event <> 'acknowledged'
    and notifications.status <> 'collapsed'
    and (
      notifications.status in ('delivered', 'sending')
      or notifications.may_have_arrived
      or (notifications.status = 'queued' and notifications.digest_id is not null)
    )
  order by notifications.id desc
  limit 1
$$;

comment on function monitoring.find_last_told(text, text, bigint) is
'Returns what a channel knows, or may know, of an incident from the notifications before an id: whether it is open, and
the severity. No row if it knows nothing. A message in flight and one in a digest count as told.';

create function monitoring.collapse_notifications(channel text)
returns integer
language sql
volatile
security invoker
set search_path = ''
as $$
  with waiting as (
    select notifications.id, notifications.incident_id, notifications.event
    from monitoring.notifications
    where notifications.channel = collapse_notifications.channel
      and notifications.status = 'queued'
      and notifications.digest_id is null
      and notifications.incident_id is not null
      and not notifications.may_have_arrived
  ),

  candidates as materialized (
    select
      counted.incident_id,
      counted.size,
      counted.first_id,
      counted.has_end,
      incidents.id is not null as is_over
    from (
      select
        waiting.incident_id,
        count(*) as size,
        min(waiting.id) as first_id,
        bool_or(waiting.event = 'resolved') as has_end,
        count(*) filter (where waiting.event in ('opened', 'reopened')) as openings
      from waiting
      group by waiting.incident_id
    ) as counted
    left join public.incidents
      on incidents.id = counted.incident_id
      and incidents.status = 'resolved'
      and not counted.has_end
    where counted.has_end or counted.openings > 1 or incidents.id is not null
    order by counted.first_id
    limit 5000
  ),

  locked as materialized (
    select notifications.id, notifications.incident_id, notifications.event, notifications.severity
    from monitoring.notifications
    where notifications.id in (
      select waiting.id
      from waiting
      join candidates on candidates.incident_id = waiting.incident_id
    )
      and notifications.status = 'queued'
      and notifications.digest_id is null
      and not notifications.may_have_arrived
    order by notifications.id
    for no key update skip locked
  ),

  -- Until where the rows of each incident collapse.
  ends as (
    select
      candidates.incident_id,
      case
        when candidates.is_over then 'infinity'::numeric
        when latest.event = 'resolved' then latest.id - (told.is_open is true)::integer
        else latest.id - ((told.is_open and candidates.has_end and latest.severity <= told.severity) is not true)::integer
      end as last_id
    from candidates
    join (
      select locked.incident_id, count(*) as size
      from locked
      group by locked.incident_id
    ) as counted on counted.incident_id = candidates.incident_id and counted.size = candidates.size
    left join lateral (
      select locked.id, locked.event, locked.severity
      from locked
      where locked.incident_id = candidates.incident_id
        and locked.event in ('opened', 'reopened', 'resolved')
      order by locked.id desc
      limit 1
    ) as latest on true
    left join lateral monitoring.find_last_told(
      collapse_notifications.channel, candidates.incident_id, candidates.first_id
    ) as told on true
  ),

  collapsed as (
    update monitoring.notifications
    set status = 'collapsed', finished_at = clock_timestamp()
    from locked
    join ends on ends.incident_id = locked.incident_id
    where notifications.id = locked.id
      and locked.id <= ends.last_id
    returning notifications.id
  )

  select count(*)::integer
  from collapsed
$$;

comment on function monitoring.collapse_notifications(text) is
'Ends what the notifications of a channel need not tell any more, for at most 5,000 incidents, and returns their number.

Only what was never sent collapses: no row that is in flight, that may have arrived or that is in a digest. Of the
unsent rows of an incident, the newest opened, reopened or resolved row says how it is now. The rows before it
collapse. It collapses itself when the channel knows that already: it was told that the incident is open, with the same
severity, and only a resolution and a reopening wait; or it was not told, and the incident is resolved. So an opening
and its resolution both collapse, and a channel without resolutions is not told of an opening that is over.';

create function monitoring.describe_digest(notification_ids bigint[])
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  with told as (
    select
      notifications.incident_id,
      -- What is newest; but that an incident opened is more than that it was escalated since.
      (array_agg(
        notifications.event
        order by
          notifications.event in ('escalated', 'reminder'),
          notifications.id desc
      ))[1] as event,
      max(notifications.severity) as severity,
      (array_agg(notifications.details ->> 'title' order by notifications.id desc))[1] as title
    from monitoring.notifications
    where notifications.id = any(describe_digest.notification_ids)
    group by notifications.incident_id
  )

  select jsonb_build_object(
    'count', count(*),
    'worst', (array_agg(
      jsonb_build_object('id', told.incident_id, 'severity', told.severity, 'title', told.title)
      order by told.severity desc, told.incident_id
    ))[1],
    'notifications', jsonb_agg(
      jsonb_build_object(
        'incident_id', told.incident_id, 'event', told.event, 'severity', told.severity, 'title', left(told.title, 80)
      )
      order by told.severity desc, told.incident_id
    )
  )
  from told
$$;

comment on function monitoring.describe_digest(bigint[]) is
'Returns the details of a digest of notifications: how many incidents, the worst, and each of them once, with its newest
event and its title, the worst first.';

create function monitoring.queue_digests(channel text, free integer)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_size constant integer := 200;
  v_alone integer;
  v_incidents text[];
  v_digests integer;
  v_locked bigint[];
  v_members bigint[];
  v_digest_id bigint;
  v_count integer := 0;
begin
  select
    (count(*) filter (where not due.may_be_in_digest))::integer,
    array_agg(due.incident_id order by due.place) filter (where due.may_be_in_digest)
  into v_alone, v_incidents
  from monitoring.list_due_notifications(queue_digests.channel) as due;
  -- What must be sent alone goes first, and nothing is due that has no message.
  if queue_digests.free <= v_alone or queue_digests.free >= v_alone + coalesce(cardinality(v_incidents), 0) then
    return 0;
  end if;

  v_digests := least(
    queue_digests.free - v_alone,
    ceil((cardinality(v_incidents) - queue_digests.free + v_alone) / (c_size - 1)::numeric)::integer
  );
  v_incidents := v_incidents[queue_digests.free - v_alone - v_digests + 1:];
  v_locked := array(
    select notifications.id
    from monitoring.notifications
    where notifications.channel = queue_digests.channel
      and notifications.incident_id = any(v_incidents[:v_digests * c_size])
      and notifications.status = 'queued'
    order by notifications.id
    for no key update skip locked
  );

  for v_members in
    select array_agg(waiting.id order by waiting.id)
    from (
      select
        notifications.id,
        (chosen.place - 1) / c_size as digest,
        bool_and(locked.id is not null) over (partition by chosen.incident_id) as is_locked
      from unnest(v_incidents[:v_digests * c_size]) with ordinality as chosen (incident_id, place)
      join monitoring.notifications
        on notifications.incident_id = chosen.incident_id
        and notifications.channel = queue_digests.channel
        and notifications.status in ('queued', 'sending')
      left join unnest(v_locked) as locked (id) on locked.id = notifications.id
    ) as waiting
    where waiting.is_locked
    group by waiting.digest
    order by waiting.digest
  loop
    insert into monitoring.notifications (channel, event, severity, details)
    select
      queue_digests.channel, 'digest', max(notifications.severity), monitoring.describe_digest(v_members)
    from monitoring.notifications
    where notifications.id = any(v_members)
    returning notifications.id into v_digest_id;

    update monitoring.notifications
    set digest_id = v_digest_id
    where notifications.id = any(v_members);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

comment on function monitoring.queue_digests(text, integer) is
'Puts the notifications of a channel that are due, and too many for the free messages, in digests, and returns the
number of digests.

The worst incidents keep a message of their own. The others go in digests of at most 200 incidents, as few digests as
are needed: of 1,000 incidents and 20 free messages, 15 are told alone and 985 in 5 digests. What still has no place
waits for the next run. All waiting rows of an incident go in the same digest, which names it once. A digest is sent as
one message, and its members end with it: see finish_digests().';

create function monitoring.finish_digests(channel text)
returns integer
language sql
volatile
security invoker
set search_path = ''
as $$
  with ended as materialized (
    select notifications.id, digest.status, digest.error, digest.may_have_arrived
    from monitoring.notifications
    join monitoring.notifications as digest on digest.id = notifications.digest_id
    where notifications.channel = finish_digests.channel
      and notifications.status = 'queued'
      and digest.finished_at is not null
    order by notifications.id
    for no key update of notifications skip locked
  ),

  finished as (
    update monitoring.notifications
    set
      status = ended.status,
      error = ended.error,
      may_have_arrived = ended.may_have_arrived,
      finished_at = clock_timestamp()
    from ended
    where notifications.id = ended.id
    returning notifications.id
  )

  select count(*)::integer
  from finished
$$;

comment on function monitoring.finish_digests(text) is
'Ends the notifications of a channel whose digest has ended, with its status, and returns their number. Safe to repeat:
a row that another session has locked ends in a later run.';
