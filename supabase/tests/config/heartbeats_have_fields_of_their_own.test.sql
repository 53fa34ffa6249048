begin;

select plan(11);

create function pg_temp.write_target(target jsonb) returns void
language sql
as $$
  update public.system_config
  set value = jsonb_build_array(write_target.target)
  where key = 'health_check_targets'
$$;

select lives_ok(
  $$ select pg_temp.write_target('{"name": "backup", "type": "heartbeat", "cron": "0 2 * * *", "grace_minutes": 30,
       "timezone": "Europe/Berlin", "max_run_minutes": 60, "check_ins_from": ["shop"], "public": true, "url": null}') $$,
  'a heartbeat needs no url'
);

select results_eq(
  $$ select url, cron, period_minutes, grace_minutes, timezone, max_run_minutes, check_ins_from
     from monitoring.probe_targets $$,
  $$ values (null::text, '0 2 * * *', null::integer, 30, 'Europe/Berlin', 60, '{shop}'::text[]) $$,
  'its fields are stored'
);

select throws_ok(
  $$ select pg_temp.write_target('{"name": "a", "type": "heartbeat"}') $$,
  '23514', 'health_check_targets[0].cron is missing: a heartbeat needs cron or period_minutes', 'it needs a schedule'
);

select throws_ok(
  $$ select pg_temp.write_target('{"name": "a", "type": "heartbeat", "cron": "@daily", "period_minutes": 5}') $$,
  '23514', 'health_check_targets[0].period_minutes cannot be combined with cron: remove one of them', 'and one only'
);

select throws_ok(
  $$ select pg_temp.write_target('{"name": "a", "type": "heartbeat", "cron": "0 25 * * *"}') $$,
  '23514', 'health_check_targets[0].cron has an invalid hour: write numbers from 0 to 23, such as 2 or 8-18',
  'a wrong expression is refused with the field'
);

select throws_ok(
  $$ select pg_temp.write_target(
       '{"name": "a", "type": "heartbeat", "period_minutes": 5, "url": "https://a.example"}'
     ) $$,
  '23514', 'health_check_targets[0].url is of no use for a heartbeat, which is not probed: remove it',
  'fields of probes are refused'
);

select is_empty(
  $$ select field from unnest(array[
       'url', 'method', 'headers', 'secret_headers', 'body', 'content_type', 'expected_status', 'body_contains', 'body_lacks',
       'jsonb_path', 'header_contains', 'max_response_ms', 'timeout_ms', 'interval_minutes', 'retry_interval_seconds',
       'confirm_from_service'
     ]) as field
     where monitoring.find_heartbeat_problem(
       jsonb_build_object('type', 'heartbeat', 'period_minutes', 5, field, '{}'::jsonb)
     ) is distinct from format('.%s is of no use for a heartbeat, which is not probed: remove it', field) $$,
  'each of them'
);

select results_eq(
  $$ select monitoring.find_heartbeat_problem(jsonb_build_object('type', 'heartbeat', 'period_minutes', 5, field, 2))
     from unnest(array['failures_to_open', 'successes_to_close']) with ordinality as fields (field, place) order by place $$,
  array[
    '.failures_to_open is of no use for a heartbeat: remove it, and set grace_minutes, how late one may be',
    '.successes_to_close is of no use for a heartbeat, whose next success resolves its incident: remove it'
  ],
  'and those that count rounds'
);

select lives_ok(
  $$ select pg_temp.write_target(
       '{"name": "a", "type": "heartbeat", "period_minutes": 5, "severity": "LOW", "group": "Jobs", "tags": ["night"],
         "is_paused": true, "paused_until": "2099-01-01T00:00"}'
     ) $$,
  'severity, group, tags and pauses are accepted'
);

select throws_ok(
  $$ select pg_temp.write_target('{"name": "a", "type": "other", "url": "https://a.example", "grace_minutes": 5}') $$,
  '23514', 'health_check_targets[0].grace_minutes is of no use unless type is heartbeat: remove it',
  'and its fields for other targets'
);

select throws_ok(
  $$ select pg_temp.write_target('{"name": "a", "type": "other", "cron": null}') $$,
  '23514', 'health_check_targets[0].url is missing: URL to probe, http or https', 'which need a url'
);

select * from finish();

rollback;
