-- Purpose: opens an incident when Sentry has sent nothing for a configured time, which can mean a broken
--   integration.
-- Objects: functions monitoring.describe_sentry_feed, monitoring.check_sentry_feed.
-- Risks: it does nothing unless incident_policy.feed_silence_hours is set.

create function monitoring.describe_sentry_feed(
  out last_delivery_at timestamptz, out is_silent boolean, out failed bigint, out deferred bigint
)
language sql
stable
security invoker
set search_path = ''
as $$
  select
    latest.received_at,
    coalesce(
      latest.received_at < clock_timestamp() - make_interval(
        secs => 3600 * (monitoring.config('incident_policy') ->> 'feed_silence_hours')::double precision
      ),
      false
    ),
    (
      select count(*)
      from (
        select from monitoring.deliveries where deliveries.effect = 'failed' limit 10000
      ) as counted
    ),
    (
      select count(*)
      from (
        select from monitoring.deliveries where deliveries.effect = 'deferred' limit 10000
      ) as counted
    )
  from (
    select max(deliveries.received_at) as received_at
    from monitoring.deliveries
    where deliveries.kind = 'sentry'
  ) as latest
$$;

comment on function monitoring.describe_sentry_feed() is
'Returns when Sentry delivered last, null for never, whether that is longer ago than
incident_policy.feed_silence_hours, and how many deliveries of all kinds have failed or are deferred, counted up to
10,000.';

create function monitoring.check_sentry_feed()
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_feed record;
  v_event monitoring.prepared_event;
begin
  select feed.last_delivery_at, feed.is_silent
  into v_feed
  from monitoring.describe_sentry_feed() as feed;
  if not v_feed.is_silent then
    return case
      when 0 < monitoring.resolve_incidents(
        array['sentry:feed'], 'sentry', 'sentry',
        'Sentry delivers again, or incident_policy.feed_silence_hours was removed.'
      ) then 'resolved'
      else 'quiet'
    end;
  end if;
  if exists (
    select
    from public.incidents
    where incidents.fingerprint = 'sentry:feed'
      and incidents.status <> 'resolved'
  ) then
    return 'silent';
  end if;

  v_event := monitoring.prepare_event(
    jsonb_build_object(
      'error', jsonb_build_object(
        'message', format('Sentry has delivered nothing since %s', v_feed.last_delivery_at),
        'type', 'FeedSilent'
      ),
      'severity', 'MEDIUM',
      'category', 'infrastructure',
      'source', 'sentry',
      'fingerprint', 'sentry:feed'
    ),
    1,
    'sentry'
  );
  v_event.quota := null; -- a flood of issues before the silence must not hide it
  v_event.rule := 'feed_silence';
  perform monitoring.upsert_incidents(array[v_event]);
  return 'opened';
end
$$;

comment on function monitoring.check_sentry_feed() is
'Opens a MEDIUM incident when Sentry has delivered nothing for incident_policy.feed_silence_hours, and resolves it at
the next delivery. Returns opened, silent, resolved or quiet. pg_cron runs it every five minutes.';
