-- Purpose: records the events that e-mail providers report with their webhooks, and counts notifications.
-- Objects: type monitoring.email_event; functions monitoring.read_email_id, monitoring.read_resend_event,
--   monitoring.read_postmark_event, monitoring.find_email, monitoring.describe_notifications,
--   public.record_provider_email_event.
-- Risks: providers send the events of every e-mail of an account, those of other programs and other installations too,
--   in any order and repeatedly. An e-mail is found by the provider's id, else by ids of ours only if the recipient is
--   the same.

create type monitoring.email_event as (
  status public.email_status,
  provider_id text,
  email_id bigint,
  message_id text,
  recipients jsonb,
  occurred_at timestamptz,
  error text
);

comment on type monitoring.email_event is
'An event of an e-mail provider: the status that follows from it, null if none does, and what finds the e-mail.';

create function monitoring.read_email_id(value text)
returns bigint
language sql
immutable
strict
security invoker
set search_path = ''
as $$
  select case when read_email_id.value ~ '^[0-9]{1,18}$' then read_email_id.value::bigint end
$$;

comment on function monitoring.read_email_id(text) is 'Returns the id of an e-mail. Null if the text is none.';

create function monitoring.read_resend_event(event jsonb)
returns monitoring.email_event
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_type text := monitoring.read_lenient_text(read_resend_event.event, 'type');
  v_data jsonb := read_resend_event.event -> 'data';
  -- An object today, a list of {"name", "value"} in older webhooks.
  v_tags jsonb := case jsonb_typeof(v_data -> 'tags')
    when 'object' then v_data -> 'tags'
    when 'array' then (
      select jsonb_object_agg(tags.item ->> 'name', tags.item ->> 'value')
      from jsonb_array_elements(v_data -> 'tags') as tags (item)
      where tags.item ->> 'name' in ('email_id', 'message_id')
    )
  end;
  v_details jsonb;
  v_read monitoring.email_event;
begin
  v_read.status := case v_type
    when 'email.sent' then 'sent'
    when 'email.delivery_delayed' then 'sent'
    when 'email.delivered' then 'delivered'
    when 'email.opened' then 'opened'
    when 'email.clicked' then 'clicked'
    when 'email.complained' then 'complained'
    when 'email.bounced' then 'bounced'
    -- Not sent, because an earlier e-mail to the address bounced or was complained about.
    when 'email.suppressed' then 'bounced'
    when 'email.failed' then 'failed'
  end::public.email_status;
  v_read.provider_id := monitoring.sanitize_line(monitoring.read_lenient_text(v_data, 'email_id'), 255);
  v_read.email_id := monitoring.read_email_id(monitoring.read_lenient_text(v_tags, 'email_id'));
  v_read.message_id := monitoring.read_lenient_text(v_tags, 'message_id');
  v_read.recipients := case
    when jsonb_typeof(v_data -> 'to') = 'array' then v_data -> 'to' else jsonb_build_array(v_data -> 'to')
  end;
  v_read.occurred_at := monitoring.parse_timestamp(read_resend_event.event -> 'created_at');
  v_details := v_data -> case v_type
    when 'email.bounced' then 'bounce' when 'email.suppressed' then 'suppressed' when 'email.failed' then 'failed'
  end;
  v_read.error := case v_type
    when 'email.complained' then 'the recipient marked it as spam'
    else nullif(
      concat_ws(
        ': ',
        nullif(
          concat_ws(
            ', ', monitoring.read_lenient_text(v_details, 'type'), monitoring.read_lenient_text(v_details, 'subType')
          ),
          ''
        ),
        coalesce(
          monitoring.read_lenient_text(v_details, 'message'), monitoring.read_lenient_text(v_details, 'reason')
        )
      ),
      ''
    )
  end;
  return v_read;
end
$$;

comment on function monitoring.read_resend_event(jsonb) is
'Returns what a webhook of Resend says. Never raises, whatever the body contains.';

create function monitoring.read_postmark_event(event jsonb)
returns monitoring.email_event
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_event jsonb := read_postmark_event.event;
  v_record text := monitoring.read_lenient_text(v_event, 'RecordType');
  v_type text := monitoring.read_lenient_text(v_event, 'Type');
  v_suppression text := monitoring.read_lenient_text(v_event, 'SuppressionReason');
  v_read monitoring.email_event;
begin
  v_read.status := case v_record
    when 'Delivery' then 'delivered'
    when 'Open' then 'opened'
    when 'Click' then 'clicked'
    when 'SpamComplaint' then 'complained'
    when 'SMTPApiError' then 'failed'
    when 'Bounce' then case
      when v_type = 'SpamComplaint' then 'complained'
      -- Postmark tries again.
      when v_type in ('Transient', 'DnsError') then 'sent'
      -- Answers to an e-mail that has arrived, or about none.
      when v_type in (
        'AutoResponder', 'AddressChange', 'ChallengeVerification', 'InboundError', 'OpenRelayTest', 'Subscribe',
        'Unsubscribe'
      ) then null
      else 'bounced'
    end
    -- From now on Postmark sends nothing to the address.
    when 'SubscriptionChange' then case
      when v_event -> 'SuppressSending' is distinct from 'true' then null
      when v_suppression = 'HardBounce' then 'bounced'
      else 'complained'
    end
  end::public.email_status;
  v_read.provider_id := nullif(
    monitoring.sanitize_line(monitoring.read_lenient_text(v_event, 'MessageID'), 255),
    '00000000-0000-0000-0000-000000000000'
  );
  v_read.email_id := monitoring.read_email_id(monitoring.read_lenient_text(v_event, 'Metadata', 'email_id'));
  v_read.message_id := monitoring.read_lenient_text(v_event, 'Metadata', 'message_id');
  v_read.recipients := jsonb_build_array(v_event -> 'Recipient', v_event -> 'Email');
  v_read.occurred_at := monitoring.parse_timestamp(
    coalesce(
      v_event -> 'DeliveredAt', v_event -> 'BouncedAt', v_event -> 'ReceivedAt', v_event -> 'ChangedAt'
    )
  );
  v_read.error := nullif(
    concat_ws(
      ': ', v_type, v_suppression, monitoring.read_lenient_text(v_event, 'Description'),
      case when v_record <> 'Delivery' then monitoring.read_lenient_text(v_event, 'Details') end
    ),
    ''
  );
  return v_read;
end
$$;

comment on function monitoring.read_postmark_event(jsonb) is
'Returns what a webhook of Postmark says. Never raises, whatever the body contains.';

create function monitoring.find_email(event monitoring.email_event)
returns bigint
language sql
stable
security invoker
set search_path = ''
as $$
  select email_tracking.id
  from public.email_tracking
  where email_tracking.provider_id = (find_email.event).provider_id
    or (
      email_tracking.id = (find_email.event).email_id
      and exists (
        select
        from jsonb_array_elements_text((find_email.event).recipients) as recipients (recipient)
        where lower(coalesce(substring(recipients.recipient from '<([^<>]+)>\s*$'), recipients.recipient))
          = lower(email_tracking.recipient)
      )
      and (
        -- Another id of the provider without the id of the message is the e-mail of another installation.
        (
          (find_email.event).message_id is null
          and coalesce(email_tracking.provider_id = (find_email.event).provider_id, true)
        )
        or exists (
          select
          from monitoring.notifications
          where notifications.message_id = (find_email.event).message_id
            and notifications.email_id = email_tracking.id
        )
      )
    )
  order by (email_tracking.provider_id = (find_email.event).provider_id) desc nulls last
  limit 1
$$;

comment on function monitoring.find_email(monitoring.email_event) is
'Returns the id of the e-mail that an event is about: by the id of the provider, else by the ids that were sent with the
e-mail, if the recipient is the same. Null for an e-mail of another program or installation.';

create function monitoring.describe_notifications()
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'queued', (
      select count(*)
      from monitoring.notifications
      where notifications.status in ('queued', 'sending')
    ),
    'oldest_age_seconds', (
      select coalesce(extract(epoch from clock_timestamp() - min(notifications.created_at))::bigint, 0)
      from monitoring.notifications
      where notifications.status in ('queued', 'sending')
    ),
    'dead', (
      select count(*)
      from monitoring.notifications
      where notifications.status = 'dead'
        and notifications.finished_at > now() - interval '1 day'
    )
  )
$$;

comment on function monitoring.describe_notifications() is
'Returns {"queued", "oldest_age_seconds", "dead"}: the number of notifications that are not sent yet, the age of the
oldest, 0 without one, and the number of those that were given up in the last 24 hours.';

create function public.record_provider_email_event(provider text, event jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider text := monitoring.require_argument(
    'provider', monitoring.read_choice('provider', record_provider_email_event.provider, array['resend', 'postmark'])
  );
  v_event monitoring.email_event;
  v_email_id bigint;
  v_applied jsonb;
begin
  v_event := case v_provider
    when 'resend' then monitoring.read_resend_event(record_provider_email_event.event)
    else monitoring.read_postmark_event(record_provider_email_event.event)
  end;
  if v_event.status is null then
    return '{"effect": "ignored", "reason": "events of this type change no status"}'::jsonb;
  end if;
  if v_event.occurred_at < '2000-01-01 00:00:00+00' then
    v_event.occurred_at := null;
  end if;
  v_email_id := monitoring.find_email(v_event);
  if v_email_id is null then
    return '{"effect": "ignored", "reason": "the e-mail is unknown"}'::jsonb;
  end if;
  v_applied := monitoring.apply_email_event(
    v_email_id, v_event.provider_id, v_event.status, v_event.occurred_at, v_event.error
  );
  return jsonb_build_object(
    'effect', case when (v_applied ->> 'duplicate')::boolean then 'duplicate' else 'recorded' end,
    'email_id', v_email_id,
    'status', v_applied -> 'status'
  );
end
$$;

revoke all on function public.record_provider_email_event(text, jsonb) from public, anon, authenticated, service_role;

grant execute on function public.record_provider_email_event(text, jsonb) to service_role;

comment on function public.record_provider_email_event(text, jsonb) is
'Records the body of a webhook of an e-mail provider and returns {"effect", "reason"?, "email_id"?, "status"?}.

The caller must authenticate the provider first. provider is resend or postmark, in any case. effect is recorded,
duplicate, or ignored: for types of events that change no status, and for e-mails of other programs that share the
account. The body itself is not stored. Security definer, because e-mails may be written through such functions only.';
