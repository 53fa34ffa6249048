-- Purpose: provides the RPCs behind the status page, for signed-in readers and for the public.
-- Objects: functions monitoring.describe_maintenance, public.page_settings, public.status_page, public.public_status.
-- Risks: public_status() is for anonymous readers: it must only contain what anybody could find out from outside, and
--   what the owner makes public: the title, the logo and the times of maintenance of public targets. A test lists its
--   members.

create function monitoring.describe_maintenance(is_public boolean)
returns jsonb
language sql
stable
strict
security invoker
set search_path = ''
as $$
  with shown as materialized (
    select probe_targets.name, probe_targets.place
    from monitoring.probe_targets
    where not describe_maintenance.is_public
      or (probe_targets.is_public and probe_targets.is_enabled)
  ),

  windows as (
    select
      listed.starts_at,
      listed.ends_at,
      listed.reason,
      listed.targets is null as is_for_all,
      case
        when listed.targets is not null
          then array(
            select shown.name from shown where shown.name = any(listed.targets) order by shown.place limit 200
          )
      end as targets
    from monitoring.list_maintenance(now(), now() + interval '14 days') as listed
    -- What is muted is not announced.
    where not (describe_maintenance.is_public and listed.is_mute)
  )

  select
    coalesce(
      jsonb_agg(
        jsonb_build_object('starts_at', soonest.starts_at, 'ends_at', soonest.ends_at, 'targets', soonest.targets)
        || case
          when describe_maintenance.is_public then '{}'::jsonb
          else jsonb_build_object('reason', soonest.reason)
        end
        order by soonest.starts_at, soonest.ends_at, soonest.targets
      ),
      '[]'
    )
  from (
    select windows.*
    from windows
    where case when windows.is_for_all then exists (select from shown) else windows.targets <> '{}' end
    order by windows.starts_at, windows.ends_at, windows.targets
    limit 20
  ) as soonest
$$;

comment on function monitoring.describe_maintenance(boolean) is
'Returns the maintenance in progress and of the next 14 days as [{"starts_at", "ends_at", "targets", "reason"}], at most
20, soonest first. targets are the first 200 names in the order of the configuration, null for all. For the public, only
names of public targets, without reason, mutes, and windows of none of them.';

create function public.page_settings()
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'title', config.entry -> 'page_title',
    'logo', config.entry -> 'page_logo',
    'maintenance', monitoring.describe_maintenance(false)
  )
  from monitoring.config('health_check_policy') as config (entry)
$$;

revoke all on function public.page_settings() from public, anon, authenticated, service_role;

grant execute on function public.page_settings() to authenticated, service_role;

comment on function public.page_settings() is
'Returns the title, the logo and the planned maintenance of the status page.

{"title", "logo": data: URI of an image or null, "maintenance": [{"starts_at", "ends_at", "targets", "reason"}]}, as
health_check_policy has them: what is in progress and begins within 14 days, at most 20, soonest first, mutes among them.
targets is null for all. Security definer, because only the owner may read the configuration.';

create function public.status_page()
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select public.status_summary() || public.page_settings() || jsonb_build_object(
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
    ),
    'targets_limit', 200,
    'targets_are_cut', exists (select from public.target_status offset 200)
  )
$$;

revoke all on function public.status_page() from public, anon, authenticated, service_role;

grant execute on function public.status_page() to authenticated, service_role;

comment on function public.status_page() is
'Returns the data of the status page for signed-in readers.

status_summary(), page_settings(), the 50 most severe open incidents, the latest first, with their age in seconds, and
up to 200 targets (targets_limit) as in the view target_panels, those that are down, disputed, degraded or unknown
first. targets_are_cut says that there are more.';

create function public.public_status()
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'overall', monitoring.overall_state(is_public => true),
    'title', monitoring.config('health_check_policy') -> 'page_title',
    'logo', monitoring.config('health_check_policy') -> 'page_logo',
    'maintenance', monitoring.describe_maintenance(true),
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
            and public_targets.is_enabled
          order by public_targets.place
          limit 200
        )
      )
    ),
    'targets_limit', 200,
    'targets_are_cut', exists (
      select
      from monitoring.probe_targets
      where probe_targets.is_public
        and probe_targets.is_enabled
      offset 200
    )
  )
$$;

revoke all on function public.public_status() from public, anon, authenticated, service_role;

grant execute on function public.public_status() to service_role;

comment on function public.public_status() is
'Returns the data of the public status page.

The overall state of the targets whose "public" is true in health_check_targets, title and logo, the maintenance in
progress and of the next 14 days, and the first 200 (targets_limit) of these targets (targets_are_cut: there are more),
without URLs, errors, incidents and certificates. maintenance is [{"starts_at", "ends_at", "targets"}]: targets are
names of public targets, or null for all; windows of other targets, reasons and mutes are left out. Only service_role
may execute it: the service caches the result for some seconds, so that many anonymous readers cost one call. Security
definer, because only the owner may read which targets are public.';
