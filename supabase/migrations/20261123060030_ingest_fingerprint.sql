-- Purpose: computes one fingerprint for all occurrences of the same error, so that repeats fold into one incident.
-- Objects: functions monitoring.extract_message_head, monitoring.unquote_message, monitoring.mask_number,
--   monitoring.mask_named_value, monitoring.split_values, monitoring.mask_values, monitoring.normalize_error_message,
--   monitoring.fingerprint_error.
-- Risks: a changed pattern changes the fingerprint of errors that are stored already: their next occurrence opens a
--   second incident. Uses 3 of the 32 regular expressions that a backend caches, mask_word() included: ordinary
--   messages need only the small one.

create function monitoring.extract_message_head(message text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_first_characters constant integer := 1024;
  c_first_lines constant integer := 3;
  v_text text collate "C" := extract_message_head.message;
begin
  if strpos(v_text, e'Traceback (most recent call last):\n') > 0 then
    v_text := btrim(v_text, e' \t\r\n');
    v_text := split_part(v_text, e'\n', 1) || ' ' || split_part(v_text, e'\n', -1);
  end if;
  v_text := btrim(left(v_text, c_first_characters), e' \t\r\n');
  if strpos(v_text, e'\n') > 0 then
    v_text := array_to_string((string_to_array(v_text, e'\n'))[1:c_first_lines], ' ');
  end if;
  if v_text like '% --- [%] %' then
    v_text := substr(v_text, strpos(v_text, '] ') + 2); -- what Spring writes before the name of the logger
  end if;
  v_text := replace(replace(v_text, e'\r', ' '), e'\t', ' ');
  if octet_length(v_text) > length(v_text) then
    v_text := translate(
      v_text, e'“”„«»‹›「」『』＂‘’‚\u00a0\u202f\u2009\u3000µμ', e'""""""""""""\'\'\'    uu'
    );
  end if;
  return v_text;
end
$$;

comment on function monitoring.extract_message_head(text) is
'Returns the part of a message that identifies the error, on one line: its first 3 lines, at most 1,024 characters.
For a Python traceback its first and last line, because the frames between change with every release. The quotation
marks of all languages become straight ones.';

create function monitoring.unquote_message(message text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := btrim(unquote_message.message);
  v_lead text collate "C" := '';
  v_quote text;
begin
  v_quote := right(v_text, 1);
  if v_quote <> all(array['"', '''', '`']) then
    return v_text;
  end if;
  if strpos(v_text, ': ') > 0 and strpos(split_part(v_text, ': ', 1), ' ') = 0 then
    v_lead := split_part(v_text, ': ', 1) || ': ';
    v_text := ltrim(substr(v_text, length(v_lead) + 1));
  end if;
  -- A quote inside means that the last quote does not belong to the first.
  if length(v_text) > 2
    and left(v_text, 1) = v_quote
    and strpos(replace(substr(v_text, 2, length(v_text) - 2), e'\\' || v_quote, ''), v_quote) = 0 then
    v_text := substr(v_text, 2, length(v_text) - 2);
  end if;
  return v_lead || v_text;
end
$$;

comment on function monitoring.unquote_message(text) is
'Removes quotes that enclose the whole message, or all that follows its first word and a colon. JSON.stringify and
str(KeyError) produce such messages, which would otherwise all get the same fingerprint.';

create function monitoring.mask_number(before text, value text, after text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_value text collate "C" := mask_number.value;
  v_port text collate "C";
begin
  if translate(v_value, '0123456789.,:/''+-=', '') = '' then
    if v_value like '::1:____' then
      return '<*>' || right(v_value, 5);
    elsif v_value like '%.%.%.%:%' then
      v_port := split_part(split_part(v_value, ':', 2), '/', 1);
      return case
        when length(v_port) between 2 and 4 or (length(v_port) = 5 and v_port < '32768') then '<*>:' || v_port
        else '<*>'
      end;
    end if;
    return case
      when monitoring.is_error_number(mask_number.before, v_value, mask_number.after) then v_value
      else '<*>'
    end;
  elsif v_value like '%-________' and left(mask_number.after, 3) in ('.js', '.mj', '.cs')
    and translate(right(v_value, 7), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789', '') <> right(v_value, 7) then
    -- The hash in the name of a bundle.
    return monitoring.mask_values(left(v_value, -9)) || '-<*>';
  elsif v_value < ':' then
    return case
      when v_value like any(array['0x80______', '0xC0______', '0xc0______']) then v_value -- HRESULT, NTSTATUS
      when length(v_value) = 5 and (mask_number.before like '%SQLSTATE%' or v_value like '__P__') then v_value
      else '<*>'
    end;
  elsif strpos(v_value, ':') > 0 then
    return case
      when v_value like '%:%:%' then '<*>' -- IPv6
      else monitoring.mask_word(split_part(v_value, ':', 1)) || ':<*>'
    end;
  end if;
  return monitoring.mask_word(v_value);
end
$$;

comment on function monitoring.mask_number(text, text, text) is
'Replaces by <*> a number, date, time, size, duration, hash or address, or the part of a word that is one. Numbers and
codes that identify the error stay.';

create function monitoring.mask_named_value(before text, value text, after text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_mark text := left(mask_named_value.value, 1);
  v_content text collate "C";
  v_query integer;
begin
  if v_mark = '`' then
    return case -- code, or a URL
      when strpos(mask_named_value.value, '/') = 0 then mask_named_value.value
      else '`' || monitoring.mask_values(btrim(mask_named_value.value, '`')) || '`'
    end;
  elsif v_mark = '/' then
    if mask_named_value.value like '%/error-reference/#%' then
      return mask_named_value.value; -- Vue reports nothing else
    end if;
    return monitoring.mask_values(split_part(split_part(mask_named_value.value, '?', 1), '#', 1));
  elsif v_mark = '=' then
    if mask_named_value.before like '%)' then
      return '=<*>';
    end if;
    v_content := substr(mask_named_value.value, 2);
  else
    v_content := btrim(substr(mask_named_value.value, 2, length(mask_named_value.value) - 2));
    if mask_named_value.after like ':%' and right(rtrim(mask_named_value.before), 1) in ('{', ',') then
      return v_mark || monitoring.mask_values(v_content) || v_mark; -- a key of an object
    elsif mask_named_value.before like '% = ' and mask_named_value.before not like '%desc = ' then
      return '<*>'; -- a literal in SQL
    end if;
  end if;
  if not monitoring.is_identifier(mask_named_value.before, v_content, mask_named_value.after) then
    return case v_mark when '=' then '=<*>' else '<*>' end;
  elsif translate(v_content, '0123456789 /=@?', '') = v_content
    or monitoring.is_error_number(mask_named_value.before, v_content, '')
    or (
      length(v_content) - length(translate(v_content, '0123456789', '')) <= 3
      and translate(v_content, ' /=@?', '') = v_content
      -- web-1 and web-2 are the same; email_1 and email_2 are not.
      and (translate(v_content, '0123456789', '0000000000') not like '%-0%' or mask_named_value.before ilike '%code%')
    ) then
    return mask_named_value.value;
  end if;
  v_query := strpos(v_content, '?');
  if v_query > 0 then
    v_content := left(v_content, v_query - 1) || ' ' || split_part(substr(v_content, v_query), ' ', 2);
  end if;
  return v_mark || monitoring.mask_values(v_content) || case v_mark when '=' then '' else v_mark end;
end
$$;

comment on function monitoring.mask_named_value(text, text, text) is
'Replaces by <*> a quoted value or the value of key=value, unless it is an identifier: see is_identifier(). What is
in backquotes is code and stays. A path loses its query string and fragment.';

create function monitoring.split_values(message text)
returns text[]
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_values constant text := $pattern$(?x)
    # quoted text: an escaped or doubled quote, and an apostrophe in a word, do not end it
    "(?:[^"\\]|\\.)*" | `[^`]*` | (?<![A-Za-z0-9_])'(?:[^'\\]|\\.|''|'(?=\w))*'(?![A-Za-z0-9_])
    # path with a query string or a fragment
    | /[^\s?#"'`<>]*[?#][^\s"'`<>)\]]*
    # key=value, (key)=(value)
    | (?<=\w)=[^\s"'`=<>,;&(){}\[\]0-9][^\s"'`=<>,;&(){}\[\]]* | (?<=\))=\([^()]*\)
    # e-mail address, from its @
    | @[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}
    # name of a user
    | [Uu]ser(?:name)?:?[ ][A-Za-z_][\w.@\\-]*
    # IPv6 or MAC address
    | (?<![0-9A-Za-z])[0-9A-Fa-f]*(?::[0-9A-Fa-f]*)+:[0-9A-Fa-f]+(?![0-9A-Za-z])
    # word with a digit: number, date, time, duration, size, hash, id, IPv4 address and port
    | (?:(?<![0-9A-Za-z_.:])[+])?
      [0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*(?:[.,:/'+]+[0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*)*(?:==?(?![^\s"'),;]))?
    # hash without a digit in the name of a bundle
    | -[A-Za-z_]{8}(?=\.(?:js|mjs|css)\M)
  $pattern$;
  -- What it finds in a text without quotes, names of users and the like, at a sixth of the cost.
  c_numbers constant text := '@[A-Za-z0-9-]+(?:[.][A-Za-z0-9-]+)*[.][A-Za-z]{2,}'
    || '|(?<![0-9A-Za-z])[0-9A-Fa-f]*(?::[0-9A-Fa-f]*)+:[0-9A-Fa-f]+(?![0-9A-Za-z])'
    || '|[0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*(?:[.,:/]+[0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*)*';
  v_text text collate "C" := replace(split_values.message, e'\x02', '');
begin
  v_text := regexp_replace(
    v_text,
    case
      when v_text like any(array[
        '%"%', '%''%', '%`%', '%=%', '%?%', '%#%', '%+%', '%ser %', '%ser: %', '%sername%', '%-________.%js%', '%-________.css%'
      ]) then c_values
      else c_numbers
    end,
    e'\x02\\&\x02', 'g'
  );
  return string_to_array(v_text, e'\x02');
end
$$;

comment on function monitoring.split_values(text) is
'Returns the text of a message and what can be a value in it, in turn: {"order ",42," failed"}.';

create function monitoring.mask_values(message text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_parts text[] := monitoring.split_values(mask_values.message);
  v_before text collate "C";
  v_value text collate "C";
  v_after text collate "C";
  v_next text collate "C";   -- the value after this one
  v_first text collate "C";
  v_word text collate "C";
begin
  for v_place in 1..cardinality(v_parts) / 2 loop
    v_before := v_parts[2 * v_place - 1];
    v_value := v_parts[2 * v_place];
    v_after := v_parts[2 * v_place + 1];
    v_next := coalesce(v_parts[2 * v_place + 2], '');
    v_first := left(v_value, 1);
    if v_before in (':', ': ', '=', ' : ', ':[', ': [') and v_place > 1 then
      v_before := v_parts[2 * v_place - 2] || v_before; -- "key": "value"
    end if;
    if v_first = '"' and (v_next like '"%' and v_after = '.' or v_before = '.' and v_parts[2 * v_place - 2] like '%"') then
      null; -- "APP"."ORDERS"."STATUS"
    elsif v_before like '%(' and monitoring.begins_error_tuple(v_before, v_value, v_after, v_next) then
      null; -- (2006, 'MySQL server has gone away'), ('42S02', "Invalid object name")
    elsif v_before = ', ' and monitoring.begins_error_tuple(
      v_parts[2 * v_place - 3], v_parts[2 * v_place - 2], v_before, v_value
    ) then
      v_parts[2 * v_place] := v_first || monitoring.mask_values(btrim(v_value, v_first)) || v_first;
    elsif v_first in ('"', '''', '`', '=', '/') then
      v_parts[2 * v_place] := monitoring.mask_named_value(v_before, v_value, v_after);
    elsif v_first = '@' then
      v_parts[2 * v_place - 1] := rtrim(
        v_before, '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.+-'
      );
      v_parts[2 * v_place] := '<*>';
    elsif v_first in ('u', 'U') and v_value like '_ser% _%' then
      v_word := split_part(v_value, ' ', 2);
      v_parts[2 * v_place] := split_part(v_value, ' ', 1) || ' ' || case
        when v_value like '%: %' or v_before like any(array['%for ', '%by ', '%from ', '%invalid ', '%unknown ']) then '<*>'
        when translate(v_word, '0123456789', '') <> v_word then monitoring.mask_values(v_word)
        else v_word
      end;
    else
      if v_before = ' ' and (v_parts[2 * v_place - 3] like '%/' or v_parts[2 * v_place - 2] like '%HTTP/_%') then
        v_before := '/ '; -- GET /posts/7 404, "GET /posts HTTP/1.1" 404
      end if;
      if v_value like '_____' and strpos('EWIF', left(v_value, 1)) > 0 and v_next like '__:__:__.%' then
        v_value := '<*>'; -- E0404 09:14:27.925556 is the date of a line of Kubernetes
      elsif v_value like '_._.%' and v_before = ' ' and length(v_value) <= 7 and length(v_parts[2 * v_place - 2]) = 3
        and v_parts[2 * v_place - 2] between '400' and '599' then
        null; -- the enhanced status code of a mail server
      elsif translate(v_value, '0123456789', '') <> '' then
        v_value := monitoring.mask_number(v_before, v_value, v_after);
      elsif not monitoring.is_error_number(v_before, v_value, v_after)
        -- Mail servers answer with a reply code and an enhanced status code: 550 5.1.1. MySQL: 1146 (42S02): Table
        and not (length(v_value) = 3 and v_value between '400' and '599' and v_next like '_._.%')
        and not (v_after = ' (' and length(v_next) = 5 and v_parts[2 * v_place + 3] like '):%') then
        v_value := '<*>';
      end if;
      v_parts[2 * v_place] := v_value;
      continue when right(v_value, 3) <> '<*>';
      v_first := left(v_after, 1);
      if v_first = ' ' then
        v_word := rtrim(split_part(v_after, ' ', 2), '.,;:)');
        if length(v_word) between 1 and 10 and monitoring.is_part_of_a_value(v_word) then
          v_parts[2 * v_place + 1] := substr(v_after, 2 + length(v_word));
        end if;
      elsif v_first in ('年', '月', '日', '時', '分', '秒', '时', '년', '월', '일') then
        v_parts[2 * v_place + 1] := substr(v_after, 2);
      end if;
      while right(v_before, 1) in (' ', '/', '-', '午', '전', '후') loop
        v_word := ltrim(split_part(rtrim(v_before, ' ,/-'), ' ', -1), '([-/');
        exit when length(v_word) not between 2 and 10 or not monitoring.is_part_of_a_value(v_word);
        v_before := left(v_before, length(rtrim(v_before, ' ,/-')) - length(v_word));
        v_parts[2 * v_place - 1] := v_before;
      end loop;
    end if;
  end loop;
  return array_to_string(v_parts, '');
end
$$;

comment on function monitoring.mask_values(text) is
'Replaces the values in a message by <*>. split_values() finds what can be a value; the words around it decide
whether it is one or identifies the error.';

create function monitoring.normalize_error_message(message text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := monitoring.unquote_message(
    monitoring.extract_message_head(normalize_error_message.message)
  );
  v_template text collate "C";
  v_rest text collate "C";
begin
  v_text := replace(replace(v_text, '+[redacted]', '<*>'), '[redacted]', '<*>');
  while strpos(v_text, '  ') > 0 loop
    v_text := replace(v_text, '  ', ' ');
  end loop;
  -- Nothing that can be a value. LIKE takes a third of the time of translate().
  if not v_text like any(array[
    '%0%', '%1%', '%2%', '%3%', '%4%', '%5%', '%6%', '%7%', '%8%', '%9%', '%"%', '%''%', '%`%', '%=%', '%?%', '%#%', '%@%',
    '%ser %', '%ser:%', '%.js%', '%.css%'
  ]) then
    return btrim(v_text);
  end if;
  v_template := monitoring.mask_values(v_text);
  v_rest := replace(v_template, '<*>', '');
  if lower(v_rest) = upper(v_rest) and octet_length(v_rest) = length(v_rest) then
    -- Without a word left, all such messages would be equal: mask only what is not quoted.
    v_template := monitoring.mask_values(translate(v_text, case when strpos(v_text, '"') > 0 then '"' else '''' end, ''));
  end if;
  loop
    v_rest := v_template;
    v_template := replace(replace(replace(v_template, '<*> <*>', '<*>'), '<*>, <*>', '<*>'), '<*><*>', '<*>');
    exit when v_template = v_rest;
  end loop;
  return btrim(v_template);
end
$$;

comment on function monitoring.normalize_error_message(text) is
'Returns the template of an error message: values become <*>, several in a row one. Values are numbers, ids, hashes,
IP and e-mail addresses, dates, durations, sizes, quoted data, key=value, names of users, literals of SQL; query strings
are removed. Identifiers stay: quoted names of columns, properties, hosts and the like, HTTP statuses, error codes,
ports of services. Uses the first 3 lines of the first 1,024 characters.';

create function monitoring.fingerprint_error(
  message text,
  error_type text,
  source text,
  environment text default null,
  error_code text default null,
  stack text default null
)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_code text := btrim(fingerprint_error.error_code);
  v_culprit text;
begin
  if fingerprint_error.stack is not null then
    v_culprit := monitoring.find_culprit(fingerprint_error.stack);
  end if;
  -- Each part is preceded by its length, so that different parts give different texts.
  return left(
    encode(
      sha256(
        convert_to(
          concat(
            octet_length(coalesce(btrim(fingerprint_error.error_type), '')), ':', btrim(fingerprint_error.error_type),
            octet_length(coalesce(btrim(fingerprint_error.source), '')), ':', btrim(fingerprint_error.source),
            octet_length(coalesce(btrim(fingerprint_error.environment), '')), ':', btrim(fingerprint_error.environment),
            octet_length(coalesce(v_code, '')), ':', v_code,
            octet_length(coalesce(v_culprit, '')), ':', v_culprit,
            monitoring.normalize_error_message(coalesce(fingerprint_error.message, ''))
          ), 'UTF8'
        )
      ), 'hex'
    ), 32
  );
end
$$;

comment on function monitoring.fingerprint_error(text, text, text, text, text, text) is
'Returns 32 hex digits that are the same for each occurrence of an error: a hash of its type, source, environment and
code, its culprit (see find_culprit()) and the template of its message (see normalize_error_message()). The message must
be sanitized; null counts as empty, so reports without an environment share one of their own.';
