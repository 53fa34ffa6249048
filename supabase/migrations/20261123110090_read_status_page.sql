-- Purpose: provides the RPCs behind the status page, for signed-in readers and for the public.
-- Objects: functions public.status_page, public.public_status.
-- Risks: public_status() is for anonymous readers: it must only contain what anybody could find out from outside.

create function public.status_page()
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select public.status_summary() || jsonb_build_object(
    'incidents', (
      select coalesce(jsonb_agg(to_jsonb(worst) order by worst.severity desc, worst.opened_at desc, worst.id), '[]'::jsonb)
      from (
        select
          open_incidents.id,
          open_incidents.title,
          open_incidents.severity,
          open_incidents.category,
          open_incidents.status,
          open_incidents.source,
          open_incidents.occurrence_count,
          open_incidents.first_seen,
          open_incidents.last_seen,
          open_incidents.opened_at,
          open_incidents.external_url,
          extract(epoch from open_incidents.age)::bigint as age_seconds
        from public.open_incidents
        order by open_incidents.severity desc, open_incidents.opened_at desc, open_incidents.id
        limit 50
      ) as worst
    ),
    'targets', (
      select
        coalesce(
          jsonb_agg(
            panel
            -- Null, and therefore last, for targets that are up.
            order by array_position(array['down', 'disputed', 'degraded', 'unknown'], panel.status::text), panel.target
          ),
          '[]'::jsonb
        )
      from public.target_panels as panel
      -- An array, so that the others are not read.
      where panel.target = any(
        array(
          select target_status.target
          from public.target_status
          order by
            array_position(array['down', 'disputed', 'degraded', 'unknown'], target_status.status::text),
            target_status.target
          limit 200
        )
      )
    )
  )
$$;

revoke all on function public.status_page() from public, anon, authenticated, service_role;

grant execute on function public.status_page() to authenticated, service_role;

comment on function public.status_page() is
'Returns the data of the status page for signed-in readers.

status_summary(), the 50 most severe open incidents, the latest first, with their age in seconds, and up to 200 targets
as in the view target_panels, those that are down, disputed, degraded or unknown first.';

create function public.public_status()
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'overall', monitoring.overall_state(),
    'targets', (
      select coalesce(jsonb_agg(panel order by probe_targets.place), '[]'::jsonb)
      from monitoring.probe_targets
      cross join lateral (
        select
          target_panels.target,
          target_panels.status,
          target_panels.since,
          target_panels.last_check_at,
          target_panels.p50_ms,
          target_panels.p95_ms,
          target_panels.is_maintenance,
          target_panels.uptime_24h_percent,
          target_panels.uptime_90d_percent,
          target_panels.days,
          target_panels.response_times_ms,
          target_panels.is_heartbeat,
          target_panels.last_heartbeat_at,
          target_panels.next_heartbeat_at,
          target_panels.group_name,
          target_panels.is_paused,
          target_panels.figures_at
        from public.target_panels
        where target_panels.target = probe_targets.name
      ) as panel
      -- An array, so that the others are not read.
      where panel.target = any(
        array(
          select public_targets.name
          from monitoring.probe_targets as public_targets
          where public_targets.is_public
          order by public_targets.place
          limit 200
        )
      )
    )
  )
$$;

revoke all on function public.public_status() from public, anon, authenticated, service_role;

grant execute on function public.public_status() to service_role;

comment on function public.public_status() is
'Returns the data of the public status page.

The overall state and the targets whose "public" is true in health_check_targets, without URLs, errors, incidents and
certificates. Only service_role may execute it: the service caches the result for some seconds, so that many anonymous
readers cost one call. Security definer, because only the owner may read which targets are public.';
