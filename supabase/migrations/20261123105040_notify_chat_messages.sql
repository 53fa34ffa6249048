-- Purpose: writes notifications for Slack, Discord and Microsoft Teams.
-- Objects: functions monitoring.escape_slack, monitoring.escape_discord, monitoring.write_slack_message,
--   monitoring.write_discord_message, monitoring.write_teams_message.
-- Risks: texts come from outside: they must neither mention people nor format or link anything. Limits: Slack 50
--   blocks, 150 characters a header, 3,000 a section, 10 fields of 2,000; Discord 2,000 characters of content, 4,096 of
--   a description, 25 fields of 1,024, 6,000 in all; Teams 28 kB a message.

create function monitoring.escape_slack(value text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- A grave accent would end a block of code.
  select replace(replace(replace(replace(value, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '`', '''')
$$;

comment on function monitoring.escape_slack(text) is
'Returns a text in which Slack sees no mention, link or code: &, < and > are escaped, grave accents replaced.';

create function monitoring.escape_discord(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text := escape_discord.value;
  v_character text;
begin
  foreach v_character in array array[e'\\', '*', '_', '~', '`', '|', '<', '>', '[', ']', '#', '@'] loop
    v_text := replace(v_text, v_character, e'\\' || v_character);
  end loop;
  return v_text;
end
$$;

comment on function monitoring.escape_discord(text) is
'Returns a text in which Discord sees no Markdown, link or mention.';

create function monitoring.write_slack_message(n monitoring.notifications)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    -- For notifications and for clients without blocks.
    'text', concat_ws(': ', monitoring.escape_slack(described.headline), monitoring.escape_slack(described.title)),
    'unfurl_links', false,
    'unfurl_media', false,
    'blocks', jsonb_build_array(
      jsonb_build_object(
        'type', 'header', 'text', jsonb_build_object('type', 'plain_text', 'text', described.headline, 'emoji', false)
      )
    ) || coalesce(
      (
        select jsonb_agg(
          jsonb_build_object(
            'type', 'section',
            -- verbatim: Slack makes no links or mentions of what looks like some.
            'text', jsonb_build_object('type', 'mrkdwn', 'text', sections.content, 'verbatim', true)
          )
          order by sections.place
        )
        from (
          values
          (1, nullif(monitoring.escape_slack(described.title), '')),
          (2, format('```%s```', nullif(monitoring.escape_slack(described.message), '')))
        ) as sections (place, content)
        where sections.content <> '``````'
      ),
      '[]'
    ) || coalesce(
      (
        select jsonb_agg(
          jsonb_build_object('type', 'section', 'fields', chunks.fields)
          order by chunks.chunk
        )
        from (
          select
            (facts.place - 1) / 10 as chunk,
            jsonb_agg(
              jsonb_build_object(
                'type', 'mrkdwn',
                'text', format(e'*%s*\n%s', facts.fact ->> 'name', monitoring.escape_slack(facts.fact ->> 'value')),
                'verbatim', true
              )
              order by facts.place
            ) as fields
          from jsonb_array_elements(described.facts) with ordinality as facts (fact, place)
          group by (facts.place - 1) / 10
        ) as chunks
      ),
      '[]'
    ) || case
      when described.link is null then '[]'
      else jsonb_build_array(
        jsonb_build_object(
          'type', 'section',
          'text', jsonb_build_object(
            'type', 'mrkdwn',
            'text', format('<%s|Open the incident>', replace(described.link, '&', '&amp;')),
            'verbatim', true
          )
        )
      )
    end
  )
  from monitoring.describe_notification(write_slack_message.n) as described
$$;

comment on function monitoring.write_slack_message(monitoring.notifications) is
'Returns the body for an incoming webhook of Slack: blocks, and a text for clients without blocks.';

create function monitoring.write_discord_message(n monitoring.notifications)
returns jsonb
language sql
stable
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
  select jsonb_build_object(
    'content', monitoring.escape_discord(described.headline),
    -- Nobody is mentioned, whatever the texts contain.
    'allowed_mentions', '{"parse": []}'::jsonb,
    'embeds', jsonb_build_array(
      jsonb_strip_nulls(
        jsonb_build_object(
          'title', monitoring.escape_discord(described.headline),
          'url', described.link,
          'description', nullif(
            left(
              concat_ws(
                e'\n',
                nullif(monitoring.escape_discord(described.title), ''),
                format(e'```\n%s\n```', replace(described.message, '`', '''')),
                listed.groups
              ),
              4096
            ),
            ''
          ),
          'color', case
            when (write_discord_message.n).event = 'resolved' then 3066993
            when described.severity = 'CRITICAL' then 15158332
            when described.severity = 'HIGH' then 15105570
            when described.severity = 'MEDIUM' then 15844367
            else 3447003
          end,
          'timestamp', to_char(described.occurred_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
          'fields', listed.fields
        )
      )
    )
  )
  from monitoring.describe_notification(write_discord_message.n) as described
  cross join lateral (
    select
      -- A digest has more groups than an embed may have fields.
      string_agg(
        format('**%s** %s', fact ->> 'name', monitoring.escape_discord(fact ->> 'value')), e'\n' order by place
      ) filter (where (write_discord_message.n).event = 'digest') as groups,
      jsonb_agg(
        jsonb_build_object(
          'name', fact ->> 'name', 'value', monitoring.escape_discord(fact ->> 'value'), 'inline', true
        )
        order by place
      ) filter (where (write_discord_message.n).event <> 'digest') as fields
    from jsonb_array_elements(described.facts) with ordinality as facts (fact, place)
  ) as listed
$$;

comment on function monitoring.write_discord_message(monitoring.notifications) is
'Returns the body for a webhook of Discord: one embed, and a line of text. It mentions nobody.';

create function monitoring.write_teams_message(n monitoring.notifications)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'type', 'message',
    'attachments', jsonb_build_array(
      jsonb_build_object(
        'contentType', 'application/vnd.microsoft.card.adaptive',
        'contentUrl', null,
        'content', jsonb_strip_nulls(
          jsonb_build_object(
            '$schema', 'http://adaptivecards.io/schemas/adaptive-card.json',
            'type', 'AdaptiveCard',
            'version', '1.4',
            'fallbackText', described.headline,
            'msteams', jsonb_build_object('width', 'Full'),
            -- A RichTextBlock shows its text as it is; the other elements understand Markdown.
            'body', (
              select jsonb_agg(
                jsonb_build_object(
                  'type', 'RichTextBlock', 'spacing', paragraphs.spacing, 'inlines', paragraphs.inlines
                )
                order by paragraphs.place
              )
              from (
                select
                  0 as place,
                  'Default' as spacing,
                  jsonb_build_array(
                    jsonb_build_object(
                      'type', 'TextRun', 'text', described.headline, 'weight', 'Bolder', 'size', 'Large', 'color', case
                        when (write_teams_message.n).event = 'resolved' then 'Good'
                        when described.severity >= 'HIGH' then 'Attention'
                        when described.severity = 'MEDIUM' then 'Warning'
                        else 'Accent'
                      end
                    )
                  ) as inlines
                union all
                select 1, 'Small', jsonb_build_array(jsonb_build_object('type', 'TextRun', 'text', described.title))
                where described.title <> ''
                union all
                select 2, 'Medium', jsonb_build_array(
                  jsonb_build_object('type', 'TextRun', 'text', described.message, 'fontType', 'Monospace')
                )
                where described.message <> ''
                union all
                select
                  (2 + facts.place)::integer,
                  case when facts.place = 1 then 'Medium' else 'None' end,
                  jsonb_build_array(
                    jsonb_build_object('type', 'TextRun', 'text', (facts.fact ->> 'name') || ': ', 'weight', 'Bolder'),
                    jsonb_build_object('type', 'TextRun', 'text', facts.fact ->> 'value')
                  )
                from jsonb_array_elements(described.facts) with ordinality as facts (fact, place)
              ) as paragraphs
            ),
            'actions', case
              when described.link is not null then jsonb_build_array(
                jsonb_build_object('type', 'Action.OpenUrl', 'title', 'Open the incident', 'url', described.link)
              )
            end
          )
        )
      )
    )
  )
  from monitoring.describe_notification(write_teams_message.n) as described
$$;

comment on function monitoring.write_teams_message(monitoring.notifications) is
'Returns the body for a workflow of Microsoft Teams that posts the Adaptive Card of a webhook request.';
