-- Purpose: reads the signals of an error that are no words: the HTTP status and the level of the logger.
-- Objects: functions monitoring.is_amount, monitoring.begins_reason_phrase, monitoring.precedes_status_code,
--   monitoring.is_logged_status, monitoring.is_status_code, monitoring.find_status_code, monitoring.kind_of_level,
--   monitoring.begins_log_line, monitoring.find_log_level, monitoring.severity_of_level, monitoring.name_level_rule.
-- Risks: these functions run for every reported event. Uses 6 of the 32 regular expressions that a backend caches,
--   5 of them only for lines that name a level.

create function monitoring.is_amount(following text, word text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  -- Mail servers have numbers of their own, which are followed by one like 4.3.2.
  return is_amount.following like any(array['\%%', '/%', '@%', '=%', '°%', '€%', '$%'])
    or is_amount.word like any(array['_._._', '_._.__'])
    or is_amount.word in (
      'ms', 'msec', 'msecs', 'milliseconds', 's', 'sec', 'secs', 'second', 'seconds', 'min', 'minutes', 'us', 'b',
      'byte', 'bytes', 'kb', 'mb', 'gb', 'kib', 'mib', 'px', 'rows', 'records', 'items', 'times', 'sekunden', 'zeilen',
      'secondes', 'lignes', 'octets', 'segundos', 'filas', 'linhas'
    )
    or octet_length(is_amount.word) > length(is_amount.word)
    and left(is_amount.word, 1) in ('秒', '分', '件', '行', '条', '次', '個', '个', '回', '人', '개', '건', '초');
end
$$;

comment on function monitoring.is_amount(text, text) is
'Returns whether what follows a number, and its first word, makes the number an amount, a duration or the code of a mail
server.';

create function monitoring.begins_reason_phrase(following text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return begins_reason_phrase.following like any(
    '{internal error%,internal server%,internal_server%,internalservererror%,bad gateway%,bad_gateway%,bad request%,'
    'service unavailable%,service is%,service temp%,service_unav%,serviceunav%,gateway time%,gateway_time%,not found%,'
    'not_found%,page not found%,file not found%,url not found%,unauthori%,forbidden%,too many req%,server error%,'
    'client error%,payment required%,method not all%,unprocessable %,request time%,conflict %,error %,response %,'
    'err\\_%,proxy error%,backend fetch%,upstream error%}'::text[]
  )
  or begins_reason_phrase.following like any(
    '{interner server%,dienst nicht%,nicht gefunden%,ungültiges gateway%,gateway zeit%,erreur interne%,introuvable%,'
    'non trouv%,service indis%,passerelle%,error interno%,servicio no%,no encontrad%,no se encontr%,puerta de%,'
    'erro interno%,serviço %,não encontrad%,errore interno%,non trovat%,服务不可用%,未找到%,错误%网关%,内部服务器%,'
    '内部伺服器%,内部サーバー%,サービス%,見つかりません%,내부 서버%}'::text[]
  );
end
$$;

comment on function monitoring.begins_reason_phrase(text) is
'Returns whether the text after a number, without punctuation, begins with a reason phrase of HTTP, such as "bad
gateway", in one of the languages of the localized rules.';

create function monitoring.precedes_status_code(word text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return precedes_status_code.word in (
      'return', 'returned', 'returns', 'returning', 'response', 'respond', 'responds', 'responded',
      'responding', 'reply', 'replied', 'replies', 'got', 'gets', 'getting', 'received', 'receives', 'answered',
      'gave', 'threw', 'hit', 'resulted', 'raised', 'err', 'failed', 'fails', 'failing', 'failure',
      'unexpected', 'exception', 'success', 'upstream', 'antwort', 'antwortete', 'erreur', 'réponse', 'répondu',
      'retourné', 'renvoyé', 'respuesta', 'respondió', 'devolvió', 'erro', 'resposta', 'retornou', 'errore',
      'risposta', 'restituito', 'ошибка', 'ошибку', 'hata', 'fout', '오류', '서버에서'
    )
    or precedes_status_code.word like any(
      '{%error,%exception,%exception$%,%fehler,%错误,%錯誤,%エラー,%返回,%返回了,%傳回,%応答}'::text[]
    );
end
$$;

comment on function monitoring.precedes_status_code(text) is
'Returns whether a number after a word such as returned or Error: is a status code, unless it counts what follows.';

create function monitoring.is_logged_status(at integer, word text, preceding text, following text)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return
    -- The timers of HAProxy: 0/0/0/5/5 503
    is_logged_status.word like '%/%/%/%/%' and translate(is_logged_status.word, '0123456789/+-', '') = ''
    -- Gin and Cloudflare: | 503 |, | 522: Connection timed out
    or is_logged_status.following like any(array[' |%', '|%', ':%'])
    and is_logged_status.preceding like any(array['%|', '%| '])
    -- Proxies: 503 - GET https, 502 502 34 366 "GET, - 404 0 2 0
    or is_logged_status.following like any(
      array[' - get %', ' - post %', ' - put %', ' - patch %', ' - delete %', ' - head %', ' - options %']
    )
    or split_part(is_logged_status.following, ' ', 2) like any(array['_', '__', '___'])
    and split_part(is_logged_status.following, ' ', 3) <> ''
    and split_part(is_logged_status.following, ' ', 4) <> ''
    and left(split_part(is_logged_status.following, ' ', 5), 1) in ('"', '')
    and translate(
      split_part(is_logged_status.following, ' ', 2) || split_part(is_logged_status.following, ' ', 3)
      || split_part(is_logged_status.following, ' ', 4),
      '0123456789-', ''
    ) = ''
    -- Frameworks: [503] GET /orders
    or is_logged_status.preceding like '%[' and is_logged_status.following like any(
      array['] get %', '] post %', '] put %', '] patch %', '] delete %', '] head %', '] during %']
    )
    -- The beginning of a message: 503: no healthy upstream
    or is_logged_status.at = 0 and is_logged_status.following like any(array[': %', ' - %', ' : %'])
    and translate(substr(ltrim(is_logged_status.following, ' :-'), 1, 1), '0123456789', '') <> '';
end
$$;

comment on function monitoring.is_logged_status(integer, text, text, text) is
'Returns whether a number stands where access logs and log lines have the status. Takes the number of words before it,
the last of them, and what precedes and follows it, in lower case.';

create function monitoring.is_status_code(number text, preceding text, following text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_next text := left(ltrim(is_status_code.following, ' '), 1);
  v_phrase text := ltrim(translate(is_status_code.following, e'\n\r\t"''`:;,|([<>)]}-\\', '                  '), ' ');
  v_word text := split_part(v_phrase, ' ', 1);
  v_before text[] := array_remove(
    string_to_array(
      translate(right(is_status_code.preceding, 32), e'\n\r\t"''`=([{<>|;,!?)]}：（\\', '                      '), ' '
    ),
    ''
  );
  v_at integer := cardinality(v_before);
  v_name text;
begin
  -- 443 is a port, the others are codes of mail servers.
  if is_status_code.number in ('443', '450', '452', '454', '535', '550', '551', '552', '553', '554', '555')
    or monitoring.is_amount(is_status_code.following, v_word)
  then
    return false;
  end if;
  loop
    v_name := rtrim(v_before[v_at], ':');
    exit when v_name is null or v_name <> all(
      '{with,a,an,the,of,is,was,in,to,from,by,server,mit,einem,con,un,una,avec,une,com,um,uma,de,il,-,->,=>,→,'
      '""}'::text[]
    );
    v_at := v_at - 1;
  end loop;

  -- Only Internet Information Services writes 500.30; other numbers with a decimal part, and names of files, are none.
  if left(is_status_code.following, 1) in ('.', ',')
    and substr(is_status_code.following, 2, 1) between '0' and 'z'
  then
    return (v_name = 'http' or v_before[v_at - 1] = 'http')
    and ltrim(substr(is_status_code.following, 2), '0123456789') like ' %'
    and length(split_part(is_status_code.following, ' ', 1)) <= 3;
  end if;

  return
    -- status 503, "statusCode":"503", HTTP/1.1 503
    v_name in (
      'http', 'https', 'statut', 'estado', 'stato', 'estatus', 'état', 'd''état', 'd’état', 'статус', 'состояния'
    )
    or v_name like any(
      '{http/%,%status,%statuscode,%status_code,%status-code,http%code,response_code,responsecode,http%error,'
      'http%exception,%状态码,%状态,%狀態碼,%ステータスコード,%ステータス,%状態コード,%상태}'::text[]
    )
    -- error code 503, but no area code 503
    or v_name in ('code', 'error_code', 'errorcode', 'código', 'codigo', 'codice', 'kode', 'код', 'コード', '코드')
    and coalesce(v_before[v_at - 1], '') <> all(
      '{area,zip,country,postal,dial,dialing,exit,promo,product,bar,qr,post,currency}'::text[]
    )
    -- returned 503, Error: 503
    or monitoring.precedes_status_code(v_name) and (
      v_next in (
        '', e'\n', e'\r', '/', ':', ';', ')', ']', '}', '"', '''', '<', '>', '|', '(', '{', '[', '→', '–', '—',
        '!', '?', '.', ',', '-', '。', '，'
      )
      or v_word in (
        'error', 'errors', 'response', 'responses', 'status', 'from', 'for', 'on', 'when', 'while', 'after',
        'at', 'in', 'to', 'instead', 'internal', 'not', 'bad', 'service', 'gateway', 'unauthorized',
        'forbidden', 'too', 'server', 'client', 'by', 'http', 'because', 'due', 'and', 'or', 'during',
        'calling', 'page', 'with'
      )
      or v_word like any(array['%\_%', 'auth%'])
    )
    -- GET /orders 503, [GET] "/orders": 503
    or v_name like '%/%'
    and btrim(split_part(rtrim(is_status_code.preceding, ' "''=>-:([,'), ' ', -2), '[]("''')
    in ('get', 'post', 'put', 'patch', 'delete', 'head', 'options')
    or monitoring.is_logged_status(v_at, v_name, is_status_code.preceding, is_status_code.following)
    -- .NET writes: The remote server returned an error: (503) Server Unavailable. Others end with (503).
    or is_status_code.following like ')%' and (
      is_status_code.preceding like '%: ('
      or is_status_code.preceding like '% ('
      and is_status_code.number in ('404', '429', '502', '503', '504')
      and substr(is_status_code.following, 2, 1) in (' ', '.', ',', ':', ';')
    )
    -- 503 errors, 503 from the API
    or is_status_code.number in ('401', '403', '404', '429', '502', '503', '504') and (
      v_word in ('errors', 'responses')
      or v_word = 'from' and (string_to_array(v_phrase, ' '))[2:4]
      && '{upstream,server,backend,origin,api,provider,service,gateway,proxy}'::text[]
    )
    or monitoring.begins_reason_phrase(v_phrase);
end
$$;

comment on function monitoring.is_status_code(text, text, text) is
'Returns whether a number is an HTTP status code: because of the words right before or after it. Takes the number, what
precedes and what follows it, in lower case.';

create function monitoring.find_status_code(message text, http_status integer)
returns integer
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_numbers constant integer := 4;
  v_rest text := ' ' || find_status_code.message || ' ';
  v_preceding text := '';
  v_found text;
  v_at integer;
begin
  if find_status_code.http_status = 0 or find_status_code.http_status between 400 and 599 then
    return find_status_code.http_status;
  end if;
  for v_try in 1..c_most_numbers loop
    -- A number that is a word of its own, and no port, line number, amount or part of a name.
    v_found := substring(
      v_rest from '(?:[^a-z0-9.:/#@*$_,+%-]|(?:code|status|error|http)\\?["'']?:)[45][0-9][0-9][^0-9a-z_]'
    );
    exit when v_found is null;
    v_at := strpos(v_rest, v_found) + length(v_found) - 4;
    v_preceding := right(v_preceding || left(v_rest, v_at - 1), 160);
    if monitoring.is_status_code(substr(v_rest, v_at, 3), v_preceding, substr(v_rest, v_at + 3, 32)) then
      return substr(v_rest, v_at, 3)::integer;
    end if;
    v_preceding := v_preceding || substr(v_rest, v_at, 3);
    v_rest := substr(v_rest, v_at + 3);
  end loop;
  return null;
end
$$;

comment on function monitoring.find_status_code(text, integer) is
'Returns the HTTP status code, 400 to 599, that came with an error or that its lower-case text mentions; 0 for a request
without an answer. Null when there is none: counts, durations, ports, names and SMTP codes are ignored. Of the numbers
of the text it reads the first four that can be a code, so that a hostile text costs no more than others.';

create function monitoring.kind_of_level(word text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_word text := lower(kind_of_level.word);
begin
  return case
    when v_word in ('warning', 'warn', 'wrn', 'w', '40') then 'warning'
    when v_word in (
      'info', 'information', 'inf', 'notice', 'note', 'debug', 'dbug', 'dbg', 'trace', 'trce', 'trc', 'verbose', 'vrb',
      'i',
      'd', 't', 'v', '30', '20', '10'
    ) then 'info'
    -- The words of PostgreSQL and of Java in other languages.
    when v_word in (
      'warnung', 'avertissement', 'attention', 'advertencia', 'aviso', 'attenzione', 'avvertenza', 'предупреждение',
      'внимание', '警告', '경고'
    ) then 'warning'
    when v_word in (
      'hinweis', 'infos', 'información', 'nota', 'informazioni', 'notifica', 'замечание', '情報', '信息', '注意',
      '알림', '정보'
    ) then 'info'
    -- Some lines that PostgreSQL calls LOG tell of failures: as with a warning, the rules decide first.
    when v_word in ('log', 'сообщение', '日志', '日誌', '로그') then 'warning'
    else 'error'
  end;
end
$$;

comment on function monitoring.kind_of_level(text) is
'Returns whether the name or letter of a level, in any of the usual spellings, stands for info, which includes debug,
for warning, or for error, which includes everything else.';

create function monitoring.begins_log_line(prefix text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return begins_log_line.prefix = ''
    or begins_log_line.prefix ~ (
      '^(?:[^[:alpha:]]|[A-Z0-9]+ |(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\M'
      || '|[[:alpha:]]+(?:[^[:alpha:]\s]| +\|)|PHP )'
    )
    and begins_log_line.prefix !~ '(?:(?:^|\s)[A-Z]?[a-z]+,? |DEPRECATION )$';
end
$$;

comment on function monitoring.begins_log_line(text) is
'Returns whether a text is what loggers write before the level: a time, a host, a process, a thread, a name with dots;
no sentence, such as "More info".';

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
  -- JSON can begin with the message.
  v_line text := left(find_log_level.message, case when find_log_level.message like '{%' then 1000 else 200 end) || ' ';
  v_found text;
  v_name text;
  v_prefix text;
  v_kind text;
  v_is_upper boolean;
begin
  -- I0523 12:00:00 of glog, I/Tag and 05-23 12:00:00.000 1 2 I of Android, I, [2024-05-23 of Ruby, [I 2024 of Tornado.
  if substr(ltrim(v_line, '[('), 2, 1) in ('0', '1', '/', ',', ' ') or substr(v_line, 3, 1) = '-' then
    v_found := substring(
      v_line from '^(?:[\[(]?|[0-9]{2}-[0-9]{2} [0-9:.]+ +[0-9]+ +[0-9]+ )([VDTIWEF])'
      || '(?:[01][0-9]{3} [0-9]|/[A-Za-z]|, \[| [0-9(]| [A-Z][A-Za-z]*:)'
    );
    if v_found is not null then
      return nullif(monitoring.kind_of_level(v_found), 'error');
    end if;
  end if;

  -- "level":"info" of JSON, level=info of logfmt.
  if v_line like any(array['%level%', '%Level%', '%severity%', '%lvl%', '%"s":"%']) then
    v_found := substring(
      v_line from '(?:"(?:(?:log[._]?|@)?[lL]evel(?:_?name)?|lvl|severity(?:_?text)?|s)"\s*:\s*"?'
      || '|\m(?:level|lvl|severity)="?)([A-Za-z]+|[1-6]0\M)'
    );
    if v_found is not null then
      -- MongoDB writes slow queries with I.
      return case when v_line not like '%"Slow query"%' then nullif(monitoring.kind_of_level(v_found), 'error') end;
    end if;
  end if;

  -- Most texts contain none of these words.
  if not (
    lower(v_line) like any(
      '{%info%,%inf]%,%warn%,%wrn%,%debug%,%dbug%,%dbg%,%trace%,%trce%,%verbose%,%vrb%,%notice%,%note%,%nota%,'
      '%log: %,%hinweis%,%avertis%,%attenti%,%attenzi%,%adver%,%aviso%}'::text[]
    )
    or octet_length(v_line) > length(v_line) and v_line like any(
      '{%ПРЕДУПРЕЖДЕНИЕ%,%ВНИМАНИЕ%,%ЗАМЕЧАНИЕ%,%СООБЩЕНИЕ%,%警告%,%注意%,%情報%,%信息%,%日志%,%日誌%,'
      '%경고%,%알림%,%정보%,%로그%}'::text[]
    )
  ) then
    return null;
  end if;
  v_found := substring(
    v_line from '(?i)(?:^|[\s|\[<("=:.])(?:trace|trce|debug|dbug|dbg|verbose|vrb|inf|info|information|notice|note|warn'
    || '|wrn|warning|log(?=: )|err|error|fail|severe|crit|critical|alert|emerg|emergency|fatal|ftl|panic|warnung'
    || '|hinweis|fehler|avertissement|attention|erreur|infos|advertencia|aviso|informaci[oó]n|nota|grave|erro'
    || '|attenzione|avvertenza|informazioni|errore|notifica|schwerwiegend|предупреждение|внимание|замечание'
    || '|сообщение|ошибка'
    || '|警告|注意|情報|信息|日志|日誌|错误|錯誤|エラー|경고|알림|정보|로그|오류)'
    || '[]\s|>):",./[-]'
  );
  if v_found is null then
    return null;
  end if;
  v_name := btrim(v_found, e' \t\n\r|[]<>()":,./=-');
  v_prefix := left(v_line, strpos(v_line, v_found) - 1 + strpos(v_found, v_name) - 1);
  v_is_upper := v_name = upper(v_name) and v_name <> lower(v_name);
  v_kind := monitoring.kind_of_level(v_name);
  if v_kind = 'warning'
    and (v_is_upper or v_name <> 'log' and (v_name = initcap(v_name) or right(v_found, 1) in (':', ']', '>', ')')))
  then
    return v_kind;
  elsif v_kind = 'info'
    and (
      v_is_upper
      or v_found like any(array['%:', '[%]', '<%>', '(%)'])
      or substr(v_line, length(v_prefix || v_name) + 1, 2) = '  '
    )
    and monitoring.begins_log_line(v_prefix)
    -- Chromium and Linux write failures with this level too, and Asterisk failed logins.
    and v_line not like all(array['%INFO:CONSOLE%', 'INFO: task %', 'INFO: rcu%', '%NOTICE[%'])
  then
    return v_kind;
  end if;
  return null;
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
    when level in ('fatal', 'critical', 'crit', 'alert', 'emergency', 'emerg', 'panic', '60')
      then 'CRITICAL'::public.incident_severity
    when level in ('error', 'err', 'severe', '50') then 'HIGH'
    when level in ('warning', 'warn', 'wrn', '40') then 'LOW'
    when level in (
      'info', 'information', 'informational', 'notice', 'log', 'success', 'verbose', 'debug', 'trace', '30', '20', '10'
    ) then 'LOW'
  end;
end
$$;

comment on function monitoring.severity_of_level(text) is
'Returns the severity of a log level, for errors that no rule matches: the levels of Sentry and of syslog, in lower
case, and the numbers of pino and bunyan (10 to 60). Null for an unknown level.';

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
