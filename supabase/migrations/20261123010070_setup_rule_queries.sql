-- Purpose: brings the text of an error, and the words and codes of a rule, into the form in which they are compared.
-- Objects: functions monitoring.normalize_classified_text, monitoring.group_phrases, monitoring.parse_rule_query,
--   monitoring.parse_codes.
-- Risks: they define the generated column classification_rules.codes_query, which must be computed again when one of
--   them changes. Uses 4 of the 32 regular expressions that a backend caches; the others run only when a rule is
--   stored.

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
  -- The parser takes a path, a URL and a name with dots for one word each, so that the words in them do not count. Of the
  -- full name of a class, and of the path of an exception, the last part counts.
  if v_text like any(array['%.%', '%/%', e'%\\\\%']) then
    v_text := regexp_replace(
      v_text,
      '(?:[A-Za-z0-9_$]+[./\\])+(?=[A-Z][\w$]*(?![\w.$/\\])'
      || '|[A-Za-z0-9_]*(?:[Ee]rror|[Ee]xception|[Vv]iolation|[Ff]ailure|[Ff]ault|[Tt]imeout)\M)',
      '', 'g'
    );
  end if;
  v_text := lower(v_text);
  if octet_length(v_text) > length(v_text) then
    v_text := translate(
      v_text,
      e'ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝĄĆĘŁŃŚŹŻАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЇЄҐ'
      || e'’‘´“”„«»‹›「」『』【】〈〉《》（）［］：；，。、！？…–—·\u00a0\u3000\u200b¿¡・',
      e'àáâãäåçèéêëìíîïñòóôõöùúûüýąćęłńśźżабвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ'
      || e'\'\'\'\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"()[]:;,.,!?.--       '
    );
    -- What stands in a path is a name.
    v_text := regexp_replace(
      v_text, e'[\\\\/][^\\s\\\\/.]*[\u3005-\u30ff\u3400-\u9fff][^\\s\\\\/.]*(?=[\\\\/.][a-z0-9\u3005-\u9fff])', '/', 'g'
    );
    -- Chinese and Japanese are written without spaces: each character becomes a word, and a phrase is a row of them.
    v_text := regexp_replace(v_text, e'([\u3005-\u30ff\u3400-\u9fff])', ' \1 ', 'g') || ' non.ascii';
  end if;
  if strpos(v_text, e'\\') > 0 then
    v_text := replace(replace(v_text, e'\\n', ' '), e'\\', '/');
  end if;
  if v_text like any(array[
    '%:5432%', '%:6432%', '%:6543%', '%:3306%', '%:1433%', '%:1521%', '%:27017%', '%:6379%', '%:9042%'
  ]) then
    v_text := regexp_replace(v_text, ':(5432|6432|6543|3306|1433|1521|27017|6379|9042)\M', ' port \1 ', 'g');
  end if;
  -- With dots a name with underscores is one word too.
  return replace(v_text, '_', '.');
end
$$;

comment on function monitoring.normalize_classified_text(text) is
'Returns a text as classification rules are compared with it: in lower case, without typographic punctuation; a name
with underscores is one word, and so is a Chinese or Japanese character; ports of databases are written as port 5432.';

create function monitoring.group_phrases(words text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_token text;
  v_depth integer := 0;
  v_alternatives text[] := array[''];
begin
  -- Only what stands between the outermost | is an alternative.
  for v_token in
    select found.token[1]
    from regexp_matches(group_phrases.words, '[^|()]+|[|()]', 'g') as found (token)
  loop
    v_depth := v_depth + case v_token when '(' then 1 when ')' then -1 else 0 end;
    if v_token = '|' and v_depth = 0 then
      v_alternatives := array_append(v_alternatives, '');
    else
      v_alternatives[cardinality(v_alternatives)] := v_alternatives[cardinality(v_alternatives)] || v_token;
    end if;
  end loop;

  return (
    select string_agg(
      case
        when grouped.is_ascii then grouped.alternatives
        else 'non.ascii & (' || grouped.alternatives || ')'
      end,
      ' | ' order by grouped.is_ascii desc
    )
    from (
      select
        of_a_word.is_ascii,
        string_agg(
          case
            when of_a_word.phrases > 1 then format('%s & (%s)', of_a_word.first_word, of_a_word.alternatives)
            else of_a_word.alternatives
          end,
          ' | ' order by of_a_word.position
        ) as alternatives
      from (
        select
          listed.is_ascii,
          listed.first_word,
          min(listed.position) as position,
          count(*) as phrases,
          string_agg(listed.phrase, ' | ' order by listed.position) as alternatives
        from (
          select
            btrim(split.phrase) as phrase,
            split.position,
            octet_length(split.required) = length(split.required) as is_ascii,
            case
              when split.is_plain and btrim(split.phrase) like '% %' then split_part(btrim(split.phrase), ' ', 1)
              else 'alternative ' || split.position
            end as first_word
          from (
            select
              unnested.phrase,
              unnested.position,
              translate(unnested.phrase, '()&!~*', '') = unnested.phrase as is_plain,
              substring(unnested.phrase from '^[^(!]*') as required
            from unnest(v_alternatives) with ordinality as unnested (phrase, position)
          ) as split
          where btrim(split.phrase) <> ''
        ) as listed
        group by listed.is_ascii, listed.first_word
      ) as of_a_word
      group by of_a_word.is_ascii
    ) as grouped
  );
end
$$;

comment on function monitoring.group_phrases(text) is
'Returns the same words with phrases that begin with the same word behind that word, and phrases with letters that are
not ASCII behind the word non.ascii, which normalize_classified_text() adds to a text that has some: connection & (connection
refused | connection reset) is compared in one step with a text that does not contain connection.';

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
  v_query text := monitoring.group_phrases(
    replace(monitoring.normalize_classified_text(translate(parse_rule_query.words, '''"', '  ')), ' non.ascii', '')
  );
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
  select concat_ws(
    ' | ',
    string_agg(
      case
        -- Not parsed: the parser takes card_ for card.
        when given.code like '%*' then format('''%s'':*', btrim(normalized.code))
        else phraseto_tsquery('simple'::regconfig, normalized.code)::text
      end,
      ' | '
    ) filter (where not normalized.is_number),
    -- A number is a code only where it is called one: 2002 can be a count as well.
    '( ''error'' | ''errno'' | ''code'' | ''sqlstate'' | ''state'' | ''number'' ) <-> ('
    || string_agg(quote_literal(given.code), ' | ') filter (where normalized.is_number) || ')'
  )::tsquery
  from unnest(parse_codes.codes) as given (code)
  cross join lateral (
    select
      replace(
        monitoring.normalize_classified_text(translate(given.code, '''"():|&!<>*', '           ')), ' non.ascii', ''
      ),
      translate(given.code, '0123456789', '') = ''
  ) as normalized (code, is_number)
  where btrim(normalized.code, ' .') <> ''
  having count(*) > 0
$$;

comment on function monitoring.parse_codes(text[]) is
'Returns a query that finds any of some codes: ECONNREFUSED, 57P01, ORA-12541 or, for a prefix, PGRST0*. A number counts
only after a word such as error or code.';
