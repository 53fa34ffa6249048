-- Purpose: checks notification channels beyond the form of their fields: what each kind needs, and the secrets that it
--   names.
-- Objects: functions monitoring.describe_secret_creation, monitoring.find_secret_value_problem,
--   monitoring.find_secret_problem, monitoring.find_channel_field_problem, monitoring.find_channel_problem,
--   monitoring.find_channels_problem, monitoring.find_notification_problem.
-- Risks: the trigger on system_config calls these functions. A field that names a secret can hold the secret itself by
--   mistake, so no sentence quotes such a field, nor the value of a secret.

create function monitoring.describe_secret_creation()
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select case
    when to_regclass('vault.decrypted_secrets') is not null
      then 'select vault.create_secret(''<value>'', ''<name>'');'
    else 'insert into monitoring.secrets (name, value) values (''<name>'', ''<value>'');'
  end
$$;

comment on function monitoring.describe_secret_creation() is
'Returns the statement that creates a secret: in Supabase Vault, or in monitoring.secrets where Vault is missing.';

create function monitoring.find_secret_value_problem(field text, value text)
returns text
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select case
    when find_secret_value_problem.field = 'url_secret'
      and (
        monitoring.find_value_problem(to_jsonb(find_secret_value_problem.value), 'url', 1, 2000, null) is not null
        or monitoring.find_url_host(find_secret_value_problem.value) is null
      )
      then 'is not an http or https URL without user name and password'
    when find_secret_value_problem.field = 'token_secret' and find_secret_value_problem.value !~ '^[!-~]+$'
      then 'is not a token: it is empty, or has spaces or characters beyond ASCII'
    when find_secret_value_problem.field = 'signing_secret'
      and exists (
        select
        from regexp_split_to_table(find_secret_value_problem.value, ' ') with ordinality as keys (key, position)
        where keys.position > 2
          or keys.key !~ '^whsec_([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$'
          or length(rtrim(substr(keys.key, 7), '=')) * 3 / 4 not between 24 and 64
      )
      then 'is not whsec_ followed by 24 to 64 bytes in base64: make one with '
        'echo "whsec_$(openssl rand -base64 32)"'
  end
$$;

comment on function monitoring.find_secret_value_problem(text, text) is
'Returns why the value of a secret does not suit the field that names it, as the end of a sentence, or null. The value
is not quoted. A signing secret may be two values with a space between, while one is replaced by the other.';

create function monitoring.find_secret_problem(field text, secret text)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_value text;
begin
  if find_secret_problem.secret !~ '^[A-Za-z0-9_.-]{1,100}$' then
    return format(
      'must be the name of a secret, of letters, digits, "_", "-" and ".", not its value. Create the secret with %s '
      'and write its name',
      monitoring.describe_secret_creation()
    );
  end if;
  v_value := monitoring.read_secret(find_secret_problem.secret);
  if v_value is null then
    return format(
      'names no secret that exists. Create it with %s and write its name, not its value',
      monitoring.describe_secret_creation()
    );
  end if;
  -- Values are used without the line break that a pasted one may end with.
  return 'names a secret whose value '
    || monitoring.find_secret_value_problem(find_secret_problem.field, btrim(v_value, e' \n\r\t'));
end
$$;

comment on function monitoring.find_secret_problem(text, text) is
'Returns what is wrong with the secret that a field of a channel names, as the end of a sentence, or null: its name has
another form, it does not exist, or its value does not suit the field.';

create function monitoring.find_channel_field_problem(channel jsonb, kind text)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  c_kind_fields constant text[] := array[
    'url_secret', 'token_secret', 'signing_secret', 'provider', 'email', 'from', 'agent'
  ];
  v_kind text := find_channel_field_problem.kind;
  v_described text := v_kind || case
    when not find_channel_field_problem.channel ? 'kind' then ' (the default of kind)' else ''
  end;
  v_is_sent boolean := find_channel_field_problem.channel ? 'provider';
  v_needed text[] := case
    when v_kind = 'pagerduty' then array['token_secret']
    when v_kind in ('webhook', 'agent') then array['url_secret', 'signing_secret']
    when v_kind = 'email' and v_is_sent then array['email', 'from', 'token_secret']
    when v_kind = 'email' then array['email']
    else array['url_secret']
  end;
  v_optional text[] := case
    when v_kind = 'pagerduty' then array['url_secret']
    when v_kind = 'agent' then array['agent']
    when v_kind = 'email' and v_is_sent then array['provider', 'url_secret']
    else array[]::text[]
  end;
  v_field text;
begin
  foreach v_field in array c_kind_fields loop
    if v_field = any(v_needed) and not find_channel_field_problem.channel ? v_field then
      return format(
        '.%s is missing, which a channel of kind %s%s needs: %s',
        v_field,
        v_described,
        case when v_kind = 'email' and v_is_sent then ' with a provider' end,
        (
          select config_field.meaning
          from monitoring.config_field
          where config_field.entry = 'notification_recipients'
            and config_field.field = v_field
        )
      );
    elsif find_channel_field_problem.channel ? v_field and v_field <> all(v_needed || v_optional) then
      return format('.%s is not used by a channel of kind %s', v_field, v_described) || case
        when v_kind = 'email' and v_field in ('url_secret', 'token_secret', 'from')
          then ' without provider: add provider, which is resend or postmark, or remove the field'
        else ': remove the field, or correct kind'
      end;
    end if;
  end loop;
  return null;
end
$$;

comment on function monitoring.find_channel_field_problem(jsonb, text) is
'Returns which field a channel of a kind lacks, or has although its kind does not use it, to be appended to its position
in the list, or null.';

create function monitoring.find_channel_problem(channel jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_channel jsonb := jsonb_strip_nulls(find_channel_problem.channel);
  v_kind text := coalesce(v_channel ->> 'kind', 'email');
  v_name text := v_channel ->> 'name';
  v_field text;
  v_problem text;
begin
  if v_name is null and v_kind <> 'email' then
    return format('.name is missing, which a channel of kind %s needs: name of the channel, unique', v_kind);
  end if;
  foreach v_field in array array['name', 'agent', 'from'] loop
    if v_channel ->> v_field ~ '^\s|\s$|[[:cntrl:]]' then
      return format('.%s must not begin or end with a space, nor contain control characters', v_field);
    end if;
  end loop;
  foreach v_field in array array['name', 'agent'] loop
    if monitoring.sanitize_text(v_channel ->> v_field, 1000) <> v_channel ->> v_field then
      return format('.%s looks like a secret or an address, and messages show it: choose a plain name', v_field);
    end if;
  end loop;
  v_problem := monitoring.find_channel_field_problem(v_channel, v_kind);
  if v_problem is not null then
    return v_problem;
  elsif v_channel ->> 'from' !~ '^([^<>@"]+ <[^<>@"\s]+@[^<>@"\s]+\.[^<>@"\s]+>|[^<>@"\s]+@[^<>@"\s]+\.[^<>@"\s]+)$' then
    return '.from must be an e-mail address, or a name and an address such as Monitoring <address>';
  elsif v_channel #>> '{quiet_hours,from}' = v_channel #>> '{quiet_hours,to}' then
    return '.quiet_hours has the same time as from and to: set enabled to false to pause the channel';
  elsif v_channel ? 'remind_after'
    and not coalesce(v_channel -> 'events' ? 'reminder', v_kind <> 'agent')
  then
    return '.remind_after needs the event reminder: add it to events';
  elsif v_channel ? 'escalate_to' and not v_channel ? 'escalate_after' then
    return '.escalate_after is missing, which escalate_to needs: minutes until the other channel is told';
  elsif v_channel ? 'escalate_after' and not v_channel ? 'escalate_to' then
    return '.escalate_to is missing, which escalate_after needs: name of another channel in the list';
  end if;

  foreach v_field in array array['url_secret', 'token_secret', 'signing_secret'] loop
    -- A channel whose secret is gone can still be paused.
    continue when v_channel -> 'enabled' = 'false' and exists (
      select
      from monitoring.notification_channels as former
      where v_channel ->> v_field in (former.url_secret, former.token_secret, former.signing_secret)
    );
    v_problem := format('.%s ', v_field) || monitoring.find_secret_problem(v_field, v_channel ->> v_field);
    exit when v_problem is not null;
  end loop;
  return v_problem;
end
$$;

comment on function monitoring.find_channel_problem(jsonb) is
'Returns what is wrong with one notification channel with well-formed fields, to be appended to its position in the
list, or null. A channel that is not enabled may name secrets that were removed since they were configured.';

create function monitoring.find_channels_problem(channels jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_problem text;
begin
  if jsonb_array_length(find_channels_problem.channels) > 100 then
    return 'notification_recipients must hold at most 100 channels';
  end if;

  with recursive given as materialized (
    select
      items.position - 1 as place,
      items.item,
      coalesce(items.item ->> 'name', items.item ->> 'email') as name,
      items.item ->> 'escalate_to' as escalate_to,
      count(*) over (partition by lower(coalesce(items.item ->> 'name', items.item ->> 'email'))) as namesakes
    from jsonb_array_elements(find_channels_problem.channels) with ordinality as items (item, position)
  ),

  chain as (
    select given.place, given.name as first_name, given.escalate_to as next_name
    from given
    where given.escalate_to is not null
    union
    select chain.place, chain.first_name, given.escalate_to
    from chain
    join given on given.name = chain.next_name
    where chain.next_name <> chain.first_name
  ),

  judged as (
    select
      given.place,
      coalesce(
        monitoring.find_channel_problem(given.item),
        case
          when given.namesakes > 1
            then format('.name %s is used more than once: names must be unique, also ignoring case', given.name)
          when given.escalate_to is not null and not exists (
            select from given as other where other.name = given.escalate_to
          )
            then format('.escalate_to is not the name of a channel in the list: %s', given.escalate_to)
          when exists (
            select from chain where chain.place = given.place and chain.next_name = given.name
          )
            then format('.escalate_to forms a cycle through %s', given.name)
        end
      ) as problem
    from given
  )

  select format('notification_recipients[%s]%s', judged.place, judged.problem)
  into v_problem
  from judged
  where judged.problem is not null
  order by judged.place
  limit 1;
  return v_problem;
end
$$;

comment on function monitoring.find_channels_problem(jsonb) is
'Returns the first problem of a list of notification channels with well-formed fields, as a sentence, or null.';

create function monitoring.find_notification_problem(entry text, value jsonb)
returns text
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select case
    when find_notification_problem.entry = 'notification_recipients'
      then monitoring.find_channels_problem(find_notification_problem.value)
    when find_notification_problem.entry = 'incident_policy'
      and strpos(find_notification_problem.value ->> 'incident_url', '{id}') = 0
      then 'incident_policy.incident_url must contain {id}, which becomes the id of the incident, such as '
        'https://console.example.com/incidents/{id}'
  end
$$;

comment on function monitoring.find_notification_problem(text, jsonb) is
'Returns what is wrong with an entry about notifications with well-formed fields, as a sentence, or null.';
