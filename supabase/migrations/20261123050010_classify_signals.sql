-- Purpose: reads the signals of an error that are no words: the HTTP status and the level of the logger.
-- Objects: functions monitoring.find_status_code, monitoring.find_log_level, monitoring.severity_of_level,
--   monitoring.name_level_rule.
-- Risks: these functions run for every reported event. Uses 3 of the 32 regular expressions that a backend caches.

create function monitoring.find_status_code(message text, http_status integer)
returns integer
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_match text[];
begin
  if find_status_code.http_status = 0 or find_status_code.http_status between 400 and 599 then
    return find_status_code.http_status;
  end if;

  -- Most texts contain no such number: the long pattern below runs for the others only.
  if message !~ '\m[45][0-9][0-9]\M' then
    return null;
  end if;

  -- First the contexts in which any number is a status code, then words after which a number is a status code unless
  -- it counts something ("returned 500 rows"), then the formats of access logs, then reason phrases. SMTP codes, which
  -- are followed by one like 4.3.2, do not count.
  v_match := regexp_match(
    message,
    '(?:\mhttps?(?:error|exception|status)?(?:/[0-9.]+)?["'']?[ :=_(-]*(?:(?:status|error|code|response|request'
    || '|returned|failed|with|probe|statuscode)["'']?[ :=_(-]*)*'
    || '|status(?:[ _-]?code|[ _-]?text)?[\\"'' :=(]*(?:(?:of|is|was|code|error|returned|http|with)[ :=(]*)*'
    || '|\m(?:get|post|put|patch|delete|head|options) (?:\S+)(?: http/[0-9.]+)?"?:? (?:[>=(-]+ ?)*'
    || '|[0-9]+/-?[0-9]+/-?[0-9]+/-?[0-9]+/\+?[0-9]+ '
    || '|\| ?)([45][0-9][0-9])\M(?![.][0-9]|[- ][245][.][0-9]|[ ]?(?:ms|milliseconds|seconds|bytes|rows|records'
    || '|items|times)\M)'
    || '|(?:\m(?:return(?:s|ed|ing)?|respon(?:se|ds|ded|d|ding)|repl(?:y|ied|ies)|got|gets?|getting|received'
    || '|answered|gave|threw'
    || '|(?:server|api|client|request|http|unexpected|upstream|auth|fetch|gateway|npm|axios)?error|err|failed|upstream'
    || '|failing|fails|failure|unexpected|exception'
    || '|(?<!area |zip |country |postal |dial |dialing |exit |promo |product |bar|qr |post )code)\M[\\"'' :=(>#]*'
    || '(?:(?:with|an?|the|http|status|code|error|unexpected|response|from|server|was|is)\M[\\"'' :=(>]*)*)'
    || '([45][0-9][0-9])\M'
    || '(?:[.,-]?$|[.,-][^0-9]| - [a-z]|[ ]*(?:[^a-z0-9 .,%-]|(?:errors?|responses?|status|from|for|on|when|while|after'
    || '|at|in|to|instead|internal|not|bad|service'
    || '|gateway|unauthorized|forbidden|too|server|client|by|http|because|due|and|or|during|calling|page|with'
    || '|auth[a-z]*|[a-z]+_[a-z_]+)\M))'
    || '|\m([45][0-9][0-9]) (?:(?:[0-9]{3}|-) (?:[0-9]+ [0-9]+ "|- (?:get|post|put|patch|delete|head|options)\M)'
    || ')|- ([45][0-9][0-9]) [0-9]{1,2} [0-9]+ [0-9]+$'
    || '|(?:^|[^:./a-z0-9-])([45][0-9][0-9])(?:\)?[ :.,;"''|/(\[<>-]*(?:internal[ _-]?(?:server)?[ _-]?error'
    || '|bad[ _-]gateway|service (?:is )?(?:temporarily )?unavailable'
    || '|service_unavailable|serviceunavailable|gateway time|(?:page |file |url )?not[ _]found|unauthori[sz]ed'
    || '|forbidden|too many requests|server error'
    || '|(?:proxy|backend|upstream|gateway|fetch)(?: [a-z]+)? (?:error|fail(?:ed|ure)?)\M|err_'
    || '|client error|request time-?out|error\M|response\M|(?:get|post|put|patch|delete|head) [/h]|(?:on|for'
    || '|from) (?:get\M|post\M|put\M|delete\M|/|https?:)))'
    || '|\m(50[2-4]|40[134]|429) (?:errors|responses|from (?:the |an? )?(?:[a-z]+ )?(?:upstream|server|backend|origin'
    || '|api|provider|service|gateway|proxy))\M'
    || '|^(?:[a-z]*(?:error|exception): )?([45][0-9][0-9])(?: -|:) (?![0-9])|[a-z] \((50[2-4]|429)\)(?:[.,:;]|$)'
  );
  return coalesce(
    v_match[1], v_match[2], v_match[3], v_match[4], v_match[5], v_match[6], v_match[7], v_match[8]
  )::integer;
end
$$;

comment on function monitoring.find_status_code(text, integer) is
'Returns the HTTP status code, 400 to 599, that came with an error or that its lower-case text mentions; 0 for a request
without an answer. Null when there is none: counts, durations, ports, names and SMTP codes are ignored.';

create function monitoring.find_log_level(message text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_match text[] := regexp_match(
    find_log_level.message,
    '(?:^|[\s|\[<("=:])(TRACE|DEBUG|VERBOSE|INFO|Info|NOTICE|WARN|WARNING|Warning|ERROR|SEVERE|CRITICAL|FATAL|PANIC)'
    || '(?=[\s|\]>):",.-])'
    || '|(?:\m(?:level|lvl|severity)|"s")"?[=:]\s*"?([A-Za-z]+)'
    || '|[\[<](trace|debug|info|notice|Note|warn|warning|error|crit|alert|emerg)[\]>]'
    || '|^(?:\S+\s){0,4}(info|debug|trace|warn|warning|error|fatal)\s*[:\]]'
  );
  v_level text := lower(coalesce(v_match[1], v_match[2], v_match[3], v_match[4]));
begin
  return case
    when v_level in ('warn', 'warning', 'wrn', 'w') then 'warning'
    when v_level in ('trace', 'debug', 'verbose', 'info', 'notice', 'note', 'i', 'd') then 'info'
  end;
end
$$;

comment on function monitoring.find_log_level(text) is
'Returns the level that the beginning of a log line names first, if it is warning or info; else null. Higher levels are
not a signal, because loggers use error for expected rejections too.';

create function monitoring.severity_of_level(level text)
returns public.incident_severity
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return case
    when level in ('fatal', 'critical', 'crit', 'alert', 'emergency', 'emerg', 'panic', '60') then 'CRITICAL'
    when level in ('error', 'err', 'severe', '50') then 'HIGH'
    when level in ('warning', 'warn', 'wrn', '40') then 'LOW'
    when level in (
      'info', 'information', 'informational', 'notice', 'log', 'success', 'verbose', 'debug', 'trace', '30', '20', '10'
    ) then 'LOW'
  end;
end
$$;

comment on function monitoring.severity_of_level(text) is
'Returns the severity of a log level, for errors that no rule matches: the levels of Sentry and of syslog, in lower case,
and the numbers of pino and bunyan (10 to 60). Null for an unknown level.';

create function monitoring.name_level_rule(level text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return case monitoring.severity_of_level(level)
    when 'CRITICAL' then 'fallback_level_fatal'
    when 'HIGH' then 'fallback_level_error'
    when 'LOW' then case
      when level in ('warning', 'warn', 'wrn', '40') then 'general_warning'
      else 'fallback_level_info'
    end
    else 'unmatched'
  end;
end
$$;

comment on function monitoring.name_level_rule(text) is
'Returns what incidents.rule contains when the level, in lower case, decided the severity, or nothing did.';
