-- Purpose: defines the rules that make an error HIGH, MEDIUM or LOW, and the severity of each rule.
-- Objects: functions monitoring.is_payment_failure, monitoring.is_timeout, monitoring.is_type_error,
--   monitoring.match_high_rule, monitoring.is_rate_limit, monitoring.is_slow_query, monitoring.is_cache_miss,
--   monitoring.is_deprecation, monitoring.is_missing_image, monitoring.is_not_found, monitoring.match_lower_rule,
--   monitoring.severity_of_rule.
-- Risks: the first rule that matches wins, so their order is significant. Uses 4 regular expressions, see
--   classify_signals.

create function monitoring.is_payment_failure(message text, words text[], status integer)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return (
    status = 402 or message like any(array[
      '%payment%', '%card%', '%declin%', '%honor%', '%honour%', '%cvc%', '%cvv%', '%issuer%'
    ]) or monitoring.word_set(
      'charge charges funds funds_insufficient insufficient_funds issuer issuing billing checkout refund'
      ' invoice cvc cvc2 cvv cvv2'
      ' cv2 security transaction purchase subscription pickup pick capture authorization'
    ) ?| words
  ) and not message like any(array['%typeerror%', '%referenceerror%'])
  -- Database transactions are not payments.
  and not (
    monitoring.word_set('p2028 p2034 sql database postgres mysql prisma deadlock rollback isolation') ?| words
    and not message like any(array['%payment%', '%card%', '%charge%', '%declin%'])
  ) and (
    status = 402 or message ~ (
      '\m(payments?|charges?|billing|refund|invoice|subscription|purchase)(_?intents?|_?methods?)?\M[^;]*'
      || '\m(fail(ed|s|ure|ing)?|declined?|reject(ed|s)?|refused|denied|unsuccessful|not (be )?(processed'
      || '|completed|approved|accepted|charged|successful)|cannot|could not|error|problem|expired|insufficient'
      || '|invalid|unable)\M'
      || '|\m(fail(ed|s|ure|ing)?|declin(ed|es|e|ing)|reject(ed|ing|s)?|unable|could not|cannot|errors?|problem'
      || '|refused)\M[^;]*\m(payments?|charge|card|refund|billing|invoice|purchase)\M(?![-_](service|worker|api'
      || '|svc|pod|app|sdk|js))'
      || '|payment[a-z]*_?(error|exception|failed|failure|declined)|(checkout|transaction|authorization'
      || '|capture) (has |was |been |session )*(fail(ed|ure)|declined|rejected|denied)'
      || '|\mcards?([ _](number|holder))?\M[^;.]{0,40}\m(declined|expired|invalid|incorrect|rejected'
      || '|not supported|blocked|lost|stolen|not valid|refused|error|failed|missing|zero balance|restricted'
      || '|inactive)\M'
      || '|(expired|invalid|incorrect|lost|stolen|restricted|unsupported|no such'
      || '|blocked)[ _](or [a-z]+ )?(credit |debit |gift |bank )?card|card_|_card\M|cardexception|carderror'
      || '|(insufficient|not sufficient|non-?sufficient|no)[ _]funds|do[ _]not[ _]hono|\m(cvc|cvv2?|cv2'
      || '|security code)\M[^;]*(invalid|incorrect|fail|mismatch|match|declin|wrong|not)|(invalid|incorrect'
      || '|wrong)[ _](cvc|cvv|security code)'
      || '|generic_decline|(issuer|issuing bank|bank)[^;]*declin|declin[a-z]*[^;]*\m(issuer|bank|processor'
      || '|gateway|acquirer)|\mdeclined?$|pick ?up card|(call|refer to)[ _](card |the )?issuer|payment required'
      || '|instrument_declined'
      || '|transaction (not (permitted|allowed|approved)|has been declined|was declined)|honou?r with'
    )
  );
end
$$;

comment on function monitoring.is_payment_failure(text, text[], integer) is
'Returns whether a lower-case text says that a payment or refund failed: declined cards, failed charges, status 402.';

create function monitoring.is_timeout(message text, words text[], status integer)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return status = 504
    or message like any(array[
    '%time%out%', '%deadline%exceeded%', '%deadlineexceeded%', '%took too long%', '%not respond%', '%no response%'
  ])
    and not monitoring.is_statement_timeout(message, words)
    and message ~ (
      'timed[ _-]?out|timedout|deadline[ _]?(was )?exceeded|took too long (to respond|to load|to complete'
      || '|to answer)?|(did not|didn''t|does not|not) respond(ing)?\M'
      || '|no response (was )?(received|from|within|after)|time-?out(_?error|exception|expired|exceeded)\M'
      || '|gateway[ _-]?time-?[ ]?out'
      || '|time-?out (of [0-9.]+ ?(ms|s|sec|seconds|milliseconds) )?(was )?(exceeded|expired|occurred|reached'
      || '|error|elapsed|hit|while|waiting|after|awaiting|during|when|on|for|calling|connecting|reading|from|to'
      || '|period elapsed)\M'
      || '|\m(request|gateway|connection|connect|connecting|read|reading|socket|api|response|operation|i/o|io'
      || '|network|upstream|handshake|write|server|client|http|fetch|call|rpc|tls|ssl|proxy|lambda|function'
      || '|navigation|exceeded|exceeds|exceed|hit|reached|due to|because of|by|with|dns|ping|lookup|webhook|job'
      || '|task)[ _-](a )?time-?out'
      || '(?!( is| was| has been)? ?(set|config|chang|updat|increas|value|option|setting|decreas|default|in ms'
      || '|in sec|[=:] ?"?[0-9])|s? ?[=:] ?0)'
      || '|(error|failed|failure|failing|exception|aborted|aborting|cancell?ed)[^;]*\mtime-?out\M'
      || '|^(error: )?time-?out([.!:]? |$)(?!is set|set|[=:0-9]|value|config)|\mtime-?out[.!]?$'
    );
end
$$;

comment on function monitoring.is_timeout(text, text[], integer) is
'Returns whether a lower-case text says that a response did not arrive in time. A configured timeout and a cancelled
database statement do not count.';

create function monitoring.is_type_error(message text, words text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return (
    message like any(array['%typeerror%', '%referenceerror%']) or monitoring.word_set(
      'property properties function object variable initialization lexical constant const operand callable'
      ' subscriptable iterable'
      ' constructor argument arguments undefined null defined destructure circular cyclic illegal operator'
      ' evaluating nonetype'
      ' concatenate side array'
    ) ?| words
  ) and (message like any(array[
    '%typeerror%', '%referenceerror%', '%cannot read propert%', '%cannot set propert%', '%is not a function%',
    '%undefined is not%', '%undefined'' is not%', '%null is not an object%', '%null'' is not an object%',
    '%is not iterable%',
    '%is not a constructor%', '%can''t access property%', '%can''t find variable%', '%before initialization%',
    '%can''t access lexical%', '%assignment to constant%', '%invalid assignment to const%',
    '%unsupported operand type%',
    '%object is not callable%', '%is not subscriptable%', '%required positional argument%',
    '%unexpected keyword argument%',
    '%positional argument% but %', '%can only concatenate%', '%doesn''t support property or method%',
    '%unable to get property%', '%unable to set property%', '%convert undefined or null%', '%cannot destructure%',
    '%circular structure to json%', '%cyclic object value%', '%illegal invocation%', '%illegal constructor%',
    '%''in'' operator%', '%has no properties%', '%(evaluating ''%', '%non-iterable%', '%nonetype'' object is not%',
    '%right-hand side of%', '%reduce of empty array%'
  ]) or (
    message like any(array['%is undefined%', '%is null%', '%is not defined%'])
    and message ~ (
      '^(uncaught )?(\(in promise\) )?(error: )?[a-z_$][a-z0-9_$.()[\]]*'
      || ' is (undefined|null|not defined)( at .*)?[.]?$'
    )
  ));
end
$$;

comment on function monitoring.is_type_error(text, text[]) is
'Returns whether an error is a TypeError or ReferenceError, by name or in the wording of Chrome, Safari, Firefox,
Internet Explorer or Python.';

create function monitoring.match_high_rule(message text, words text[], status integer, is_network boolean)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return case
    when monitoring.is_payment_failure(message, words, status) then 'payment_failed'
    when is_network then 'network_error'
    when monitoring.is_timeout(message, words, status) then 'api_timeout'
    when status between 500 and 599 or message like any(array[
      '%internal server error%', '%internal_server_error%', '%internalservererror%', '%unexpected_failure%'
    ]) then 'server_error'
    when not monitoring.is_type_error(message, words) then null
    when message like '%referenceerror%' then 'reference_error'
    else 'type_error'
  end;
end
$$;

comment on function monitoring.match_high_rule(text, text[], integer, boolean) is
'Returns the first HIGH rule that an error matches, else null.';

create function monitoring.is_rate_limit(message text, words text[], status integer)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return (
    status = 429 or message like any(array['%throttl%', '%rate_limit%', '%ratelimit%']) or monitoring.word_set(
      'rate limit limits limited limiting exceeded exceed exceeds quota many slow slowdown frequent frequently'
      ' request'
    ) ?| words
  ) and (status = 429 or message like any(array[
    '%too many requests%', '%rate limit%', '%rate-limit%', '%rate_limit%', '%ratelimit%', '%throttl%',
    '%quota%exceeded%',
    '%exceeded%quota%', '%limiting requests%', '%limiting connections%', '%too many%attempts%',
    '%too many authentication failures%', '%too many failed%', '%too many login%', '%only request this after%',
    '%please slow down%', '%slowdown%', '%request limit%', '%api limit%', '%api calls%exceed%', '%usage limit%',
    '%connection rate%', '%too frequent%', '%requests per %exceed%', '%hourly limit%', '%daily limit%'
  ])) and not message like any(array[
    '%remaining:%', '%remaining":%', '%remaining=%', '%limit% configured%', '%limit% enabled%', '%limit% disabled%',
    '%limit% updated%', '%limit% set to%', '%limit% removed%', '%limit% lifted%', '%limit% raised%',
    '%limit% initiali%',
    '%limit not exceeded%'
  ]);
end
$$;

comment on function monitoring.is_rate_limit(text, text[], integer) is
'Returns whether a lower-case text says that a rate limit or quota was exceeded. A configured limit and a remaining
quota do not count.';

create function monitoring.is_slow_query(message text)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return message like any(array[
    '%slow%', '%duration: %', '%query_time%', '%long running%', '%long-running%', '% took %', '%exceeded%threshold%'
  ]) and message ~ (
    '\mslow[ _-]?(sql|quer(y|ies)|statement|log entry|op|operation|command|request|transaction|select|insert'
    || '|update|endpoint|api|response|http)s?\M(?! log (is )?(enabled|disabled))'
    || '|\mduration: [0-9]{4,}|query_time: *([1-9]|0[.][5-9])|long[ -]running (sql |database |db )?(quer'
    || '|transaction|statement)'
    || '|\m(query|queries|statement|sql|select|insert|update|delete|transaction|find'
    || '|aggregate)\M[^;]* took (more than |over |about )?([0-9]{4,}([.][0-9]+)? ?(ms|milli)|[0-9.]+ ?(s|sec'
    || '|seconds|minutes|min)\M)'
    || '|(query|sql)[^;]* exceed(ed|s)[^;]* threshold'
  );
end
$$;

comment on function monitoring.is_slow_query(text) is
'Returns whether a lower-case text says that a query or a request was slow, or gives a duration of a second or more.';

create function monitoring.is_cache_miss(message text, words text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return message like '%cache%' and (
    monitoring.word_set('miss misses missed cache_miss') ?| words
    or message like any(array['%cachemiss%', '%not found in%cache%', '%not in cache%', '%no cache entry%'])
  );
end
$$;

comment on function monitoring.is_cache_miss(text, text[]) is 'Returns whether a lower-case text reports a cache miss.';

create function monitoring.is_deprecation(message text, words text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return monitoring.word_set(
    'deprecated deprecation deprecate deprecates deprecationwarning obsolete removed renamed recommended'
    ' supported maintained'
    ' phased working error dropped disallow life end-of-life'
  ) ?| words and message like any(array[
    '%deprecat%', '%obsolete%', '%will be removed in%', '%will soon be removed%', '%to be removed in%',
    '%has been renamed%',
    '%is not recommended for use%', '%end-of-life%', '%end of life%', '%no longer maintained%', '%being phased out%',
    '%will stop working%', '%will no longer be supported%', '%is no longer supported%', '%going to be removed%',
    '%will become an error in%', '%will be dropped in%', '%being removed%', '%will disallow%'
  ]);
end
$$;

comment on function monitoring.is_deprecation(text, text[]) is
'Returns whether a lower-case text is a deprecation warning.';

create function monitoring.is_missing_image(message text, words text[], status integer)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return monitoring.word_set(
    'png jpg jpeg gif svg webp ico avif bmp image images favicon thumbnail avatar picture photo img'
  ) ?| words and (
    status in (403, 404, 410)
    or message like any(array[
      '%missing image%', '%image is missing%', '%image missing%', '%image not found%', '%broken image%',
      '%load image%',
      '%loading image%', '%image failed to load%', '%image could not be loaded%', '%find image%'
    ])
    or monitoring.word_set('png jpg jpeg gif svg webp ico avif bmp') ?| words and message like any(array[
      '%not found%', '%missing%', '%fail%load%', '%could not%', '%does not exist%', '%no such file%',
      '%unable to%', '%cannot%'
    ])
  ) and not message like any(array[
    '%docker%', '%container%', '%imagepull%', '%kubelet%', '%pull image%', '%manifest%'
  ]);
end
$$;

comment on function monitoring.is_missing_image(text, text[], integer) is
'Returns whether a lower-case text says that an image could not be found or loaded. Container images do not count.';

create function monitoring.is_not_found(message text, status integer)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return status in (404, 410) or message = 'not found' or message like any(array[
    '%found%', '%404%', '%not exist%', '%cannot get /%', '%no route%', '%nosuchkey%', '%static resource%',
    '%could not find%'
  ]) and message like any(array[
    '%page not found%', '%page_not_found%', '%route not found%', '%no route matches%', '%notfoundhttpexception%',
    '%http404%',
    '%resource not found%', '%endpoint not found%', '%url was not found on%', '%was not found on th%server%',
    '%requested resource was not found%',
    '%file does not exist: /%', '%not found or unable to stat%',
    '%cannot get /%', '%notfoundexception%', '%no static resource%', '%e404%',
    '%url not found%',
    'not found: /%', '%nosuchkey%', '%no route found for%',
    '%could not find the requested resource%', '%notfounderror: not found%'
  ]);
end
$$;

comment on function monitoring.is_not_found(text, integer) is
'Returns whether an error is a 404 or 410, by its status code or by the wording of routers and servers.';

create function monitoring.match_lower_rule(message text, words text[], status integer)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return case
    when monitoring.is_rate_limit(message, words, status) then 'rate_limited'
    when monitoring.is_statement_timeout(message, words) then 'statement_timeout'
    when monitoring.is_slow_query(message) then 'slow_query'
    when monitoring.is_cache_miss(message, words) then 'cache_miss'
    when monitoring.is_deprecation(message, words) then 'deprecated'
    when monitoring.is_missing_image(message, words, status) then 'missing_image'
    when monitoring.is_not_found(message, status) then 'not_found'
  end;
end
$$;

comment on function monitoring.match_lower_rule(text, text[], integer) is
'Returns the first MEDIUM, else LOW rule that an error matches, else null. The caller, who knows the level, handles
warnings.';

create function monitoring.severity_of_rule(rule text)
returns public.incident_severity
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when rule in (
      'database_connection_failed', 'authentication_service_down', 'security_breach', 'cors_blocked', 'bad_gateway',
      'service_unavailable'
    ) then 'CRITICAL'::public.incident_severity
    when rule in (
      'payment_failed', 'network_error', 'api_timeout', 'server_error', 'type_error', 'reference_error'
    ) then 'HIGH'
    when rule in ('rate_limited', 'statement_timeout', 'slow_query', 'cache_miss', 'deprecated') then 'MEDIUM'
    when rule in ('missing_image', 'not_found', 'general_warning', 'no_failure') then 'LOW'
  end
$$;

comment on function monitoring.severity_of_rule(text) is
'Returns the severity of a rule of classify_error(). Null for the fallback rules, whose severity comes from the
level.';
