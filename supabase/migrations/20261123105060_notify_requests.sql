-- Purpose: writes the HTTP request that sends a notification to its channel.
-- Objects: type monitoring.notification_request; functions monitoring.read_channel_secret,
--   monitoring.read_channel_url, monitoring.write_signed_request, monitoring.write_email_request,
--   monitoring.write_notification_request.
-- Risks: requests contain secrets. Errors name a secret and never contain it.

create type monitoring.notification_request as (
  url text,
  headers jsonb,
  body jsonb
);

comment on type monitoring.notification_request is
'Arguments of net.http_post(), which sends body::text: what is signed is exactly that.';

create function monitoring.read_channel_secret(name text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  -- A value that was pasted often ends with a line break.
  v_value text := btrim(monitoring.read_secret(read_channel_secret.name), e' \n\r\t');
begin
  if coalesce(v_value, '') = '' then
    raise exception using
      errcode = 'undefined_object',
      message = format('the secret %L does not exist or is empty', read_channel_secret.name),
      hint = 'Create it with ' || monitoring.describe_secret_creation();
  end if;
  return v_value;
end
$$;

comment on function monitoring.read_channel_secret(text) is
'Returns a secret of a channel. Raises an error that names it if it is missing or empty.';

create function monitoring.read_channel_url(name text, default_url text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_url text;
begin
  if read_channel_url.name is null and read_channel_url.default_url is not null then
    return read_channel_url.default_url;
  end if;
  v_url := monitoring.read_channel_secret(read_channel_url.name);
  if not (starts_with(v_url, 'https://') or starts_with(v_url, 'http://'))
    or not monitoring.is_one_line(v_url)
    or strpos(v_url, ' ') > 0
  then
    raise exception using
      errcode = 'invalid_parameter_value',
      message = format('the secret %L is not a URL', read_channel_url.name),
      hint = 'It must begin with https:// and contain no space.';
  end if;
  return v_url;
end
$$;

comment on function monitoring.read_channel_url(text, text) is
'Returns the URL of a channel: that of its secret, or the default of its kind. Raises an error that names the secret,
because an error of pg_net would contain the URL.';

create function monitoring.write_signed_request(message_id text, body jsonb, channel monitoring.notification_channels)
returns monitoring.notification_request
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_sent_at timestamptz := clock_timestamp();
  v_signature text := monitoring.sign_webhook(
    write_signed_request.message_id,
    v_sent_at,
    write_signed_request.body::text,
    monitoring.read_channel_secret((write_signed_request.channel).signing_secret)
  );
begin
  if v_signature is null then
    raise exception using
      errcode = 'invalid_parameter_value',
      message = format(
        'the secret %L is not whsec_ and base64', (write_signed_request.channel).signing_secret
      ),
      hint = 'Make one with echo "whsec_$(openssl rand -base64 32)"';
  end if;
  return (
    monitoring.read_channel_url((write_signed_request.channel).url_secret, null),
    jsonb_build_object(
      'Content-Type', 'application/json',
      'webhook-id', write_signed_request.message_id,
      'webhook-timestamp', floor(extract(epoch from v_sent_at))::text,
      'webhook-signature', v_signature
    ),
    write_signed_request.body
  )::monitoring.notification_request;
end
$$;

comment on function monitoring.write_signed_request(text, jsonb, monitoring.notification_channels) is
'Returns a request with the headers of Standard Webhooks.';

create function monitoring.write_email_request(n monitoring.notifications, channel monitoring.notification_channels)
returns monitoring.notification_request
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_email jsonb := monitoring.write_email(write_email_request.n, write_email_request.channel);
  v_email_id text := (write_email_request.n).email_id::text;
  v_token text := monitoring.read_channel_secret((write_email_request.channel).token_secret);
begin
  if (write_email_request.channel).provider = 'resend' then
    return (
      monitoring.read_channel_url((write_email_request.channel).url_secret, 'https://api.resend.com/emails'),
      jsonb_build_object(
        'Content-Type', 'application/json',
        'Authorization', 'Bearer ' || v_token,
        -- Resend answers a repeated key with its first answer, and sends nothing.
        'Idempotency-Key', (write_email_request.n).message_id
      ),
      jsonb_strip_nulls(
        v_email || jsonb_build_object(
          'from', (write_email_request.channel).from_address,
          'to', jsonb_build_array((write_email_request.channel).email),
          'headers', jsonb_build_object('Auto-Submitted', 'auto-generated'),
          'tags', case
            when v_email_id is not null then jsonb_build_array(
              jsonb_build_object('name', 'email_id', 'value', v_email_id),
              -- Of another installation that uses the same account, the id of an e-mail can be the same.
              jsonb_build_object('name', 'message_id', 'value', (write_email_request.n).message_id)
            )
          end
        )
      )
    )::monitoring.notification_request;
  end if;
  return (
    monitoring.read_channel_url((write_email_request.channel).url_secret, 'https://api.postmarkapp.com/email'),
    jsonb_build_object(
      'Content-Type', 'application/json', 'Accept', 'application/json', 'X-Postmark-Server-Token', v_token
    ),
    jsonb_build_object(
      'From', (write_email_request.channel).from_address,
      'To', (write_email_request.channel).email,
      'Subject', v_email ->> 'subject',
      'TextBody', v_email ->> 'text',
      'HtmlBody', v_email ->> 'html',
      'MessageStream', 'outbound',
      'Headers', jsonb_build_array(jsonb_build_object('Name', 'Auto-Submitted', 'Value', 'auto-generated')),
      'Metadata', jsonb_strip_nulls(
        jsonb_build_object('email_id', v_email_id, 'message_id', (write_email_request.n).message_id)
      )
    )
  )::monitoring.notification_request;
end
$$;

comment on function monitoring.write_email_request(monitoring.notifications, monitoring.notification_channels) is
'Returns the request that sends an e-mail with the HTTP API of Resend or Postmark. Their webhooks return email_id and
message_id, by which find_email() tells it from those of other installations.';

create function monitoring.write_notification_request(
  n monitoring.notifications, channel monitoring.notification_channels
)
returns monitoring.notification_request
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_json constant jsonb := jsonb_build_object('Content-Type', 'application/json');
  v_url text;
begin
  case (write_notification_request.channel).kind
    when 'webhook' then
      return monitoring.write_signed_request(
        (write_notification_request.n).message_id,
        monitoring.write_webhook_event(write_notification_request.n),
        write_notification_request.channel
      );
    when 'agent' then
      return monitoring.write_signed_request(
        (write_notification_request.n).message_id,
        monitoring.write_agent_event(
          write_notification_request.n,
          coalesce((write_notification_request.channel).agent, (write_notification_request.channel).name)
        ),
        write_notification_request.channel
      );
    when 'email' then
      return monitoring.write_email_request(write_notification_request.n, write_notification_request.channel);
    when 'pagerduty' then
      return (
        monitoring.read_channel_url(
          (write_notification_request.channel).url_secret, 'https://events.pagerduty.com/v2/enqueue'
        ),
        c_json,
        monitoring.write_pagerduty_event(
          write_notification_request.n,
          monitoring.read_channel_secret((write_notification_request.channel).token_secret)
        )
      )::monitoring.notification_request;
    when 'slack' then
      v_url := monitoring.read_channel_url((write_notification_request.channel).url_secret, null);
      return (
        v_url, c_json, monitoring.write_slack_message(write_notification_request.n)
      )::monitoring.notification_request;
    when 'teams' then
      v_url := monitoring.read_channel_url((write_notification_request.channel).url_secret, null);
      return (
        v_url, c_json, monitoring.write_teams_message(write_notification_request.n)
      )::monitoring.notification_request;
    else
      -- Discord.
      v_url := monitoring.read_channel_url((write_notification_request.channel).url_secret, null);
      -- Without wait=true, Discord answers 204 before it knows whether it accepts the message.
      if strpos(v_url, 'wait=') = 0 then
        v_url := v_url || case when strpos(v_url, '?') > 0 then '&' else '?' end || 'wait=true';
      end if;
      return (
        v_url, c_json, monitoring.write_discord_message(write_notification_request.n)
      )::monitoring.notification_request;
  end case;
end
$$;

comment on function monitoring.write_notification_request(monitoring.notifications, monitoring.notification_channels) is
'Returns the request that sends a notification to its channel, signed now. Raises an error that names the secret if one
is missing or wrong. An e-mail needs a channel with a provider.';
