-- Purpose: lists the fields of the configuration, as functions that insert the rows of monitoring.config_field.
-- Objects: functions monitoring.seed_permission_fields, monitoring.seed_target_fields,
--   monitoring.seed_target_condition_fields, monitoring.seed_health_check_policy_fields,
--   monitoring.seed_incident_fields, monitoring.seed_notification_fields.
-- Risks: a field without a row here is rejected. monitoring.install() calls the functions; rows that exist are not
--   changed.

create function monitoring.seed_permission_fields()
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.config_field (entry, field, kind, minimum, maximum, choices, is_required, default_value, meaning)
  values
  ('kill_switch', 'enabled', 'boolean', null, null, null, true, null, 'true stops every action of agents'),
  ('kill_switch', 'reason', 'text', 0, 500, null, false, null, 'why the switch is on'),
  ('feature_flags', 'monitoring', 'boolean', null, null, null, false, 'true', 'false stops the health-check rounds'),
  ('feature_flags', 'auto_fix', 'boolean', null, null, null, false, 'false', 'true lets agents apply known fixes'),
  (
    'feature_flags', 'email', 'boolean', null, null, null, false, 'false',
    'true sends or queues e-mails to the recipients of kind email'
  ),
  ('feature_flags', 'investigate', 'boolean', null, null, null, false, 'true', 'true lets agents investigate incidents'),
  ('feature_flags', 'deploy', 'boolean', null, null, null, false, 'false', 'true lets agents deploy and roll back'),
  (
    'feature_flags', 'embeddings', 'boolean', null, null, null, false, 'false',
    'true computes embeddings of known errors with embeddings_url'
  ),
  (
    'feature_flags', 'embeddings_url', 'url', 1, 2000, null, false, null,
    'URL of an OpenAI-compatible endpoint, such as https://api.openai.com/v1/embeddings'
  ),
  (
    'feature_flags', 'embeddings_model', 'text', 1, 200, null, false, '"text-embedding-3-small"',
    'model of the endpoint, with 1,536 dimensions'
  ),
  (
    'rate_limits', 'new_incidents_per_minute', 'integer', 1, 1000000, null, false, '5000',
    'new incidents per sender and minute; repeats are never limited'
  ),
  (
    'rate_limits', 'public_new_incidents_per_minute', 'integer', 1, 1000000, null, false, '300',
    'new incidents per public key and minute; repeats are never limited'
  ),
  (
    'rate_limits', 'agent_actions_per_hour', 'integer', 0, 100000, null, false, '60',
    'actions that one caller may start per hour'
  ),
  (
    'rate_limits', 'all_agent_actions_per_hour', 'integer', 0, 100000, null, false, '200',
    'actions that all callers together may start per hour'
  ),
  (
    'rate_limits', 'claims_per_agent', 'integer', 0, 100000, null, false, '1000',
    'incidents that one caller may hold at the same time'
  ),
  ('deployment_windows', 'timezone', 'timezone', null, null, null, false, '"UTC"', 'timezone of the windows and dates'),
  (
    'rate_limits', 'notifications_per_minute', 'integer', 1, 1000, null, false, '20',
    'messages per notification channel and minute; the others are told in one digest'
  ),
  (
    'rate_limits', 'notification_repeat_minutes', 'integer', 0, 1440, null, false, '5',
    'minutes in which a channel is told once of each state of an incident that opens and closes again and again'
  ),
  (
    'deployment_windows', 'windows', 'objects', 0, 50, null, false, '[]',
    'when agents may deploy; an empty list means at any time'
  ),
  ('deployment_windows', 'freeze_dates', 'dates', 0, 366, null, false, '[]', 'dates on which agents may not deploy'),
  (
    'deployment_windows.windows', 'days', 'strings', 1, 7, array['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
    true, null, 'days of the week'
  ),
  ('deployment_windows.windows', 'from', 'time', null, null, null, true, null, 'start, as HH:MM'),
  ('deployment_windows.windows', 'to', 'time', null, null, null, true, null, 'end, as HH:MM')
  on conflict (entry, field) do nothing
$$;

comment on function monitoring.seed_permission_fields() is
'Inserts the fields of the entries of the switches, limits and deployment windows that are missing.';

create function monitoring.seed_target_fields()
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.config_field (entry, field, kind, minimum, maximum, choices, is_required, default_value, meaning)
  values
  ('health_check_targets', 'name', 'text', 1, 100, null, true, null, 'name of the target, unique'),
  (
    'health_check_targets', 'type', 'choice', null, null, enum_range(null::public.target_type)::text[],
    true, null, 'type of the target; decides the category and severity of its incidents'
  ),
  (
    'health_check_targets', 'url', 'url', 1, 2000, null, false, null,
    'URL to probe, http or https; required unless the type is heartbeat'
  ),
  ('health_check_targets', 'enabled', 'boolean', null, null, null, false, 'true', 'false pauses the target'),
  (
    'health_check_targets', 'public', 'boolean', null, null, null, false, 'false',
    'true shows the target on the public status page'
  ),
  (
    'health_check_targets', 'method', 'choice', null, null, array['GET', 'POST'], false, '"GET"',
    'HTTP method of the probe'
  ),
  (
    'health_check_targets', 'headers', 'object', null, null, null, false, '{}',
    'headers of the request, without secrets, because they are stored in plain text'
  ),
  (
    'health_check_targets', 'expected_status', 'statuses', 1, 50, null, false, '["200-399"]',
    'status codes of a successful response, each a code or a range'
  ),
  (
    'health_check_targets', 'body_contains', 'text', 1, 200, null, false, null,
    'text that the first MiB of a successful response contains'
  ),
  (
    'health_check_targets', 'max_response_ms', 'integer', 1, 60000, null, false, null,
    'milliseconds above which a successful response is degraded'
  ),
  (
    'health_check_targets', 'timeout_ms', 'integer', 100, 5000, null, false, '5000',
    'timeout of an attempt in milliseconds'
  ),
  (
    'health_check_targets', 'depends_on', 'text', 1, 100, null, false, null,
    'name of a target; while that target is down, this one opens no incident'
  ),
  (
    'health_check_targets', 'interval_minutes', 'integer', 1, 1440, null, false, '1',
    'minutes between two rounds'
  ),
  (
    'health_check_targets', 'cron', 'text', 1, 200, null, false, null,
    'when a heartbeat is expected, as five cron fields or a word such as @hourly'
  ),
  (
    'health_check_targets', 'period_minutes', 'integer', 1, 527040, null, false, null,
    'minutes within which a heartbeat is expected after the one before, instead of cron'
  ),
  (
    'health_check_targets', 'grace_minutes', 'integer', 0, 10080, null, false, '5',
    'minutes that a heartbeat may be late'
  ),
  ('health_check_targets', 'timezone', 'timezone', null, null, null, false, '"UTC"', 'timezone of cron'),
  (
    'health_check_targets', 'max_run_minutes', 'integer', 1, 10080, null, false, null,
    'minutes within which a run that reported its start must end'
  ),
  (
    'health_check_targets', 'check_ins_from', 'strings', 0, 50, null, false, '[]',
    'names of the public keys whose check-ins, sent by a Sentry SDK, count as heartbeats'
  )
  on conflict (entry, field) do nothing
$$;

comment on function monitoring.seed_target_fields() is
'Inserts the fields of the entry health_check_targets that are missing.';

create function monitoring.seed_target_condition_fields()
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.config_field (entry, field, kind, minimum, maximum, choices, is_required, default_value, meaning)
  values
  (
    'health_check_targets', 'retry_interval_seconds', 'integer', 0, 55, null, false, null,
    'seconds between two attempts of a round; missing means that of health_check_policy'
  ),
  (
    'health_check_targets', 'failures_to_open', 'integer', 1, 60, null, false, null,
    'consecutive failed rounds that open an incident; missing means those of health_check_policy'
  ),
  (
    'health_check_targets', 'successes_to_close', 'integer', 1, 60, null, false, null,
    'consecutive successful rounds that resolve the incident; missing means those of health_check_policy'
  ),
  (
    'health_check_targets', 'severity', 'choice', null, null, enum_range(null::public.incident_severity)::text[],
    false, null, 'severity of the incident while the target is down; missing means that of its type'
  ),
  (
    'health_check_targets', 'group', 'text', 1, 100, null, false, null,
    'group under which status pages show the target'
  ),
  ('health_check_targets', 'tags', 'strings', 0, 20, null, false, '[]', 'words to find the target by'),
  (
    'health_check_targets', 'is_paused', 'boolean', null, null, null, false, 'false',
    'true stops the checks of the target until paused_until, or until it is false again'
  ),
  (
    'health_check_targets', 'paused_until', 'timestamp', null, null, null, false, null,
    'end of the pause in UTC, as YYYY-MM-DDTHH:MM; missing means no end'
  ),
  ('health_check_targets', 'body', 'text', 0, 10000, null, false, null, 'body of the request, for the method POST'),
  (
    'health_check_targets', 'content_type', 'text', 1, 200, null, false, '"application/json"',
    'Content-Type of the body, for the method POST'
  ),
  (
    'health_check_targets', 'secret_headers', 'object', null, null, null, false, '{}',
    'headers of the request whose values are secrets, as {"header": "name of a secret in Vault"}'
  ),
  (
    'health_check_targets', 'body_lacks', 'text', 1, 200, null, false, null,
    'text that the first MiB of a successful response does not contain'
  ),
  (
    'health_check_targets', 'jsonb_path', 'text', 1, 500, null, false, null,
    'SQL/JSON path predicate that the body of a successful response satisfies, such as $.status == "ok"'
  ),
  (
    'health_check_targets', 'header_contains', 'object', null, null, null, false, '{}',
    'texts that headers of a successful response contain, as {"header": "text"}'
  ),
  (
    'health_check_targets', 'confirm_from_service', 'boolean', null, null, null, false, null,
    'whether the service looks at the target before it counts as down; missing means what health_check_policy says'
  )
  on conflict (entry, field) do nothing
$$;

comment on function monitoring.seed_target_condition_fields() is
'Inserts the fields of the entry health_check_targets that are missing: attempts, conditions, pauses and labels.';

create function monitoring.seed_health_check_policy_fields()
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.config_field (entry, field, kind, minimum, maximum, choices, is_required, default_value, meaning)
  values
  (
    'health_check_policy', 'attempts', 'integer', 1, 5, null, false, '3',
    'attempts in a round before a failure counts'
  ),
  (
    'health_check_policy', 'retry_interval_seconds', 'integer', 0, 55, null, false, '15',
    'seconds between two attempts of a round, so that a short interruption is no failure'
  ),
  (
    'health_check_policy', 'failures_to_open', 'integer', 1, 60, null, false, '1',
    'consecutive failed rounds that open the incident of a target'
  ),
  (
    'health_check_policy', 'confirm_from_service', 'boolean', null, null, null, false, 'true',
    'true has the service look at a target before it counts as down, while the service is running'
  ),
  (
    'health_check_policy', 'successes_to_close', 'integer', 1, 60, null, false, '2',
    'consecutive successful rounds that resolve the incident of a target'
  ),
  (
    'health_check_policy', 'allow_private', 'boolean', null, null, null, false, 'false',
    'true allows targets on private, loopback and link-local addresses'
  ),
  (
    'health_check_policy', 'maintenance_windows', 'objects', 0, 100, null, false, '[]',
    'when failures open no incident and do not count as downtime'
  ),
  (
    'health_check_policy', 'page_title', 'text', 1, 60, null, false, '"Status"',
    'title of the status page, such as the name of the product'
  ),
  (
    'health_check_policy', 'page_logo', 'text', 1, 65536, null, false, null,
    'logo of the status page, as a data: URI of an image'
  ),
  (
    'health_check_policy.maintenance_windows', 'starts_at', 'timestamp', null, null, null, false, null,
    'start of a one-time window, as YYYY-MM-DDTHH:MM'
  ),
  (
    'health_check_policy.maintenance_windows', 'ends_at', 'timestamp', null, null, null, false, null,
    'end of a one-time window, as YYYY-MM-DDTHH:MM'
  ),
  (
    'health_check_policy.maintenance_windows', 'days', 'strings', 1, 7,
    array['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], false, null, 'days on which a weekly window starts'
  ),
  (
    'health_check_policy.maintenance_windows', 'from', 'time', null, null, null, false, null,
    'start of a weekly window, as HH:MM'
  ),
  (
    'health_check_policy.maintenance_windows', 'to', 'time', null, null, null, false, null,
    'end of a weekly window, as HH:MM; a time not later than from is on the next day'
  ),
  (
    'health_check_policy.maintenance_windows', 'timezone', 'timezone', null, null, null, false, '"UTC"',
    'timezone of the window'
  ),
  (
    'health_check_policy.maintenance_windows', 'targets', 'strings', 1, 10000, null, false, null,
    'names of the targets in the window; missing means all targets'
  ),
  (
    'health_check_policy.maintenance_windows', 'reason', 'text', 0, 500, null, false, null,
    'reason of the maintenance'
  ),
  (
    'health_check_policy.maintenance_windows', 'muted_by', 'text', 1, 200, null, false, null,
    'who muted the target with mute_target(), which removes the window after its end'
  )
  on conflict (entry, field) do nothing
$$;

comment on function monitoring.seed_health_check_policy_fields() is
'Inserts the fields of the entry health_check_policy that are missing.';

create function monitoring.seed_incident_fields()
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.config_field (entry, field, kind, minimum, maximum, choices, is_required, default_value, meaning)
  values
  (
    'incident_policy', 'reopen_window', 'interval', 0, 31536000, null, false, '"24 hours"',
    'time after the resolution in which a repeat reopens the incident; later repeats open a new one'
  ),
  (
    'incident_policy', 'auto_resolve_after', 'interval', 0, 315360000, null, false, '"14 days"',
    'time without a repeat after which a live incident is closed; "0" means never'
  ),
  (
    'incident_policy', 'auto_fix_min_confidence', 'number', 0, 1, null, false, '0.8',
    'minimum confidence with which an agent may apply a fix, 0 to 1'
  ),
  (
    'incident_policy', 'security_min_confidence', 'number', 0, 1, null, false, '0.7',
    'confidence from which a security event opens an incident, 0 to 1'
  ),
  (
    'incident_policy', 'action_deadline_minutes', 'integer', 1, 1440, null, false, '30',
    'minutes after which an agent''s running action counts as failed'
  ),
  (
    'incident_policy', 'feed_silence_hours', 'number', 0.01, 8760, null, false, null,
    'hours without a delivery from Sentry after which an incident opens; missing means never'
  ),
  (
    'incident_policy', 'link_hosts', 'hosts', 0, 50, null, false, '["sentry.io", "github.com"]',
    'hosts, with their subdomains, to which links of incidents may lead'
  ),
  (
    'incident_policy', 'incident_url', 'url', 1, 2000, null, false, null,
    'link to an incident in notifications, in which {id} becomes the id of the incident'
  ),
  ('retention', 'agent_actions_days', 'integer', 1, 3650, null, false, '365', 'days that audit rows are kept'),
  ('retention', 'monitoring_checks_days', 'integer', 1, 3650, null, false, '90', 'days that raw checks are kept'),
  (
    'retention', 'target_history_days', 'integer', 1, 3650, null, false, '1095',
    'days that the hourly statistics of each target are kept'
  ),
  ('retention', 'job_runs_days', 'integer', 1, 365, null, false, '7', 'days that pg_cron''s own log is kept'),
  (
    'retention', 'deliveries_days', 'integer', 1, 3650, null, false, '30',
    'days that deliveries of Sentry and other monitors are kept'
  ),
  (
    'retention', 'incident_hours_days', 'integer', 1, 3650, null, false, '90',
    'days that the hourly counts of each incident are kept'
  ),
  ('retention', 'receipts_hours', 'integer', 1, 720, null, false, '24', 'hours that idempotency keys are remembered'),
  (
    'retention', 'notifications_days', 'integer', 1, 3650, null, false, '90',
    'days that finished notifications are kept'
  ),
  ('retention', 'emails_days', 'integer', 1, 3650, null, false, '365', 'days that e-mails are kept'),
  (
    'retention', 'incidents_days', 'integer', 1, 3650, null, false, '400',
    'days that resolved incidents are kept after their resolution, and until their audit rows are gone'
  ),
  (
    'retention', 'security_events_days', 'integer', 1, 3650, null, false, '400', 'days that security events are kept'
  ),
  (
    'retention', 'deployments_days', 'integer', 1, 3650, null, false, '400',
    'days that deployments are kept; the newest of each service and those of incidents stay'
  )
  on conflict (entry, field) do nothing
$$;

comment on function monitoring.seed_incident_fields() is
'Inserts the fields of the entries of incidents and retention that are missing.';

create function monitoring.seed_notification_fields()
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.config_field (entry, field, kind, minimum, maximum, choices, is_required, default_value, meaning)
  values
  (
    'notification_recipients', 'name', 'text', 1, 100, null, false, null,
    'name of the channel, unique; a channel of kind email without a name has its address as name'
  ),
  (
    'notification_recipients', 'kind', 'choice', null, null,
    array['slack', 'discord', 'teams', 'pagerduty', 'webhook', 'email', 'agent'], false, '"email"', 'kind of the channel'
  ),
  ('notification_recipients', 'enabled', 'boolean', null, null, null, false, 'true', 'false pauses the channel'),
  (
    'notification_recipients', 'min_severity', 'choice', null, null, array['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'],
    false, '"HIGH"', 'minimum severity of the incidents that the recipient is notified of'
  ),
  (
    'notification_recipients', 'categories', 'strings', 1, 5, enum_range(null::public.incident_category)::text[],
    false, null, 'categories of the incidents; missing means all'
  ),
  (
    'notification_recipients', 'sources', 'strings', 1, 200, null, false, null,
    'sources of the incidents; missing means all'
  ),
  (
    'notification_recipients', 'environments', 'strings', 1, 50, null, false, null,
    'environments of the incidents; missing means all'
  ),
  (
    'notification_recipients', 'events', 'strings', 1, 6,
    array['opened', 'escalated', 'reopened', 'acknowledged', 'resolved', 'reminder'], false, null,
    'what the channel is told of; missing means all but acknowledged, and for kind agent opened, escalated, reopened'
  ),
  (
    'notification_recipients', 'quiet_hours', 'object', null, null, null, false, null,
    'daily hours in which nothing is sent'
  ),
  ('notification_recipients.quiet_hours', 'from', 'time', null, null, null, true, null, 'start, as HH:MM'),
  (
    'notification_recipients.quiet_hours', 'to', 'time', null, null, null, true, null,
    'end, as HH:MM; a time earlier than from is on the next day'
  ),
  (
    'notification_recipients.quiet_hours', 'timezone', 'timezone', null, null, null, false, '"UTC"',
    'timezone of the hours'
  ),
  (
    'notification_recipients', 'critical_passes_quiet_hours', 'boolean', null, null, null, false, 'true',
    'whether notifications of CRITICAL incidents are sent in the quiet hours'
  ),
  (
    'notification_recipients', 'remind_after', 'integer', 1, 10080, null, false, null,
    'minutes after which an incident that nobody acknowledged is told again; missing means never'
  ),
  (
    'notification_recipients', 'escalate_after', 'integer', 1, 10080, null, false, null,
    'minutes after which the channel escalate_to is told of an incident that nobody acknowledged'
  ),
  (
    'notification_recipients', 'escalate_to', 'text', 1, 320, null, false, null,
    'name of another channel in the list'
  ),
  (
    'notification_recipients', 'url_secret', 'text', 1, 5000, null, false, null,
    'name of the secret with the URL to which notifications are posted'
  ),
  (
    'notification_recipients', 'token_secret', 'text', 1, 5000, null, false, null,
    'name of the secret with the routing key of PagerDuty or the key of the e-mail provider'
  ),
  (
    'notification_recipients', 'signing_secret', 'text', 1, 5000, null, false, null,
    'name of the secret with which requests to webhooks and agents are signed'
  ),
  (
    'notification_recipients', 'provider', 'choice', null, null, array['resend', 'postmark'], false, null,
    'provider that sends the e-mails; missing means a mailer of yours does'
  ),
  ('notification_recipients', 'email', 'email', 3, 320, null, false, null, 'address of the recipient'),
  (
    'notification_recipients', 'from', 'text', 3, 320, null, false, null,
    'sender of the e-mails, such as Monitoring <address>'
  ),
  ('notification_recipients', 'agent', 'text', 1, 100, null, false, null, 'name of the agent; missing means the name of the channel')
  on conflict (entry, field) do nothing
$$;

comment on function monitoring.seed_notification_fields() is
'Inserts the fields of the entry notification_recipients that are missing.';
