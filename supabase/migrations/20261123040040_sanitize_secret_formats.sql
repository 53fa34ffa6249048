-- Purpose: stores the formats of vendors' tokens as rows, and compiles their prefixes into the one regular
--   expression with which every text is compared.
-- Objects: tables monitoring.secret_formats, monitoring.compiled_secret_formats; functions
--   monitoring.is_simple_expression, monitoring.match_literal, monitoring.match_beginnings, monitoring.is_expression,
--   monitoring.compile_secret_formats; trigger secret_formats_are_compiled.
-- Risks: the table only adds: tokens that redact_tokens() knows by itself are redacted without any row. Every
--   sanitized text is compared with the compiled prefixes, so a row must have a fixed prefix.

create function monitoring.is_simple_expression(pattern text)
returns boolean
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- Atoms with at most one quantifier each, and alternatives of plain text: no capture, no back reference, no group that
  -- is repeated. Such an expression is matched in linear time and is small when it is compiled.
  select pattern ~ (
    '^(?:(?:[A-Za-z0-9_=:%/~@-]|\\[dw.+$/]|\[(?:[A-Za-z0-9_.+/=~:%@]|\\w)(?:[A-Za-z0-9_.+/=~:%@-]|\\w)*\])'
    || '(?:\{[0-9]{1,2}(?:,(?:[0-9]{1,2})?)?\}|[?+*])?|\(\?:[A-Za-z0-9_.-]+(?:\|[A-Za-z0-9_.-]+)+\))+$'
  )
$$;

comment on function monitoring.is_simple_expression(text) is
'Returns whether a regular expression consists of characters, classes, \w and \d, each with at most one quantifier, and
alternatives of plain text.';

create table monitoring.secret_formats (
  name text primary key,
  prefix text not null,
  body text not null,
  origin text not null default 'operator',
  is_enabled boolean not null default true,
  example text not null,
  counterexample text not null,
  updated_at timestamptz not null default now(),
  constraint name_is_a_short_line check (
    btrim(name) <> '' and length(name) <= 100 and monitoring.is_one_line(name)
  ),
  constraint prefix_is_3_to_32_characters check (prefix ~ '^[!-~]{3,32}$' and prefix ~ '^[A-Za-z0-9]'),
  constraint body_is_a_simple_expression check (length(body) <= 100 and monitoring.is_simple_expression(body)),
  constraint origin_is_known check (origin in ('builtin', 'operator'))
);

alter table monitoring.secret_formats enable row level security;

create policy secret_formats_is_read_by_nobody on monitoring.secret_formats
for select to authenticated
using (false);

revoke all on table monitoring.secret_formats from public, anon, authenticated, service_role;

comment on table monitoring.secret_formats is
'Formats of tokens: a prefix and a regular expression for what follows it. What matches is replaced by [redacted] in
every report. Insert a row to add one; it counts from the next report. Texts that are stored already stay as they are.';

comment on column monitoring.secret_formats.name is 'Name of the format.';

comment on column monitoring.secret_formats.prefix is
'First characters of the token, as they are, at least three. A letter or digit before them means another word.';

comment on column monitoring.secret_formats.body is
'Regular expression for what follows the prefix, such as [A-Za-z0-9]{32,}: characters, classes in brackets, \w, \d, each
with at most one quantifier, and (?:one|other).';

comment on column monitoring.secret_formats.origin is
'Who wrote the row: builtin, which an upgrade replaces, or operator, which it leaves alone.';

comment on column monitoring.secret_formats.is_enabled is 'Whether the format is used.';

comment on column monitoring.secret_formats.example is
'A token that the format must match completely. An invented one: the row shows it.';

comment on column monitoring.secret_formats.counterexample is
'An ordinary text, with the prefix if possible, that must stay as it is.';

comment on column monitoring.secret_formats.updated_at is 'Time at which the row was last changed.';

comment on constraint secret_formats_pkey on monitoring.secret_formats is
'There is a format of this name already. Change that one, or choose another name.';

comment on constraint name_is_a_short_line on monitoring.secret_formats is
'name must be one line of 1 to 100 characters.';

comment on constraint prefix_is_3_to_32_characters on monitoring.secret_formats is
'prefix must be 3 to 32 characters of ASCII without spaces, and begin with a letter or a digit.';

comment on constraint body_is_a_simple_expression on monitoring.secret_formats is
'body must be a regular expression of at most 100 characters made of characters, classes such as [A-Za-z0-9], \w and
\d, each with at most one quantifier such as {20,}, and alternatives of plain text such as (?:live|test).';

comment on constraint origin_is_known on monitoring.secret_formats is
'origin must be operator: leave it out, and it is.';

create table monitoring.compiled_secret_formats (
  is_only_row boolean primary key default true,
  prefixes text not null,
  constraint there_is_one_row check (is_only_row)
);

alter table monitoring.compiled_secret_formats enable row level security;

create policy compiled_secret_formats_is_read_by_nobody on monitoring.compiled_secret_formats
for select to authenticated
using (false);

revoke all on table monitoring.compiled_secret_formats from public, anon, authenticated, service_role;

comment on table monitoring.compiled_secret_formats is
'The prefixes of the enabled rows of secret_formats as one regular expression. Written by a trigger.';

comment on column monitoring.compiled_secret_formats.is_only_row is 'True: the table has one row.';

comment on column monitoring.compiled_secret_formats.prefixes is
'Expression for the beginnings of the tokens of the enabled rows. Matches nothing when there is none.';

comment on constraint compiled_secret_formats_pkey on monitoring.compiled_secret_formats is
'The table has one row, which the trigger of secret_formats writes.';

comment on constraint there_is_one_row on monitoring.compiled_secret_formats is
'The table has one row, which the trigger of secret_formats writes.';

create function monitoring.match_literal(value text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select regexp_replace(value, '([^A-Za-z0-9_-])', '\\\1', 'g')
$$;

comment on function monitoring.match_literal(text) is
'Returns a regular expression that matches a text of ASCII as it is.';

create function monitoring.match_beginnings(words text[])
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  -- A word that ends here matches whatever follows.
  if '' = any(match_beginnings.words) then
    return '';
  end if;
  return (
    select case when count(*) > 1 then format('(?:%s)', string_agg(letters.alternative, '|' order by letters.alternative))
      else min(letters.alternative) end
    from (
      select monitoring.match_literal(left(listed.word, 1)) || monitoring.match_beginnings(array_agg(substr(listed.word, 2)))
        as alternative
      from unnest(match_beginnings.words) as listed (word)
      group by left(listed.word, 1)
    ) as letters
  );
end
$$;

comment on function monitoring.match_beginnings(text[]) is
'Returns a regular expression that finds one of some words of ASCII. Equal beginnings are written once, which makes
it a third faster.';

create function monitoring.is_expression(pattern text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return ('' ~ is_expression.pattern) is not null;
exception
  when invalid_regular_expression then
    return false;
end
$$;

comment on function monitoring.is_expression(text) is 'Returns whether a text is a valid regular expression.';

create function monitoring.compile_secret_formats()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_most_characters constant integer := 8; -- of each prefix: more take longer and tell nearly nothing
  c_word constant text := '(?<![A-Za-z0-9])(?:%s)';
  c_nothing constant text := '$.'; -- matches nothing
begin
  -- Whoever changes formats at the same time waits here, and then sees the rows of the other.
  insert into monitoring.compiled_secret_formats (prefixes)
  values (c_nothing)
  on conflict (is_only_row) do nothing;
  perform compiled.is_only_row
  from monitoring.compiled_secret_formats as compiled
  for no key update;
  with
  formats as (
    -- Where triggers did not run, as in a restored backup, a row could be wrong: no report must fail because of it.
    select listed.prefix, listed.body
    from monitoring.secret_formats as listed
    where listed.is_enabled
      and monitoring.is_expression(listed.body)
  )
  update monitoring.compiled_secret_formats
  set
    prefixes = coalesce(
      (
        select format(c_word, monitoring.match_beginnings(array_agg(left(formats.prefix, c_most_characters))))
        from formats
        having count(*) > 0
      ), c_nothing
    )
  where compiled_secret_formats.is_only_row;
  return null;
end
$$;

comment on function monitoring.compile_secret_formats() is
'Writes the prefixes of the enabled formats as one regular expression into compiled_secret_formats.';

create trigger secret_formats_are_compiled
after insert or update or delete or truncate on monitoring.secret_formats
for each statement execute function monitoring.compile_secret_formats();
