-- Purpose: writes what a notification says, as plain text, before a format of a channel escapes it.
-- Objects: type monitoring.notification_text; functions monitoring.shorten_line, monitoring.shorten_text,
--   monitoring.find_incident_link, monitoring.write_headline, monitoring.list_notification_facts,
--   monitoring.list_digest_facts, monitoring.list_digest_titles, monitoring.describe_notification.
-- Risks: titles, messages and names come from outside. Each is cut and put on one line here, but not escaped: each
--   format does that. The lengths keep each message within the limits of each service, also where escaping makes a text
--   five times as long. Uses no regular expression, because the first attempt runs while a report is stored.

create type monitoring.notification_text as (
  headline text,
  title text,
  message text,
  severity public.incident_severity,
  link text,
  facts jsonb,
  occurred_at timestamptz
);

comment on type monitoring.notification_text is
'What a notification says, not escaped. headline has no words from outside; title is one line of at most 250 characters;
message has at most 500; facts is a list of {"name", "value"} in order, of a digest the incidents in groups.';

create function monitoring.shorten_line(value text, max_characters integer)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  -- Control characters that join_lines() leaves, and characters that are invisible between letters.
  c_controls constant text := e'\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a'
    || e'\x1b\x1c\x1d\x1e\x1f\x7f\u0080\u0081\u0082\u0083\u0084\u0086\u0087\u0088\u0089\u008a\u008b\u008c\u008d\u008e'
    || e'\u008f\u0090\u0091\u0092\u0093\u0094\u0095\u0096\u0097\u0098\u0099\u009a\u009b\u009c\u009d\u009e\u009f\u00ad'
    || e'\u180e\u2061\u2062\u2063\u2064\ufff9\ufffa\ufffb';
  v_line text := btrim(translate(monitoring.join_lines(shorten_line.value), c_controls, ''));
begin
  if length(v_line) <= shorten_line.max_characters then
    return v_line;
  end if;
  return rtrim(left(v_line, shorten_line.max_characters - 1)) || '…';
end
$$;

comment on function monitoring.shorten_line(text, integer) is
'Returns a text on one line, without control characters and without those that hide or turn text, at most max_characters
long. A text that was cut ends with an ellipsis.';

create function monitoring.shorten_text(value text, max_characters integer)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when length(cleaned.value) <= shorten_text.max_characters then cleaned.value
    else rtrim(left(cleaned.value, shorten_text.max_characters - 1)) || '…'
  end
  from (
    select coalesce(
      string_agg(monitoring.shorten_line(lines.line, shorten_text.max_characters), e'\n' order by lines.place), ''
    ) as value
    from unnest(string_to_array(left(shorten_text.value, 4 * shorten_text.max_characters), e'\n'))
    with ordinality as lines (line, place)
    where monitoring.shorten_line(lines.line, 1) <> ''
  ) as cleaned
$$;

comment on function monitoring.shorten_text(text, integer) is
'Returns a text of several lines as shorten_line() does, without blank lines, at most max_characters long.';

create function monitoring.find_incident_link(incident_id text)
returns text
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select replace(links.template, '{id}', find_incident_link.incident_id)
  from (select monitoring.config('incident_policy') ->> 'incident_url' as template) as links
  where (starts_with(links.template, 'https://') or starts_with(links.template, 'http://'))
    -- What could end a link in one of the formats.
    and translate(links.template || find_incident_link.incident_id, e' <>"|`\\^', '')
      = links.template || find_incident_link.incident_id
    and monitoring.is_one_line(links.template || find_incident_link.incident_id)
    and length(links.template) + length(find_incident_link.incident_id) <= 2000
$$;

comment on function monitoring.find_incident_link(text) is
'Returns the link to an incident, from incident_policy.incident_url. Null without one.';

create function monitoring.write_headline(n monitoring.notifications)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select monitoring.shorten_line(
    case (write_headline.n).event
      when 'opened' then format('%s incident %s opened', (write_headline.n).severity, (write_headline.n).incident_id)
      when 'reopened' then format(
        '%s incident %s reopened', (write_headline.n).severity, (write_headline.n).incident_id
      )
      when 'escalated' then case
        -- To another channel, because nobody acknowledged the incident.
        when (write_headline.n).details ? 'escalated_from' then format(
          'Escalation: %s incident %s is not acknowledged',
          (write_headline.n).severity,
          (write_headline.n).incident_id
        )
        else format(
          'Incident %s escalated%s to %s',
          (write_headline.n).incident_id,
          ' from ' || ((write_headline.n).details ->> 'from_severity'),
          (write_headline.n).severity
        )
      end
      when 'acknowledged' then format('Incident %s acknowledged', (write_headline.n).incident_id)
      when 'resolved' then format('Incident %s resolved', (write_headline.n).incident_id)
      when 'reminder' then format(
        'Reminder: %s incident %s is not acknowledged', (write_headline.n).severity, (write_headline.n).incident_id
      )
      when 'digest' then concat_ws(
        ', ',
        format(
          '%s more %s',
          (write_headline.n).details ->> 'count',
          case when (write_headline.n).details ->> 'count' = '1' then 'incident' else 'incidents' end
        ),
        format(
          'worst: %s %s',
          (write_headline.n).details #>> '{worst,severity}',
          (write_headline.n).details #>> '{worst,id}'
        )
      )
      when 'test' then coalesce((write_headline.n).details ->> 'title', 'Test')
    end,
    150
  )
$$;

comment on function monitoring.write_headline(monitoring.notifications) is
'Returns what happened, on one line of at most 150 characters, without words from outside.';

create function monitoring.list_notification_facts(details jsonb, severity public.incident_severity)
returns jsonb
language sql
stable
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
  select coalesce(
    jsonb_agg(jsonb_build_object('name', facts.name, 'value', facts.value) order by facts.place), '[]'
  )
  from (
    values
    (1, 'Severity', list_notification_facts.severity::text),
    (2, 'Category', monitoring.shorten_line(list_notification_facts.details ->> 'category', 100)),
    (3, 'Source', monitoring.shorten_line(list_notification_facts.details ->> 'source', 100)),
    (4, 'Environment', monitoring.shorten_line(list_notification_facts.details ->> 'environment', 100)),
    (5, 'Release', monitoring.shorten_line(list_notification_facts.details ->> 'release', 100)),
    (6, 'Occurrences', monitoring.shorten_line(list_notification_facts.details ->> 'occurrence_count', 20)),
    (
      7, 'First seen',
      to_char((list_notification_facts.details ->> 'first_seen')::timestamptz, 'YYYY-MM-DD HH24:MI "UTC"')
    ),
    (8, 'Open for', split_part(monitoring.shorten_line(list_notification_facts.details ->> 'open_for', 100), '.', 1)),
    (9, 'By', monitoring.shorten_line(list_notification_facts.details ->> 'actor', 100)),
    (10, 'Reason', monitoring.shorten_line(list_notification_facts.details ->> 'reason', 200)),
    (11, 'Escalated from', monitoring.shorten_line(list_notification_facts.details ->> 'escalated_from', 100)),
    (12, 'Resolution', monitoring.shorten_line(list_notification_facts.details ->> 'resolution', 200)),
    (13, 'External URL', monitoring.shorten_line(list_notification_facts.details ->> 'external_url', 200))
  ) as facts (place, name, value)
  where facts.value <> ''
$$;

comment on function monitoring.list_notification_facts(jsonb, public.incident_severity) is
'Returns the fields of an incident that messages show, as a list of {"name", "value"}.';

create function monitoring.list_digest_facts(details jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object('name', format('%s, %s', initcap(listed.event), listed.severity), 'value', listed.ids)
      order by listed.event_place, listed.severity desc, listed.chunk
    ),
    '[]'
  )
  from (
    select
      members.event,
      members.event_place,
      members.severity,
      (members.place - 1) / 40 as chunk,
      string_agg(members.id, ', ' order by members.place) as ids
    from (
      select
        monitoring.shorten_line(item ->> 'incident_id', 24) as id,
        item ->> 'event' as event,
        array_position(enum_range(null::monitoring.notification_event)::text[], item ->> 'event') as event_place,
        (item ->> 'severity')::public.incident_severity as severity,
        row_number() over (partition by item ->> 'event', item ->> 'severity' order by place) as place
      from jsonb_array_elements(coalesce(list_digest_facts.details -> 'notifications', '[]'))
      with ordinality as listed (item, place)
    ) as members
    group by members.event, members.event_place, members.severity, (members.place - 1) / 40
  ) as listed
$$;

comment on function monitoring.list_digest_facts(jsonb) is
'Returns the incidents of a digest in groups by event and severity, at most 40 a group, as a list of {"name", "value"}.
Each incident is named.';

create function monitoring.list_digest_titles(details jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'name', monitoring.shorten_line(listed.item ->> 'incident_id', 24),
        'value', concat_ws(
          ', ',
          listed.item ->> 'event',
          concat_ws(': ', listed.item ->> 'severity', monitoring.shorten_line(listed.item ->> 'title', 80))
        )
      )
      order by listed.place
    ),
    '[]'
  )
  from jsonb_array_elements(coalesce(list_digest_titles.details -> 'notifications', '[]'))
  with ordinality as listed (item, place)
$$;

comment on function monitoring.list_digest_titles(jsonb) is
'Returns the incidents of a digest with their titles, as a list of {"name", "value"}, for e-mails, which have room.';

create function monitoring.describe_notification(n monitoring.notifications)
returns monitoring.notification_text
language sql
stable
security invoker
set search_path = ''
as $$
  select (
    monitoring.write_headline(describe_notification.n),
    case (describe_notification.n).event
      when 'digest' then monitoring.shorten_line((describe_notification.n).details #>> '{worst,title}', 250)
      when 'test' then 'Notifications of this channel arrive here.'
      else monitoring.shorten_line((describe_notification.n).details ->> 'title', 250)
    end,
    case
      -- The title of most incidents contains the whole message.
      when strpos((describe_notification.n).details ->> 'title', (describe_notification.n).details ->> 'message') > 0
        then null
      else nullif(monitoring.shorten_text((describe_notification.n).details ->> 'message', 500), '')
    end,
    coalesce(
      (describe_notification.n).severity,
      ((describe_notification.n).details #>> '{worst,severity}')::public.incident_severity
    ),
    monitoring.find_incident_link(
      coalesce((describe_notification.n).incident_id, (describe_notification.n).details #>> '{worst,id}')
    ),
    case (describe_notification.n).event
      when 'digest' then monitoring.list_digest_facts((describe_notification.n).details)
      when 'test' then '[]'
      else monitoring.list_notification_facts((describe_notification.n).details, (describe_notification.n).severity)
    end,
    coalesce(((describe_notification.n).details ->> 'occurred_at')::timestamptz, (describe_notification.n).created_at)
  )::monitoring.notification_text
$$;

comment on function monitoring.describe_notification(monitoring.notifications) is
'Returns what a notification says, as plain text that each format escapes.';
