-- Purpose: read a text as its receiver would, so that an encoded secret is seen.
-- Objects: monitoring.decode_escapes for monitoring.redact_secrets.
-- Risks: a text whose secret was encoded is stored decoded. No regular expression here.

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
    v_text := replace(v_text, '%25', '%');   -- first: a URL in a URL in a URL is encoded twice
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
'A text with the signs of a URL, of JSON or of HTML that separate keys from values decoded, two levels. Blanks stay
encoded, so that a value keeps its length.';
