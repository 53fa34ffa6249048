-- Purpose: the built-in rules that make an error MEDIUM or LOW.
-- Objects: function monitoring.list_lower_rules.
-- Risks: see classify_success_rules for the priorities.

create function monitoring.list_lower_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'statement_timeout_code', priority => 2040, severity => 'MEDIUM', category => 'database',
    codes => '57014|ORA-01013|QueryCanceled|QueryCanceledError|query_canceled|ER_LOCK_WAIT_TIMEOUT|55P03|HY000 3024|1205 HY000',
    example => 'psycopg2.errors.QueryCanceled: canceling statement due to statement timeout'
  );
  return next monitoring.define_rule(
    name => 'statement_timeout', priority => 2120, severity => 'MEDIUM', category => 'database',
    matches => 'statement timeout | statement timed out | lock wait timeout | lock timeout | lock request time out'
      '| max_execution_time | maximum statement execution time | query timed out | query timeout'
      '| query execution was interrupted | execution timeout expired | canceling statement due to'
      '| cancelling statement due to | query read timeout | query exceeded & time',
    unless => 'connection refused | econnrefused | could not connect',
    example => 'canceling statement due to statement timeout'
  );
  return next monitoring.define_rule(
    name => 'rate_limited_status', priority => 4000, severity => 'MEDIUM', statuses => '{[429,430)}',
    example => 'Request failed with status code 429'
  );
  return next monitoring.define_rule(
    name => 'rate_limited', priority => 4010, severity => 'MEDIUM',
    matches => 'too many requests | rate limit* | rate_limit* | ratelimit* | throttl* | quota ~ exceeded | exceeded ~ quota'
      '| limiting requests | limiting connections | too many ~ attempts | too many authentication failures'
      '| too many failed | too many login | only request this after | please slow down | slowdown | request limit | api limit'
      '| api calls ~ exceed* | usage limit | connection rate | too frequent | hourly limit | daily limit',
    unless => 'remaining | limit ~ configured | limit ~ enabled | limit ~ disabled | limit ~ updated | limit set to | limit ~ removed'
      '| limit ~ lifted | limit ~ raised | limit ~ initiali* | limit not exceeded | quotaexceedederror | storage',
    example => 'Too many requests, please slow down', counterexample => 'Rate limit updated to 100'
  );
  return next monitoring.define_rule(
    name => 'slow_query', priority => 4020, severity => 'MEDIUM',
    matches => 'slow sql | slow quer* | slow statement | slow log entry | slow op | slow operation | slow command | slow request'
      '| slow transaction | slow select | slow insert | slow update | slow endpoint | slow api | slow response | slow http'
      '| long running quer* | long running transaction | long running statement | query_time',
    unless => 'log is enabled | log is disabled | log enabled',
    example => 'Slow query: 1502 ms'
  );
  return next monitoring.define_rule(
    name => 'slow_duration', priority => 4021, severity => 'MEDIUM', matches => 'duration | took | threshold',
    pattern => '\mduration: [0-9]{4,}|query.time: *([1-9]|0[.][5-9])'
      '|\m(query|queries|statement|sql|select|insert|update|delete|transaction|find|aggregate)\M[^;]* took '
      '(more than |over |about )?([0-9]{4,}([.][0-9]+)? ?(ms|milli)|[0-9.]+ ?(s|sec|seconds|minutes|min)\M)'
      '|(query|sql)[^;]* exceed(ed|s)[^;]* threshold',
    example => 'LOG:  duration: 3042.511 ms  statement: select 1', counterexample => 'LOG:  duration: 3.511 ms'
  );
  return next monitoring.define_rule(
    name => 'cache_miss', priority => 4030, severity => 'MEDIUM',
    matches => 'cache* & (miss | misses | missed) | cache_miss | cachemiss | not found in ~ cache | not in cache | no cache entry',
    example => 'cache miss for key user'
  );
  return next monitoring.define_rule(
    name => 'deprecated', priority => 4040, severity => 'MEDIUM',
    matches => 'deprecat* | obsolete | will be removed in | will soon be removed | to be removed in | has been renamed'
      '| is not recommended for use | end of life | no longer maintained | being phased out | will stop working'
      '| will no longer be supported | is no longer supported | going to be removed | will become an error in'
      '| will be dropped in | being removed | will disallow',
    example => 'DeprecationWarning: Buffer() is deprecated'
  );
  return next monitoring.define_rule(
    name => 'missing_image', priority => 5000, severity => 'LOW',
    matches => 'missing image | image is missing | image missing | image not found | broken image | load image | loading image'
      '| image failed to load | image could not be loaded | find image | load the image',
    unless => 'docker | container | imagepull* | kubelet | pull image | manifest',
    example => 'Image could not be loaded'
  );
  return next monitoring.define_rule(
    name => 'missing_image_file', priority => 5001, severity => 'LOW',
    matches => 'not found | 404 | missing | fail* load | could not | does not exist | no such file | unable to | cannot',
    unless => 'docker | container | imagepull* | kubelet | pull image | manifest',
    pattern => '[.](png|jpe?g|gif|svg|webp|ico|avif|bmp)\M',
    example => 'GET /img/logo.png 404 not found', counterexample => 'GET /img/logo.css 404 not found'
  );
  return next monitoring.define_rule(
    name => 'not_found_status', priority => 5010, severity => 'LOW', statuses => '{[404,405),[410,411)}',
    example => 'Request failed with status code 404'
  );
  return next monitoring.define_rule(
    name => 'not_found', priority => 5020, severity => 'LOW',
    matches => 'page not found | page_not_found | route not found | no route matches | notfoundhttpexception | http404'
      '| resource not found | endpoint not found | url was not found on | was not found on ~ server'
      '| requested resource was not found | not found or unable to stat | notfoundexception | no static resource'
      '| e404 | url not found | nosuchkey | no route found for | could not find the requested resource | notfounderror not found',
    example => 'No route matches [GET] "/old"'
  );
end
$$;

comment on function monitoring.list_lower_rules() is 'Returns the built-in rules of severity MEDIUM and LOW.';
