-- Purpose: extracts signals from the text of an error: status code, log level, success messages, databases, network
--   failures.
-- Objects: functions monitoring.word_set, monitoring.find_status_code, monitoring.reports_no_failure,
--   monitoring.find_log_level, monitoring.mentions_database, monitoring.mentions_network_failure.
-- Risks: these functions run for every reported event. The text is in lower case, with its words in an array. Words
--   are searched in sets and with LIKE, which costs nanoseconds per word; a regular expression costs some 50 us and
--   runs only when its words occur. Classification uses 11 of the 32 cached regular expressions, 4 of them here.

create function monitoring.word_set(words text)
returns jsonb
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select jsonb_object_agg(word, 1) from string_to_table(word_set.words, ' ') as word
$$;

comment on function monitoring.word_set(text) is
'Returns a set of words, from a text with spaces between them. The operator ?| tests whether it contains one of an
array of words. The set of a constant is built once, at planning; a lookup costs the same for any size.';

create function monitoring.find_status_code(message text, words text[], http_status integer)
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
  if find_status_code.http_status between 400 and 599 then
    return find_status_code.http_status;
  end if;

  -- Most texts contain no such number: the long pattern below runs for the others only.
  if not monitoring.word_set(
    '400 401 402 403 404 405 406 407 408 409 410 411 412 413 414 415 416 417 418 419 421 422 423 424 425 426'
    ' 428 429 431 451 499'
    ' 500 501 502 503 504 505 506 507 508 509 510 511 520 521 522 523 524 525 526 527 529 530'
  ) ?| words then
    return 0;
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
    v_match[1], v_match[2], v_match[3], v_match[4], v_match[5], v_match[6], v_match[7], v_match[8], '0'
  )::integer;
end
$$;

comment on function monitoring.find_status_code(text, text[], integer) is
'Returns the HTTP status code, 400 to 599, that came with an error or that its lower-case text mentions. 0 when there
is none: counts, durations, ports, names and SMTP codes are ignored.';

create function monitoring.reports_no_failure(message text, words text[], status integer)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  if not monitoring.word_set(
    'connected reconnected established restored recovered ready back again resolved healthy operational longer'
    ' fixed lifted'
    ' corrected success successfully succeeded passed pass ok no zero 0 without free avoided prevented ✓ ✔ ratio rate'
  ) ?| words then
    return false;
  end if;

  -- A recovery counts whatever preceded it ("restored after 12 failures"), unless it is only expected.
  if monitoring.word_set(
    'connected reconnected established restored recovered ready back again resolved healthy operational longer'
    ' fixed lifted'
    ' corrected passed ✓ ✔ pass ok'
  ) ?| words and message ~ (
    '\m(re-?connected|re-?established|recovered (from|after|in)|(connection|service|database|connectivity'
    || '|network|server|node|link|system)[a-z0-9 _-]* (restored|recovered|re-?established)'
    || '|ready to accept|back online|back up|back to normal|all systems operational|(error|fault|errors'
    || '|faults) corrected'
    || '|(has|have) been (resolved|fixed|lifted|restored|corrected)|is (now )?(healthy|operational|back)'
    || '|(available|reachable|healthy|up|responding|working) again'
    || '|no longer (fail|tim|down|unreach|throttl|rate|block|unavail|slow)[a-z]*)\M'
    || '|\m(test|spec|suite|scenario|check)s?\M.* passed[.! ]*$|^ *(✓|✔|--- pass|ok [0-9]+ )'
  ) and not message like any(array[
    '%not be %', '%not recover%', '%not restor%', '%failed to re%', '%unable to re%', '%cannot be%',
    '%not reconnect%', '%until %'
  ]) then
    return true;
  end if;

  -- A status code of a failure takes precedence over the wording.
  if status > 0 then
    return false;
  end if;

  return monitoring.word_set('no zero 0 without free ratio rate') ?| words and message ~ (
    '(?<![^ (,:\[])(no|zero|0|without|without any|free of) ([a-z-]+ ){0,2}(errors?|failures?|failed|breach(es)?'
    || '|intrusions?|timeouts|warnings'
    || '|issues|problems|attacks?|deprecations|vulnerabilities|misses|crashes|incidents|exceptions|threats?'
    || '|malware|rejected|dropped)\M'
    || '(?! (message|detail|handler|boundary|code|description|info|report|page|text|body))'
    || '|(errors?|failed|failures?|failing|timeouts?|misses|breaches|warnings|declined|refused|exceptions'
    || '|crashes|retries|(count|total|rate|ratio)[a-z_]*)["'']?[ ]?[=:] ?"?0(\.0+)?%?(?![.]?[0-9x])\M'
    || '|(hit|miss) (ratio|rate)\M'
  ) or (
    monitoring.word_set('success successfully succeeded passed pass ok ✓ ✔ avoided prevented') ?| words
    and message ~ (
      '\m(successfully|succeeded|success|all tests pass)\M|(test|spec|check|suite|assertion|scenario|it|✓|✔'
      || '|all)s?\M.* passed\M(?! to)'
      || '|^ *(✓|✔|ok [0-9]+|pass(ed)?[ :]|--- pass)|\m(avoided|prevented) '
    )
    and not message like any(array[
      '%fail%', '%refused%', '%unable%', '%cannot%', '%could not%', '%couldn''t%', '%lost%', '%denied%',
      '% but %', '%error:%',
      '%exception%', '%declined%', '%timed out%', '%unreachable%', '%not success%', '%unsuccess%', '%success: false%',
      '%success":false%', '%success": false%', '%success=false%', '%without success%', '%no success%'
    ])
  );
end
$$;

comment on function monitoring.reports_no_failure(text, text[], integer) is
'Returns whether a lower-case text reports a success, a recovery, the absence of a failure, or a counter at zero. Its
failure words are then not signals.';

create function monitoring.find_log_level(message text, words text[])
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  -- The second list is case-sensitive: "W" is a level in Android logs, "w" is not.
  if monitoring.word_set('warn warning warnings wrn') ?| words or message like any(array[
    '%Warning: %', '%Warning:', '%"s":"W"%', '% W %', 'W/%', 'W____ __:%'
  ]) then
    return 'warning';
  end if;

  if message like any(array[
    '%INFO%', '%[info]%', '%=info%', '%"info"%', '% Info %', '% info: %', 'info:%', '%NOTICE%', '%[notice]%',
    '%[Note]%',
    '%DEBUG%', '%[debug]%', '%=debug%', '%"debug"%', '%TRACE%', '%VERBOSE%', '%"s":"I"%', '% I %', '% D %',
    '% V %', 'I/%',
    'D/%', 'I____ __:%'
  ]) and message not like 'I %' then
    return 'info';
  end if;

  return null;
end
$$;

comment on function monitoring.find_log_level(text, text[]) is
'Returns the level at the beginning of a log line, in the format of any common logger, if it is warning or info; else
null. Higher levels are not a signal, because loggers use error for expected rejections too.';

create function monitoring.mentions_database(message text, words text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return monitoring.word_set(
    'db pg rds ora ddl pdo knex gorm ecto pdoexception doctrine hikari hikaripool libpq lettuce ioredis aurora'
    ' neo4j couchdb'
    ' cassandra clickhouse dynamodb vtgate vitess supavisor pgbouncer pgpool psycopg psycopg2 psycopg3 asyncpg'
    ' 5432 6432 6543'
    ' 3306 27017 1433 1521 6379 pgerror dbconnection dbapi'
  ) ?| words
  or message like any(array[
    '%database%', '%sql%', '%postgre%', '%mariadb%', '%mongo%', '%redis%', '%oracle%', '%innodb%', '%prisma%',
    '%sequelize%',
    '%typeorm%', '%hibernate%', '%activerecord%', '%jdbc%', '%datasource%', '%data source%', '%cockroach%',
    '%psycopg%',
    '%asyncpg%', '%dbconnection%', '%orientdb%', '%influxdb%', '%cosmos%', '%connection pool%', '%couchdb%',
    '%dynamodb%', '%timescale%'
  ]);
end
$$;

comment on function monitoring.mentions_database(text, text[]) is
'Returns whether a lower-case text names a database, a driver, an ORM or the default port of a database.';

create function monitoring.mentions_network_failure(message text, words text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  if not (
    message like any(array[
      '%conn%', '%net%', '%host%', '%err_%', '%addr%', '%timedout%', '%enotfound%', '%eai_%', '%resol%',
      '%subchannel%'
    ]) or monitoring.word_set(
      'fetch fetching reset pipe epipe route socket sockets closed eof eoferror retries reach domain dns load'
      ' servfail prematurely'
      ' premature port dialing nodename side file service could'
    ) ?| words
  ) then
    return false;
  end if;

  return (
    message like any(array[
    '%econnre%', '%econnaborted%', '%enotfound%', '%etimedout%', '%esockettimedout%', '%ehostunreach%',
    '%enetunreach%',
    '%enetdown%', '%ehostdown%', '%epipe%', '%eai_again%', '%eai_fail%', '%eai_noname%', '%err_network%',
    '%net::err_%',
    '%err_internet%', '%err_connection%', '%err_name_not%', '%ns_error_net%', '%ns_error_conn%',
    '%ns_error_unknown_host%',
    '%ns_error_offline%', '%ns_error_proxy%', '%failed to fetch%', '%networkerror%', '%network error%',
    '%fetch failed%',
    '%network request failed%', '%network connection was lost%', '%connection appears to be offline%',
    '%network failure%',
    '%connection refused%', '%connection was refused%', '%refused the connection%', '%refused to connect%',
    '%refused connection%', '%actively refused%', '%connectionrefused%', '%connection reset%',
    '%connection was reset%',
    '%reset by peer%', '%connectionreset%', '%connection abort%', '%connectionabort%', '%connection timed out%',
    '%connect timed out%', '%connecttimeout%', '%connect timeout%', '%connectionerror%', '%connection error%',
    '%connection lost%', '%connection was lost%', '%lost connection%', '%connection dropped%', '%connection failure%',
    '%connection failed%', '%connection broken%', '%connection closed unexpectedly%',
    '%closed connection unexpectedly%',
    '%closed the connection%', '%closed connection%without%', '%connection was closed%',
    '%connection closed by remote%',
    '%connection terminated%', '%connection was terminated%', '%connection unexpectedly closed%',
    '%connection forcibly%',
    '%forcibly closed%', '%prematurely closed%', '%closed prematurely%', '%broken pipe%', '%no route to host%',
    '%noroutetohost%', '%network is unreachable%',
    '%network unreachable%', '%network is down%', '%network down%', '%host unreachable%', '%host is unreachable%',
    '%host is down%', '%name or service not known%', '%name resolution%fail%', '%failure in name resolution%',
    '%resolve host%', '%resolve name%', '%resolve hostname%', '%resolve the host%', '%unable to resolve%',
    '%not be resolved%',
    '%nodename nor servname%', '%no such host%', '%getaddrinfo%', '%unknownhost%', '%unknown host%', '%nxdomain%',
    '%servfail%', '%dns lookup fail%', '%dns resolution fail%', '%dns error%', '%socket hang up%',
    '%other side closed%',
    '%socket closed%', '%socket is closed%', '%premature close%', '%unexpected eof%', '%eof occurred%',
    '%unexpected end of file%',
    '%max retries exceeded%', '%failed to establish a new connection%', '%remote end closed%',
    '%server disconnected%',
    '%serverdisconnected%', '%cannot connect to%', '%can''t connect to%', '%could not connect%',
    '%couldn''t connect%',
    '%unable to connect%', '%failed to connect%', '%failed connecting%', '%cannot establish%connection%',
    '%can''t establish a connection%', '%failed to establish%connection%', '%unable to establish%connection%',
    '%connect() failed%', '%connection to %failed%', '%connection to %lost%', '%connection to %closed%',
    '%connection attempt failed%', '%remotedisconnected%', '%transport endpoint is not connected%',
    '%error while dialing%', '%all subchannels%', '%unable to reach%', '%could not reach%', '%failed to reach%',
    '%websocket connection to%failed%', '%could not contact%', '%destination host unreachable%', '%port unreachable%'
  ])
    or message = 'load failed'
    or message like any(array['%typeerror: load failed%', 'load failed (%'])
  )
  -- Failed reverse lookups and violations of a content security policy are not network failures.
  and not message like any(array['%break-in attempt%', '%content security policy%']);
end
$$;

comment on function monitoring.mentions_network_failure(text, text[]) is
'Returns whether a lower-case text says that a host could not be reached, resolved or kept connected: sockets, DNS,
fetch.';
