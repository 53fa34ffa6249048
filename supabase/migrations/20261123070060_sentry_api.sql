-- Purpose: provides the RPC that takes deliveries from Sentry.
-- Objects: type monitoring.delivery; functions monitoring.read_delivery, monitoring.find_same_delivery,
--   monitoring.pause_before_retry, monitoring.store_delivery, public.ingest_deliveries,
--   public.record_invalid_signature.
-- Risks: deliveries are applied in order of arrival, because the order matters (warning, critical, resolved). Locks are
--   taken in this order: the advisory locks of all issues in a call, sorted; then for each delivery its incident, the
--   quota, its row in deliveries. A row is changed only under the advisory lock of its issue. An error that no
--   body causes fails the whole call: the service keeps the deliveries and sends them again.

create type monitoring.delivery as (
  resource text,
  action text,
  body_hash text,
  arrived_at timestamptz,
  sent_at timestamptz,
  body jsonb,
  kept jsonb,
  problem text,
  error text,
  intent monitoring.delivery_intent,
  lock_key integer
);

comment on type monitoring.delivery is
'A parsed delivery. body is trimmed, kept is sanitized too. problem says why the service could not read it completely,
error is the SQL error that its body caused. lock_key is the key of the advisory lock of its issue.';

create function monitoring.read_delivery(envelope jsonb)
returns monitoring.delivery
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_envelope jsonb := read_delivery.envelope;
  v_delivery monitoring.delivery;
begin
  v_delivery.resource := coalesce(
    monitoring.truncate_bytes(monitoring.sanitize_text(monitoring.read_lenient_text(v_envelope, 'resource'), 200), 100),
    'unknown'
  );
  v_delivery.action := monitoring.truncate_bytes(
    monitoring.sanitize_text(monitoring.read_lenient_text(v_envelope, 'body', 'action'), 200), 100
  );
  v_delivery.body_hash := coalesce(
    monitoring.read_lenient_text(v_envelope, 'body_hash'),
    encode(sha256(convert_to(coalesce(v_envelope ->> 'body', ''), 'UTF8')), 'hex')
  );
  v_delivery.arrived_at := coalesce(monitoring.read_timestamp(v_envelope -> 'arrived_at'), clock_timestamp());
  v_delivery.sent_at := coalesce(monitoring.read_timestamp(v_envelope -> 'sent_at'), v_delivery.arrived_at);
  v_delivery.problem := monitoring.sanitize_text(monitoring.read_lenient_text(v_envelope, 'problem'), 200);
  v_delivery.lock_key := hashtext(v_delivery.body_hash);
  begin
    v_delivery.body := case
      when jsonb_typeof(v_envelope -> 'body') = 'object' then monitoring.trim_sentry_body(v_envelope -> 'body')
      else '{}'
    end;
    v_delivery.kept := monitoring.sanitize_jsonb(v_delivery.body, 65536);
    v_delivery.intent := monitoring.read_sentry_intent(
      v_delivery.resource, v_delivery.action, v_delivery.body, v_delivery.sent_at
    );
    v_delivery.lock_key := hashtext(coalesce((v_delivery.intent).fingerprint, v_delivery.body_hash));
  exception
    when others then
      if not monitoring.is_caused_by_body(sqlstate) then
        raise;
      elsif v_delivery.kept is null then
        raise exception using
          errcode = 'internal_error',
          message = 'a delivery cannot be sanitized and is not stored',
          detail = format('SQLSTATE %s', sqlstate),
          hint = 'The service keeps the delivery. Report this as a bug.';
      end if;
      v_delivery.error := monitoring.sanitize_text(format('%s: %s', sqlstate, sqlerrm), 1000);
  end;
  return v_delivery;
end
$$;

comment on function monitoring.read_delivery(jsonb) is
'Parses a delivery and what it requests. An error that its body causes is returned in error; any other is raised.';

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

create function monitoring.store_delivery(delivery monitoring.delivery)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_delivery monitoring.delivery := store_delivery.delivery;
  v_outcome monitoring.delivery_outcome;
  v_attempt integer := 0;
  v_error text := v_delivery.error;
  v_id bigint;
begin
  v_outcome := monitoring.find_same_delivery(v_delivery.body_hash, (v_delivery.intent).occurrence_key);
  if v_outcome.effect is null and v_error is not null then
    v_outcome.effect := 'failed';
  end if;
  while v_outcome.effect is null loop
    v_attempt := v_attempt + 1;
    begin
      v_outcome := monitoring.apply_intent(v_delivery.intent);
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
        v_error := monitoring.sanitize_text(format('%s: %s', sqlstate, sqlerrm), 1000);
    end;
  end loop;

  insert into monitoring.deliveries (
    resource, action, body_hash, occurrence_key, fingerprint, verb, sent_at, occurred_at, next_attempt_at, effect,
    incident_id, error, body
  )
  values (
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
    case v_outcome.effect when 'failed' then v_error when 'recorded' then v_delivery.problem end,
    case when v_outcome.effect = 'repeated' then '{}' else v_delivery.kept end
  )
  returning deliveries.id into v_id;
  return jsonb_build_object(
    'success', true,
    'delivery_id', v_id,
    'effect', v_outcome.effect,
    'incident_id', v_outcome.incident_id,
    'duplicate', v_outcome.effect = 'repeated'
  );
end
$$;

comment on function monitoring.store_delivery(monitoring.delivery) is
'Applies a delivery, unless its body or occurrence is stored already, stores it and returns the answer. A body that
causes an error is stored as failed and tried again later; any other error is raised.';

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
  v_answers jsonb := '[]'::jsonb;
begin
  if jsonb_typeof(ingest_deliveries.deliveries) is distinct from 'array' then
    raise exception using
      errcode = 'PT400',
      message = 'deliveries must be a JSON array',
      detail = 'deliveries',
      hint = 'Send [{"resource": "event_alert", "body_hash": "…", "body": {…}}].';
  end if;
  if jsonb_array_length(ingest_deliveries.deliveries) > 1000 then
    raise exception using
      errcode = 'PT413',
      message = 'deliveries holds more than 1,000 deliveries',
      detail = 'deliveries',
      hint = 'Split them into several calls.';
  end if;
  v_deliveries := array(
    select monitoring.read_delivery(items.item)
    from jsonb_array_elements(ingest_deliveries.deliveries) with ordinality as items (item, position)
    order by items.position
  );
  perform pg_advisory_xact_lock(20261124, locks.lock_key)
  from (
    select distinct delivery.lock_key
    from unnest(v_deliveries) as delivery
    order by delivery.lock_key
  ) as locks;
  foreach v_delivery in array v_deliveries loop
    v_answers := v_answers || monitoring.store_delivery(v_delivery);
  end loop;
  return v_answers;
end
$$;

revoke all on function public.ingest_deliveries(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.ingest_deliveries(jsonb) to service_role;

comment on function public.ingest_deliveries(jsonb) is
'Stores up to 1,000 Sentry webhook deliveries in order of arrival.

The caller must verify their signatures first. deliveries is an array of {"resource", "body_hash", "sent_at",
"arrived_at", "body", "problem"?}: Sentry-Hook-Resource, the sha256 of the raw body in hex, Sentry-Hook-Timestamp,
the time at which the service received it, and the parsed body. Returns an array in the same order: {"success":
true, "delivery_id", "effect", "incident_id", "duplicate"}. The same body, or the same event of the same alert rule,
is applied once while retention.deliveries_days keeps it. A delivery whose body causes an error has the effect
failed and is tried again by a job. Any other error, such as a full disk or a missing function, fails the call, which
stores nothing: send the deliveries again. Security definer, because service_role may write incidents through such
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
      and security_events.created_at > clock_timestamp() - interval '1 minute'
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
