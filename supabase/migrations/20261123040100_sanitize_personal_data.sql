-- Purpose: finds the text that names a person, such as an e-mail address, in every form in which texts and documents
--   hold it, and replaces it by [erased].
-- Objects: functions monitoring.read_address, monitoring.match_character, monitoring.match_spellings,
--   monitoring.match_person, monitoring.erase_text, monitoring.erase_list, monitoring.erase_document.
-- Risks: the pattern must match whole words only, so that `anna` leaves `annabel` alone. Tests of what is around a word
--   make it 30 times slower (measured), so the search for rows goes without them. In a database whose locale is C,
--   only letters of ASCII are found in both cases.

create function monitoring.read_address(value text)
returns inet
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return read_address.value::inet;
exception
  when invalid_text_representation then
    return null;
end
$$;

comment on function monitoring.read_address(text) is 'Returns an IP address. Null when the text is none.';

create function monitoring.match_character(symbol text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when symbol ~ '^[A-Za-z0-9]$' then symbol
    else format(
      '(?:%s|%s|%s%s)',
      -- As it is; in JSON inside of a text, quotes, slashes and backslashes have backslashes before them.
      case
        when octet_length(symbol) > 1 then symbol
        when strpos(e'"\\/''', symbol) > 0 then '\\*\' || symbol
        else '\' || symbol
      end,
      -- In a URL, encoded once or several times: %40, %2540.
      (
        select string_agg('%(?:25)*' || encode(substr(bytes.utf8, places.place, 1), 'hex'), '' order by places.place)
        from (select convert_to(symbol, 'UTF8') as utf8) as bytes
        cross join generate_series(1, octet_length(symbol)) as places (place)
      ),
      -- In JSON: \u0040. A character beyond U+FFFF is a pair.
      case
        when ascii(symbol) < 65536 then '\\+u' || lpad(to_hex(ascii(symbol)), 4, '0')
        else '\\+u' || to_hex(55296 + (ascii(symbol) - 65536) / 1024) || '\\+u' || to_hex(56320 + ascii(symbol) % 1024)
      end,
      case when symbol = ' ' then '|\+' else '' end
    )
  end
$$;

comment on function monitoring.match_character(text) is
'Returns a regular expression for one character: as it is, URL-encoded, or escaped in JSON.';

create function monitoring.match_spellings(person text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select string_agg(forms.pattern, '|')
  from (
    select string_agg(monitoring.match_character(symbols.symbol), '' order by symbols.place) as pattern
    from (
      select match_spellings.person
      union
      -- é can be one character, or e and an accent.
      select normalize(match_spellings.person, nfc)
      union
      select normalize(match_spellings.person, nfd)
      union
      select host(monitoring.read_address(match_spellings.person))
    ) as spellings (spelling)
    cross join unnest(string_to_array(spellings.spelling, null)) with ordinality as symbols (symbol, place)
    group by spellings.spelling
  ) as forms
$$;

comment on function monitoring.match_spellings(text) is
'Returns a regular expression, to be used without regard to case, that finds a text as it is, URL-encoded, or escaped in
JSON, also within longer words.';

create function monitoring.match_person(person text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_word constant text := '[[:alnum:]_]';
  v_address inet := monitoring.read_address(match_person.person);
  v_before text := format('(?:(?<!%s)|(?<=%%[0-9a-f]{2})|(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4}))', c_word);
  v_after text := format('(?!%s)', c_word);
begin
  -- A longer address is another address: mary-anna@example.com, 10.0.0.1.5, 2001:db8::1:5.
  if v_address is not null then
    v_before := v_before || case family(v_address) when 4 then '(?<![0-9]\.)' else '(?<!:[0-9a-f]{0,4}:)' end;
    v_after := v_after || case family(v_address) when 4 then '(?!\.[0-9])' else '(?!:[0-9a-f:])' end;
  elsif strpos(match_person.person, '@') > 0 then
    v_before := v_before || format('(?<!%s[.+-])', c_word);
    v_after := v_after || format('(?![.-]%s)', c_word);
  end if;
  return concat(
    case when left(match_person.person, 1) ~ c_word then v_before end,
    '(?:', monitoring.match_spellings(match_person.person), ')',
    case when right(match_person.person, 1) ~ c_word then v_after end
  );
end
$$;

comment on function monitoring.match_person(text) is
'Returns a regular expression that finds a text like match_spellings(), but only as whole words. An e-mail or IP address
that is part of a longer one is not found.';

create function monitoring.erase_text(value text, pattern text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select regexp_replace(erase_text.value, erase_text.pattern, '[erased]', 'gi')
$$;

comment on function monitoring.erase_text(text, text) is
'Replaces by [erased] what a pattern of match_person() finds in a text.';

create function monitoring.erase_list(items text[], pattern text)
returns text[]
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select array(
    select monitoring.erase_text(listed.item, erase_list.pattern)
    from unnest(erase_list.items) with ordinality as listed (item, place)
    order by listed.place
  )
$$;

comment on function monitoring.erase_list(text[], text) is
'Replaces by [erased] what a pattern of match_person() finds in the texts of a list.';

create function monitoring.erase_document(value jsonb, pattern text)
returns jsonb
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  if erase_document.value::text !~* erase_document.pattern then
    return erase_document.value;
  end if;
  return case jsonb_typeof(erase_document.value)
    when 'object' then (
      -- Of two keys that become the same, the last one stays.
      select jsonb_object_agg(
        monitoring.erase_text(pair.key, erase_document.pattern),
        monitoring.erase_document(pair.value, erase_document.pattern)
      )
      from jsonb_each(erase_document.value) as pair
    )
    when 'array' then (
      select jsonb_agg(monitoring.erase_document(listed.item, erase_document.pattern) order by listed.place)
      from jsonb_array_elements(erase_document.value) with ordinality as listed (item, place)
    )
    when 'string' then to_jsonb(monitoring.erase_text(erase_document.value #>> '{}', erase_document.pattern))
    when 'number' then to_jsonb(monitoring.erase_text(erase_document.value::text, erase_document.pattern))
    else erase_document.value
  end;
end
$$;

comment on function monitoring.erase_document(jsonb, text) is
'Replaces by [erased] what a pattern of match_person() finds in the texts, keys and numbers of a document.';
