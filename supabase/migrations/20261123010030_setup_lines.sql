-- Purpose: puts names, titles and subjects on one line that looks like what it is.
-- Objects: functions monitoring.join_lines, monitoring.is_one_line, monitoring.is_operator_name,
--   monitoring.deny_operator_name.
-- Risks: CHECK constraints call is_one_line(): a character added to the list makes stored rows invalid, which shows at
--   their next update. These two use no regular expression.

create function monitoring.join_lines(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_breaks constant text := e'\n\t\r\x0b\x0c\u0085\u2028\u2029';
  -- U+061C, 200E, 200F, 202A to 202E and 2066 to 206F set the direction of text; 200B, 2060 and FEFF are invisible.
  -- The joiners U+200C and 200D stay, because Persian words and emoji are written with them.
  c_hidden constant text := e'\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069'
    || e'\u206a\u206b\u206c\u206d\u206e\u206f\ufeff';
begin
  -- Most lines are ASCII, which has none of the hidden characters.
  if octet_length(join_lines.value) = length(join_lines.value) then
    return btrim(translate(join_lines.value, e'\n\t\r\x0b\x0c', '     '));
  end if;
  return btrim(translate(join_lines.value, c_breaks || c_hidden, '        '));
end
$$;

comment on function monitoring.join_lines(text) is
'Returns a text on one line: line breaks and tabs become spaces; characters that set the direction of text or are
invisible are removed, because they make a title look like another one.';

create function monitoring.is_one_line(value text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return btrim(is_one_line.value) = monitoring.join_lines(is_one_line.value);
end
$$;

comment on function monitoring.is_one_line(text) is
'Returns whether a text has no line break, and no character that sets the direction of text or is invisible.';

create function monitoring.is_operator_name(value text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  -- Cyrillic and Greek letters that look like those of operator, small ones first.
  c_alike constant text := e'\u043e\u0440\u0435\u0433\u0430\u0442\u03bf\u03c1\u03b5\u03b1\u03c4'
    || e'\u041e\u0420\u0415\u0413\u0410\u0422\u039f\u03a1\u0395\u0391\u03a4';
  c_letters constant text := 'operatopeatoperatopeat';
begin
  if strpos(lower(is_operator_name.value), '(operator)') > 0 then
    return true;
  elsif octet_length(is_operator_name.value) = length(is_operator_name.value)
    and strpos(is_operator_name.value, '(') = 0
  then
    return false;
  end if;
  -- Brackets and letters of other widths become plain ones. Nothing between the letters counts, as much is invisible.
  return regexp_replace(
    lower(translate(normalize(is_operator_name.value, nfkc), c_alike, c_letters)), '[^a-z()]', '', 'g'
  ) ~ '[(]operator[)]';
end
$$;

comment on function monitoring.is_operator_name(text) is
'Returns whether a name has (operator) in it, or what looks like it. The service writes (operator) after the names of
those who signed in with the operator''s token; nobody else may be called so.';

create function monitoring.deny_operator_name(value text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when monitoring.is_operator_name(deny_operator_name.value)
      then translate(normalize(deny_operator_name.value, nfkc), '()', '')
    else deny_operator_name.value
  end
$$;

comment on function monitoring.deny_operator_name(text) is
'Returns a name that somebody else gave, without its brackets if it has (operator) in it.';
