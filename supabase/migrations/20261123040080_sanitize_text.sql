-- Purpose: sanitizes a text before it is stored or logged: redacts it, truncates it to a number of bytes, and puts it
--   on one line where it is a name or a title.
-- Objects: functions monitoring.truncate_bytes, monitoring.drop_last_word, monitoring.count_secret_indicators,
--   monitoring.find_many_tokens, monitoring.limit_redaction_cost, monitoring.sanitize_text, monitoring.sanitize_line.
-- Risks: sizes are in bytes of UTF-8, so the database encoding must be UTF8, as it is on Supabase. Uses no regular
--   expression of its own.

create function monitoring.truncate_bytes(value text, max_bytes integer)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_bytes bytea;
  v_length integer := greatest(truncate_bytes.max_bytes, 0);
begin
  if octet_length(truncate_bytes.value) <= v_length then
    return truncate_bytes.value;
  end if;
  v_bytes := convert_to(truncate_bytes.value, 'UTF8');
  -- A byte 10xxxxxx continues a character.
  while v_length > 0 and get_byte(v_bytes, v_length) & 192 = 128 loop
    v_length := v_length - 1;
  end loop;
  return convert_from(substring(v_bytes for v_length), 'UTF8');
end
$$;

comment on function monitoring.truncate_bytes(text, integer) is
'Returns the longest prefix of a text that has at most max_bytes bytes of UTF-8 and ends with a complete character.';

create function monitoring.drop_last_word(value text, max_characters integer)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select left(value, -max_characters) || rtrim(
    rtrim(
      right(value, max_characters),
      '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._%+-/=@:~$!*#?^\[]'
    ),
    '0123456789 -'
  )
$$;

comment on function monitoring.drop_last_word(text, integer) is
'Removes the last word of a truncated text, at most max_characters, because a truncated secret is not recognized.
Groups of digits before it are removed too, because they may be part of a card number.';

create function monitoring.count_secret_indicators(value text)
returns integer
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- "/@" starts the name of a package in a path, which is frequent in stack traces and not an e-mail address.
  -- Most are missing in most texts: strpos() says so in a fifth of the time of replace().
  select coalesce(
    sum(
      case when strpos(lowered.body, needle) > 0
        then (octet_length(lowered.body) - octet_length(replace(lowered.body, needle, ''))) / length(needle)
      end
    ), 0
  )
  from (select replace(lower(value collate "C"), '/@', '/')) as lowered (body)
  cross join unnest(array[
    'pass', 'pwd', 'secret', 'token', 'key', 'auth', 'cookie', 'bearer', 'sig', 'sess', '@', '%40', 'eyj', 'k_live_',
    'k_test_', 'whsec_', 'ghp_', 'sb_', 'sk-', 'xox', 'akia', 'hooks', 'npm_', 'code=', 'code"', 'state=', 'otp', 'pin '
  ]) as needle
$$;

comment on function monitoring.count_secret_indicators(text) is
'Counts the substrings of a text that make redaction run its larger patterns. Plain search, no regular expression.';

create function monitoring.find_many_tokens(value text, most integer)
returns integer
language sql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select coalesce(
    nullif(
      (
        select regexp_instr(find_many_tokens.value collate "C", compiled.prefixes, 1, find_many_tokens.most + 1)
        from monitoring.compiled_secret_formats as compiled
      ), 0
    ), length(find_many_tokens.value) + 1
  )
$$;

comment on function monitoring.find_many_tokens(text, integer) is
'Returns the position in a text at which more than a number of tokens begin; behind the text if there are not so many.';

create function monitoring.limit_redaction_cost(value text, max_bytes integer)
returns text
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  -- A long text such as a stack trace can have one indicator per line. A short text with so many is written to be
  -- slow, and costs more: its replacements exceed the limit, so it is truncated and redacted again.
  c_is_short constant boolean := limit_redaction_cost.max_bytes <= 8192;
  c_most_suspects constant integer := case when c_is_short then 120 else 300 end;
  c_always_affordable constant integer := case when c_is_short then 1024 else 4096 end;
  c_word constant integer := 1024;
  v_text text := monitoring.truncate_bytes(limit_redaction_cost.value, limit_redaction_cost.max_bytes);
  v_suspects integer;
begin
  while octet_length(v_text) > c_always_affordable loop
    v_suspects := monitoring.count_secret_indicators(v_text);
    exit when v_suspects <= c_most_suspects;
    v_text := monitoring.truncate_bytes(
      v_text, greatest(c_always_affordable, octet_length(v_text) * c_most_suspects / v_suspects)
    );
  end loop;
  if octet_length(v_text) > c_always_affordable then
    v_text := left(v_text, monitoring.find_many_tokens(v_text, c_most_suspects) - 1);
  end if;
  if octet_length(v_text) < octet_length(limit_redaction_cost.value) then
    v_text := monitoring.drop_last_word(v_text, c_word);
  end if;
  return v_text;
end
$$;

comment on function monitoring.limit_redaction_cost(text, integer) is
'Returns a prefix of a text, at most max_bytes long, that can be sanitized within milliseconds. Only a text with
hundreds of keys or addresses is shortened more than max_bytes requires.';

create function monitoring.sanitize_text(value text, max_bytes integer)
returns text
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_plain constant text := '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-';
  c_slack constant integer := 4096; -- read beyond the limit, because redaction shortens the text
  c_word constant integer := 256;
  v_size integer := octet_length(sanitize_text.value);
  v_mark text := format(e'\n… [truncated, %s bytes]', v_size);
  v_most integer := sanitize_text.max_bytes - octet_length(v_mark);
  v_room integer := v_most;
  v_text text := sanitize_text.value;
  v_last_line integer; -- number of characters before the last two lines
begin
  -- Most fields of an event. No secret is that short, and one without separators could not be distinguished from a
  -- word.
  if v_size <= 12 and translate(v_text, c_plain, '') = '' then
    return v_text;
  end if;
  if v_size > 4096 then
    v_text := monitoring.limit_redaction_cost(v_text, sanitize_text.max_bytes + c_slack);
  end if;
  v_text := monitoring.redact_secrets(v_text);
  if octet_length(v_text) <= sanitize_text.max_bytes and v_size <= sanitize_text.max_bytes then
    return v_text;
  end if;
  if v_most <= 0 then
    return monitoring.truncate_bytes('…', sanitize_text.max_bytes);
  end if;
  -- Truncation changes the end of the last line ("password: must" was a sentence), so the last line is redacted again,
  -- with the line before it, which may contain its key. This makes sanitize_text() idempotent.
  loop
    v_text := monitoring.drop_last_word(monitoring.truncate_bytes(v_text, v_room), least(c_word, v_room));
    v_last_line := length(v_text) - length(split_part(reverse(v_text), e'\n', 1)) - 1;
    v_last_line := greatest(v_last_line - length(split_part(reverse(v_text), e'\n', 2)), 0);
    v_text := left(v_text, v_last_line) || monitoring.redact_secrets(substr(v_text, v_last_line + 1));
    exit when octet_length(v_text) <= v_most;
    v_room := greatest(v_room - 64, 0);
  end loop;
  return v_text || v_mark;
end
$$;

comment on function monitoring.sanitize_text(text, integer) is
'Returns a text that may be stored and logged: secrets, e-mail addresses and card numbers are replaced by [redacted],
control characters removed, and the result truncated to max_bytes bytes of UTF-8 with a note of the original size.
Idempotent.';

create function monitoring.sanitize_line(value text, max_bytes integer)
returns text
language sql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- Before, because an invisible character in a secret would hide it from redaction; after, because the note of a
  -- truncated text has a line of its own.
  select nullif(
    monitoring.join_lines(
      monitoring.sanitize_text(monitoring.join_lines(sanitize_line.value), sanitize_line.max_bytes)
    ),
    ''
  )
$$;

comment on function monitoring.sanitize_line(text, integer) is
'Sanitizes a name, title or subject: as sanitize_text(), and on one line. Null when nothing is left.';
