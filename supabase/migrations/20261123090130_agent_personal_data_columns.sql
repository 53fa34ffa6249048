-- Purpose: says of every column that holds text how personal data is erased from it.
-- Objects: type monitoring.personal_data_column; functions monitoring.erase_fingerprint, monitoring.erase_name,
--   monitoring.list_health_check_columns, monitoring.list_personal_data_columns, monitoring.describe_erasure,
--   monitoring.list_copies_elsewhere.
-- Risks: a test compares the list with the catalog, so that a new column with text fails until it is listed.

create type monitoring.personal_data_column as (
  relation text,
  name text,
  treatment text,
  expression text,
  reason text
);

comment on type monitoring.personal_data_column is
'A column and what erase_personal_data() does with it. erased: what is found is replaced; expression is the new value,
where $1 is the pattern that finds the text, if the column needs one of its own. follows: set to expression in rows from which something is erased.
reported: rows are counted and left, for the reason. ignored: holds no text about a person, for the reason.';

create function monitoring.erase_fingerprint(fingerprint text, pattern text)
returns text
language sql
volatile
strict
security invoker
set search_path = ''
as $$
  select case
    when erase_fingerprint.fingerprint like 'security:%'
      and substr(erase_fingerprint.fingerprint, 10) ~* erase_fingerprint.pattern
      then 'security:erased:' || gen_random_uuid()
    else erase_fingerprint.fingerprint
  end
$$;

comment on function monitoring.erase_fingerprint(text, text) is
'Returns the fingerprint of a security event without the address or account in it: a random one, so that two do not
become the same. Other fingerprints are hashes or names of targets and issues, and stay.';

create function monitoring.erase_name(name text, pattern text)
returns text
language sql
volatile
strict
security invoker
set search_path = ''
as $$
  select case
    when erase_name.name ~* erase_name.pattern then format('(erased %s)', left(gen_random_uuid()::text, 8))
    else erase_name.name
  end
$$;

comment on function monitoring.erase_name(text, text) is
'Returns a name that is part of a key without personal data: a random one if it has some, so that two do not become the
same.';

create function monitoring.list_health_check_columns()
returns setof monitoring.personal_data_column
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select listed.relation, single.name, listed.treatment, listed.expression, listed.reason
  from (
    values
    ('monitoring.probes', 'url error unmet_condition answer_headers', 'erased', null, null),
    ('monitoring.probes', 'answer_excerpt', 'erased',
      'monitoring.truncate_bytes(monitoring.erase_text(answer_excerpt, $1), 1024)', null),
    ('monitoring.probes', 'target', 'ignored', null, 'names of targets'),
    ('public.monitoring_checks', 'url error unmet_condition service_problem answer_headers', 'erased', null, null),
    ('public.monitoring_checks', 'answer_excerpt', 'erased',
      'monitoring.truncate_bytes(monitoring.erase_text(answer_excerpt, $1), 1024)', null),
    ('public.monitoring_checks', 'target incident_id', 'ignored', null, 'names of targets and incidents'),
    ('monitoring.job_runs', 'job', 'ignored', null, 'names of our own'),
    ('monitoring.heartbeats', 'last_sender last_refused_sender', 'reported', null, 'who reported, from the access token'),
    ('monitoring.heartbeats', 'target schedule state last_run_id', 'ignored', null, 'names of targets and our own, and ids'),
    ('monitoring.heartbeat_keys', 'target', 'ignored', null, 'names of targets'),
    ('monitoring.heartbeat_runs', 'target status', 'ignored', null, 'names of targets, and words of our own'),
    ('monitoring.probe_targets',
      'name url method headers body_contains depends_on cron timezone check_ins_from group_name tags body content_type '
      'secret_headers body_lacks json_path header_contains', 'ignored', null, 'copied from system_config'),
    ('monitoring.suspected_targets', 'target', 'ignored', null, 'names of targets'),
    ('monitoring.target_states', 'target pause_reason', 'ignored', null, 'names of targets, and texts of our own'),
    ('monitoring.target_looks', 'problem', 'erased', null, null),
    ('monitoring.target_looks', 'target purpose endpoint error_kind addresses', 'ignored', null,
      'names of targets, words of our own, and addresses of servers'),
    ('monitoring.target_certificates', 'target endpoint issuer subject names problem incident_title', 'ignored', null,
      'names of targets, and public certificates'),
    ('monitoring.target_labels', 'target group_name tags', 'ignored', null, 'names of targets and of their groups'),
    ('monitoring.target_hourly_stats', 'target', 'ignored', null, 'names of targets'),
    ('monitoring.target_daily_stats', 'target', 'ignored', null, 'names of targets'),
    ('monitoring.target_figures', 'target days', 'ignored', null, 'names of targets, and figures'),
    ('monitoring.target_rounds', 'target response_times_ms', 'ignored', null, 'names of targets, and figures'),
    ('monitoring.watched_jobs', 'job', 'ignored', null, 'names of our own')
  ) as listed (relation, names, treatment, expression, reason)
  cross join unnest(string_to_array(listed.names, ' ')) as single (name)
$$;

comment on function monitoring.list_health_check_columns() is
'Returns the part of list_personal_data_columns() that is about health checks and heartbeats.';

create function monitoring.list_personal_data_columns()
returns setof monitoring.personal_data_column
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select listed.relation, single.name, listed.treatment, listed.expression, listed.reason
  from (
    values
    ('public.incidents', 'title message error_type error_code stack source environment release url external_id '
      'external_url acknowledged_by claimed_by resolved_by resolution context spawned_agents', 'erased', null, null),
    ('public.incidents', 'fingerprint', 'erased', 'monitoring.erase_fingerprint(fingerprint, $1)', null),
    ('public.incidents', 'claim_caller sender', 'reported', null, 'who holds it and who reported, from the access token'),
    ('public.incidents', 'id rule', 'ignored', null, 'names of our own'),
    ('monitoring.incident_hours', 'environment', 'erased', 'monitoring.erase_name(environment, $1)', null),
    ('monitoring.incident_hours', 'release', 'erased', 'monitoring.erase_name(release, $1)', null),
    ('monitoring.incident_hours', 'incident_id', 'ignored', null, 'a name of our own'),
    ('public.agent_actions', 'agent error safety_checks details', 'erased', null, null),
    ('public.agent_actions', 'caller', 'reported', null, 'who acted, from the access token: the audit trail keeps it'),
    ('public.agent_actions', 'chain previous_hash content_hash hash', 'ignored', null, 'hashes, and the caller again'),
    ('public.agent_actions', 'action incident_id safety_verdict', 'ignored', null, 'names of our own'),
    ('public.error_knowledge', 'pattern root_cause solution auto_fix_code', 'erased', null, null),
    ('public.error_knowledge', 'embedding', 'follows', 'null', 'computed again from the text'),
    ('public.error_knowledge', 'remembered_by approved_by', 'reported', null, 'who acted, from the access token'),
    ('public.error_knowledge', 'signature words', 'ignored', null, 'a hash, and words of the other columns'),
    ('public.security_events', 'event_type user_id action_taken details', 'erased', null, null),
    ('public.security_events', 'ip_address', 'erased', 'case when host(ip_address) !~* $1 then ip_address end', null),
    ('public.security_events', 'caller', 'reported', null, 'who recorded the event, from the access token'),
    ('public.security_events', 'incident_id', 'ignored', null, 'a name of our own'),
    -- Rows must have an address: this one is nobody's.,
    ('public.email_tracking', 'recipient', 'erased',
      $x$case when recipient ~* $1 then '[erased]@erased.invalid' else recipient end$x$, null),
    ('public.email_tracking', 'status', 'follows',
      $x$case when status = 'queued' and recipient ~* $1 then 'failed' else status end$x$, 'it cannot be sent any more'),
    ('public.email_tracking', 'error', 'erased', $x$case
      when status = 'queued' and recipient ~* $1 then 'the recipient was erased' else monitoring.erase_text(error, $1)
    end$x$, null),
    ('public.email_tracking', 'provider_id', 'erased', 'case when provider_id !~* $1 then provider_id end', null),
    ('public.email_tracking', 'subject', 'erased', null, null),
    ('public.email_tracking', 'incident_id', 'ignored', null, 'a name of our own'),
    ('public.deployment_history',
      'service version environment deployed_by rollback_reason test_results external_url', 'erased', null, null),
    ('public.deployment_history', 'caller', 'reported', null, 'who recorded the deployment, from the access token'),
    ('public.deployment_history', 'commit_hash external_id', 'ignored', null, 'a hash and the id of a deployment'),
    ('public.classification_rules', 'example counterexample', 'reported', null,
      'a row that its rule must match: edit the rule'),
    ('public.classification_rules', 'name sources origin codes pattern', 'ignored', null, 'rules, written by the owner'),
    ('public.system_config', 'value', 'reported', null, 'configuration: edit the entry, which its values depend on'),
    ('public.system_config', 'key description updated_by', 'ignored', null, 'names of our own, and a database role'),
    ('monitoring.deliveries', 'error body', 'erased', null, null),
    ('monitoring.deliveries', 'action', 'erased',
      'monitoring.truncate_bytes(monitoring.erase_text(action, $1), 100)', null),
    ('monitoring.deliveries', 'kind name resource body_hash occurrence_key fingerprint verb effect incident_id', 'ignored',
      null, 'hashes, ids of issues and names of our own'),
    ('monitoring.event_receipts', 'answer', 'erased', null, null),
    ('monitoring.event_receipts', 'idempotency_key body_hash', 'ignored', null, 'hashes'),
    ('monitoring.event_keys', 'secret', 'ignored', null, 'random'),
    ('monitoring.remembered_events', 'event_key context_key', 'ignored', null,
      'hashes; the prepared events beside them are deleted by every erasure'),
    ('monitoring.embedding_jobs', 'answer error', 'erased', null, null),
    ('monitoring.embedding_jobs', 'text_hash status', 'ignored', null, 'a hash, and a name of our own'),
    ('monitoring.running_actions', 'agent', 'erased', null, null),
    ('monitoring.running_actions', 'caller', 'reported', null, 'who acts, from the access token'),
    ('monitoring.running_actions', 'incident_id kind', 'ignored', null, 'names of our own'),
    ('monitoring.fix_outcomes', 'caller', 'reported', null, 'who recorded the outcome, from the access token'),
    ('monitoring.fix_outcomes', 'incident_id', 'ignored', null, 'a name of our own'),
    ('monitoring.early_resolutions', 'fingerprint sender', 'reported', null, 'who reported lately: deleted by itself'),
    ('monitoring.sender_quotas', 'sender', 'reported', null, 'who reported within the last hours: deleted by itself'),
    ('monitoring.audit_heads', 'chain hash purged_hash', 'ignored', null, 'hashes, and callers of agent_actions'),
    ('monitoring.audit_anchors', 'previous_hash hash', 'ignored', null, 'hashes'),
    ('monitoring.audit_anchor_heads', 'chain hash', 'ignored', null, 'hashes, and callers of agent_actions'),
    ('monitoring.secrets', 'name value', 'ignored', null, 'secrets of the owner'),
    ('monitoring.secret_formats', 'name prefix body origin example counterexample', 'ignored', null,
      'formats of tokens, written by migrations and the owner'),
    ('monitoring.compiled_secret_formats', 'prefixes', 'ignored', null, 'compiled from secret_formats'),
    ('monitoring.action_kinds', 'kind flag meaning', 'ignored', null, 'written by migrations'),
    ('monitoring.config_field', 'entry field kind choices default_value meaning', 'ignored', null, 'written by migrations'),
    ('monitoring.notification_channels',
      'name kind sources environments events quiet_timezone escalate_to url_secret token_secret '
      'signing_secret provider email from_address agent', 'ignored', null, 'copied from system_config'),
    ('monitoring.notifications', 'details answer answer_headers error', 'erased', null, null),
    ('monitoring.notifications', 'channel', 'erased', 'monitoring.erase_name(channel, $1)', null),
    ('monitoring.notifications', 'message_id incident_id provider_id', 'ignored', null, 'ids'),
    ('monitoring.service_versions', 'version', 'ignored', null, 'versions of the service'),
    ('monitoring.service_targets', 'name written', 'ignored', null, 'settings of the service'),
    ('monitoring.service_settings', 'entry field written', 'ignored', null, 'settings of the service')
  ) as listed (relation, names, treatment, expression, reason)
  cross join unnest(string_to_array(listed.names, ' ')) as single (name)
  union all
  select listed.*
  from monitoring.list_health_check_columns() as listed
$$;

comment on function monitoring.list_personal_data_columns() is
'Returns every column with text and what erase_personal_data() does with it.';

create function monitoring.describe_erasure(
  relation text, out condition text, out has_changed text, out assignments text
)
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select
    -- Nested, because the planner would begin with the test that looks cheapest.
    format(
      'case when strpos(lower(%1$s), $2) > 0 then case when %1$s ~* $3 then %2$s end end', joined.content, joined.has_changed
    ),
    joined.has_changed,
    joined.assignments
  from (
    select
      format(
        'concat_ws(e''\n'', %s)', string_agg(described.name, ', ') filter (where described.treatment = 'erased')
      ) as content,
      format(
        '(%s) is distinct from (%s)',
        string_agg(described.name, ', ') filter (where described.treatment = 'erased'),
        string_agg(described.expression, ', ') filter (where described.treatment = 'erased')
      ) as has_changed,
      string_agg(format('%s = %s', described.name, described.expression), ', ') as assignments
    from (
      select
        quote_ident(columns.name) as name,
        columns.treatment,
        coalesce(
          columns.expression,
          format(
            case format_type(attribute.atttypid, null)
              when 'text' then 'monitoring.erase_text(%I, $1)'
              when 'text[]' then 'monitoring.erase_list(%I, $1)'
              when 'jsonb' then 'monitoring.erase_document(%I, $1)'
            end,
            columns.name
          )
        ) as expression
      from monitoring.list_personal_data_columns() as columns
      join pg_catalog.pg_attribute as attribute
        on attribute.attrelid = columns.relation::regclass and attribute.attname = columns.name
      where columns.relation = describe_erasure.relation
        and columns.treatment in ('erased', 'follows')
    ) as described
  ) as joined
$$;

comment on function monitoring.describe_erasure(text) is
'Returns the SQL that finds rows with personal data in a table and erases it: whether a row has some, where $1, $2 and
$3 are the fields of monitoring.person_search; whether erasing would change a row, and the assignments that erase, where
$1 is the pattern.';

create function monitoring.list_copies_elsewhere()
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select jsonb_build_array(
    'the spool of the service and its dead letters: python -m app.spool',
    'the logs of the service, of the database and of the API gateway, until they expire',
    'backups and the write-ahead log of the database, until they expire',
    'net.http_request_queue and net._http_response, which pg_net empties after some hours',
    'cron.job_run_details and auth.users, if the person is known there',
    'Sentry, the e-mail provider, the embeddings endpoint and every other program that sent or received the text',
    'hashes: fingerprints of incidents, signatures of known errors, keys of reports; a text can be guessed from them only'
      || ' by somebody who knows all the rest'
  )
$$;

comment on function monitoring.list_copies_elsewhere() is
'Returns where copies of personal data can be that erase_personal_data() does not reach.';
