-- Purpose: brings the text of an error, and the words and codes of a rule, into the form in which they are compared.
-- Objects: functions monitoring.normalize_classified_text, monitoring.parse_rule_query, monitoring.parse_codes.
-- Risks: they define the generated column classification_rules.codes_query, which must be computed again when one of
--   them changes. Uses 6 of the 32 regular expressions that a backend caches; the others run only when a rule is stored.

create function monitoring.normalize_classified_text(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := normalize_classified_text.value;
begin
  -- Of the full name of a class only the last part is kept. Looking for one first costs less than replacing none.
  if v_text ~ '[.][A-Z]' then
    v_text := regexp_replace(v_text, '(?:[A-Za-z_$][\w$]*\.)+(?=[A-Z][\w$]*(?![\w.$/\\]))', '', 'g');
  end if;
  v_text := lower(v_text);
  if octet_length(v_text) > length(v_text) then
    v_text := translate(
      v_text,
      e'ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝ’‘´“”„«»‹›「」『』【】〈〉《》（）［］：；，。、！？…–—·\u00a0\u3000\u200b',
      e'àáâãäåçèéêëìíîïñòóôõöùúûüý\'\'\'\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"()[]:;,.,!?.--    '
    );
    -- Chinese and Japanese are written without spaces: each character becomes a word, and a phrase is a row of them.
    v_text := regexp_replace(v_text, e'([\u3005-\u30ff\u3400-\u9fff])', ' \1 ', 'g');
  end if;
  if strpos(v_text, e'\\') > 0 then
    v_text := replace(replace(v_text, e'\\n', ' '), e'\\', '/');
  end if;
  -- The parser takes a path, a URL and a name with dots for one word each, so that the words in them do not count. With
  -- dots a name with underscores is one word too. The last part of the path of an exception counts.
  if v_text ~ '[./][a-z0-9_]*(?:error|exception|violation|failure|fault|timeout)\M' then
    v_text := regexp_replace(
      v_text, '(?:[a-z0-9_$]+[./])+(?=[a-z0-9_]*(?:error|exception|violation|failure|fault|timeout)\M)', '', 'g'
    );
  end if;
  v_text := regexp_replace(v_text, ':(5432|6432|6543|3306|1433|1521|27017|6379|9042)\M', ' port \1 ', 'g');
  return replace(v_text, '_', '.');
end
$$;

comment on function monitoring.normalize_classified_text(text) is
'Returns a text as classification rules are compared with it: in lower case, without typographic punctuation; a name
with underscores is one word, and so is a Chinese or Japanese character; ports of databases are written as port 5432.';

create function monitoring.parse_rule_query(words text)
returns tsquery
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_operand constant text := '(''[^'']+''(?::\*)?|\([^()]*\))';
  v_query text := monitoring.normalize_classified_text(translate(parse_rule_query.words, '''"', '  '));
begin
  v_query := replace(regexp_replace(v_query, '\s*([^\s|&()!*~][^|&()!*~]*)(\*?)\s*', '''\1''\2', 'g'), '*', ':*');
  v_query := regexp_replace(v_query, '(:\*|'')(?=\()|:\*(?='')', '\& <-> ', 'g');
  v_query := regexp_replace(
    v_query, c_operand || '\s*~\s*' || c_operand,
    '(\1 <-> \2 | \1 <2> \2 | \1 <3> \2 | \1 <4> \2)', 'g'
  );
  return to_tsquery('simple'::regconfig, v_query);
end
$$;

comment on function monitoring.parse_rule_query(text) is
'Returns the query of a built-in rule: phrases with | for or, & for and, ! for not, ~ for "at most 3 words between", *
for any ending of a word, and parentheses: no longer (down | throttled) | (database | cache) ~ unavailable.';

create function monitoring.parse_codes(codes text[])
returns tsquery
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select string_agg(
    case
      -- A number is a code only where it is called one: 2002 can be a count as well.
      when translate(given.code, '0123456789', '') = ''
        then format('( ''error'' | ''errno'' | ''code'' | ''sqlstate'' | ''state'' | ''number'' ) <-> ''%s''', given.code)
      -- Not parsed: the parser takes card_ for card.
      when given.code like '%*' then format('''%s'':*', btrim(normalized.code))
      else phraseto_tsquery('simple'::regconfig, normalized.code)::text
    end,
    ' | '
  )::tsquery
  from unnest(parse_codes.codes) as given (code)
  cross join lateral (
    select monitoring.normalize_classified_text(translate(given.code, '''"():|&!<>*', '           '))
  ) as normalized (code)
  where btrim(normalized.code, ' .') <> ''
$$;

comment on function monitoring.parse_codes(text[]) is
'Returns a query that finds any of some codes: ECONNREFUSED, 57P01, ORA-12541 or, for a prefix, PGRST0*. A number counts
only after a word such as error or code.';
