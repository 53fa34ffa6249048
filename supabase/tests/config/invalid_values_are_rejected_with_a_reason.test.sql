begin;

select plan(7);

select throws_ok(
  $$ update public.system_config set value = '{"enabled": "yes"}' where key = 'kill_switch' $$,
  '23514', $m$kill_switch.enabled must be true or false (true stops every action of agents)$m$,
  'a text instead of a boolean is rejected'
);

select throws_ok(
  $$ update public.system_config set value = '{"agent_actions_per_hour": -1}' where key = 'rate_limits' $$,
  '23514', $m$rate_limits.agent_actions_per_hour must be between 0 and 100000 (actions that one caller may start per hour)$m$,
  'a limit below its range is rejected'
);

select throws_ok(
  $$ update public.system_config set value = '{"agent_actions_per_hour": 1.5}' where key = 'rate_limits' $$,
  '23514', $m$rate_limits.agent_actions_per_hour must be a whole number (actions that one caller may start per hour)$m$,
  'a fraction instead of an integer is rejected'
);

select throws_ok(
  $$ update public.system_config set value = '{"reopen_window": "soon"}' where key = 'incident_policy' $$,
  '23514', $m$incident_policy.reopen_window must be an interval such as "24 hours" (time after the resolution in which a repeat reopens the incident; later repeats open a new one)$m$,
  'an invalid interval is rejected'
);

select throws_ok(
  $$ update public.system_config set value = '{"agent_action_days": 1}' where key = 'retention' $$,
  '23514', $m$retention.agent_action_days is unknown; the known fields are agent_actions_days, deliveries_days, deployments_days, emails_days, incident_hours_days, incidents_days, job_runs_days, monitoring_checks_days, notifications_days, receipts_hours, security_events_days, target_history_days$m$,
  'a misspelled field is rejected with the known fields'
);

select throws_ok(
  $$ update public.system_config set value = '[]' where key = 'feature_flags' $$,
  '23514', $m$feature_flags must be a JSON object$m$,
  'a list instead of an object is rejected'
);

select is(
  monitoring.config('rate_limits') ->> 'agent_actions_per_hour', '60',
  'the last valid value stays in effect'
);

select * from finish();

rollback;
