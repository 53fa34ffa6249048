-- Purpose: the built-in rules that make an error HIGH.
-- Objects: functions monitoring.list_payment_rules, monitoring.list_network_code_rules, monitoring.list_network_rules,
--   monitoring.list_timeout_rules, monitoring.list_server_error_rules, monitoring.list_type_error_rules.
-- Risks: see classify_critical_rules for the priorities.

create function monitoring.list_payment_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'payment_code', priority => 2020, severity => 'HIGH', category => 'backend',
    codes => 'card_declined|insufficient_funds|expired_card|card_expired|incorrect_cvc|incorrect_number|invalid_cvc'
      || '|invalid_number|incorrect_zip|invalid_expiry_month|invalid_expiry_year|invalid_account|processing_error'
      || '|generic_decline|do_not_honor|do_not_try_again|lost_card|stolen_card|pickup_card|restricted_card|fraudulent'
      || '|authentication_required|approve_with_id|call_issuer|card_not_supported|card_velocity_exceeded|card_error'
      || '|currency_not_supported|duplicate_transaction|issuer_not_available|merchant_blacklist'
      || '|new_account_information_available|no_action_taken|not_permitted|offline_pin_required'
      || '|online_or_offline_pin_required|pin_try_exceeded|reenter_transaction|revocation_of_authorization'
      || '|security_violation|service_not_allowed|stop_payment_order|transaction_not_allowed|try_again_later'
      || '|withdrawal_count_limit_exceeded|invalid_pin|balance_insufficient|charge_already_refunded'
      || '|charge_expired_for_capture|charge_exceeds_source_limit|payment_intent_authentication_failure'
      || '|payment_intent_payment_attempt_failed|payment_method_provider_decline|payment_failed'
      || '|payment_intent.payment_failed|invoice.payment_failed|charge.failed|bank_account_declined|debit_not_authorized'
      || '|CREDIT_REJECTED|StripeCardError|StripeConnectionError|ApiConnectionException|CardError|CardException'
      || '|PaymentError|PaymentException|PaymentFailedException|PaymentFailedError|PaymentDeclinedException'
      || '|PaymentDeclinedError|ProcessorDeclined|GatewayRejected',
    unless => 'keyerror | undefined array | undefined index | undefined variable | undefined column | passed',
    example => 'StripeCardError: card_declined',
    counterexample => 'KeyError: ''card_declined'''
  );
  return next monitoring.define_rule(
    name => 'payment_provider_code', priority => 2020, severity => 'HIGH', category => 'backend',
    codes => 'INSTRUMENT_DECLINED|PAYMENT_DENIED|PAYER_ACTION_REQUIRED|PAYER_CANNOT_PAY|PAYEE_BLOCKED_TRANSACTION'
      || '|TRANSACTION_REFUSED|CARD_EXPIRED|PAYMENT_SOURCE_DECLINED_BY_PROCESSOR|PAYMENT_SOURCE_CANNOT_BE_USED'
      || '|PAYEE_ACCOUNT_RESTRICTED|PAYER_ACCOUNT_RESTRICTED|PAYER_ACCOUNT_LOCKED_OR_CLOSED'
      || '|REDIRECT_PAYER_FOR_ALTERNATE_FUNDING|TRANSACTION_LIMIT_EXCEEDED|TRANSACTION_BLOCKED_BY_PAYEE'
      || '|AUTH_CAPTURE_NOT_ENABLED|CARD_DECLINED|CREDIT_CARD_REFUSED|CREDIT_CARD_CVV_CHECK_FAILED|CVV2_FAILURE'
      || '|GENERIC_DECLINE|INSUFFICIENT_FUNDS|DO_NOT_HONOR|LOST_OR_STOLEN|SUSPECTED_FRAUD|ISSUER_SUSPECTED_FRAUD'
      || '|ISSUER_UNAVAILABLE|ACQUIRER_ERROR|BLOCKED_CARD|INVALID_CARD|NOT_ENOUGH_BALANCE|RESTRICTED_CARD'
      || '|AUTHENTICATION_NOT_PERFORMED|CVC_DECLINED|REFER_TO_ISSUER|NO_SUCH_ISSUER|FRAUD-CANCELLED'
      || '|TRANSACTION_NOT_PERMITTED|PAN_FAILURE|VERIFY_CVV_FAILURE|VERIFY_AVS_FAILURE|ADDRESS_VERIFICATION_FAILURE'
      || '|PAYMENT_LIMIT_EXCEEDED|INVALID_EXPIRATION|VOICE_FAILURE|CARDHOLDER_INSUFFICIENT_PERMISSIONS|BAD_EXPIRATION'
      || '|CHIP_INSERTION_REQUIRED|ALLOWABLE_PIN_TRIES_EXCEEDED',
    example => 'INSTRUMENT_DECLINED: another way to pay is needed',
    counterexample => 'The instrument was tuned'
  );
  return next monitoring.define_rule(
    name => 'payment_failed_status', priority => 3000, severity => 'HIGH', category => 'backend',
    statuses => '{[402,403)}',
    example => 'Request failed with status code 402',
    counterexample => 'Request failed with status code 422'
  );
  return next monitoring.define_rule(
    name => 'payment_declined', priority => 3010, severity => 'HIGH', category => 'backend',
    matches => '(payment | payments | charge | charges | billing | refund | invoice | subscription | purchase'
      || ' | checkout | card | cards | authorization | capture | transaction) & (declined | decline | declines)'
      || ' | processor declined | gateway rejected | declined by (the | your | issuer | bank) | (issuer | bank'
      || ' | issuing bank) ~ declined | (payment | payments) ~ (refused | rejected | denied) | invalid payment state'
      || ' | refusalreason',
    unless => 'typeerror | referenceerror | keyerror | deadlock | rollback | sql* | prisma* | postgres* | mysql*'
      || ' | undefined array | undefined index | undefined method | undefined variable | undefined property'
      || ' | no attribute | attributeerror | syntaxerror | battery | failed to resolve | failed to load'
      || ' | failed with result | failed container | restarting failed | pull image | pulling image | skipping | passed'
      || ' | topic | violates | null value in | invitation',
    example => 'The card was declined',
    counterexample => 'User declined the invitation'
  );
  return next monitoring.define_rule(
    name => 'payment_failed', priority => 3010, severity => 'HIGH', category => 'backend',
    matches => '(payment | payments | charge | charges | billing | refund | refunds | invoice | subscription'
      || ' | purchase | checkout session) ~ (failed | fails | failure | unsuccessful | could not be | error | problem'
      || ' | expired | not be processed | not processed) | (unable | cannot | failed | could not) ~ (charge | payment'
      || ' | payments | refund | purchase) | processing transaction & refused | payment intent failed | checkout failed'
      || ' | failed payment | failed payments',
    unless => 'typeerror | referenceerror | keyerror | deadlock | rollback | sql* | prisma* | postgres* | mysql*'
      || ' | undefined array | undefined index | undefined method | undefined variable | undefined property'
      || ' | no attribute | attributeerror | syntaxerror | battery | failed to resolve | failed to load'
      || ' | failed with result | failed container | restarting failed | pull image | pulling image | skipping | passed'
      || ' | topic | violates | null value in',
    example => 'The payment has failed',
    counterexample => 'TypeError: payment failed to load'
  );
  return next monitoring.define_rule(
    name => 'card_rejected', priority => 3010, severity => 'HIGH', category => 'backend',
    matches => '(card | cards) ~ (declined | expired | invalid | incorrect | rejected | lost | stolen | blocked'
      || ' | not supported | refused | restricted) | expired (card | credit card | debit card | gift card)'
      || ' | invalid (card | credit card | debit card | gift card) | incorrect (card | credit card | debit card'
      || ' | gift card) | stolen (card | credit card | debit card | gift card) | lost (card | credit card | debit card'
      || ' | gift card) | unsupported (card | credit card | debit card | gift card) | restricted (card | credit card'
      || ' | debit card | gift card) | blocked (card | credit card | debit card | gift card) | insufficient funds'
      || ' | insufficient balance & charge | not sufficient funds | non-sufficient funds | no sufficient funds'
      || ' | do not hono* | not honored | (cvc | cvv | cvv2 | cv2 | security code) & (invalid | incorrect | fail*'
      || ' | mismatch | wrong) | avs mismatch | pick up card | call issuer | refer to issuer | payment required'
      || ' | transaction not permitted | transaction not allowed | 3d secure authentication failed',
    unless => 'typeerror | referenceerror | keyerror | deadlock | rollback | sql* | prisma* | postgres* | mysql*'
      || ' | undefined array | undefined index | undefined method | undefined variable | undefined property'
      || ' | no attribute | attributeerror | syntaxerror | battery | failed to resolve | failed to load'
      || ' | failed with result | failed container | restarting failed | pull image | pulling image | skipping | passed'
      || ' | topic | violates | null value in | sim card | network card | graphics card | card layout | card component'
      || ' | expired_at',
    example => 'insufficient funds',
    counterexample => 'TypeError: the card is not supported'
  );
end
$$;

comment on function monitoring.list_payment_rules() is
'Returns the built-in rules for failed payments and refunds.';

create function monitoring.list_network_code_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'network_unanswered', priority => 2030, severity => 'HIGH', category => 'infrastructure',
    statuses => '{[0,1)}',
    example => 'Request failed with status code 0',
    counterexample => 'Request failed with status code 400'
  );
  return next monitoring.define_rule(
    name => 'socket_code', priority => 3015, severity => 'HIGH', category => 'infrastructure',
    codes => 'ECONNREFUSED|ECONNRESET|ECONNABORTED|ENOTFOUND|ETIMEDOUT|ESOCKETTIMEDOUT|EHOSTUNREACH|ENETUNREACH'
      || '|ENETDOWN|ENETRESET|EHOSTDOWN|EPIPE|ENOTCONN|ESHUTDOWN|EPROTO|EAI_AGAIN|EAI_FAIL|EAI_NONAME|EAI_NODATA'
      || '|ESERVFAIL|EREFUSED|ECONNECTION|EDNS|NXDOMAIN|SERVFAIL|WSAECONNREFUSED|WSAECONNRESET|WSAETIMEDOUT'
      || '|WSAHOST_NOT_FOUND|WinError 10060|WinError 10061|WinError 10054|WinError 10053|WinError 10051|WinError 10065'
      || '|WinError 11001|WinError 11002|os error 111|os error 104|os error 110|os error 32|os error 113|os error 10061'
      || '|os error 10054|os error 10060|os error 61|os error 54|errno 111|errno 110|errno 104|errno 113|errno 101'
      || '|errno 32|errno 61|errno 54|errno 60|errno 10061|errno 10060|errno 10054|errno -2|errno -3|errno 11001'
      || '|eaddrnotavail|nxdomain|econnrefused|ehostunreach|uv_econnrefused|cURL error 5|cURL error 6|cURL error 7'
      || '|cURL error 28|cURL error 35|cURL error 52|cURL error 55|cURL error 56|cURL error 92|curl 6|curl 7|curl 28'
      || '|curl 35|curl 52|curl 56',
    unless => 'break in attempt | content security policy | expects | expect',
    example => 'read ECONNRESET',
    counterexample => 'The reader reads on'
  );
  return next monitoring.define_rule(
    name => 'browser_network_code', priority => 3015, severity => 'HIGH', category => 'infrastructure',
    codes => 'ERR_NETWORK*|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_*|ERR_NAME_NOT_RESOLVED'
      || '|ERR_NAME_RESOLUTION_FAILED|ERR_TIMED_OUT|ERR_ADDRESS_UNREACHABLE|ERR_PROXY_*|ERR_TUNNEL_*|ERR_SSL_*'
      || '|ERR_CERT_*|ERR_HTTP2_*|ERR_QUIC_*|ERR_SPDY_*|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING'
      || '|ERR_CONTENT_LENGTH_MISMATCH|ERR_DNS_*|ERR_SOCKS_CONNECTION_FAILED|ERR_BAD_SSL_*|ERR_TLS_*|NS_ERROR_NET_*'
      || '|NS_ERROR_CONNECTION_*|NS_ERROR_UNKNOWN_HOST|NS_ERROR_OFFLINE|NS_ERROR_PROXY_*|NSURLErrorDomain'
      || '|NSPOSIXErrorDomain|kCFErrorDomainCFNetwork|UND_ERR_SOCKET|UND_ERR_CONNECT_TIMEOUT|UND_ERR_RESPONSE'
      || '|UND_ERR_ABORTED|DNS_PROBE_FINISHED_*|SSL_ERROR_*|PR_CONNECT_RESET_ERROR',
    unless => 'content security policy | -999',
    example => 'net::ERR_NAME_NOT_RESOLVED',
    counterexample => 'Error [ERR_INVALID_ARG_TYPE]: the argument must be a string'
  );
  return next monitoring.define_rule(
    name => 'page_file_code', priority => 3015, severity => 'HIGH', category => 'frontend',
    codes => 'ERR_FILE_NOT_FOUND|ERR_BLOCKED_BY_RESPONSE*|ERR_INSUFFICIENT_RESOURCES|ERR_UNKNOWN_URL_SCHEME',
    unless => 'png | jpg | svg | 404',
    example => 'Failed to load resource: net::ERR_FILE_NOT_FOUND',
    counterexample => 'The file was not found'
  );
  return next monitoring.define_rule(
    name => 'client_network_code', priority => 3015, severity => 'HIGH', category => 'infrastructure',
    codes => 'ConnectionRefused|ConnectionReset|ConnectionAborted|BrokenPipe|HostUnreachable|NetworkUnreachable'
      || '|UnexpectedEof|ConnectionRefusedError|ConnectionResetError|ConnectionAbortedError|BrokenPipeError'
      || '|NewConnectionError|NameResolutionError|RemoteDisconnected|RemoteProtocolError|ServerDisconnectedError'
      || '|ClientConnectorError|ClientConnectorDNSError|ClientOSError|ConnectError|ConnectException'
      || '|HttpHostConnectException|UnknownHostException|NoRouteToHostException|PortUnreachableException|gaierror'
      || '|SocketException|SocketError|ClosedChannelException|ConnectionClosedException|NoHttpResponseException'
      || '|ResourceAccessException|WebSocketException|ConnectionError|MaxRetryError|ChunkedEncodingError|IncompleteRead'
      || '|ProtocolError|ReadError|WriteError|ProxyError|FailedToOpenSocket|Net::OpenTimeout|Faraday::ConnectionFailed'
      || '|HTTP::ConnectionError|EndpointConnectionError|ConnectionClosedError|NetworkingError'
      || '|CredentialsProviderError network|FetchError request to|APIConnectionError|APIConnectionTimeoutError'
      || '|HttpRequestError NameResolutionError|NetworkException|Mint.TransportError|TransportError|AMQPConnectionError'
      || '|AMQPConnectionException|NoBrokersAvailable|KafkaJSConnectionError|KafkaConnectionError'
      || '|BrokerNotAvailableError|KafkaJSNumberOfRetriesExceeded|NoBrokerAvailable|StreamLostError'
      || '|ConnectionClosedByBroker|code Unavailable|14 UNAVAILABLE|StatusRuntimeException UNAVAILABLE'
      || '|status UNAVAILABLE|RpcException Unavailable',
    unless => 'break in attempt | content security policy | expects | expect | unauthenticated | smtp',
    example => 'rpc error: code = Unavailable desc = the peer is gone',
    counterexample => 'The connection errors were counted'
  );
  return next monitoring.define_rule(
    name => 'browser_database', priority => 8991, category => 'frontend',
    matches => 'indexeddb | idbdatabase | idbfactory | idbobjectstore | idbtransaction | indexed database server',
    example => 'Failed to execute ''transaction'' on ''IDBDatabase''',
    counterexample => 'Failed to execute ''transaction'' on the database'
  );
  return next monitoring.define_rule(
    name => 'tls_code', priority => 8990, category => 'infrastructure',
    codes => 'CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT'
      || '|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|HOSTNAME_MISMATCH'
      || '|CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError|SSLError|SSLHandshakeException|SSLPeerUnverifiedException'
      || '|SSLException|SSLProtocolException|CertPathValidatorException|CertificateException|HandshakeException|x509'
      || '|SunCertPathBuilderException|InvalidCertificate|UnknownIssuer',
    unless => 'jwt | jws | sshd',
    example => 'CERT_HAS_EXPIRED',
    counterexample => 'The certificate of the course was printed'
  );
end
$$;

comment on function monitoring.list_network_code_rules() is
'Returns the built-in rules for the codes of sockets, resolvers and clients when a host does not answer.';

create function monitoring.list_network_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'module_not_loaded', priority => 3012, severity => 'HIGH', category => 'frontend',
    codes => 'TypeError',
    matches => 'dynamically imported module | importing a module script failed',
    example => 'TypeError: Failed to fetch dynamically imported module: https://a.example/b.js',
    counterexample => 'TypeError: Failed to fetch'
  );
  return next monitoring.define_rule(
    name => 'fetch_failed', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'failed to fetch | networkerror | network error | fetch failed | network request failed'
      || ' | network connection was lost | connection appears to be offline | network failure | typeerror load failed'
      || ' | load failed & typeerror | network changed | websocket connection to & failed | xmlhttprequest error'
      || ' | error sending request for url | network connection was interrupted | server with the specified hostname'
      || ' | could not connect to the server | could not connect to the endpoint',
    unless => 'break in attempt | content security policy | dynamically imported module',
    example => 'TypeError: Failed to fetch',
    counterexample => 'Refused by the Content Security Policy: network error'
  );
  return next monitoring.define_rule(
    name => 'connection_refused', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'connection refused | connection was refused | refused the connection | refused to connect'
      || ' | refused connection | actively refused | no route to host | network is unreachable | network unreachable'
      || ' | network is down | network down | host unreachable | host is unreachable | host is down'
      || ' | destination host unreachable | port unreachable | cannot connect to | can t connect to | could not connect'
      || ' | couldn t connect | unable to connect | failed to connect | failed connecting | connect failed'
      || ' | connection attempt failed | connect to & failed | failed to open socket | cannot establish (connection'
      || ' | a connection | a new connection | the connection | an ssl connection) | can t establish (connection'
      || ' | a connection | a new connection | the connection | an ssl connection) | could not establish (connection'
      || ' | a connection | a new connection | the connection | an ssl connection) | unable to establish (connection'
      || ' | a connection | a new connection | the connection | an ssl connection) | failed to establish (connection'
      || ' | a connection | a new connection | the connection | an ssl connection) | connection could not be established'
      || ' | error while dialing | dial tcp | all subchannels | unable to reach | could not reach | failed to reach'
      || ' | could not contact | max retries exceeded | no connection could be made | no connection established'
      || ' | error in connection establishment',
    unless => 'break in attempt | content security policy',
    example => 'The peer refused the connection',
    counterexample => 'Possible break-in attempt: could not connect back'
  );
  return next monitoring.define_rule(
    name => 'connection_lost', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'connection reset | connection was reset | reset by peer | connection aborted | connection abort'
      || ' | connection error | connection lost | connection was lost | lost connection | connection dropped'
      || ' | connection failure | connection failed | connection broken | connection closed unexpectedly'
      || ' | closed connection unexpectedly | closed the connection | connection was closed'
      || ' | underlying connection was closed | connection closed by remote | connection terminated'
      || ' | connection was terminated | connection unexpectedly closed | connection forcibly | forcibly closed'
      || ' | prematurely closed | closed prematurely | broken pipe | socket hang up | other side closed | socket closed'
      || ' | socket is closed | premature close | unexpected eof | eof occurred | unexpected end of file'
      || ' | remote end closed | server disconnected | transport endpoint is not connected | connection closed before'
      || ' | connection to the other side was lost | stream removed | rst_stream | goaway | incompleteread'
      || ' | network socket disconnected | transport is closing | ssl handshake failed | response ended prematurely'
      || ' | closed connection without | connection unexpectedly',
    unless => 'break in attempt | content security policy | preauth',
    example => 'socket hang up',
    counterexample => 'Possible break-in attempt: connection closed by remote host'
  );
  return next monitoring.define_rule(
    name => 'host_not_found', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'name or service not known | name resolution | nodename nor servname | no such host | getaddrinfo'
      || ' | unknown host | host not found | resolve (host | hostname | name | address | the host | host name | dns'
      || ' | domain) | unable to resolve (host | address | service) | (host | hostname | name | domain'
      || ' | address) ~ (not be resolved | not resolved) | (not be resolved) & (operation timed out) | dns lookup fail*'
      || ' | dns resolution fail* | dns error | no address associated with hostname | failed to resolve reference'
      || ' | non-recoverable failure in name resolution | dns server returned',
    unless => 'break in attempt | content security policy',
    example => 'lookup db.internal: no such host',
    counterexample => 'Unable to resolve module ./screens/Cart'
  );
end
$$;

comment on function monitoring.list_network_rules() is
'Returns the built-in rules for hosts that could not be reached, resolved or kept connected, by words.';

create function monitoring.list_timeout_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'database_command_timeout', priority => 3090, severity => 'HIGH', category => 'database',
    codes => 'RedisTimeoutException|RedisCommandTimeoutException|OperationTimedOut|DB_TIMEOUT'
      || '|ReadTimeoutException cassandra|BusyLoadingError|QueryTimeoutException|SQLTimeoutException|P1008|25P03|25P04'
      || '|MongoExecutionTimeoutException|MongoOperationTimeoutError|MaxTimeMSExpired',
    example => 'RedisCommandTimeoutException: no answer in 60 s',
    counterexample => 'The operation timed out'
  );
  return next monitoring.define_rule(
    name => 'database_timeout', priority => 3091, severity => 'HIGH', category => 'database',
    matches => '(database | db | sql* | postgres* | mysql* | mongo* | redis* | cassandra | scylla | dynamodb | oracle'
      || ' | jdbc* | coordinator) & (timed out | timeout exceeded | deadline exceeded | idle-in-transaction timeout'
      || ' | replica nodes | timeout error | db timeout | error timeout)',
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
  return next monitoring.define_rule(
    name => 'request_timeout_of_an_app', priority => 3104, severity => 'HIGH', category => 'backend',
    codes => 'RequestTimeoutException|Rack::Timeout::RequestTimeoutError|Rack::Timeout::RequestExpiryError'
      || '|MAX_EXECUTION_TIME_EXCEEDED|Maximum execution time of',
    example => 'Rack::Timeout::RequestTimeoutException: Request ran for longer than 15000ms',
    counterexample => 'The request timed out'
  );
  return next monitoring.define_rule(
    name => 'timeout_code', priority => 3105, severity => 'HIGH', category => 'infrastructure',
    codes => 'SocketTimeoutException|SocketTimeoutError|ReadTimeout|ReadTimeoutError|ConnectTimeout'
      || '|ConnectTimeoutError|ConnectTimeoutException|ConnectionTimeoutError|ConnectionPoolTimeoutException'
      || '|HeadersTimeoutError|BodyTimeoutError|UND_ERR_HEADERS_TIMEOUT|UND_ERR_BODY_TIMEOUT|TimeoutError'
      || '|TimeoutException|TimeoutRejectedException|TimeoutExpired|DEADLINE_EXCEEDED|DeadlineExceeded'
      || '|DeadlineExceededException|code DeadlineExceeded|FUNCTION_INVOCATION_TIMEOUT|EDGE_FUNCTION_INVOCATION_TIMEOUT'
      || '|ROUTER_EXTERNAL_TARGET_CONNECTION_ERROR|HttpTimeoutException|HttpConnectTimeoutException|WriteTimeout'
      || '|PoolTimeout|AbortError timeout|Net::ReadTimeout|Net::WriteTimeout|Faraday::TimeoutError|RequestTimeout'
      || '|RequestTimeoutError|JWKSTimeout|ServerTimeoutError|ApolloTimeoutError|GatewayTimeout|GATEWAY_TIMEOUT|code H12'
      || '|code H28|DioExceptionType.connectionTimeout|DioErrorType.connectTimeout|CallTimeoutException'
      || '|HystrixTimeoutException|AsyncRequestTimeoutException|StepTimedOut|OperationTimeout|ETIME',
    unless => 'expects | expect',
    example => 'java.net.SocketTimeoutException: Read timed out',
    counterexample => 'The class Timeout was renamed'
  );
  return next monitoring.define_rule(
    name => 'api_request_timeout', priority => 3108, severity => 'HIGH', category => 'backend',
    matches => 'api request (timed out | timeout | took too long) | api call (timed out | timeout | took too long)'
      || ' | api timed out | api did not respond | webhook timed out | job timed out',
    example => 'API request timed out after 30 s',
    counterexample => 'Request timed out after 30 s'
  );
  return next monitoring.define_rule(
    name => 'timeout_words', priority => 3110, severity => 'HIGH', category => 'infrastructure',
    matches => 'timed out | timedout | deadline exceeded | deadline was exceeded | took too long | took longer than'
      || ' | did not respond | didn t respond | does not respond | not responding | no response was received'
      || ' | no response received | no response from | no response within | no response after | time out expired'
      || ' | i/o timeout | timeout ~ (exceeded | expired | occurred | reached | elapsed) | timeout error | timeout while'
      || ' | timeout waiting | timeout after | timeout awaiting | timeout during | timeout calling | timeout connecting'
      || ' | timeout reading | timeout performing | gateway timeout | gateway time-out | gateway time out'
      || ' | request timeout | connection timeout | connect timeout | read timeout | write timeout | socket timeout'
      || ' | api timeout | response timeout | operation timeout | network timeout | upstream timeout | handshake timeout'
      || ' | server timeout | http timeout | fetch timeout | rpc timeout | tls timeout | lambda timeout'
      || ' | function timeout | navigation timeout | dns timeout | boot timeout | worker timeout | drain timeout'
      || ' | request time out | error timeout | exit time out | exceeded timeout | timeout of & seconds elapsing'
      || ' | failed ~ timeout | missed heartbeats',
    unless => 'statement timeout | timeout set | timeout is set | timeout config* | timeout option | timeout setting'
      || ' | timeout rate | lock timeout | timeout value | timeout default | timeout increased | timeout changed'
      || ' | timeout attribute | negotiated timeout | communication packets | to start canceled',
    example => 'The request to the billing service timed out',
    counterexample => 'canceling statement due to statement timeout'
  );
end
$$;

comment on function monitoring.list_timeout_rules() is
'Returns the built-in rules for answers that did not arrive in time.';

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
    name => 'cloudflare_status', priority => 3190, severity => 'HIGH', category => 'infrastructure',
    statuses => '{[520,528),[530,531)}',
    example => 'Error 522 from the server',
    counterexample => 'Error 500 from the server'
  );
  return next monitoring.define_rule(
    name => 'cloudflare_code', priority => 3191, severity => 'HIGH', category => 'infrastructure',
    codes => '1000|1001|1002|1016|1033|1042|1101|1102|1104|1105|1200',
    matches => 'cloudflare',
    example => 'Cloudflare: error code 1016',
    counterexample => 'error code 1016'
  );
  return next monitoring.define_rule(
    name => 'platform_code', priority => 3192, severity => 'HIGH', category => 'infrastructure',
    codes => 'Error R10|Error R12|Error R13|Error R14|Error R15|Error R17|Error L10|DNS_HOSTNAME_NOT_FOUND'
      || '|DNS_HOSTNAME_RESOLVED_PRIVATE|DEPLOYMENT_BLOCKED|DNS_HOSTNAME_RESOLVE_FAILED|INFINITE_LOOP_DETECTED',
    example => 'Error R14 (Memory quota exceeded)',
    counterexample => 'The route R14 was added'
  );
  return next monitoring.define_rule(
    name => 'router_server_error', priority => 3193, severity => 'HIGH',
    matches => 'status 500 & (dyno | heroku | router)',
    example => 'at=info method=POST dyno=web.1 status=500 bytes=12',
    counterexample => 'at=info dyno=web.1 status=200 bytes=500'
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
    codes => 'InternalServerError|InternalServerException|InternalServerErrorException|InternalServiceError'
      || '|InternalServiceException|InternalFailure|INTERNAL_SERVER_ERROR|INTERNAL_SERVICE_ERROR|internal_server_error'
      || '|unexpected_failure|FUNCTION_INVOCATION_FAILED|EDGE_FUNCTION_INVOCATION_FAILED|MIDDLEWARE_INVOCATION_FAILED'
      || '|ServerException|ServerErrorException|HttpServerErrorException|INTERNAL_FUNCTION_INVOCATION_FAILED',
    example => 'InternalServerError: the call of PutItem failed',
    counterexample => 'The server was restarted'
  );
  return next monitoring.define_rule(
    name => 'server_error', priority => 3210, severity => 'HIGH',
    matches => 'internal server error | http error 500.19 | http error 500.30 | http error 500.31 | http error 500.32'
      || ' | http error 500.35 | http error 500.37 | 13 internal',
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
    matches => 'cannot read propert* | cannot set propert* | is not a function | undefined is not'
      || ' | null is not an object | is not iterable | is not a constructor | can t access property'
      || ' | can t find variable | before initialization | can t access lexical | assignment to constant'
      || ' | invalid assignment to const | doesn t support property or method | unable to get property'
      || ' | unable to set property | convert undefined or null | cannot destructure | circular structure to json'
      || ' | cyclic object value | illegal invocation | illegal constructor | in operator | has no properties'
      || ' | non-iterable | right-hand side of | reduce of empty array | cannot use in operator | object doesn t support'
      || ' | is not an object evaluating | cannot convert a symbol value',
    unless => 'nonetype | object is not | argument of type',
    example => 'Cannot read properties of undefined (reading ''price'')',
    counterexample => '''NoneType'' object is not iterable'
  );
  return next monitoring.define_rule(
    name => 'undefined_name_page', priority => 3291, severity => 'HIGH', category => 'frontend',
    sources => '{browser,frontend,front-end,client,web,mobile,react,javascript}',
    matches => 'is null | is undefined | is not defined',
    unless => 'warning | warn | deprecat* | column | relation | value is null | constraint | which is | prop | props'
      || ' | that is',
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
    matches => 'cannot read propert* | cannot set propert* | is not a function | undefined is not'
      || ' | null is not an object | is not iterable | is not a constructor | can t access property'
      || ' | can t find variable | before initialization | can t access lexical | assignment to constant'
      || ' | invalid assignment to const | doesn t support property or method | unable to get property'
      || ' | unable to set property | convert undefined or null | cannot destructure | circular structure to json'
      || ' | cyclic object value | illegal invocation | illegal constructor | in operator | has no properties'
      || ' | non-iterable | right-hand side of | reduce of empty array | cannot use in operator | object doesn t support'
      || ' | is not an object evaluating | cannot convert a symbol value | unsupported operand type'
      || ' | object is not callable | is not subscriptable | required positional argument | unexpected keyword argument'
      || ' | can only concatenate | nonetype object is not',
    example => 'unsupported operand type(s) for +: ''int'' and ''str''',
    counterexample => 'The operand was added'
  );
end
$$;

comment on function monitoring.list_type_error_rules() is
'Returns the built-in rules for TypeError and ReferenceError.';
