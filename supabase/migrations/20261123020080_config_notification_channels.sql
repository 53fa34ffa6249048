-- Purpose: keeps the notification channels as rows, derived from system_config, for the outbox.
-- Objects: table monitoring.notification_channels; functions monitoring.read_words,
--   monitoring.read_notification_channels, monitoring.sync_notification_channels; trigger
--   notification_channels_follow_the_configuration.
-- Risks: the table is derived: a trigger overwrites it. Edit system_config.

create table monitoring.notification_channels (
  name text primary key,
  place integer not null,
  kind text not null,
  is_enabled boolean not null default true,
  min_severity public.incident_severity not null,
  categories public.incident_category[],
  sources text[],
  environments text[],
  events text[] not null,
  quiet_from time,
  quiet_to time,
  quiet_timezone text,
  critical_passes_quiet_hours boolean not null default true,
  remind_after_minutes integer,
  escalate_after_minutes integer,
  escalate_to text,
  url_secret text,
  token_secret text,
  signing_secret text,
  provider text,
  email text,
  from_address text,
  agent text
);

alter table monitoring.notification_channels enable row level security;

create policy notification_channels_is_read_by_nobody on monitoring.notification_channels
for select to authenticated
using (false);

revoke all on table monitoring.notification_channels from public, anon, authenticated, service_role;

comment on table monitoring.notification_channels is
'system_config.notification_recipients as rows, with defaults filled in. A trigger writes it: edit the configuration
instead. It holds names of secrets, never their values.';

comment on column monitoring.notification_channels.name is
'Name of the channel, unique. An e-mail recipient without a name has its address.';

comment on column monitoring.notification_channels.place is 'Position in the list, from 1.';

comment on column monitoring.notification_channels.kind is
'slack, discord, teams, pagerduty, webhook, email or agent.';

comment on column monitoring.notification_channels.is_enabled is 'Whether the channel gets notifications.';

comment on column monitoring.notification_channels.min_severity is
'Minimum severity of the incidents it is notified of.';

comment on column monitoring.notification_channels.categories is 'Categories of the incidents. Null for all.';

comment on column monitoring.notification_channels.sources is 'Sources of the incidents. Null for all.';

comment on column monitoring.notification_channels.environments is
'Environments of the incidents. Null for all.';

comment on column monitoring.notification_channels.events is
'What it is notified of: opened, escalated, reopened, acknowledged, resolved, reminder.';

comment on column monitoring.notification_channels.quiet_from is 'Start of the quiet hours. Null without them.';

comment on column monitoring.notification_channels.quiet_to is
'End of the quiet hours. A time not later than quiet_from is on the next day.';

comment on column monitoring.notification_channels.quiet_timezone is 'Timezone of the quiet hours.';

comment on column monitoring.notification_channels.critical_passes_quiet_hours is
'Whether notifications of CRITICAL incidents are sent during the quiet hours.';

comment on column monitoring.notification_channels.remind_after_minutes is
'Minutes after which an incident that nobody acknowledged is told again. Null for never.';

comment on column monitoring.notification_channels.escalate_after_minutes is
'Minutes after which escalate_to is told of an incident that nobody acknowledged.';

comment on column monitoring.notification_channels.escalate_to is 'Name of the channel to escalate to.';

comment on column monitoring.notification_channels.url_secret is
'Name of the secret that holds the URL. Null for the default URL of the kind.';

comment on column monitoring.notification_channels.token_secret is
'Name of the secret that holds the routing key of PagerDuty or the API key of the e-mail provider.';

comment on column monitoring.notification_channels.signing_secret is
'Name of the secret with which requests to webhooks and agents are signed, whsec_ and base64.';

comment on column monitoring.notification_channels.provider is
'E-mail provider: resend or postmark. Null when e-mails are only queued in email_tracking, for a mailer of yours.';

comment on column monitoring.notification_channels.email is 'Address of the recipient of e-mails.';

comment on column monitoring.notification_channels.from_address is 'Address of the sender of e-mails.';

comment on column monitoring.notification_channels.agent is 'Name of the agent that is woken.';

create function monitoring.read_words(list jsonb)
returns text[]
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select array_agg(items.item order by items.position)
  from jsonb_array_elements_text(read_words.list) with ordinality as items (item, position)
$$;

comment on function monitoring.read_words(jsonb) is
'Converts a list of strings to an array. Null if it is missing or empty.';

create function monitoring.read_notification_channels(recipients jsonb)
returns setof monitoring.notification_channels
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select
    coalesce(filled.item ->> 'name', filled.item ->> 'email'),
    filled.position::integer,
    filled.item ->> 'kind',
    (filled.item ->> 'enabled')::boolean,
    (filled.item ->> 'min_severity')::public.incident_severity,
    monitoring.read_words(filled.item -> 'categories')::public.incident_category[],
    monitoring.read_words(filled.item -> 'sources'),
    monitoring.read_words(filled.item -> 'environments'),
    coalesce(
      monitoring.read_words(filled.item -> 'events'),
      case
        when filled.item ->> 'kind' = 'agent' then array['opened', 'escalated', 'reopened']
        else array['opened', 'escalated', 'reopened', 'resolved', 'reminder']
      end
    ),
    (filled.item #>> '{quiet_hours,from}')::time,
    (filled.item #>> '{quiet_hours,to}')::time,
    case
      when filled.item -> 'quiet_hours' is not null then coalesce(filled.item #>> '{quiet_hours,timezone}', 'UTC')
    end,
    (filled.item ->> 'critical_passes_quiet_hours')::boolean,
    (filled.item ->> 'remind_after')::integer,
    (filled.item ->> 'escalate_after')::integer,
    filled.item ->> 'escalate_to',
    filled.item ->> 'url_secret',
    filled.item ->> 'token_secret',
    filled.item ->> 'signing_secret',
    filled.item ->> 'provider',
    filled.item ->> 'email',
    filled.item ->> 'from',
    case when filled.item ->> 'kind' = 'agent' then coalesce(filled.item ->> 'agent', filled.item ->> 'name') end
  from (
    select
      items.position,
      defaults.value || jsonb_strip_nulls(items.item) as item
    from jsonb_array_elements(read_notification_channels.recipients) with ordinality as items (item, position)
    cross join (
      select jsonb_object_agg(config_field.field, config_field.default_value) as value
      from monitoring.config_field
      where config_field.entry = 'notification_recipients'
        and config_field.default_value is not null
    ) as defaults
  ) as filled
$$;

comment on function monitoring.read_notification_channels(jsonb) is
'Converts a valid list of notification_recipients to rows, with the defaults of missing fields.';

create function monitoring.sync_notification_channels()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  -- Whoever reads meanwhile sees the old rows until the commit. Supabase refuses a delete without a condition.
  delete from monitoring.notification_channels
  where notification_channels.name is not null;

  insert into monitoring.notification_channels
  select given.*
  from monitoring.read_notification_channels(new.value) as given;
  return null;
end
$$;

comment on function monitoring.sync_notification_channels() is
'Replaces the rows of monitoring.notification_channels by the list just written to system_config. Security definer: who
may edit the configuration needs no right to write the derived table.';

create trigger notification_channels_follow_the_configuration
after insert or update on public.system_config
for each row
when (new.key = 'notification_recipients')
execute function monitoring.sync_notification_channels();
