-- Purpose: provides the RPCs with which an operator mutes a target for some time, or pauses its checks.
-- Objects: functions monitoring.list_windows_without_mutes, monitoring.require_target, public.mute_target,
--   public.unmute_target, monitoring.write_pause, public.pause_target, public.resume_target.
-- Risks: a mute is a one-time window in health_check_policy.maintenance_windows with the field muted_by, and a pause is
--   in the fields is_paused and paused_until of the target. Windows that a person wrote have no such field and stay as
--   they are. Takes the advisory lock of action starts and ends before the row of the configuration, as every change of
--   it does.

create function monitoring.list_windows_without_mutes(target text)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(jsonb_agg(windows.item order by windows.position), '[]')
  from jsonb_array_elements(
    monitoring.config('health_check_policy') -> 'maintenance_windows'
  ) with ordinality as windows (item, position)
  where windows.item ->> 'muted_by' is null
    or (
      not windows.item -> 'targets' ? list_windows_without_mutes.target
      and (windows.item ->> 'ends_at')::timestamp > clock_timestamp() at time zone 'UTC'
    )
$$;

comment on function monitoring.list_windows_without_mutes(text) is
'Returns the maintenance windows without the mutes of a target, and without those of other targets that have ended.';

create function monitoring.require_target(target text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if not exists (select from monitoring.probe_targets where probe_targets.name = require_target.target) then
    perform monitoring.refuse_request(
      'PT404', format('there is no target %s', left(require_target.target, 100)), 'target',
      coalesce(
        'The targets are: ' || (
          select left(string_agg(probe_targets.name, ', ' order by probe_targets.place), 2000)
          from monitoring.probe_targets
        ),
        'health_check_targets is empty.'
      )
    );
  end if;
end
$$;

comment on function monitoring.require_target(text) is
'Raises PT404 unless there is a target of this name. The hint names the targets.';

create function public.mute_target(target text, minutes integer, reason text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_target text := monitoring.require_argument('target', btrim(mute_target.target));
  v_reason text := monitoring.read_required_text('reason', mute_target.reason, 500);
  v_ends_at timestamptz;
  v_windows jsonb;
begin
  if mute_target.minutes is null or mute_target.minutes not between 1 and 43200 then
    perform monitoring.refuse_request(
      'PT400', 'minutes must be from 1 to 43200, which is 30 days', 'minutes',
      'For longer, set enabled of the target to false in health_check_targets.'
    );
  end if;
  perform pg_advisory_xact_lock(20261126, 1);
  perform monitoring.require_target(v_target);
  -- Windows have no seconds: this one ends with the minute.
  v_ends_at := date_trunc('minute', clock_timestamp()) + make_interval(mins => mute_target.minutes + 1);
  v_windows := monitoring.list_windows_without_mutes(v_target) || jsonb_build_object(
    'starts_at', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI'),
    'ends_at', to_char(v_ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI'),
    'timezone', 'UTC',
    'targets', jsonb_build_array(v_target),
    'reason', v_reason,
    'muted_by', left(monitoring.read_editor(), 200)
  );
  if jsonb_array_length(v_windows) > 100 then
    perform monitoring.refuse_request(
      'PT409', 'health_check_policy has 100 maintenance windows already', 'target',
      'Remove windows that are over from maintenance_windows, then try again.'
    );
  end if;
  perform monitoring.set_change_context('', jsonb_build_object('reason', v_reason));
  update public.system_config
  set value = system_config.value || jsonb_build_object('maintenance_windows', v_windows)
  where system_config.key = 'health_check_policy';
  perform monitoring.set_change_context('', '{}');
  return jsonb_build_object('target', v_target, 'muted_until', v_ends_at);
end
$$;

revoke all on function public.mute_target(text, integer, text) from public, anon, authenticated, service_role;

grant execute on function public.mute_target(text, integer, text) to service_role;

comment on function public.mute_target(text, integer, text) is
'Mutes a target for some minutes and returns {"target", "muted_until"}.

The target is in maintenance until then: it is probed, but its failures open no incident and do not count as downtime.
An earlier mute of the target is replaced. 404 for an unknown target; hint names the known ones. reason is required.
Security definer, because service_role may change the configuration through such functions only.';

create function public.unmute_target(target text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_target text := monitoring.require_argument('target', btrim(unmute_target.target));
begin
  perform pg_advisory_xact_lock(20261126, 1);
  if not exists (
    select
    from jsonb_array_elements(monitoring.config('health_check_policy') -> 'maintenance_windows') as windows (item)
    where windows.item ->> 'muted_by' is not null
      and windows.item -> 'targets' ? v_target
  ) then
    perform monitoring.refuse_request(
      'PT404', format('%s is not muted', left(v_target, 100)), 'target',
      'A window in health_check_policy.maintenance_windows that a person wrote is removed there.'
    );
  end if;
  update public.system_config
  set value = system_config.value || jsonb_build_object(
    'maintenance_windows', monitoring.list_windows_without_mutes(v_target)
  )
  where system_config.key = 'health_check_policy';
  return jsonb_build_object(
    'target', v_target, 'is_in_maintenance', monitoring.is_in_maintenance(v_target, clock_timestamp())
  );
end
$$;

revoke all on function public.unmute_target(text) from public, anon, authenticated, service_role;

grant execute on function public.unmute_target(text) to service_role;

comment on function public.unmute_target(text) is
'Ends the mute of a target and returns {"target", "is_in_maintenance"}.

is_in_maintenance is true if another maintenance window covers the target now. 404 when the target is not muted.
Security definer, because service_role may change the configuration through such functions only.';

create function monitoring.write_pause(target text, reason text, fields jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform monitoring.set_change_context('', jsonb_strip_nulls(jsonb_build_object('reason', write_pause.reason)));
  update public.system_config
  set
    value = (
      select
        coalesce(
          jsonb_agg(
            case
              when items.item ->> 'name' = write_pause.target
                then (items.item - array['is_paused', 'paused_until']) || write_pause.fields
              else items.item
            end
            order by items.position
          ),
          '[]'
        )
      from jsonb_array_elements(system_config.value) with ordinality as items (item, position)
    )
  where system_config.key = 'health_check_targets';
  perform monitoring.set_change_context('', '{}');
end
$$;

comment on function monitoring.write_pause(text, text, jsonb) is
'Replaces the fields is_paused and paused_until of a target in the configuration. The reason is kept on the audit
trail.';

create function public.pause_target(target text, minutes integer default null, reason text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_target text := monitoring.require_argument('target', btrim(pause_target.target));
  v_reason text := monitoring.read_required_text('reason', pause_target.reason, 500);
  v_until timestamptz;
begin
  if pause_target.minutes not between 1 and 43200 then
    perform monitoring.refuse_request(
      'PT400', 'minutes must be from 1 to 43200, which is 30 days', 'minutes',
      'Leave minutes out for a pause that lasts until resume_target().'
    );
  end if;
  perform pg_advisory_xact_lock(20261126, 1);
  perform monitoring.require_target(v_target);
  v_until := date_trunc('second', clock_timestamp()) + make_interval(mins => pause_target.minutes);
  perform monitoring.write_pause(
    v_target,
    v_reason,
    jsonb_strip_nulls(
      jsonb_build_object(
        'is_paused', true, 'paused_until', to_char(v_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
      )
    )
  );
  return jsonb_build_object('target', v_target, 'paused_until', v_until);
end
$$;

revoke all on function public.pause_target(text, integer, text) from public, anon, authenticated, service_role;

grant execute on function public.pause_target(text, integer, text) to service_role;

comment on function public.pause_target(text, integer, text) is
'Stops the checks of a target for some minutes, or until resume_target(), and returns {"target", "paused_until"}.

The target is not requested, or its heartbeats are not awaited; its incident is resolved, and the time counts neither as
uptime nor as downtime. mute_target() goes on checking. minutes is from 1 to 43200; without it the pause has no end. An
earlier pause is replaced. 404 for an unknown target; hint names the known ones. reason is required, and kept on the
audit trail. Security definer, because service_role may change the configuration through such functions only.';

create function public.resume_target(target text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_target text := monitoring.require_argument('target', btrim(resume_target.target));
  v_is_written boolean;
  v_is_ours boolean;
begin
  perform monitoring.require_target(v_target);
  -- That of rounds and judgements, which write the states of targets.
  perform pg_advisory_xact_lock(20261123, 1800);
  perform pg_advisory_xact_lock(20261126, 1);
  v_is_written := (
    select probe_targets.is_paused from monitoring.probe_targets where probe_targets.name = v_target
  );
  if v_is_written then
    perform monitoring.write_pause(v_target, null, '{}');
  end if;
  -- The health checks pause a target that stopped the worker of pg_net: it gets as many attempts as a new one.
  update monitoring.target_states
  set paused_at = null, pause_reason = null, worker_kills = 0
  where target_states.target = v_target
    and target_states.paused_at is not null;
  v_is_ours := found;
  if not v_is_written and not v_is_ours then
    perform monitoring.refuse_request(
      'PT404', format('%s is not paused', left(v_target, 100)), 'target',
      'A target whose field enabled is false is not checked either: set it to true in health_check_targets.'
    );
  end if;
  return jsonb_build_object(
    'target', v_target,
    'is_enabled', (select probe_targets.is_enabled from monitoring.probe_targets where probe_targets.name = v_target)
  );
end
$$;

revoke all on function public.resume_target(text) from public, anon, authenticated, service_role;

grant execute on function public.resume_target(text) to service_role;

comment on function public.resume_target(text) is
'Ends the pause of a target and returns {"target", "is_enabled"}.

Ends the pause that pause_target() or a person wrote, and one of the health checks themselves, which pause a target that
stopped the worker of pg_net twice. The target is checked in the next round if is_enabled is true. 404 when the target is
not paused, or unknown. Security definer, because service_role may change the configuration through such functions
only.';
