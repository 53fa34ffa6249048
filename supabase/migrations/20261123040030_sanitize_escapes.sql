-- Purpose: decodes URL, JSON and HTML escapes in a text, so that an encoded secret is found.
-- Objects: function monitoring.decode_escapes.
-- Risks: a text with an encoded secret is stored decoded. Uses no regular expression.

create function monitoring.decode_escapes(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text := decode_escapes.value;
begin
  if strpos(v_text, '%') > 0 then
    v_text := replace(v_text, '%25', '%'); -- first, because a nested URL is encoded twice
    v_text := replace(replace(replace(replace(v_text, '%3D', '='), '%3d', '='), '%3A', ':'), '%3a', ':');
    v_text := replace(replace(replace(replace(v_text, '%2F', '/'), '%2f', '/'), '%26', '&'), '%22', '"');
    v_text := replace(replace(replace(replace(v_text, '%3F', '?'), '%3f', '?'), '%40', '@'), '%27', '''');
    v_text := replace(replace(replace(replace(v_text, '%7B', '{'), '%7b', '{'), '%2C', ','), '%2c', ',');
    v_text := replace(replace(v_text, '%7D', '}'), '%7d', '}');
  end if;
  if strpos(v_text, '\u00') > 0 then
    v_text := replace(replace(replace(replace(v_text, '\u003d', '='), '\u003D', '='), '\u003a', ':'), '\u0026', '&');
    v_text := replace(replace(replace(v_text, '\u0022', '"'), '\u0027', ''''), '\u0040', '@');
  end if;
  if strpos(v_text, '&') > 0 then
    v_text := replace(replace(replace(v_text, '&quot;', '"'), '&#39;', ''''), '&amp;', '&');
  end if;
  return v_text;
end
$$;

comment on function monitoring.decode_escapes(text) is
'Decodes the escapes of characters that separate keys from values in URLs, JSON and HTML, two levels deep. Spaces
stay encoded, so that a value keeps its length.';
