begin;

select plan(9);

-- Live incidents of other tests must not count here.
update public.incidents
set status = 'resolved', resolved_at = clock_timestamp()
where status <> 'resolved';

update public.system_config
set
  value = '[
    {"name": "hidden-ledger", "type": "backend", "url": "https://hidden-ledger.example/", "group": "hidden-group"},
    {"name": "shop", "type": "frontend", "url": "https://secret-shop.example/", "public": true, "tags": ["hidden-tag"]},
    {"name": "retired", "type": "frontend", "url": "https://secret-shop.example/", "public": true, "enabled": false},
    {"name": "job", "type": "heartbeat", "period_minutes": 60, "public": true}
  ]'
where key = 'health_check_targets';

-- Returns a window of today from now on by hours.
create function pg_temp.window(starts integer, ends integer, more jsonb) returns jsonb
language sql
as $$
  select jsonb_build_object(
    'starts_at', to_char(now() at time zone 'UTC' + make_interval(hours => "window".starts), 'YYYY-MM-DD"T"HH24:MI'),
    'ends_at', to_char(now() at time zone 'UTC' + make_interval(hours => "window".ends), 'YYYY-MM-DD"T"HH24:MI')
  ) || "window".more
$$;

create function pg_temp.write_windows(variadic windows jsonb[]) returns void
language sql
as $$
  update public.system_config
  set
    value = jsonb_build_object(
      'maintenance_windows', to_jsonb(write_windows.windows),
      'page_title', 'Example Shop',
      'page_logo', 'data:image/png;base64,iVBORw0KGgoAAA=='
    )
  where key = 'health_check_policy'
$$;

insert into monitoring.target_states (target, status, since, pause_reason, paused_at)
values ('shop', 'down', now(), 'hidden-pause', now()), ('hidden-ledger', 'down', now(), null, null)
on conflict (target) do update
  set status = excluded.status;

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, sender)
values (
  'INC-1', 'health-check:target:shop', 'hidden-title', 'hidden-message', 'CRITICAL', 'backend', 'r', 'health-check'
);

insert into public.monitoring_checks (target, target_type, url, status, error, scheduled_at, completed_at, answer_excerpt)
values (
  'shop', 'frontend', 'https://secret-shop.example/', 'down', 'hidden-error', date_trunc('minute', now()), now(),
  'hidden-excerpt'
);

insert into monitoring.target_certificates (target, endpoint, next_look_at, looked_at, issuer, not_after)
values ('shop', 'secret-shop.example:443', now(), now(), 'hidden-issuer', now())
on conflict (target) do update
  set looked_at = excluded.looked_at, issuer = excluded.issuer, not_after = excluded.not_after;

select pg_temp.write_windows(
  pg_temp.window(-1, 1, '{"targets": ["hidden-ledger"], "reason": "hidden-reason"}'),
  pg_temp.window(1, 2, '{"targets": ["hidden-ledger", "job", "retired", "shop"], "reason": "hidden-reason"}'),
  pg_temp.window(3, 4, '{"reason": "hidden-reason"}'),
  pg_temp.window(5, 6, '{"targets": ["shop"], "muted_by": "hidden-person"}'),
  pg_temp.window(7, 8, '{"targets": ["retired"]}'),
  pg_temp.window(-3, -2, '{}'),
  pg_temp.window(24 * 15, 24 * 16, '{}')
);

set local role service_role;

select results_eq(
  $$ select place.path || members.name
     from (
       values
       (1, '', public.public_status()),
       (2, 'maintenance.', public.public_status() #> '{maintenance,0}'),
       (3, 'targets.', public.public_status() #> '{targets,0}'),
       (4, 'targets.days.', public.public_status() #> '{targets,0,days,0}')
     ) as place (position, path, document)
     cross join jsonb_object_keys(place.document) as members (name)
     order by place.position, members.name collate "C" $$,
  array[
    'logo', 'maintenance', 'overall', 'targets', 'targets_are_cut', 'targets_limit', 'title',
    'maintenance.ends_at', 'maintenance.starts_at', 'maintenance.targets',
    'targets.days', 'targets.figures_at', 'targets.group_name', 'targets.is_heartbeat', 'targets.is_maintenance',
    'targets.is_paused', 'targets.last_check_at', 'targets.last_heartbeat_at', 'targets.next_heartbeat_at',
    'targets.p50_ms', 'targets.p95_ms', 'targets.response_times_ms', 'targets.since', 'targets.status',
    'targets.target', 'targets.uptime_24h_percent', 'targets.uptime_90d_percent',
    'targets.days.day', 'targets.days.status', 'targets.days.uptime_percent'
  ],
  'these members are public, and no others'
);

select ok(
  public.public_status()::text !~ 'hidden|secret|INC-|retired',
  'no name of a private target, no host, error, incident, person or reason is in it'
);

select is(
  jsonb_path_query_array(public.public_status(), '$.maintenance[*].targets'), '[["shop", "job"], null]'::jsonb,
  'a window has the names of its public targets in their order, or null for all; one without is left out, and so is a mute'
);

select is(
  public.public_status() #>> '{maintenance,0,starts_at}',
  to_jsonb(date_trunc('minute', now()) + interval '1 hour') #>> '{}',
  'a window has its times'
);

select is(
  array[public.public_status() ->> 'title', public.public_status() ->> 'logo'],
  array['Example Shop', 'data:image/png;base64,iVBORw0KGgoAAA=='],
  'the title and the logo are those of the configuration'
);

reset role;

select pg_temp.write_windows(
  variadic array(select pg_temp.window(series.hour, series.hour + 1, '{}') from generate_series(30, 1, -1) as series (hour))
);

select results_eq(
  $$ select jsonb_array_length(public.public_status() -> 'maintenance'), public.public_status() #>> '{maintenance,0,starts_at}' $$,
  $$ values (20, to_jsonb(date_trunc('minute', now()) + interval '1 hour') #>> '{}') $$,
  'the next 20 are listed, soonest first'
);

update public.system_config
set value = '[{"name": "hidden-ledger", "type": "backend", "url": "https://a.example/"}]'
where key = 'health_check_targets';

select is(
  public.public_status() - array['overall', 'logo', 'targets_limit'],
  '{"title": "Example Shop", "targets": [], "targets_are_cut": false, "maintenance": []}'::jsonb,
  'without a public target, no maintenance is public'
);

update public.system_config
set value = '{}'
where key = 'health_check_policy';

select is(
  public.public_status() - array['overall', 'targets_limit'],
  '{"title": "Status", "logo": null, "targets": [], "targets_are_cut": false, "maintenance": []}'::jsonb,
  'without a configuration, all members are there'
);

update public.system_config
set
  value = (
    select
      jsonb_agg(
        jsonb_build_object(
          'name', 'tap-' || number, 'type', 'other', 'url', 'https://a.example/', 'public', true, 'enabled', number > 1
        )
        order by number
      )
    from generate_series(1, 202) as numbers (number)
  )
where key = 'health_check_targets';

insert into monitoring.target_states (target, status, since)
select
  name as target,
  'up' as status,
  now() as since
from monitoring.probe_targets
on conflict (target) do nothing;

select results_eq(
  $$
    select (status.page -> 'targets_are_cut')::boolean, jsonb_array_length(status.page -> 'targets')
    from (select public.public_status() as page) as status
    union all
    select (status.page -> 'targets_are_cut')::boolean, jsonb_array_length(status.page -> 'targets')
    from (select public.status_page() as page) as status
  $$,
  $$ select true, (public.public_status() ->> 'targets_limit')::integer from generate_series(1, 2) $$,
  'it says that there are more targets than it shows, and so does the page of signed-in readers'
);

select * from finish();

rollback;
