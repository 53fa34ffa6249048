-- Purpose: decides the severity and category of an error.
-- Objects: functions monitoring.severity_of_level, monitoring.index_error_text, monitoring.match_operator_rule,
--   public.classify_error.
-- Risks: classify_error() runs for every reported event; it truncates its input first, which limits the cost of a
--   hostile text.

create function monitoring.severity_of_level(level text)
returns public.incident_severity
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when severity_of_level.level is null then null
    when lower(btrim(severity_of_level.level)) in (
      'fatal', 'critical', 'crit', 'alert', 'emergency', 'emerg', 'panic', '60'
    ) then 'CRITICAL'::public.incident_severity
    when lower(btrim(severity_of_level.level)) in ('error', 'err', 'severe', '50') then 'HIGH'
    when lower(btrim(severity_of_level.level)) in ('warning', 'warn', 'wrn', '40') then 'LOW'
    when lower(btrim(severity_of_level.level)) in (
      'info', 'information', 'informational', 'notice', 'log', 'success', 'verbose', 'debug', 'trace', '30', '20', '10'
    ) then 'LOW'
  end
$$;

comment on function monitoring.severity_of_level(text) is
'Returns the severity of a log level, for errors that no rule matches: the levels of Sentry in any case, of syslog,
and the numbers of pino and bunyan (10 to 60). Null for an unknown level.';

create function monitoring.index_error_text(value text, words text[] default null)
returns tsvector
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  -- The parser takes api.stripe.com/webhook for one word, and payment-service for one and for two. With the text once
  -- more and without punctuation, a rule finds stripe as well as api.stripe.com. Between two elements of a list is a
  -- gap in the positions, so that no phrase goes from one to the other.
  return to_tsvector(
    'simple'::regconfig,
    jsonb_build_array(
      index_error_text.value,
      coalesce(
        array_to_string(index_error_text.words, ' '),
        translate(index_error_text.value, '.,;:!?()[]{}<>"''`/|=&#@*+-~^$%', '                                ')
      )
    )
  );
end
$$;

comment on function monitoring.index_error_text(text, text[]) is
'Returns the search vector of a text, with which classification rules are compared: its words in lower case. words is
the text split at punctuation, for a caller that has split it already.';

create function monitoring.match_operator_rule(value text, words text[], source text)
returns public.classification_rules
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_vector constant tsvector := monitoring.index_error_text(match_operator_rule.value, match_operator_rule.words);
  v_source constant text := lower(btrim(match_operator_rule.source));
  v_rule public.classification_rules;
begin
  select classification_rules.*
  into v_rule
  from public.classification_rules
  where classification_rules.is_enabled
    and v_vector @@ classification_rules.matches
    and (v_vector @@ classification_rules.unless) is not true
    and (classification_rules.sources is null or v_source = any(classification_rules.sources))
  order by classification_rules.priority, classification_rules.name
  limit 1;
  return v_rule;
end
$$;

comment on function monitoring.match_operator_rule(text, text[], text) is
'Returns the first enabled rule of classification_rules that matches a text from a source; all null for none.';

create function public.classify_error(
  message text,
  error_type text default null,
  source text default null,
  url text default null,
  http_status integer default null,
  level text default null,
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
  v_original text;
  v_text text;
  v_words text[];
  v_own public.classification_rules;
  v_status integer;
  v_is_database boolean;
  v_is_network boolean := false;
  v_level text := nullif(btrim(classify_error.level), '');
begin
  -- The beginning contains the relevant text; the limit also bounds the cost of a hostile text.
  v_original := left(classify_error.message, 3000);
  if classify_error.error_type <> '' and strpos(v_original, classify_error.error_type) = 0 then
    v_original := left(classify_error.error_type, 200) || ': ' || v_original;
  end if;
  v_original := coalesce(v_original, left(classify_error.error_type, 200), '');
  v_text := btrim(translate(lower(v_original collate "C"), e'’‘´“”—–\n\r\t\\', e'\'\'\'""--   '));
  v_words := string_to_array(
    translate(v_text, '.,;:!?()[]{}<>"''`/|=&#@*+-~^$%', '                                '), ' '
  );

  v_status := monitoring.find_status_code(v_text, v_words, classify_error.http_status);
  v_is_database := monitoring.mentions_database(v_text, v_words);

  if exists (select from public.classification_rules where classification_rules.is_enabled) then
    v_own := monitoring.match_operator_rule(v_original, v_words, classify_error.source);
  end if;
  if v_own.name is not null then
    rule := v_own.name;
    severity := v_own.severity;
  elsif
    coalesce(classify_error.http_status, 0) < 400 and monitoring.reports_no_failure(v_text, v_words, v_status)
  then
    rule := 'no_failure';
  else
    v_is_network := monitoring.mentions_network_failure(v_text, v_words);
    rule := coalesce(
      monitoring.match_critical_rule(v_text, v_words, v_status, v_is_database, v_is_network),
      monitoring.match_high_rule(v_text, v_words, v_status, v_is_network),
      monitoring.match_lower_rule(v_text, v_words, v_status)
    );
  end if;

  if severity is null and (rule is null or rule = 'no_failure' or v_own.name is not null) then
    v_level := coalesce(v_level, monitoring.find_log_level(left(v_original, 300), v_words[1:60]));
    severity := monitoring.severity_of_level(v_level);
    rule := case
      when v_own.name is not null then v_own.name
      when severity = 'CRITICAL' then 'fallback_level_fatal'
      when severity = 'HIGH' then 'fallback_level_error'
      when severity = 'LOW' and lower(v_level) in ('warning', 'warn', 'wrn', '40') then 'general_warning'
      when severity = 'LOW' then coalesce(rule, 'fallback_level_info')
      else coalesce(rule, 'unmatched')
    end;
  end if;
  severity := coalesce(severity, monitoring.severity_of_rule(rule), 'MEDIUM');

  category := coalesce(v_own.category, monitoring.category_of_rule(
    rule, v_text, v_words, lower(btrim(classify_error.source)), lower(left(classify_error.url, 2000)), v_status,
    v_is_database, v_is_network
  ));
end
$$;

revoke all on function public.classify_error(text, text, text, text, integer, text)
from public, anon, authenticated, service_role;

grant execute on function public.classify_error(text, text, text, text, integer, text) to authenticated, service_role;

comment on function public.classify_error(text, text, text, text, integer, text) is
'Returns the severity, the category and the rule that decided, for an error.

Pass what is known: message, error_type, source (server, browser, sentry, …), url, http_status (100 to 599) and the
level of the logger. The first enabled rule of classification_rules that matches decides, else the most severe built-in
rule; without a match the level decides, and without a level the severity is MEDIUM. Nothing is stored. Security
definer, because the functions that it calls are in the closed schema monitoring.';
