-- Purpose: the built-in rules that make an error MEDIUM or LOW.
-- Objects: functions monitoring.list_limit_rules, monitoring.list_medium_rules, monitoring.list_low_rules.
-- Risks: see classify_success_rules for the priorities. What is called rate_limit or cache_miss inside the name of a
--   table or a header is no failure: such words are codes here, which match as a whole.

create function monitoring.list_limit_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'statement_timeout_failure', priority => 2035, severity => 'HIGH', category => 'database',
    statuses => '{[500,600)}',
    matches => 'statement timeout | 57014 | query.canceled',
    example => 'HTTP/1.1 500: canceling statement due to statement timeout'
  );
  return next monitoring.define_rule(
    name => 'statement_timeout_code', priority => 2040, severity => 'MEDIUM', category => 'database',
    codes => '57014|ORA-01013|QueryCanceled|QueryCanceledError|query_canceled|ER_LOCK_WAIT_TIMEOUT|ER_QUERY_TIMEOUT'
      '|55P03|HY000 3024|1205 HY000|LockNotAvailable|MaxTimeMSExpired|SQLTimeoutException|QueryTimeoutException'
      '|LockTimeoutException|LockAcquisitionException|CannotAcquireLockException|StatementTimeout'
      '|Mysql2::Error::TimeoutError|ActiveRecord::QueryCanceled|ActiveRecord::LockWaitTimeout',
    example => 'psycopg2.errors.QueryCanceled: canceling statement due to statement timeout'
  );
  return next monitoring.define_rule(
    name => 'statement_timeout', priority => 2120, severity => 'MEDIUM', category => 'database',
    matches => 'statement timeout | statement timed out | lock wait timeout | lock timeout | lock request time out'
      '| max.execution.time | maximum statement execution time | query timed out | query timeout'
      '| query execution was interrupted | execution timeout expired | canceling statement due to'
      '| cancelling statement due to | query read timeout | query exceeded & time | operation exceeded time limit',
    unless => 'connection refused | econnrefused | could not connect | obtaining a connection',
    example => 'canceling statement due to statement timeout',
    counterexample => 'Query timeout: could not connect to the server'
  );
  return next monitoring.define_rule(
    name => 'rate_limited_status', priority => 4000, severity => 'MEDIUM',
    statuses => '{[429,430)}',
    unless => 'remaining ratelimit',
    example => 'Request failed with status code 429'
  );
  return next monitoring.define_rule(
    name => 'rate_limited_code', priority => 4005, severity => 'MEDIUM',
    codes => 'rate_limit_exceeded|rate_limit_error|rate_limited|rate-limited|over_request_rate_limit'
      '|over_email_send_rate_limit|over_sms_send_rate_limit|too_many_requests|TooManyRequests'
      '|TooManyRequestsException|TooManyRequestsError|RateLimitError|RateLimitException|RateLimitExceeded'
      '|RateLimitExceededException|userRateLimitExceeded|rateLimitExceeded|dailyLimitExceeded|quotaExceeded'
      '|insufficient_quota|OVER_QUERY_LIMIT|ThrottlingException|ThrottledException|Throttling|RequestLimitExceeded'
      '|RequestThrottled|RequestThrottledException|ProvisionedThroughputExceededException|LimitExceededException'
      '|SlowDown|auth/too-many-requests|auth/quota-exceeded|ratelimited|ThrottlerException|Throttled'
      '|resource_exhausted|EENVELOPE 421',
    unless => 'header | remaining | disk quota | unique constraint',
    example => 'Error Code: RATE_LIMIT_EXCEEDED', counterexample => 'column rate_limit of relation plans'
  );
  return next monitoring.define_rule(
    name => 'rate_limited', priority => 4010, severity => 'MEDIUM',
    matches => 'too many requests | rate limit | rate limits | rate limited | rate limiting | ratelimit | throttled'
      '| throttling | throttle | quota ~ exceeded | exceeded ~ quota | limiting requests | limiting connections'
      '| delaying request | too many ~ attempts | too many authentication failures | too many failed | too many login'
      '| only request this after | please slow down | slow down | request limit | api limit | api calls ~ exceed*'
      '| usage limit | connection rate | too frequent | hourly limit | daily limit | limit reached for requests'
      '| (exceed* | limit | maximum | reached | more than) & requests per (second | minute | hour | day)'
      '| request rate is too large | resource has been exhausted | rate exceeded | hit a 429 | got a 429 | a 429 from',
    unless => 'remaining | limit ~ configured | limit ~ enabled | limit ~ disabled | limit ~ updated | limit set to'
      '| limit ~ removed | limit ~ lifted | limit ~ raised | limit ~ initiali* | limit not exceeded'
      '| quotaexceedederror | storage | disk quota | memory quota | retries per request | rate limiter initiali*',
    example => 'Too many requests, please slow down', counterexample => 'Rate limit updated to 100'
  );
end
$$;

comment on function monitoring.list_limit_rules() is
'Returns the built-in rules for cancelled statements and for limits that a caller exceeded.';

create function monitoring.list_medium_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_browsers constant text[] := array[
    'browser', 'frontend', 'front-end', 'client', 'web', 'mobile', 'react', 'javascript'
  ];
begin
  return next monitoring.define_rule(
    name => 'slow_query', priority => 4020, severity => 'MEDIUM', category => 'database',
    matches => 'slow sql | slow quer* | slowquery | slow.query | hhh000504 | slow statement | slow log entry'
      '| slow op | slow operation | slow command | slow transaction | slow select | slow insert | slow update'
      '| long running quer* | long running transaction | long running statement | query.time',
    unless => 'log is enabled | log is disabled | log enabled',
    example => 'Slow query: 1502 ms', counterexample => 'The slow query log is enabled'
  );
  return next monitoring.define_rule(
    name => 'slow_request', priority => 4021, severity => 'MEDIUM',
    matches => 'slow request | slow endpoint | slow api | slow response | slow http',
    example => 'Slow request: GET /orders took 9 s'
  );
  return next monitoring.define_rule(
    name => 'slow_duration', priority => 4022, severity => 'MEDIUM', category => 'database',
    matches => 'duration | took | threshold',
    unless => 'check duration | billed duration',
    pattern => '\mduration: [0-9]{4,}|query.time: *([1-9]|0[.][5-9])'
      '|\m(query|queries|statement|sql|select|insert|update|delete|transaction|find|aggregate)\M[^;]* took '
      '(more than |over |about )?([0-9]{4,}([.][0-9]+)? ?(ms|milli)|[0-9.]+ ?(s|sec|seconds|minutes|min)\M)'
      '|(query|sql)[^;]* exceed(ed|s)[^;]* threshold',
    example => 'LOG:  duration: 3042.511 ms  statement: select 1', counterexample => 'LOG:  duration: 3.511 ms'
  );
  return next monitoring.define_rule(
    name => 'cache_miss_machine', priority => 4030, severity => 'MEDIUM', category => 'infrastructure',
    matches => '(cache* & (miss | misses | missed) | tcp.miss*) & (varnish* | squid | cdn | cloudfront | dns | kernel'
      '| cpu | tcp.miss*)',
    example => 'Varnish: cache miss for /index.html'
  );
  return next monitoring.define_rule(
    name => 'cache_miss_page', priority => 4031, severity => 'MEDIUM', category => 'frontend',
    sources => c_browsers,
    matches => 'cache* & (miss | misses | missed) | cache.miss | cachemiss | not found in ~ cache | not in cache'
      '| no cache entry',
    example => 'cache miss for key user'
  );
  return next monitoring.define_rule(
    name => 'cache_miss', priority => 4032, severity => 'MEDIUM', category => 'backend',
    matches => 'cache* & (miss | misses | missed) | cache.miss | cachemiss | not found in ~ cache | not in cache'
      '| no cache entry',
    example => 'cache miss for key user'
  );
  return next monitoring.define_rule(
    name => 'deprecated', priority => 4040, severity => 'MEDIUM',
    matches => 'deprecat* | pendingdeprecationwarning | removedindjango* | obsolete | will be removed in'
      '| will soon be removed | to be removed in | has been renamed | is not recommended for use | end of life'
      '| no longer maintained | being phased out | will stop working | will no longer be supported'
      '| is no longer supported | going to be removed | will become an error in | will be dropped in | being removed'
      '| will disallow | in a future (version | release) | scheduled for removal | should no longer be used'
      '| being sunset | will be sunset | is discouraged | going away',
    example => 'DeprecationWarning: Buffer() is deprecated'
  );
end
$$;

comment on function monitoring.list_medium_rules() is
'Returns the other built-in rules of severity MEDIUM.';

create function monitoring.list_low_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'missing_image', priority => 5000, severity => 'LOW',
    matches => 'missing image | image is missing | image missing | image not found | img not found | broken image'
      '| load image | loading image | image failed to load | image could not be loaded | find image | load the image',
    unless => 'docker | container | imagepull* | kubelet | pull image | manifest',
    example => 'Image could not be loaded', counterexample => 'docker: image not found'
  );
  return next monitoring.define_rule(
    name => 'missing_file', priority => 5001, severity => 'LOW',
    matches => 'not found | 404 | missing | fail* load | could not | does not exist | no such file | unable to'
      '| cannot',
    unless => 'docker | container | imagepull* | kubelet | pull image | manifest',
    pattern => '[.](png|jpe?g|gif|svg|webp|ico|avif|bmp)\M|^(.*[ ])?(not found|file does not exist): /|cannot get /',
    example => 'GET /img/logo.png 404 not found', counterexample => 'GET /img/logo.css 404 not found'
  );
  return next monitoring.define_rule(
    name => 'not_found_status', priority => 5010, severity => 'LOW',
    statuses => '{[404,405),[410,411)}',
    example => 'Request failed with status code 404'
  );
  return next monitoring.define_rule(
    name => 'not_found', priority => 5020, severity => 'LOW',
    matches => 'page not found | page.not.found | route not found | no route matches | notfoundhttpexception'
      '| http404 | resource not found | endpoint not found | url was not found on | was not found on ~ server'
      '| requested resource was not found | not found or unable to stat | notfoundexception | no static resource'
      '| e404 | url not found | nosuchkey | no route found for | could not find the requested resource'
      '| notfounderror not found | 404 not found | exception notfound 404',
    example => 'No route matches [GET] "/old"'
  );
  return next monitoring.define_rule(
    name => 'warning_class', priority => 5100, severity => 'LOW',
    codes => 'SAWarning|UserWarning|RuntimeWarning|ResourceWarning|SyntaxWarning|ImportWarning|BytesWarning'
      '|UnhandledPromiseRejectionWarning|PromiseRejectionHandledWarning|MaxListenersExceededWarning'
      '|ExperimentalWarning|InsecureRequestWarning|ConvergenceWarning|UndefinedMetricWarning|SettingWithCopyWarning'
      '|DataConversionWarning|PytestWarning|TracerWarning|RankWarning|DtypeWarning|ParserWarning|PerformanceWarning'
      '|NotOpenSSLWarning',
    example => 'UserWarning: no default style, apply openpyxl''s default', counterexample => 'a warning of the user'
  );
end
$$;

comment on function monitoring.list_low_rules() is
'Returns the built-in rules of severity LOW.';
