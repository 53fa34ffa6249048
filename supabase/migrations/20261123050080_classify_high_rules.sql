-- Purpose: the built-in rules that make an error HIGH because of a timeout, a server error or a programming error.
-- Objects: functions monitoring.list_service_timeout_rules, monitoring.list_timeout_rules,
--   monitoring.list_server_error_rules, monitoring.list_type_error_rules.
-- Risks: see classify_success_rules for the priorities.

create function monitoring.list_service_timeout_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'database_command_timeout', priority => 3090, severity => 'HIGH', category => 'database',
    codes => 'RedisTimeoutException|RedisCommandTimeoutException|OperationTimedOut'
      || '|DB_TIMEOUT|ReadTimeoutException cassandra|BusyLoadingError|QueryTimeoutException|SQLTimeoutException'
      || '|P1008|25P03|25P04|MongoExecutionTimeoutException|MongoOperationTimeoutError|MaxTimeMSExpired',
    example => 'RedisCommandTimeoutException: no answer in 60 s',
    counterexample => 'The operation timed out'
  );
  return next monitoring.define_rule(
    name => 'database_timeout', priority => 3091, severity => 'HIGH', category => 'database',
    matches => '(database | db | sql* | postgres* | mysql* | mongo* | redis* | cassandra'
      || ' | scylla | dynamodb | oracle | jdbc* | coordinator) & (timed out | timeout exceeded | deadline exceeded'
      || ' | idle-in-transaction timeout | replica nodes | timeout error | db timeout | error timeout)',
    unless => 'upstream | lambda | netlify | vercel | task timed out | statement timeout',
    example => 'The read from Cassandra timed out',
    counterexample => 'The read timed out'
  );
  return next monitoring.define_rule(
    name => 'token_renewal_timeout', priority => 3092, severity => 'HIGH', category => 'security',
    matches => 'gettokensilently & timeout | monitor_window_timeout | loadframe_timeout'
      || ' | token_renewal_operation_failed | (auth0-spa-js | msal) & timeout',
    example => 'Error: Timeout at getTokenSilently',
    counterexample => 'Error: Timeout at loadCart'
  );
  return next monitoring.define_rule(
    name => 'api_gateway_timeout', priority => 3098, severity => 'HIGH', category => 'backend',
    statuses => '{[504,505)}',
    matches => 'httperror | response code | status code',
    unless => 'nginx | cloudflare | cloudfront | envoy | haproxy* | traefik',
    example => 'HTTPError: Response code 504',
    counterexample => '504 Gateway Time-out'
  );
  return next monitoring.define_rule(
    name => 'gateway_timeout', priority => 3100, severity => 'HIGH', category => 'infrastructure',
    statuses => '{[504,505)}',
    example => 'Request failed with status code 504',
    counterexample => 'Request failed with status code 500'
  );
end
$$;

comment on function monitoring.list_service_timeout_rules() is
'Returns the built-in rules for commands of databases, logins and gateways that were not answered in time.';

create function monitoring.list_timeout_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'request_timeout_of_an_app', priority => 3104, severity => 'HIGH', category => 'backend',
    codes => 'RequestTimeoutException|Rack::Timeout::RequestTimeoutError'
      || '|Rack::Timeout::RequestExpiryError|MAX_EXECUTION_TIME_EXCEEDED|Maximum execution time of',
    example => 'Rack::Timeout::RequestTimeoutException: Request ran for longer than 15000ms',
    counterexample => 'The request timed out'
  );
  return next monitoring.define_rule(
    name => 'timeout_code', priority => 3105, severity => 'HIGH', category => 'infrastructure',
    codes => 'SocketTimeoutException|SocketTimeoutError|ReadTimeout|ReadTimeoutError'
      || '|ConnectTimeout|ConnectTimeoutError|ConnectTimeoutException|ConnectionTimeoutError'
      || '|ConnectionPoolTimeoutException|HeadersTimeoutError|BodyTimeoutError|UND_ERR_HEADERS_TIMEOUT'
      || '|UND_ERR_BODY_TIMEOUT|TimeoutError|TimeoutException|TimeoutRejectedException|TimeoutExpired'
      || '|DEADLINE_EXCEEDED|DeadlineExceeded|DeadlineExceededException|code DeadlineExceeded'
      || '|FUNCTION_INVOCATION_TIMEOUT|EDGE_FUNCTION_INVOCATION_TIMEOUT|ROUTER_EXTERNAL_TARGET_CONNECTION_ERROR'
      || '|HttpTimeoutException|HttpConnectTimeoutException|WriteTimeout|PoolTimeout|AbortError timeout'
      || '|Net::ReadTimeout|Net::WriteTimeout|Faraday::TimeoutError|RequestTimeout|RequestTimeoutError|JWKSTimeout'
      || '|ServerTimeoutError|ApolloTimeoutError|GatewayTimeout|GATEWAY_TIMEOUT|code H12|code H28'
      || '|DioExceptionType.connectionTimeout|DioErrorType.connectTimeout|CallTimeoutException'
      || '|HystrixTimeoutException|AsyncRequestTimeoutException|StepTimedOut|OperationTimeout|ETIME',
    unless => 'expects | expect',
    example => 'java.net.SocketTimeoutException: Read timed out',
    counterexample => 'The class Timeout was renamed'
  );
  return next monitoring.define_rule(
    name => 'api_request_timeout', priority => 3108, severity => 'HIGH', category => 'backend',
    matches => 'api request (timed out | timeout | took too long) | api call (timed out'
      || ' | timeout | took too long) | api timed out | api did not respond | webhook timed out | job timed out',
    example => 'API request timed out after 30 s',
    counterexample => 'Request timed out after 30 s'
  );
  return next monitoring.define_rule(
    name => 'timeout_words', priority => 3110, severity => 'HIGH', category => 'infrastructure',
    matches => 'timed out | timedout | deadline exceeded | deadline was exceeded'
      || ' | took too long | took longer than | did not respond | didn t respond | does not respond | not responding'
      || ' | no response was received | no response received | no response from | no response within'
      || ' | no response after | time out expired | i/o timeout | timeout ~ (exceeded | expired | occurred | reached'
      || ' | elapsed) | timeout error | timeout while | timeout waiting | timeout after | timeout awaiting'
      || ' | timeout during | timeout calling | timeout connecting | timeout reading | timeout performing'
      || ' | gateway timeout | gateway time-out | gateway time out | request time out | error timeout'
      || ' | exit time out | exceeded timeout | exceeded its timeout | aborted timeout'
      || ' | canceled while waiting for connection | timeout of & seconds elapsing | failed ~ timeout'
      || ' | missed heartbeats | dispatching request to timeout',
    unless => 'statement timeout | timeout set | timeout is set | timeout config*'
      || ' | timeout option | timeout setting | timeout rate | lock timeout | timeout value | timeout default'
      || ' | timeout increased | timeout changed | timeout attribute | negotiated timeout | communication packets'
      || ' | to start canceled | translation',
    example => 'The request to the billing service timed out',
    counterexample => 'canceling statement due to statement timeout'
  );
  return next monitoring.define_rule(
    name => 'named_timeout', priority => 3111, severity => 'HIGH', category => 'infrastructure',
    matches => 'request timeout | connection timeout | connect timeout | read timeout'
      || ' | write timeout | socket timeout | api timeout | response timeout | operation timeout | network timeout'
      || ' | upstream timeout | handshake timeout | server timeout | http timeout | fetch timeout | rpc timeout'
      || ' | tls timeout | lambda timeout | function timeout | navigation timeout | dns timeout | boot timeout'
      || ' | worker timeout | drain timeout',
    unless => 'timeout (0* | 1* | 2* | 3* | 4* | 5* | 6* | 7* | 8* | 9* | set | value'
      || ' | option | setting | settings | default | increased | changed | rate) | timeout is set | timeout config*'
      || ' | statement timeout',
    example => 'upstream request timeout',
    counterexample => 'connection timeout: 30'
  );
end
$$;

comment on function monitoring.list_timeout_rules() is
'Returns the other built-in rules for answers that did not arrive in time.';

create function monitoring.list_server_error_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'failed_statement_status', priority => 2035, severity => 'HIGH', category => 'database',
    codes => '57014|QueryCanceled|canceling statement|55P03',
    statuses => '{[500,502)}',
    example => 'HTTP/1.1 500: {"code":"57014"}',
    counterexample => 'HTTP/1.1 404: {"code":"57014"}'
  );
  return next monitoring.define_rule(
    name => 'cloudflare_status', priority => 3013, severity => 'HIGH', category => 'infrastructure',
    statuses => '{[520,528),[530,531)}',
    example => 'Error 522 from the server',
    counterexample => 'Error 500 from the server'
  );
  return next monitoring.define_rule(
    name => 'cloudflare_code', priority => 3013, severity => 'HIGH', category => 'infrastructure',
    matches => 'cloudflare & code (1000 | 1001 | 1002 | 1016 | 1033 | 1042 | 1102 | 1104'
      || ' | 1105) | cloudflare & error (1000 | 1001 | 1002 | 1016 | 1033 | 1042 | 1102 | 1104 | 1105)',
    example => 'Cloudflare: error code 1016',
    counterexample => 'error code 1016'
  );
  return next monitoring.define_rule(
    name => 'worker_exception', priority => 3192, severity => 'HIGH', category => 'backend',
    matches => 'worker threw exception | cloudflare & (error 1101 | code 1101)',
    example => 'Error 1101: Worker threw exception',
    counterexample => 'The worker logged an exception'
  );
  return next monitoring.define_rule(
    name => 'platform_code', priority => 3192, severity => 'HIGH', category => 'infrastructure',
    codes => 'Error R10|Error R12|Error R13|Error R14|Error R15|Error R17|Error L10'
      || '|DNS_HOSTNAME_NOT_FOUND|DNS_HOSTNAME_RESOLVED_PRIVATE|DEPLOYMENT_BLOCKED|DNS_HOSTNAME_RESOLVE_FAILED'
      || '|INFINITE_LOOP_DETECTED',
    example => 'Error R14 (Memory quota exceeded)',
    counterexample => 'The route R14 was added'
  );
  return next monitoring.define_rule(
    name => 'overloaded_model', priority => 3195, severity => 'HIGH', category => 'backend',
    statuses => '{[529,530),[546,547)}',
    example => 'Request failed with status code 529',
    counterexample => 'Request failed with status code 500'
  );
  return next monitoring.define_rule(
    name => 'server_error_status', priority => 3200, severity => 'HIGH',
    statuses => '{[500,600)}',
    example => 'Request failed with status code 500',
    counterexample => 'Request failed with status code 400'
  );
  return next monitoring.define_rule(
    name => 'server_error_code', priority => 3205, severity => 'HIGH',
    codes => 'InternalServerError|InternalServerException|InternalServerErrorException'
      || '|InternalServiceError|InternalServiceException|InternalFailure|INTERNAL_SERVICE_ERROR'
      || '|INTERNAL_SERVER_ERROR|unexpected_failure|FUNCTION_INVOCATION_FAILED|EDGE_FUNCTION_INVOCATION_FAILED'
      || '|MIDDLEWARE_INVOCATION_FAILED|ServerException|ServerErrorException|HttpServerErrorException'
      || '|INTERNAL_FUNCTION_INVOCATION_FAILED',
    example => 'InternalServerError: the call of PutItem failed',
    counterexample => 'The server was restarted'
  );
  return next monitoring.define_rule(
    name => 'server_error', priority => 3210, severity => 'HIGH',
    matches => 'internal server error | http error 500.19 | http error 500.30'
      || ' | http error 500.31 | http error 500.32 | http error 500.35 | http error 500.37 | 13 internal',
    example => 'Internal Server Error',
    counterexample => 'An internal error of the compiler'
  );
end
$$;

comment on function monitoring.list_server_error_rules() is
'Returns the built-in rules for the other answers of 500 and more, and for routers and platforms.';

create function monitoring.list_type_error_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'type_error_page', priority => 3290, severity => 'HIGH', category => 'frontend',
    sources => '{browser,frontend,front-end,client,web,mobile,react,javascript,sentry}',
    matches => 'cannot read propert* | cannot set propert* | is not a function'
      || ' | undefined is not | null is not an object | is not iterable | is not a constructor'
      || ' | can t access property | can t find variable | right-hand side of | has no properties'
      || ' | illegal invocation | cannot destructure',
    unless => 'nonetype | object is not | argument of type',
    example => 'Cannot read properties of undefined (reading ''price'')',
    counterexample => '''NoneType'' object is not iterable'
  );
  return next monitoring.define_rule(
    name => 'undefined_name_page', priority => 3291, severity => 'HIGH', category => 'frontend',
    sources => '{browser,frontend,front-end,client,web,mobile,react,javascript}',
    matches => 'is null | is undefined | is not defined',
    unless => 'warning | warn | deprecat* | column | relation | value is null'
      || ' | constraint | which is | prop | props | that is',
    example => 'x is null',
    counterexample => 'The column is null'
  );
  return next monitoring.define_rule(
    name => 'reference_error', priority => 3300, severity => 'HIGH',
    codes => 'ReferenceError',
    example => 'ReferenceError: x is not defined',
    counterexample => 'The reference was not found'
  );
  return next monitoring.define_rule(
    name => 'type_error', priority => 3301, severity => 'HIGH',
    codes => 'TypeError',
    example => 'TypeError: x is not a function',
    counterexample => 'The type was not found'
  );
  return next monitoring.define_rule(
    name => 'type_error_words', priority => 3310, severity => 'HIGH',
    matches => 'cannot read propert* | cannot set propert* | is not a function'
      || ' | undefined is not | null is not an object | is not iterable | is not a constructor'
      || ' | can t access property | can t find variable | before initialization | can t access lexical'
      || ' | assignment to constant | invalid assignment to const | doesn t support property or method'
      || ' | unable to get property | unable to set property | convert undefined or null | cannot destructure'
      || ' | circular structure to json | cyclic object value | illegal invocation | illegal constructor'
      || ' | in operator | has no properties | non-iterable | right-hand side of | reduce of empty array'
      || ' | cannot use in operator | object doesn t support | is not an object evaluating'
      || ' | cannot convert a symbol value | unsupported operand type | object is not callable'
      || ' | is not subscriptable | required positional argument | unexpected keyword argument'
      || ' | can only concatenate | nonetype object is not',
    example => 'unsupported operand type(s) for +: ''int'' and ''str''',
    counterexample => 'The operand was added'
  );
end
$$;

comment on function monitoring.list_type_error_rules() is
'Returns the built-in rules for TypeError and ReferenceError.';
