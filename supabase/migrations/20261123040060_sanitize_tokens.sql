-- Purpose: redacts tokens that their form gives away.
-- Objects: functions monitoring.redact_formats, monitoring.redact_tokens.
-- Risks: uses 8 of the 32 regular expressions that a backend caches, and one for each format whose prefix a text has.
--   The tests before the large ones are small, because the time to compare a short text grows with the size of
--   a pattern.

create function monitoring.redact_formats(value text)
returns text
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_formats constant integer := 8;
  c_rest_of_word constant text := '[^\s"''<>,;(){}]+';
  v_text text collate "C" := redact_formats.value;
  v_format record;
begin
  for v_format in
    select
      listed.prefix,
      listed.body,
      count(*) over () as formats
    from monitoring.secret_formats as listed
    where listed.is_enabled
      and strpos(redact_formats.value, listed.prefix) > 0
    order by length(listed.prefix) desc, listed.prefix
  loop
    if v_format.formats > c_most_formats then
      -- More than any ordinary text has: to compile an expression for each would take 100 ms. One for all of them redacts
      -- more than the formats do.
      return (
        select regexp_replace(v_text, compiled.prefixes || c_rest_of_word, '[redacted]', 'g')
        from monitoring.compiled_secret_formats as compiled
      );
    end if;
    -- Where triggers did not run, as in a restored backup, a row could be wrong: no report must fail because of it.
    continue when not monitoring.is_expression(v_format.body);
    v_text := regexp_replace(
      v_text, '(?<![A-Za-z0-9])' || monitoring.match_literal(v_format.prefix) || v_format.body, '[redacted]', 'g'
    );
  end loop;
  return v_text;
end
$$;

comment on function monitoring.redact_formats(text) is
'Replaces by [redacted] what matches an enabled row of secret_formats. Only the rows whose prefix occurs are compared,
each with a small expression: one of all rows takes 40 ms to compile. In a text with the prefixes of more than 8 rows,
all words that begin with one of all prefixes are replaced.';

create function monitoring.redact_tokens(value text)
returns text
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := redact_tokens.value;
  v_prefixes text;
begin
  -- Several small tests, because the time to compare a short text grows with the size of the pattern.
  if v_text ~ '(?<![A-Za-z0-9])(?:A[KS]IA|[srp]k_(?:live|test)_|whsec|g(?:h[oprsu]_|ith|lpa)|xox|xapp|sb_s|sbp_|c[ks]_[0-9a-f])'
    or v_text ~ '(?<![A-Za-z0-9])(?:AIza|ya29|GOCS|S(?:G[.]|K[0-9a-f])|npm_|eyJ|sntry|hf_|dop_|shp..?_|pypi|hvs[.]|dckr)'
    or (
      (
        strpos(v_text, 'asic ') > 0 or strpos(v_text, 'bot') > 0 or strpos(v_text, 'hooks.') > 0
        or strpos(v_text, 'discord') > 0 or strpos(v_text, 'sk-') > 0
      )
      and v_text ~ '(?<![A-Za-z0-9])(?:[Bb]asic |bot[0-9]|hooks[.]|discord|sk-)'
    )
  then
    -- These stay known whatever rows secret_formats has.
    v_text := regexp_replace(v_text, $pattern$(?x)
      (?<![A-Za-z0-9])(?:
        (?:AKIA|ASIA)[A-Z0-9]{8,}
        | (?:[srp]k_(?:live|test)|whsec|gh[oprsu]|github_pat|sb_secret|sbp|sntry[a-z]|dop_v1|shp[a-z]{2}|dckr_pat)
          _[A-Za-z0-9_=/+-]{6,}
        | (?:glpat|xox[a-z]|xapp|GOCSPX|pypi)-[\w-]{6,}(?:\.[\w-]+)*
        | (?:npm|hf)_[A-Za-z0-9]{12,}
        | c[ks]_[0-9a-f]{16,}
        | bot[0-9]+:[\w-]{16,}
        | sk-(?![a-z]+-[0-9]+(?![\w-]))(?=[A-Za-z_-]*[0-9])[\w-]{8,}
        | (?:SG|ya29|hvs)\.[\w-]{10,}(?:\.[\w-]+)?
        | AIza[\w-]{10,}
        | SK[0-9a-f]{16,}
        | [Bb]asic[ ]+(?!(?:[A-Z][a-z]+)+(?![A-Za-z0-9+/=]))(?=[A-Za-z0-9+/]*(?:[a-z][A-Z]|[0-9=]))[A-Za-z0-9+/]{6,}=*
        | eyJ[\w-]{8,}(?:\.[\w-]*){0,4}
        | hooks\.slack\.com/[^\s"'<>)]+
        | discord(?:app)?\.com/api/webhooks/[^\s"'<>)]+
      )
    $pattern$, '[redacted]', 'g');
  end if;
  -- What follows is looked for only where a word is long and random enough: its expressions take longer.
  if v_text ~ '[\w-]{16}' and monitoring.may_contain_random_words(v_text) then
    if v_text ~ '[.][\w-]{6}[.]|-us[0-9]|-[0-9a-f]{8}(?:-|\M)|NRAL|_mmk|:AA|Q~|[|]|tlasv1|\ms[.][A-Za-z0-9]{12}' then
      -- Tokens without a prefix: Discord, Mailgun, Terraform, Mailchimp, New Relic, MaxMind, Telegram, Facebook, Microsoft
      -- Entra, Vault.
      v_text := regexp_replace(v_text, $pattern$(?x)
        (?<![A-Za-z0-9])(?:
          [MNO][\w-]{22,27}\.(?=[\w-]{0,7}\.?[\w-]{0,24}[0-9])[\w-]{6}\.[\w-]{25,}
          | [A-Za-z0-9]{14}\.atlasv1\.[\w=-]{20,}
          | [0-9a-f]{32}(?:-us[0-9]{1,2}|-[0-9a-f]{8}-[0-9a-f]{8}|[0-9a-f]{4}NRAL)(?![\w-])
          | [A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk(?!\w)
          | [0-9]{8,10}:AA[\w-]{30,}
          | [0-9]{15,16}(?:\||%7C)[\w-]{27,}
          | [\w~.]{3}[0-9]Q~[\w~.-]{31,}
          | s\.(?=[A-Za-z]{0,23}[0-9])[A-Za-z0-9]{24}(?![\w.(-])
        )
      $pattern$, '[redacted]', 'g');
    end if;
    select compiled.prefixes
    into v_prefixes
    from monitoring.compiled_secret_formats as compiled;
    if v_text ~ v_prefixes then
      v_text := monitoring.redact_formats(v_text);
    end if;
  end if;
  return v_text;
end
$$;

comment on function monitoring.redact_tokens(text) is
'Replaces tokens by [redacted] that their form gives away: those of the common vendors, and those of the rows of
secret_formats.';
