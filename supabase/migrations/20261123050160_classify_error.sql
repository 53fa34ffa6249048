-- Purpose: decides the severity and category of an error by the rows of classification_rules.
-- Objects: functions monitoring.index_error_text, monitoring.read_error_signals, monitoring.apply_rules,
--   public.classify_error; type monitoring.error_signals.
-- Risks: classify_error() runs for every reported event; it truncates its input first, which limits the cost of a
--   hostile text.

create function monitoring.index_error_text(value text)
returns tsvector
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return to_tsvector(
    'simple'::regconfig,
    translate(index_error_text.value, '.,;:!?()[]{}<>"''`/\|=&#@*+-~^$%_', '                                  ')
  );
end
$$;

comment on function monitoring.index_error_text(text) is
'Returns the search vector of a text without punctuation, in which a rule finds stripe as well as api.stripe.com.';

create type monitoring.error_signals as (
  text text,
  vector tsvector,
  full_vector tsvector,
  status integer,
  source text,
  level text
);

comment on type monitoring.error_signals is
'What classification rules are compared with: the text in lower case; its words, in which a path or a name is one word;
the same with the parts of paths and names, for the rules of the operator; the HTTP status; the source; the level.';

create function monitoring.read_error_signals(
  message text, error_type text, source text, http_status integer, level text, code text
)
returns monitoring.error_signals
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $$
declare
  -- The beginning contains the relevant text; the limit also bounds the cost of a hostile text.
  v_original text := left(read_error_signals.message, 3000);
  v_code text := nullif(btrim(read_error_signals.code), '');
  v_signals monitoring.error_signals;
begin
  if read_error_signals.error_type <> '' and strpos(v_original, read_error_signals.error_type) = 0 then
    v_original := left(read_error_signals.error_type, 200) || ': ' || v_original;
  end if;
  v_original := coalesce(v_original, left(read_error_signals.error_type, 200), '');
  v_signals.level := coalesce(
    nullif(lower(btrim(read_error_signals.level)), ''), monitoring.find_log_level(v_original)
  );
  if v_code is not null then
    v_original := v_original || ' code ' || left(v_code, 100);
  end if;
  v_signals.text := monitoring.normalize_classified_text(v_original);
  v_signals.status := monitoring.find_status_code(
    lower(v_original collate "C"), read_error_signals.http_status
  );
  v_signals.vector := to_tsvector('simple'::regconfig, v_signals.text);
  v_signals.full_vector := v_signals.vector;
  if exists (
    select from public.classification_rules
    where classification_rules.origin = 'operator'
  ) then
    v_signals.full_vector := v_signals.vector || monitoring.index_error_text(v_original);
  end if;
  v_signals.source := lower(btrim(read_error_signals.source));
  return v_signals;
end
$$;

comment on function monitoring.read_error_signals(text, text, text, integer, text, text) is
'Returns what the rules are compared with, of the first 3,000 characters of type and message.';

create function monitoring.apply_rules(
  signals monitoring.error_signals,
  assumed_rule text,
  out severity public.incident_severity,
  out category public.incident_category,
  out rule text
)
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_vector constant tsvector := (apply_rules.signals).vector;
  v_full_vector constant tsvector := (apply_rules.signals).full_vector;
  v_source constant text := (apply_rules.signals).source;
  v_status constant integer := (apply_rules.signals).status;
  v_by_level constant text := monitoring.name_level_rule((apply_rules.signals).level);
  -- A cursor is read row by row: the rules after the one that decides are not compared.
  c_matching cursor for
    select
      classification_rules.name,
      classification_rules.severity,
      classification_rules.category,
      classification_rules.origin = 'operator' as is_own,
      classification_rules.pattern
    from public.classification_rules
    cross join lateral (
      select case when classification_rules.origin = 'operator' then v_full_vector else v_vector end
    ) as indexed (vector)
    where (classification_rules.is_enabled or classification_rules.name = apply_rules.assumed_rule)
      and (classification_rules.sources is null or v_source = any(classification_rules.sources))
      and (classification_rules.statuses is null or classification_rules.statuses @> v_status)
      and (indexed.vector @@ classification_rules.codes_query) is not false
      and (indexed.vector @@ classification_rules.matches) is not false
      and (indexed.vector @@ classification_rules.unless) is not true
    order by classification_rules.priority, classification_rules.name;
begin
  for v_rule in c_matching loop
    continue when v_rule.pattern is not null and (apply_rules.signals).text !~ v_rule.pattern;
    -- A line of level info reports no problem, whatever words and numbers it contains, unless a rule of the operator
    -- says so: of the built-in rules only the topics count.
    continue when v_by_level = 'fallback_level_info' and not v_rule.is_own and v_rule.severity is not null;
    -- The first rule decides the severity; the category comes from the first rule that has one.
    if rule is null and (v_rule.is_own or v_rule.severity is not null) then
      rule := v_rule.name;
      severity := v_rule.severity;
    end if;
    rule := coalesce(rule, v_by_level);
    category := coalesce(category, v_rule.category);
    exit when category is not null;
  end loop;

  rule := coalesce(rule, v_by_level);
  severity := coalesce(severity, monitoring.severity_of_level((apply_rules.signals).level), 'MEDIUM');
  category := coalesce(category, 'backend');
end
$$;

comment on function monitoring.apply_rules(monitoring.error_signals, text) is
'Returns what the enabled rules decide about an error, and assumed_rule as if it were enabled too.';

create function public.classify_error(
  message text,
  error_type text default null,
  source text default null,
  url text default null,
  http_status integer default null,
  level text default null,
  code text default null,
  out severity public.incident_severity,
  out category public.incident_category,
  out rule text
)
language plpgsql
stable
parallel safe
security definer
set search_path = ''
as $$
declare
  v_verdict record;
begin
  v_verdict := monitoring.apply_rules(
    monitoring.read_error_signals(
      classify_error.message, classify_error.error_type, classify_error.source, classify_error.http_status,
      classify_error.level, classify_error.code
    ),
    null
  );
  severity := v_verdict.severity;
  category := v_verdict.category;
  rule := v_verdict.rule;
end
$$;

revoke all on function public.classify_error(text, text, text, text, integer, text, text)
from public, anon, authenticated, service_role;

grant execute on function public.classify_error(text, text, text, text, integer, text, text)
to authenticated, service_role;

comment on function public.classify_error(text, text, text, text, integer, text, text) is
'Returns the severity, the category and the rule that decided, for an error.

Pass what is known: message, error_type, source (server, browser, sentry, …), http_status (100 to 599, 0 for a request
without an answer), the level of the logger and the code of the error. url is not used any more. The first enabled row of
classification_rules that matches decides. Without one the level does, and without a level the severity is MEDIUM. Nothing is
stored. Security definer, because the functions that it calls are in the closed schema monitoring.';
