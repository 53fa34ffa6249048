-- Purpose: pg_net 0.20 without its shared library. Tables, types, signatures, defaults and grants are those of the real
-- extension; local/emulators/pg_net/worker.py emulates its background worker.
-- Objects: schema net; http_request_queue, _http_response; http_get, http_post, http_delete; collect, wake, restart.
-- Differences: a NOTIFY wakes the worker instead of a latch (both take effect at commit); the worker is identified by
-- its application name, because it is not a background worker; and the URL parser is plpgsql. Compared with libcurl's
-- on 72 URLs, it differs in one thing: it does not expand short IPv4 forms ("http://127.1").

create schema if not exists net;

create domain net.http_method as text
check (value ilike 'get' or value ilike 'post' or value ilike 'delete');

-- Unlogged, both: a crash of Postgres empties them and the ids start again at 1.
create unlogged table net.http_request_queue (
  id bigserial,
  method net.http_method not null,
  url text not null,
  headers jsonb,
  body bytea,
  timeout_milliseconds integer not null
);

create unlogged table net._http_response (
  id bigint,
  status_code integer,
  content_type text,
  headers jsonb,
  content text,
  timed_out boolean,
  error_msg text,
  created timestamptz not null default now()
);

create index on net._http_response (created);

create type net.request_status as enum ('PENDING', 'SUCCESS', 'ERROR');

create type net.http_response as (status_code integer, headers jsonb, body text);

create type net.http_response_result as (status net.request_status, message text, response net.http_response);

-- ---------------------------------------------------------------------------------------------------------------------
-- The worker

create function net.wake()
returns void
language plpgsql
as $$
begin
  perform pg_catalog.pg_notify('pg_net_wake', '');
end;
$$;

create function net.worker_restart()
returns boolean
language plpgsql
as $$
begin
  perform pg_catalog.pg_notify('pg_net_restart', '');
  return true;
end;
$$;

create function net.check_worker_is_up()
returns void
language plpgsql
as $$
begin
  if not exists (
    select from pg_catalog.pg_stat_activity
    where application_name like 'pg_net %' and datname = current_database()
  ) then
    raise exception using
      message = 'the pg_net background worker is not up',
      detail = 'the pg_net background worker is down due to an internal error and cannot process requests',
      hint = 'make sure that you didn''t modify any of pg_net internal tables';
  end if;
end;
$$;

comment on function net.check_worker_is_up() is
'raises an exception if the pg_net background worker is not up, otherwise it doesn''t return anything';

create function net.wait_until_running()
returns void
language plpgsql
as $$
begin
  while not exists (
    select from pg_catalog.pg_stat_activity
    where application_name like 'pg_net %' and datname = current_database()
  ) loop
    perform pg_catalog.pg_sleep(0.05);
    perform pg_catalog.pg_stat_clear_snapshot();
  end loop;
end;
$$;

comment on function net.wait_until_running() is 'waits until the worker is running';

-- pg_net stores bodies and headers as the C strings that libcurl returns, so that invalid UTF-8 reaches the columns.
-- PostgreSQL checks the encoding of text that a client sends, but not of text that a function returns: declared to
-- return text, the C function behind substring(bytea, integer) returns the bytes of its argument unchecked.
create function net._raw_text(body bytea, from_byte integer)
returns text
language internal
immutable
strict
as 'bytea_substr_no_len';

comment on function net._raw_text(bytea, integer) is
'Emulator only, for its worker: bytes as text without a check of their encoding.';

revoke all on function net._raw_text(bytea, integer) from public;

create function net._raw_jsonb_object(keys bytea[], "values" bytea[])
returns jsonb
language sql
immutable
strict
as $$
  -- jsonb_object(text[], text[]) copies the bytes of its arguments unchecked; of a repeated key it keeps the last value.
  select jsonb_object(
    array(select net._raw_text(item.bytes, 1) from unnest(keys) with ordinality as item (bytes, n) order by item.n),
    array(select net._raw_text(item.bytes, 1) from unnest("values") with ordinality as item (bytes, n) order by item.n)
  );
$$;

comment on function net._raw_jsonb_object(bytea[], bytea[]) is
'Emulator only, for its worker: a jsonb object of keys and values without a check of their encoding.';

revoke all on function net._raw_jsonb_object(bytea[], bytea[]) from public;

-- ---------------------------------------------------------------------------------------------------------------------
-- URLs

create function net._urlencode_string(string varchar)
returns text
language sql
immutable
as $$
  -- curl_escape: letters, digits and -._~ stay, every other byte becomes %XX.
  select case
    when string is null then null
    else coalesce(
      string_agg(
        case
          when letter ~ '^[A-Za-z0-9._~-]$' then letter
          else upper(regexp_replace(encode(convert_to(letter, 'UTF8'), 'hex'), '(..)', '%\1', 'g'))
        end,
        '' order by position
      ),
      ''
    )
  end
  from regexp_split_to_table(string, '') with ordinality as letters (letter, position);
$$;

create function net._remove_dot_segments(path text)
returns text
language plpgsql
immutable
as $$
declare
  v_segments text[] := string_to_array(path, '/');
  v_last constant integer := cardinality(v_segments);
  v_kept text[] := '{}';
begin
  -- The first segment is the empty text before the leading slash.
  for i in 2 .. v_last loop
    if v_segments[i] = '..' then
      v_kept := trim_array(v_kept, least(1, cardinality(v_kept)));
    elsif v_segments[i] <> '.' then
      v_kept := v_kept || v_segments[i];
    end if;
    if i = v_last and v_segments[i] in ('.', '..') then
      v_kept := v_kept || ''::text;
    end if;
  end loop;
  return '/' || array_to_string(v_kept, '/');
end;
$$;

comment on function net._remove_dot_segments(text) is
'Emulator only: a path without "." and "..", as libcurl normalizes it.';

create function net._check_host(host text)
returns text
language plpgsql
immutable
as $$
begin
  if host = '' then
    return 'No host part in the URL';
  elsif left(host, 1) = '[' then
    begin
      perform trim(both '[]' from host)::inet;
      return case when host !~ '^\[[0-9A-Fa-f:.]+\]$' then 'Bad IPv6 address' end;
    exception
      when invalid_text_representation then
        return 'Bad IPv6 address';
    end;
  elsif host ~ '[\s/:#?!@{}\[\]\\$''"^`*<>=;,+&()%\u0001-\u001f\u007f]' then
    return 'Bad hostname';
  end if;
  return null;
end;
$$;

comment on function net._check_host(text) is
'Emulator only: libcurl''s error for a host name, null for a valid one.';

create function net._encode_url_with_params_array(url text, params_array text[])
returns text
language plpgsql
immutable
as $$
declare
  v_schemes constant text[] := '{http,https,ftp,ftps,file,dict,gopher,gophers,imap,imaps,ldap,ldaps,mqtt,pop3,pop3s,'
    'rtsp,scp,sftp,smb,smbs,smtp,smtps,telnet,tftp}';
  v_parts text[] := regexp_match(url, '^([0-9A-Za-z][0-9A-Za-z+.-]*):(/*)([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$');
  v_scheme text := lower(v_parts[1]);
  v_authority text[] := regexp_match(v_parts[3], '^(.*@)?(\[[^]]*\]?|[^:[]*)(?::(.*))?$');
  v_query text := v_parts[5];
  v_param text;
  v_error text;
begin
  if url is null then
    return null;
  end if;
  -- The checks and their order are those of curl_url_set, the texts those of curl_url_strerror. [1] scheme, [2] slashes,
  -- [3] authority, [4] path, [5] query, [6] fragment; of the authority: [1] login, [2] host, [3] port.
  v_error := case
    when v_parts is null then 'Bad scheme'
    when v_scheme <> all (v_schemes) then 'Unsupported URL scheme'
    when v_scheme = 'file' then null
    when length(v_parts[2]) not between 1 and 3 then 'Unsupported number of slashes following scheme'
    when v_authority[3] !~ '^[0-9]*$' or v_authority[3] ~ '^0*[0-9]{6,}$' or nullif(v_authority[3], '')::numeric > 65535
      then 'Port number was not a decimal number between 0 and 65535'
    when net._check_host(v_authority[2]) is not null then net._check_host(v_authority[2])
    when v_parts[4] ~ '[\u0001-\u0020\u007f]' then 'Bad path'
    when v_query ~ '[\u0001-\u0020\u007f]' then 'Bad query'
    when v_parts[6] ~ '[\u0001-\u0020\u007f]' then 'Bad fragment'
  end;
  if v_error is not null then
    raise exception using errcode = 'XX000', message = format('invalid URL "%s": %s', url, v_error);
  end if;
  if v_scheme = 'file' then
    -- Accepted here and rejected by the worker: "Unsupported protocol".
    return url;
  end if;
  foreach v_param in array coalesce(params_array, '{}') loop
    v_query := coalesce(v_query || case when v_query in ('') or right(v_query, 1) = '&' then '' else '&' end, '')
      || coalesce(v_param, '');
  end loop;
  return v_scheme || '://'
    || coalesce(v_authority[1], '') || v_authority[2]
    || coalesce(':' || nullif(v_authority[3], '')::integer, '')
    || net._remove_dot_segments(case when v_parts[4] = '' then '/' else v_parts[4] end)
    || coalesce('?' || v_query, '')
    || coalesce(v_parts[6], '');
end;
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Requests

create function net._enqueue(
  method text, url text, params jsonb, headers jsonb, body jsonb, timeout_milliseconds integer
)
returns bigint
language plpgsql
as $$
declare
  v_params text[];
  v_request_id bigint;
begin
  select coalesce(array_agg(net._urlencode_string(param.key) || '=' || net._urlencode_string(param.value)), '{}')
  into v_params
  from jsonb_each_text(params) as param;
  insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
  values (
    _enqueue.method,
    net._encode_url_with_params_array(_enqueue.url, v_params),
    _enqueue.headers,
    convert_to(_enqueue.body::text, 'UTF8'),
    _enqueue.timeout_milliseconds
  )
  returning id into v_request_id;
  perform net.wake();
  return v_request_id;
end;
$$;

comment on function net._enqueue(text, text, jsonb, jsonb, jsonb, integer) is
'Emulator only: the common part of http_get, http_post and http_delete.';

create function net.http_get(
  url text,
  params jsonb default '{}'::jsonb,
  headers jsonb default '{}'::jsonb,
  timeout_milliseconds integer default 5000
)
returns bigint
language plpgsql
as $$
begin
  return net._enqueue('GET', url, params, headers, null, timeout_milliseconds);
end;
$$;

create function net.http_post(
  url text,
  body jsonb default '{}'::jsonb,
  params jsonb default '{}'::jsonb,
  headers jsonb default '{"Content-Type": "application/json"}'::jsonb,
  timeout_milliseconds integer default 5000
)
returns bigint
language plpgsql
as $$
declare
  v_content_type text;
begin
  select header.value into v_content_type
  from jsonb_each_text(coalesce(headers, '{}')) as header
  where lower(header.key) = 'content-type'
  limit 1;
  if v_content_type is null then
    headers := headers || '{"Content-Type": "application/json"}';
  elsif v_content_type <> 'application/json' then
    raise exception 'Content-Type header must be "application/json"';
  end if;
  return net._enqueue('POST', url, params, headers, body, timeout_milliseconds);
end;
$$;

create function net.http_delete(
  url text,
  params jsonb default '{}'::jsonb,
  headers jsonb default '{}'::jsonb,
  timeout_milliseconds integer default 5000,
  body jsonb default null
)
returns bigint
language plpgsql
as $$
begin
  return net._enqueue('DELETE', url, params, headers, body, timeout_milliseconds);
end;
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Responses

create function net._await_response(request_id bigint)
returns boolean
language plpgsql
as $$
begin
  while not exists (select from net._http_response as response where response.id = request_id) loop
    perform pg_catalog.pg_sleep(0.05);
  end loop;
  return true;
end;
$$;

create function net._http_collect_response(request_id bigint, async boolean default true)
returns net.http_response_result
language plpgsql
as $$
declare
  v_response net._http_response;
begin
  if not async then
    perform net._await_response(request_id);
  end if;
  select * into v_response from net._http_response as response where response.id = request_id;
  if not found or v_response.error_msg is not null then
    return row(
      'ERROR', coalesce(v_response.error_msg, 'request matching request_id not found'), null
    )::net.http_response_result;
  end if;
  return row(
    'SUCCESS', 'ok', row(v_response.status_code, v_response.headers, v_response.content)::net.http_response
  )::net.http_response_result;
end;
$$;

create function net.http_collect_response(request_id bigint, async boolean default true)
returns net.http_response_result
language plpgsql
as $$
begin
  raise notice 'The net.http_collect_response function is deprecated.';
  -- As in the real extension, the result has no destination, so that the function always fails (42601).
  select net._http_collect_response(request_id, async);
end;
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Grants. pg_net 0.12 and later grants its schema to PUBLIC; hosted Supabase also grants it to its roles, as does
-- local/postgres/extension_grants.sql. PostgreSQL grants EXECUTE on a new function to PUBLIC; it is repeated here
-- because default privileges may have revoked it.

grant usage on schema net to public;

grant all on all sequences in schema net to public;

grant all on all tables in schema net to public;

grant execute on all functions in schema net to public;

revoke all on function net._raw_text(bytea, integer) from public;

revoke all on function net._raw_jsonb_object(bytea[], bytea[]) from public;
