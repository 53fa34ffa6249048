-- Purpose: decides the severity and category of an error.
-- Objects: functions monitoring.severity_of_level, public.classify_error.
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
immutable
parallel safe
security definer
set search_path = ''
as $$
declare
  v_original text;
  v_text text;
  v_words text[];
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

  if coalesce(classify_error.http_status, 0) < 400 and monitoring.reports_no_failure(v_text, v_words, v_status) then
    rule := 'no_failure';
  else
    v_is_network := monitoring.mentions_network_failure(v_text, v_words);
    rule := coalesce(
      monitoring.match_critical_rule(v_text, v_words, v_status, v_is_database, v_is_network),
      monitoring.match_high_rule(v_text, v_words, v_status, v_is_network),
      monitoring.match_lower_rule(v_text, v_words, v_status)
    );
  end if;

  if rule is null or rule = 'no_failure' then
    v_level := coalesce(v_level, monitoring.find_log_level(left(v_original, 300), v_words[1:60]));
    severity := monitoring.severity_of_level(v_level);
    rule := case
      when severity = 'CRITICAL' then 'fallback_level_fatal'
      when severity = 'HIGH' then 'fallback_level_error'
      when severity = 'LOW' and lower(v_level) in ('warning', 'warn', 'wrn', '40') then 'general_warning'
      when severity = 'LOW' then coalesce(rule, 'fallback_level_info')
      else coalesce(rule, 'unmatched')
    end;
  end if;
  severity := coalesce(severity, monitoring.severity_of_rule(rule), 'MEDIUM');

  category := monitoring.category_of_rule(
    rule, v_text, v_words, lower(btrim(classify_error.source)), lower(left(classify_error.url, 2000)), v_status,
    v_is_database, v_is_network
  );
end
$$;

revoke all on function public.classify_error(text, text, text, text, integer, text)
from public, anon, authenticated, service_role;

grant execute on function public.classify_error(text, text, text, text, integer, text) to authenticated, service_role;

comment on function public.classify_error(text, text, text, text, integer, text) is
'Returns the severity, the category and the rule that decided, for an error.

Pass what is known: message, error_type, source (server, browser, sentry, …), url, http_status (100 to 599) and the
level of the logger. The most severe matching rule decides; without a match the level decides, and without a level
the severity is MEDIUM. The same arguments always give the same result; nothing is read or stored. Security definer,
because the functions that it calls are in the closed schema monitoring.';
