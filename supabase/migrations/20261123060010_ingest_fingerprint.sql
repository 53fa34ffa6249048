-- Purpose: computes one fingerprint for all occurrences of the same error, so that repeats fold into one incident.
-- Objects: functions monitoring.extract_message_head, monitoring.unquote_message, monitoring.mask_quoted_values,
--   monitoring.mask_random_id, monitoring.mask_random_ids, monitoring.mask_dates, monitoring.mask_numbers,
--   monitoring.normalize_error_message, monitoring.fingerprint_error.
-- Risks: a changed pattern changes the fingerprint of errors that are stored already: their next occurrence opens a
--   second incident. Uses 5 of the 32 regular expressions that a backend caches.

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
  v_text text collate "C" := btrim(extract_message_head.message, e' \t\r\n');
begin
  if strpos(v_text, e'\n') > 0 then
    if strpos(v_text, 'Traceback (most recent call last)') > 0 then
      v_text := split_part(v_text, e'\n', 1) || ' ' || split_part(v_text, e'\n', -1);
    else
      v_text := array_to_string((string_to_array(left(v_text, c_first_characters), e'\n'))[1:c_first_lines], ' ');
    end if;
  end if;
  v_text := translate(left(v_text, c_first_characters), e'\r\t\u00a0\x01\x02', '   ');
  if octet_length(v_text) > length(v_text) then
    v_text := translate(v_text, '「『‹」』›', '«««»»»');
  end if;
  return v_text;
end
$$;

comment on function monitoring.extract_message_head(text) is
'Returns the part of a message that identifies the error, on one line: its first 3 lines, at most 1,024 characters.
For a Python traceback its first and last line, because the frames between change with every release.';

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
  if v_quote <> all(array['"', '''', '`', '”', '“', '’', '»']) then
    return v_text;
  end if;
  if strpos(v_text, ': ') > 0 and strpos(split_part(v_text, ': ', 1), ' ') = 0 then
    v_lead := split_part(v_text, ': ', 1) || ': ';
    v_text := ltrim(substr(v_text, length(v_lead) + 1));
  end if;
  -- A quote inside means that the last quote does not belong to the first.
  if length(v_text) > 2
    and translate(left(v_text, 1), '“„‘«', '””’»') = translate(v_quote, '“', '”')
    and strpos(replace(substr(v_text, 2, length(v_text) - 2), e'\\' || v_quote, ''), v_quote) = 0 then
    v_text := substr(v_text, 2, length(v_text) - 2);
  end if;
  return v_lead || v_text;
end
$$;

comment on function monitoring.unquote_message(text) is
'Removes quotes that enclose the whole message, or all that follows its first word and a colon. JSON.stringify and
str(KeyError) produce such messages, which would otherwise all get the same fingerprint.';

create function monitoring.mask_quoted_values(message text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := mask_quoted_values.message;
  v_rest text collate "C";
begin
  if translate(v_text, '"''`“„‘«(', '') = v_text then
    return v_text;
  end if;
  -- The group is the part that stays: keys, the message quoted in a log line or an object, and the request line of an
  -- access log. \x02 stands for a quoted value. An apostrophe inside a word ("can't") is not a quote.
  v_text := regexp_replace(v_text, $pattern$(?x)
    ( ["'][\w.-]+["'](?=:)
      | (?:["']|\m) (?:msg|message|error|err|reason|details?|code) ["']? [ :=]{1,2} (?: "(?:[^"\\]|\\.)*" | '[^']*' )
      | "[A-Z]+[ ][^ "]+[ ]HTTP/[^ "]+" )
    | "(?:[^"\\]|\\.)*" | `[^`]*` | (?<![A-Za-z0-9_])'(?:[^']|''|\w')*'(?![A-Za-z0-9_])
    | “[^”]*” | „[^“”]*[“”] | ‘[^’]*’ | «[^»]*» | (?<=\))=\([^()]*\)
  $pattern$, e'\\1\x02', 'g');
  v_text := replace(replace(v_text, e'"\x02', '"'), e'\'\x02', '''');
  v_rest := replace(v_text, e'\x02', '');
  if lower(v_rest) = upper(v_rest) and octet_length(v_rest) = length(v_rest) then
    return mask_quoted_values.message;
  end if;
  return replace(v_text, e'\x02', '<value>');
end
$$;

comment on function monitoring.mask_quoted_values(text) is
'Replaces quoted values by <value>, unless no letter would be left. Keys stay, and so do the values of message,
reason and code, because otherwise all JSON messages would get the same fingerprint.';

create function monitoring.mask_random_id(word text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_template text collate "C" := '';
  v_piece text collate "C";
begin
  if mask_random_id.word like '________-____-____-____-____________'
    and translate(lower(mask_random_id.word), '0123456789abcdef', '') = '----' then
    return '<n>';
  end if;
  foreach v_piece in array string_to_array(translate(mask_random_id.word, '_+=-', '    '), ' ') loop
    continue when v_piece = '';
    -- A part without vowels after an id belongs to the id: the last 5 characters of the name of a pod.
    if translate(v_piece, '0123456789', '') = v_piece
      and (lower(v_piece) = v_piece or upper(v_piece) = v_piece)
      and not (v_template like '%<n>' and translate(lower(v_piece), 'aeiou', '') = lower(v_piece)) then
      v_template := v_template || '_' || v_piece;
    elsif v_template not like '%<n>' then
      v_template := v_template || '_<n>';
    end if;
  end loop;
  return substr(v_template, 2);
end
$$;

comment on function monitoring.mask_random_id(text) is
'Replaces the random id in a word by <n>: cus_<n> for cus_NffrFeUfNV2Hib. Plain words around the id stay.';

create function monitoring.mask_random_ids(message text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_shortest_id constant integer := 10;
  -- Identifiers in common notation: s3UploadPart, Base64Decoder2000Impl, IPv6Address, SHA256WITHRSA, a number, a
  -- timestamp.
  c_names constant text := $pattern$(?x)^ (?:
    (?:
      (?: [A-Z]*[a-z]+[0-9]*[a-z]*[0-9]* | [0-9]*(?:[A-Z]+[0-9]+)?[A-Z]+(?:[a-z]{2,}|v)[0-9]* )
      (?: (?:[A-Z]+[0-9]+)? [A-Z]+(?:[a-z]{2,}|v)[0-9]* )* (?:[A-Z]+[0-9]*)?
      | [A-Z]+[0-9]*[A-Z]*[0-9]*
      | [0-9]+(?:T[0-9]+)?Z?
    )? (?:[_+=-]+|$) )+ $
  $pattern$;
  v_text text collate "C" := mask_random_ids.message;
  v_token text collate "C";
  v_word text collate "C";
begin
  foreach v_token in array string_to_array(v_text, ' ') loop
    continue when length(v_token) < c_shortest_id
      or lower(v_token) = upper(v_token)
      or translate(v_token, '0123456789', '') = v_token;
    foreach v_word in array string_to_array(
      translate(v_token, e'()[]{}<>"''`,;:.!?/\\|&@#$%^*~', repeat(' ', 27)), ' '
    ) loop
      if length(v_word) >= c_shortest_id and translate(v_word, '0123456789', '') <> v_word
        and (v_word !~ c_names or v_word like '________-____-____-____-____________') then
        v_text := replace(v_text, v_word, monitoring.mask_random_id(v_word));
      end if;
    end loop;
  end loop;
  return v_text;
end
$$;

comment on function monitoring.mask_random_ids(text) is
'Replaces by <n> each word of 10 or more letters and digits that contains a digit and is not formed like a name.';

create function monitoring.mask_dates(template text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_names constant text[] := array[
    'Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec',
    'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'
  ];
  c_endings constant text[] := array[
    'uary', 'ruary', 'ch', 'il', '', 'e', 'y', 'ust', 'tember', 'ober', 'ember', 'ember',
    'day', 'sday', 'nesday', 'rsday', 'day', 'urday', 'day'
  ];
  v_text text collate "C" := mask_dates.template;
  v_name text;
begin
  -- Without a number next to it, a name can be a word: "May fail".
  for v_position in 1..array_length(c_names, 1) loop
    v_name := c_names[v_position];
    if strpos(v_text, v_name) > 0 then
      v_text := replace(v_text, v_name || c_endings[v_position], v_name);
      v_text := replace(replace(v_text, v_name || ' <n>', '<n>'), v_name || ', <n>', '<n>');
      v_text := replace(replace(v_text, '/' || v_name || '/', '/'), '-' || v_name || '-', '-');
    end if;
  end loop;
  return v_text;
end
$$;

comment on function monitoring.mask_dates(text) is
'Removes names of months and weekdays, short or long, before a number.';

create function monitoring.mask_numbers(message text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C";
begin
  v_text := monitoring.mask_random_ids(mask_numbers.message);
  -- \x01 protects the number next to it: 404 and 502 are different errors, and so are two SQLSTATEs. Words are given
  -- by their endings (status, responded with, resulted in), because small patterns are faster. "returned 404 rows" is
  -- a count.
  v_text := regexp_replace(v_text, $pattern$(?x)
    (?:
      (?: (?:us[ ]of|TP|TP/[0-9.]+|d[ ]with|rned|lted[ ]in|TATE|ror|ROR) [ :=(\["']+ | [A-Z][ ][^ ]*/[^ ]*[ ] )
      [1-5][0-9]{2,4}
      | (?:(?<![a-z])code|Code|rno|atus|gnal) [ :=(\["']+ [0-9]{1,5}
    ) (?![0-9A-Za-z]|[ ][rib])
  $pattern$, e'\\&\x01', 'g');
  -- Error codes of Oracle, TypeScript, Entra, PostgREST, Prisma and MongoDB start with their prefix.
  v_text := replace(replace(replace(v_text, 'ORA-', e'ORA-\x01'), 'TS', e'TS\x01'), 'PGRST', e'PGRST\x01');
  v_text := replace(replace(replace(v_text, 'P10', e'P\x0110'), 'P20', e'P\x0120'), 'E1100', e'E\x011100');
  v_text := regexp_replace(v_text, $pattern$(?x)
    (?<![0-9A-Za-z\x01])
    (?:
      0x[0-9A-Fa-f]+
      | [A-Fa-f]*[0-9][0-9A-Fa-f]{2,}
      | [0-9A-Fa-f]*(?::[0-9A-Fa-f]*)+:[0-9A-Fa-f]+
    ) (?![0-9A-Za-z\x01])
    | (?: (?<![0-9A-Za-z_.:])[+-] )?
      (?<![0-9\x01])[0-9]+ (?: (?:[.,:/T+-]+|e-) [0-9]+)*
      (?:
        (?![0-9\x01]) Z?
        | (?:[hms][0-9]+)* (?: [smhd] | [ ]?(?:[munµ]s | [KMGTk]i?B | [AaPp][Mm]) ) (?![0-9A-Za-z])
      )
  $pattern$, '<n>', 'g');
  v_text := replace(v_text, e'\x01', '');
  if v_text like any(array[
    '%Jan%', '%Feb%', '%Mar%', '%Apr%', '%May%', '%Jun%', '%Jul%', '%Aug%', '%Sep%', '%Oct%', '%Nov%', '%Dec%',
    '%day%<n>%'
  ]) then
    v_text := monitoring.mask_dates(v_text);
  end if;
  return v_text;
end
$$;

comment on function monitoring.mask_numbers(text) is
'Replaces numbers, ids, hashes, addresses, sizes, durations and timestamps by <n>. Numbers that identify the error
stay: HTTP status codes, SQLSTATEs, exit codes and vendor codes, where they are written as such.';

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
  v_text text collate "C" := monitoring.extract_message_head(normalize_error_message.message);
begin
  if strpos(v_text, '/') > 0 and (strpos(v_text, '?') > 0 or strpos(v_text, '#') > 0) then
    v_text := regexp_replace(v_text, '(/[^\s?#"''`<>]*)[?#][^\s"''`<>)\]]*', '\1', 'g');
  end if;
  v_text := monitoring.mask_quoted_values(monitoring.unquote_message(v_text));
  v_text := replace(v_text, '[redacted]', '<value>');
  while strpos(v_text, '  ') > 0 loop
    v_text := replace(v_text, '  ', ' ');
  end loop;
  if translate(v_text, '0123456789', '') <> v_text then
    v_text := monitoring.mask_numbers(v_text);
  end if;
  return btrim(v_text);
end
$$;

comment on function monitoring.normalize_error_message(text) is
'Returns the template of an error message: quoted values and [redacted] become <value>; numbers, ids, hashes,
addresses, versions, sizes, durations and timestamps become <n>; query strings and fragments of URLs are removed;
spaces are collapsed. Codes that identify the error stay. Uses the first 3 lines of the first 1,024 characters.';

create function monitoring.fingerprint_error(message text, error_type text, source text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  -- Each part except the last is preceded by its length, so that different triples give different texts.
  select left(
    encode(
      sha256(
        convert_to(
          concat(
            octet_length(coalesce(btrim(error_type), '')), ':', btrim(error_type),
            octet_length(coalesce(btrim(source), '')), ':', btrim(source),
            monitoring.normalize_error_message(coalesce(message, ''))
          ), 'UTF8'
        )
      ), 'hex'
    ), 32
  )
$$;

comment on function monitoring.fingerprint_error(text, text, text) is
'Returns 32 hex digits that are the same for each occurrence of an error: a hash of its type, its source and the
template of its message. The message must be sanitized; null counts as empty.';
