-- Purpose: truncates a text of many lines in its middle, so that both of its ends stay: the error of a Python traceback
--   is the last line, that of other stacks the first.
-- Objects: functions monitoring.take_first_lines, monitoring.take_last_lines, monitoring.cut_middle,
--   monitoring.redact_long_keys, monitoring.sanitize_middle.
-- Risks: a secret whose beginning is cut away is not recognized. Therefore take_last_lines() begins with a complete
--   line, behind a private key and behind a line that the next one continues; and sanitize_middle() redacts more than
--   it keeps. Uses regular expressions only for a text with a private key.

create function monitoring.take_first_lines(value text, max_bytes integer)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text := monitoring.truncate_bytes(take_first_lines.value, take_first_lines.max_bytes);
  v_rest integer; -- characters behind the last line break
begin
  if octet_length(v_text) = octet_length(take_first_lines.value) then
    return v_text;
  end if;
  v_rest := strpos(reverse(v_text), e'\n');
  if v_rest = 0 or v_rest = length(v_text) then
    return monitoring.drop_last_word(v_text, 1024);
  end if;
  return left(v_text, -v_rest);
end
$$;

comment on function monitoring.take_first_lines(text, integer) is
'Returns the first complete lines of a text, at most max_bytes of UTF-8. Of a first line that is longer, its first
words.';

create function monitoring.take_last_lines(value text, max_bytes integer)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_skipped constant integer := 50;
  v_bytes bytea;
  v_start integer := octet_length(take_last_lines.value) - greatest(take_last_lines.max_bytes, 0);
  v_text text;
  v_line text;
  v_end_of_key integer;
  v_begin_of_key integer;
begin
  if v_start <= 0 then
    return take_last_lines.value;
  end if;
  v_bytes := convert_to(take_last_lines.value, 'UTF8');
  -- A byte 10xxxxxx continues a character.
  while v_start < octet_length(v_bytes) and get_byte(v_bytes, v_start) & 192 = 128 loop
    v_start := v_start + 1;
  end loop;
  v_text := convert_from(substring(v_bytes from v_start + 1), 'UTF8');
  v_end_of_key := strpos(v_text, '-----END ');
  v_begin_of_key := strpos(v_text, '-----BEGIN ');
  if v_end_of_key > 0 and (v_begin_of_key = 0 or v_begin_of_key > v_end_of_key) then
    v_text := substr(v_text, v_end_of_key);
  end if;
  if strpos(v_text, e'\n') = 0 then
    -- A last line that is longer than the limit: its last words.
    return substr(v_text, nullif(strpos(v_text, ' '), 0) + 1);
  end if;
  for v_skipped in 1 .. c_most_skipped loop
    v_line := split_part(v_text, e'\n', 1);
    v_text := substr(v_text, length(v_line) + 2);
    -- "password:" on a line says what is on the next one.
    exit when strpos(':=({[\', right(rtrim(v_line, e' \t\r"'''), 1)) = 0 or rtrim(v_line, e' \t\r"''') = '';
  end loop;
  return v_text;
end
$$;

comment on function monitoring.take_last_lines(text, integer) is
'Returns the last complete lines of a text, at most max_bytes of UTF-8, without lines that continue one that is cut
away. Of a last line that is longer, its last words; null if it has none.';

create function monitoring.cut_middle(value text, max_bytes integer)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_half integer := (cut_middle.max_bytes - 80) / 2;
  v_head text;
  v_tail text;
begin
  if octet_length(cut_middle.value) <= cut_middle.max_bytes or v_half < 0 then
    return monitoring.truncate_bytes(cut_middle.value, cut_middle.max_bytes);
  end if;
  v_head := monitoring.take_first_lines(cut_middle.value, v_half);
  v_tail := coalesce(monitoring.take_last_lines(cut_middle.value, v_half), '');
  return concat(
    v_head,
    format(
      e'\n… [%s bytes left out] …\n',
      octet_length(cut_middle.value) - octet_length(v_head) - octet_length(v_tail)
    ),
    v_tail
  );
end
$$;

comment on function monitoring.cut_middle(text, integer) is
'Truncates a text to max_bytes in its middle, between two lines, with a note of how much was left out. Does not
redact.';

create function monitoring.redact_long_keys(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text;
begin
  if strpos(redact_long_keys.value, 'PRIVATE KEY') = 0 and strpos(redact_long_keys.value, 'Private-Lines: ') = 0 then
    return redact_long_keys.value;
  end if;
  v_text := monitoring.strip_controls(redact_long_keys.value);
  v_text := regexp_replace(v_text, '(Private-Lines: [0-9]+\n)(?:[A-Za-z0-9+/=]+(?:\n|$))+', e'\\1[redacted]\n', 'g');
  return monitoring.redact_private_keys(v_text);
end
$$;

comment on function monitoring.redact_long_keys(text) is
'Replaces private keys by [redacted], complete or without their end: of one that is cut in its middle, the rest would
not be recognized.';

create function monitoring.sanitize_middle(value text, max_bytes integer)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_slack constant integer := 2048; -- redacted beyond each half, because redaction shortens the text
  c_most_suspects constant integer := 140; -- sanitize_text() truncates a text with 300
  v_value text := monitoring.redact_long_keys(sanitize_middle.value);
  v_size integer := octet_length(v_value);
  v_half integer := (sanitize_middle.max_bytes - 80) / 2;
  v_piece integer := least(v_half + c_slack, v_size / 2);
  v_text text;
  v_suspects integer;
  v_head text;
  v_tail text;
begin
  if v_size <= sanitize_middle.max_bytes or v_half <= 0 or strpos(v_value, e'\n') = 0 then
    v_text := monitoring.sanitize_text(v_value, sanitize_middle.max_bytes);
    if v_size <= 4096 or v_text not like '%… [truncated, % bytes]' or strpos(v_value, e'\n') = 0 then
      return v_text;
    end if;
  end if;

  v_head := monitoring.take_first_lines(v_value, v_piece);
  while octet_length(v_head) > 2048 loop
    v_suspects := monitoring.count_secret_indicators(v_head);
    exit when v_suspects <= c_most_suspects;
    v_head := monitoring.take_first_lines(
      v_head, greatest(2048, octet_length(v_head) * c_most_suspects / v_suspects)
    );
  end loop;
  v_tail := coalesce(monitoring.take_last_lines(v_value, v_piece), '');
  while octet_length(v_tail) > 2048 loop
    v_suspects := monitoring.count_secret_indicators(v_tail);
    exit when v_suspects <= c_most_suspects;
    v_tail := coalesce(
      monitoring.take_last_lines(v_tail, greatest(2048, octet_length(v_tail) * c_most_suspects / v_suspects)), ''
    );
  end loop;
  v_head := monitoring.take_first_lines(monitoring.sanitize_text(v_head, v_piece + c_slack), v_half);
  v_tail := coalesce(monitoring.take_last_lines(monitoring.sanitize_text(v_tail, v_piece + c_slack), v_half), '');
  return concat(
    v_head, format(e'\n… [%s bytes left out] …\n', v_size - octet_length(v_head) - octet_length(v_tail)), v_tail
  );
end
$$;

comment on function monitoring.sanitize_middle(text, integer) is
'As sanitize_text(), but a text of several lines that is too long is truncated in its middle, between two lines, with a
note of how much was left out.';
