-- Purpose: provides the RPC that takes Sentry webhooks, stores each delivery once with its effect, and replays
--   deliveries.
-- Objects: type monitoring.sentry_delivery; functions monitoring.read_sentry_delivery,
--   monitoring.store_sentry_delivery, public.ingest_sentry, monitoring.replay_delivery,
--   monitoring.replay_deferred_deliveries, public.note_forged_signature.
-- Risks: deliveries are applied in order of arrival, because the order matters (warning, critical, resolved).
--   Advisory locks by fingerprint, all taken at the start and sorted, serialize batches that concern the same issue.

create type monitoring.sentry_delivery as (
  resource text,
  action text,
  body_hash text,
  arrived_at timestamptz,
  sent_at timestamptz,
  body jsonb,
  kept jsonb,
  problem text,
  intent monitoring.sentry_intent,
  lock_key integer
);

comment on type monitoring.sentry_delivery is
'A parsed delivery. body is trimmed, kept is sanitized too. problem says why the delivery could not be read
completely. lock_key is the key of the advisory lock of its issue.';

create function monitoring.read_sentry_delivery(envelope jsonb)
returns monitoring.sentry_delivery
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_envelope jsonb := read_sentry_delivery.envelope;
  v_delivery monitoring.sentry_delivery;
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
  v_delivery.kept := '{}'::jsonb;
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
      -- Whatever the error is, the delivery is stored, because Sentry does not send it again.
      v_delivery.problem := monitoring.sanitize_text(format('%s: %s', sqlstate, sqlerrm), 1000);
  end;
  return v_delivery;
end
$$;

comment on function monitoring.read_sentry_delivery(jsonb) is
'Parses a delivery and what it requests. Does not raise, whatever the body contains.';

create function monitoring.store_sentry_delivery(delivery monitoring.sentry_delivery)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_delivery monitoring.sentry_delivery := store_sentry_delivery.delivery;
  v_outcome monitoring.sentry_outcome;
  v_seen monitoring.sentry_outcome;
  v_attempt integer := 0;
  v_error text := v_delivery.problem;
  v_id bigint;
begin
  select seen.effect, seen.incident_id
  into v_seen
  from monitoring.sentry_deliveries as seen
  -- Compare with the arrival: a delivery that waited in the spool may have been stored by an earlier attempt.
  where seen.received_at > v_delivery.arrived_at - interval '1 hour'
    and (
      seen.body_hash = v_delivery.body_hash
      or seen.occurrence_key = (v_delivery.intent).occurrence_key
    )
    and seen.effect not in ('failed', 'repeated')
  limit 1;

  if v_seen.effect is not null then
    v_outcome := row('repeated', v_seen.incident_id);
    v_error := null;
  end if;
  while v_outcome.effect is null loop
    v_attempt := v_attempt + 1;
    begin
      v_outcome := monitoring.apply_sentry_intent(v_delivery.intent);
    exception
      when serialization_failure or unique_violation or deadlock_detected then
        if v_attempt = 20 then
          raise;
        end if;
      when others then
        -- Whatever the error is, the delivery is stored, because Sentry does not send it again.
        v_outcome := row('failed', null);
        v_error := monitoring.sanitize_text(format('%s: %s', sqlstate, sqlerrm), 1000);
    end;
  end loop;

  insert into monitoring.sentry_deliveries (
    resource, action, body_hash, occurrence_key, fingerprint, verb, sent_at, occurred_at, effect, incident_id, error, body
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
    v_outcome.effect,
    v_outcome.incident_id,
    case when v_outcome.effect in ('failed', 'recorded') then v_error end,
    case when v_outcome.effect = 'repeated' then '{}' else v_delivery.kept end
  )
  returning sentry_deliveries.id into v_id;
  return jsonb_build_object(
    'success', true,
    'delivery_id', v_id,
    'effect', v_outcome.effect,
    'incident_id', v_outcome.incident_id,
    'duplicate', v_outcome.effect = 'repeated'
  );
end
$$;

comment on function monitoring.store_sentry_delivery(monitoring.sentry_delivery) is
'Applies a delivery, unless it repeats one of the last hour, stores it and returns the answer. Does not raise,
whatever the body contains.';

create function public.ingest_sentry(deliveries jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_deliveries monitoring.sentry_delivery[];
  v_delivery monitoring.sentry_delivery;
  v_answers jsonb := '[]'::jsonb;
begin
  if jsonb_typeof(ingest_sentry.deliveries) is distinct from 'array' then
    raise exception using
      errcode = 'PT400',
      message = 'deliveries must be a JSON array',
      detail = 'deliveries',
      hint = 'Send [{"resource": "event_alert", "body_hash": "…", "body": {…}}].';
  end if;
  if jsonb_array_length(ingest_sentry.deliveries) > 1000 then
    raise exception using
      errcode = 'PT413',
      message = 'deliveries holds more than 1,000 deliveries',
      detail = 'deliveries',
      hint = 'Split them into several calls.';
  end if;
  v_deliveries := array(
    select monitoring.read_sentry_delivery(items.item)
    from jsonb_array_elements(ingest_sentry.deliveries) with ordinality as items (item, position)
    order by items.position
  );
  perform pg_advisory_xact_lock(20261124, locks.lock_key)
  from (
    select distinct delivery.lock_key
    from unnest(v_deliveries) as delivery
    order by delivery.lock_key
  ) as locks;
  foreach v_delivery in array v_deliveries loop
    v_answers := v_answers || monitoring.store_sentry_delivery(v_delivery);
  end loop;
  return v_answers;
end
$$;

revoke all on function public.ingest_sentry(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.ingest_sentry(jsonb) to service_role;

comment on function public.ingest_sentry(jsonb) is
'Stores up to 1,000 Sentry webhook deliveries in order of arrival.

The caller must verify their signatures first. deliveries is an array of {"resource", "body_hash", "sent_at",
"arrived_at", "body", "problem"?}: Sentry-Hook-Resource, the sha256 of the raw body in hex, Sentry-Hook-Timestamp,
the time at which the service received it, and the parsed body. Returns an array in the same order: {"success":
true, "delivery_id", "effect", "incident_id", "duplicate"}. The same body, or the same event of the same alert rule,
counts once within an hour. Security definer, because service_role may write incidents through such functions only.';

create function monitoring.replay_delivery(id bigint)
returns text
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_row monitoring.sentry_deliveries;
  v_intent monitoring.sentry_intent;
  v_outcome monitoring.sentry_outcome;
begin
  select sentry_deliveries.*
  into v_row
  from monitoring.sentry_deliveries
  where sentry_deliveries.id = replay_delivery.id;
  if not found then
    raise exception using
      errcode = 'no_data_found',
      message = format('there is no delivery %s', replay_delivery.id),
      hint = 'Find the id with: select id, resource, action, effect from monitoring.sentry_deliveries order by id desc.';
  elsif v_row.effect = 'repeated' then
    raise exception using
      errcode = 'object_not_in_prerequisite_state',
      message = format('delivery %s is a repeat, and its body was not stored', replay_delivery.id),
      hint = 'Replay the first delivery with the same body_hash.';
  end if;
  v_intent := monitoring.read_sentry_intent(v_row.resource, v_row.action, v_row.body, v_row.sent_at);
  perform pg_advisory_xact_lock(20261124, hashtext(coalesce(v_intent.fingerprint, v_row.body_hash)));
  v_outcome := monitoring.apply_sentry_intent(v_intent);
  update monitoring.sentry_deliveries
  set
    effect = v_outcome.effect,
    incident_id = coalesce(v_outcome.incident_id, sentry_deliveries.incident_id),
    error = null
  where sentry_deliveries.id = replay_delivery.id;
  return v_outcome.effect;
end
$$;

comment on function monitoring.replay_delivery(bigint) is
'Applies a stored delivery again and returns its effect. An occurrence is counted again. Raises for a delivery with the
effect repeated, whose body was not stored.';

create function monitoring.replay_deferred_deliveries()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_waiting record;
  v_effect text;
  v_done bigint := 0::bigint;
begin
  for v_waiting in
    select sentry_deliveries.id, sentry_deliveries.fingerprint, sentry_deliveries.body_hash
    from monitoring.sentry_deliveries
    where sentry_deliveries.effect = 'deferred'
    order by sentry_deliveries.id
    limit 50
    for update skip locked
  loop
    -- Do not wait for the lock, because ingest takes these locks in another order.
    continue when not pg_try_advisory_xact_lock(
      20261124, hashtext(coalesce(v_waiting.fingerprint, v_waiting.body_hash))
    );
    begin
      v_effect := monitoring.replay_delivery(v_waiting.id);
    exception
      when others then
        v_effect := 'failed';
        update monitoring.sentry_deliveries
        set effect = 'failed', error = monitoring.sanitize_text(format('%s: %s', sqlstate, sqlerrm), 1000)
        where sentry_deliveries.id = v_waiting.id;
    end;
    -- The first delivery that is deferred again ends the run: the quota of this minute is used up.
    exit when v_effect = 'deferred';
    v_done := v_done + 1;
  end loop;
  return v_done;
end
$$;

comment on function monitoring.replay_deferred_deliveries() is
'Applies deliveries that were deferred by rate_limits.new_incidents_per_minute, and returns their number. pg_cron
runs it each minute.';

create function public.note_forged_signature(ip_address text)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_address inet := case
    when pg_input_is_valid(note_forged_signature.ip_address, 'inet') then note_forged_signature.ip_address::inet
  end;
begin
  perform pg_advisory_xact_lock(20261125, hashtext(coalesce(host(v_address), '')));
  insert into public.security_events (event_type, severity, confidence, ip_address, action_taken)
  select 'forged_signature', 'MEDIUM', 0.5, v_address, 'refused with 401'
  where not exists (
    select
    from public.security_events
    where security_events.event_type = 'forged_signature'
      and security_events.ip_address is not distinct from v_address
      and security_events.created_at > clock_timestamp() - interval '1 minute'
  );
  return found;
end
$$;

revoke all on function public.note_forged_signature(text) from public, anon, authenticated, service_role;

grant execute on function public.note_forged_signature(text) to service_role;

comment on function public.note_forged_signature(text) is
'Records in security_events that a webhook request had an invalid signature.

Returns whether a row was written: at most one per minute and IP address. Security definer, because service_role may
write security events through such functions only.';
