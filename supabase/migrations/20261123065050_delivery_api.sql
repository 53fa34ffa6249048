-- Purpose: provides the RPC that takes deliveries of Sentry and of other monitors.
-- Objects: type monitoring.delivery; functions monitoring.hash_alert, monitoring.read_envelope, monitoring.read_alert,
--   monitoring.read_deliveries, monitoring.find_same_delivery, monitoring.pause_before_retry,
--   monitoring.apply_delivery, monitoring.store_delivery, monitoring.join_answers, monitoring.lock_issues,
--   public.ingest_deliveries, public.record_invalid_signature.
-- Risks: deliveries are applied in order of arrival, because the order matters (warning, critical, resolved). Locks are
--   taken in this order: the advisory locks of all issues and alerts in a call, sorted; if there are
--   several, the quotas of the senders that may open incidents, the incidents and their known fixes, each sorted, as
--   every other call does; then for each its incident, the quota, the fixes, its row in deliveries. A row is changed
--   only under the advisory lock of its issue. An error that no body causes fails the whole call: the service
--   keeps the deliveries and sends them again.

create type monitoring.delivery as (
  envelope_position integer,
  alert_position integer,
  kind text,
  name text,
  resource text,
  action text,
  body_hash text,
  arrived_at timestamptz,
  sent_at timestamptz,
  kept jsonb,
  problem text,
  error text,
  intent monitoring.delivery_intent,
  lock_key integer
);

comment on type monitoring.delivery is
'A parsed alert of a delivery; a delivery of Sentry is one alert. envelope_position is the position of the delivery in
the call, alert_position that of the alert in the delivery, both from 1. kept is its part of the body, trimmed and
sanitized. problem says why the service could not read it completely, error is the SQL error that its body caused.
lock_key is the key of the advisory lock of its issue.';

create function monitoring.hash_alert(
  body_hash text, alert_position integer, occurred_at timestamptz, kind text, arrived_at timestamptz
)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when hash_alert.kind = 'sentry' or (hash_alert.alert_position = 1 and hash_alert.occurred_at is not null)
      then hash_alert.body_hash
    else encode(
      sha256(
        convert_to(
          concat_ws(
            ' ', hash_alert.body_hash, hash_alert.alert_position,
            case when hash_alert.occurred_at is null then extract(epoch from hash_alert.arrived_at) end
          ), 'UTF8'
        )
      ), 'hex'
    )
  end
$$;

comment on function monitoring.hash_alert(text, integer, timestamptz, text, timestamptz) is
'Returns the hash under which an alert is stored: that of the body, and of the position from the second alert on. The
body of a monitor that says no time can be the same each time that something fails, so it is another one at each
arrival; the copy of a delivery in the spool has the same arrival.';

create function monitoring.read_envelope(envelope jsonb)
returns monitoring.delivery
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_envelope jsonb := read_envelope.envelope;
  v_delivery monitoring.delivery;
begin
  v_delivery.kind := coalesce(monitoring.read_lenient_text(v_envelope, 'kind'), 'sentry');
  v_delivery.name := monitoring.read_lenient_text(v_envelope, 'name');
  if v_delivery.kind <> all(monitoring.delivery_kinds())
    or (v_delivery.name is not null) <> (v_delivery.kind = 'generic')
  then
    perform monitoring.refuse_event(
      'kind', 'is unknown', 'Send sentry, alertmanager, grafana, uptime-kuma, github, or generic and the name of its key.'
    );
  end if;
  v_delivery.resource := coalesce(
    monitoring.truncate_bytes(monitoring.sanitize_text(monitoring.read_lenient_text(v_envelope, 'resource'), 200), 100),
    'unknown'
  );
  v_delivery.body_hash := coalesce(
    monitoring.read_lenient_text(v_envelope, 'body_hash'),
    encode(sha256(convert_to(coalesce(v_envelope ->> 'body', ''), 'UTF8')), 'hex')
  );
  v_delivery.arrived_at := coalesce(monitoring.read_timestamp(v_envelope -> 'arrived_at'), clock_timestamp());
  v_delivery.sent_at := coalesce(monitoring.read_timestamp(v_envelope -> 'sent_at'), v_delivery.arrived_at);
  v_delivery.problem := monitoring.sanitize_text(monitoring.read_lenient_text(v_envelope, 'problem'), 200);
  return v_delivery;
end
$$;

comment on function monitoring.read_envelope(jsonb) is
'Parses what the service says about a delivery, without its body. Raises PT400 for a kind that is unknown.';

create function monitoring.read_alert(delivery monitoring.delivery, alert jsonb)
returns monitoring.delivery
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_delivery monitoring.delivery := read_alert.delivery;
  v_alert jsonb := read_alert.alert;
begin
  v_delivery.kept := monitoring.sanitize_jsonb(v_alert, 65536);
  v_delivery.action := monitoring.truncate_bytes(
    monitoring.sanitize_text(
      coalesce(
        monitoring.read_lenient_text(v_alert, 'action'),
        case when v_delivery.kind <> 'sentry' then monitoring.read_lenient_text(v_alert, 'status') end
      ),
      200
    ),
    100
  );
  begin
    v_delivery.intent := monitoring.read_intent(
      v_delivery.kind, v_delivery.name, v_delivery.resource, v_delivery.action, v_alert, v_delivery.sent_at
    );
    v_delivery.sent_at := (v_delivery.intent).sent_at;
  exception
    when others then
      if not monitoring.is_caused_by_body(sqlstate) then
        raise;
      end if;
      v_delivery.error := monitoring.sanitize_text(format('%s: %s', sqlstate, sqlerrm), 1000);
  end;
  v_delivery.body_hash := monitoring.hash_alert(
    v_delivery.body_hash, v_delivery.alert_position, (v_delivery.intent).occurred_at, v_delivery.kind,
    v_delivery.arrived_at
  );
  v_delivery.lock_key := hashtext(coalesce((v_delivery.intent).fingerprint, v_delivery.body_hash));
  return v_delivery;
end
$$;

comment on function monitoring.read_alert(monitoring.delivery, jsonb) is
'Completes what is common to the alerts of a delivery with one of them: what it requests. An error of the reader that
the body causes is returned in error; any other is raised.';

create function monitoring.read_deliveries(envelope jsonb, envelope_position integer)
returns setof monitoring.delivery
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_delivery monitoring.delivery := monitoring.read_envelope(read_deliveries.envelope);
  v_part record;
begin
  v_delivery.envelope_position := read_deliveries.envelope_position;
  for v_part in
    select parts.alert_position, parts.alert
    from monitoring.split_delivery(
      v_delivery.kind, v_delivery.name,
      monitoring.trim_delivery_body(v_delivery.kind, read_deliveries.envelope -> 'body')
    ) as parts
    order by parts.alert_position
  loop
    v_delivery.alert_position := v_part.alert_position;
    return next monitoring.read_alert(v_delivery, v_part.alert);
  end loop;
exception
  when others then
    if not monitoring.is_caused_by_body(sqlstate) then
      raise;
    end if;
    raise exception using
      errcode = 'internal_error',
      message = 'a delivery cannot be sanitized and is not stored',
      detail = format('SQLSTATE %s', sqlstate),
      hint = 'The service keeps the delivery. Report this as a bug.';
end
$$;

comment on function monitoring.read_deliveries(jsonb, integer) is
'Parses a delivery: what each alert in it requests. An error that its body causes is returned in error; any other is
raised.';

create function monitoring.find_same_delivery(body_hash text, occurrence_key text)
returns monitoring.delivery_outcome
language sql
stable
security invoker
set search_path = ''
as $$
  select 'repeated', same.incident_id
  from (
    select deliveries.incident_id
    from monitoring.deliveries
    where deliveries.body_hash = find_same_delivery.body_hash
      and deliveries.effect not in ('failed', 'repeated')
    union all
    select deliveries.incident_id
    from monitoring.deliveries
    where deliveries.occurrence_key = find_same_delivery.occurrence_key
      and deliveries.effect not in ('failed', 'repeated')
    limit 1
  ) as same
$$;

comment on function monitoring.find_same_delivery(text, text) is
'Returns the outcome of a delivery whose body or occurrence is stored already: the effect repeated, and the incident.
All null when there is none, or it failed.';

create function monitoring.pause_before_retry(effect text, attempts integer)
returns interval
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when pause_before_retry.effect = 'deferred' then interval '0'
    when pause_before_retry.effect = 'failed' and pause_before_retry.attempts < 12
      then least(interval '1 minute' * 2 ^ pause_before_retry.attempts, interval '1 day')
  end
$$;

comment on function monitoring.pause_before_retry(text, integer) is
'Returns how long a delivery waits for its next attempt. Failed ones: 2 minutes after the first attempt, twice as long
after each further one, up to a day; null after the 12th, which is the last. Deferred ones do not wait. Null for others.';

create function monitoring.apply_delivery(
  delivery monitoring.delivery, out effect text, out incident_id text, out error text
)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_attempt integer := 0;
  v_outcome monitoring.delivery_outcome;
begin
  apply_delivery.error := (apply_delivery.delivery).error;
  v_outcome := monitoring.find_same_delivery(
    (apply_delivery.delivery).body_hash, ((apply_delivery.delivery).intent).occurrence_key
  );
  if v_outcome.effect is null and apply_delivery.error is not null then
    v_outcome := row('failed', null);
  end if;
  while v_outcome.effect is null loop
    v_attempt := v_attempt + 1;
    begin
      v_outcome := monitoring.apply_intent((apply_delivery.delivery).intent);
    exception
      when serialization_failure or unique_violation or foreign_key_violation or deadlock_detected then
        if v_attempt = 20 then
          raise;
        end if;
      when others then
        if not monitoring.is_caused_by_body(sqlstate) then
          raise;
        end if;
        v_outcome := row('failed', null);
        apply_delivery.error := monitoring.sanitize_text(format('%s: %s', sqlstate, sqlerrm), 1000);
    end;
  end loop;
  apply_delivery.effect := v_outcome.effect;
  apply_delivery.incident_id := v_outcome.incident_id;
end
$$;

comment on function monitoring.apply_delivery(monitoring.delivery) is
'Applies a delivery, unless its body or occurrence is stored already. One whose body causes an error has the effect
failed; any other error is raised.';

create function monitoring.store_delivery(delivery monitoring.delivery, is_deferred boolean default false)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_delivery monitoring.delivery := store_delivery.delivery;
  v_outcome monitoring.delivery_outcome;
  v_error text := v_delivery.error;
  v_applied record;
  v_id bigint;
begin
  if store_delivery.is_deferred and v_error is null then
    v_outcome := monitoring.find_same_delivery(v_delivery.body_hash, (v_delivery.intent).occurrence_key);
    v_outcome.effect := coalesce(
      v_outcome.effect, case when (v_delivery.intent).verb is null then 'recorded' else 'deferred' end
    );
  else
    v_applied := monitoring.apply_delivery(v_delivery);
    v_outcome := row(v_applied.effect, v_applied.incident_id);
    v_error := v_applied.error;
  end if;
  insert into monitoring.deliveries (
    kind, name, resource, action, body_hash, occurrence_key, fingerprint, verb, sent_at, occurred_at, next_attempt_at,
    effect, incident_id, error, body
  )
  values (
    v_delivery.kind,
    v_delivery.name,
    v_delivery.resource,
    v_delivery.action,
    v_delivery.body_hash,
    (v_delivery.intent).occurrence_key,
    (v_delivery.intent).fingerprint,
    (v_delivery.intent).verb,
    v_delivery.sent_at,
    (v_delivery.intent).occurred_at,
    clock_timestamp() + monitoring.pause_before_retry(v_outcome.effect, 1),
    v_outcome.effect,
    v_outcome.incident_id,
    case v_outcome.effect
      when 'failed' then v_error
      when 'recorded' then coalesce(v_delivery.problem, (v_delivery.intent).details ->> 'problem')
    end,
    case when v_outcome.effect = 'repeated' then '{}' else v_delivery.kept end
  )
  returning deliveries.id into v_id;
  return jsonb_build_object(
    'delivery_id', v_id,
    'effect', v_outcome.effect,
    'incident_id', v_outcome.incident_id,
    'understood', (v_delivery.intent).verb is not null
  );
end
$$;

comment on function monitoring.store_delivery(monitoring.delivery, boolean) is
'Applies an alert of a delivery, or leaves that to the job that retries deliveries (is_deferred), stores it and
returns what became of it. A body that causes an error is stored as failed and tried again later; any other error is
raised.';

create function monitoring.join_answers(answers jsonb[])
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'success', true,
    'delivery_id', join_answers.answers[1] -> 'delivery_id',
    'effect', join_answers.answers[1] -> 'effect',
    'incident_id', join_answers.answers[1] -> 'incident_id',
    'delivery_ids', jsonb_agg(answer -> 'delivery_id' order by position),
    'effects', jsonb_agg(answer -> 'effect' order by position),
    'incident_ids', jsonb_agg(answer -> 'incident_id' order by position),
    'understood', bool_or((answer -> 'understood')::boolean),
    'duplicate', bool_and(answer ->> 'effect' = 'repeated')
  )
  from unnest(join_answers.answers) with ordinality as listed (answer, position)
$$;

comment on function monitoring.join_answers(jsonb[]) is
'Returns the answer about a delivery: lists of what became of each alert in it, and the values of the first one.
understood is whether any of them requests something, duplicate whether all were stored already.';

create function monitoring.lock_issues(fingerprints text[], senders text[])
returns void
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
begin
  perform monitoring.lock_quotas(array(
    select issues.sender
    from unnest(lock_issues.fingerprints, lock_issues.senders) as issues (fingerprint, sender)
    where issues.fingerprint is not null
      and not exists (
        select from monitoring.find_fold_candidates(array[issues.fingerprint], array[clock_timestamp()])
      )
  ));
  perform monitoring.lock_incidents(lock_issues.fingerprints);
  perform monitoring.lock_fixes_of_errors(lock_issues.fingerprints);
end
$$;

comment on function monitoring.lock_issues(text[], text[]) is
'Locks, in the order of every other transaction, what deliveries about several issues or alerts change one after the
other: the quotas of the senders that may open incidents, the incidents, and the fixes that fail when these are
reopened. senders are those of the issues, in the order of the fingerprints.';

create function public.ingest_deliveries(deliveries jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_deliveries monitoring.delivery[];
  v_delivery monitoring.delivery;
  c_most_applied constant integer := 200;
  v_answers jsonb[];
  v_joined jsonb := '[]'::jsonb;
begin
  if jsonb_typeof(ingest_deliveries.deliveries) is distinct from 'array' then
    raise exception using
      errcode = 'PT400',
      message = 'deliveries must be a JSON array',
      detail = 'deliveries',
      hint = 'Send [{"kind": "sentry", "resource": "event_alert", "body_hash": "…", "body": {…}}].';
  end if;
  if jsonb_array_length(ingest_deliveries.deliveries) > 1000 then
    raise exception using
      errcode = 'PT413',
      message = 'deliveries holds more than 1,000 deliveries',
      detail = 'deliveries',
      hint = 'Split them into several calls.';
  end if;
  v_deliveries := array(
    select parsed
    from jsonb_array_elements(ingest_deliveries.deliveries) with ordinality as items (item, position)
    cross join lateral monitoring.read_deliveries(items.item, items.position::integer) as parsed
    order by items.position, parsed.alert_position
  );
  perform pg_advisory_xact_lock(20261124, locks.lock_key)
  from (
    select distinct delivery.lock_key
    from unnest(v_deliveries) as delivery
    order by delivery.lock_key
  ) as locks;
  perform monitoring.lock_issues(array_agg(issues.fingerprint), array_agg(issues.sender))
  from (
    select distinct (delivery.intent).fingerprint, (delivery.intent).sender
    from unnest(v_deliveries) as delivery
  ) as issues
  having count(issues.fingerprint) > 1;
  for v_number in 1..cardinality(v_deliveries) loop
    v_delivery := v_deliveries[v_number];
    -- A notification can hold a thousand alerts: to apply all would last longer than a statement may.
    v_answers := v_answers || monitoring.store_delivery(
      v_delivery, v_number > c_most_applied and v_delivery.kind <> 'sentry'
    );
    if (v_deliveries[v_number + 1]).envelope_position is distinct from v_delivery.envelope_position then
      v_joined := v_joined || monitoring.join_answers(v_answers);
      v_answers := null;
    end if;
  end loop;
  return v_joined;
end
$$;

revoke all on function public.ingest_deliveries(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.ingest_deliveries(jsonb) to service_role;

comment on function public.ingest_deliveries(jsonb) is
'Stores up to 1,000 webhook deliveries of Sentry and other monitors in order of arrival.

The caller must authenticate their senders first. deliveries is an array of {"kind"?, "name"?, "resource", "body_hash",
"sent_at", "arrived_at", "body", "problem"?}: sentry (the default), alertmanager, grafana, uptime-kuma, github or generic;
the name of the key of a generic one; Sentry-Hook-Resource or its like, the sha256 of the raw body in hex,
Sentry-Hook-Timestamp, the time at which the service received it, and the parsed body. Returns an array in the same
order: {"success": true, "delivery_id", "effect", "incident_id", "delivery_ids", "effects", "incident_ids", "understood",
"duplicate"}. The lists are about each alert in the delivery, the single values about the first one; understood is false
if none of them requests anything. Of other monitors, 200 alerts of a call are applied; a job applies the others within
minutes (effect deferred). The same body, or the same event of the same alert rule, is applied once while
retention.deliveries_days keeps it. A delivery whose body causes an error has the effect failed and is tried again by a
job. Any other error, such as a full disk or a missing function, fails the call, which stores nothing: send the
deliveries again. 400 for an unknown kind. Security definer, because service_role may write incidents through such
functions only.';

create function public.record_invalid_signature(ip_address text)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_address inet := case
    when monitoring.is_valid_input(record_invalid_signature.ip_address, 'inet')
      then record_invalid_signature.ip_address::inet
  end;
begin
  perform pg_advisory_xact_lock(20261125, hashtext(coalesce(host(v_address), '')));
  insert into public.security_events (event_type, severity, confidence, ip_address, action_taken)
  select 'invalid_signature', 'MEDIUM', 0.5, v_address, 'refused with 401'
  where not exists (
    select
    from public.security_events
    where security_events.event_type = 'invalid_signature'
      and security_events.ip_address is not distinct from v_address
      -- A subquery, because an index is not searched for what changes with each row.
      and security_events.created_at > (select clock_timestamp() - interval '1 minute')
  );
  return found;
end
$$;

revoke all on function public.record_invalid_signature(text) from public, anon, authenticated, service_role;

grant execute on function public.record_invalid_signature(text) to service_role;

comment on function public.record_invalid_signature(text) is
'Records in security_events that a webhook request had an invalid signature.

Returns whether a row was written: at most one per minute and IP address. Security definer, because service_role may
write security events through such functions only.';
