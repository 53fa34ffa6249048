-- Purpose: the built-in rules that make an error HIGH.
-- Objects: functions monitoring.list_payment_rules, monitoring.list_network_rules, monitoring.list_high_rules.
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
    codes => 'card_declined|insufficient_funds|expired_card|incorrect_cvc|incorrect_number|invalid_cvc|invalid_number'
      '|processing_error|generic_decline|do_not_honor|lost_card|stolen_card|pickup_card|authentication_required'
      '|INSTRUMENT_DECLINED|PAYMENT_DENIED|payment_intent_*|StripeCardError|CardError|CardException|PaymentError'
      '|PaymentFailedException|payment_failed|payment_method_*|card_*',
    example => 'StripeCardError: card_declined', counterexample => 'Cannot read property of postcard_list'
  );
  return next monitoring.define_rule(
    name => 'payment_failed_status', priority => 3000, severity => 'HIGH', category => 'backend',
    statuses => '{[402,403)}', example => 'Request failed with status code 402'
  );
  return next monitoring.define_rule(
    name => 'payment_failed', priority => 3010, severity => 'HIGH', category => 'backend',
    matches => '(payment | payments | charge | charges | billing | refund | invoice | subscription | purchase | '
      'checkout | card| cards | authorization | capture | transaction)& (declined | decline | declines) | '
      '(payment | payments | charge | charges | billing | refund | invoice | subscription | purchase) ~ '
      'failed | payment* ~ fail* | payments ~ rejected | payment ~ rejected | payment ~ refused | payment '
      '~ denied | payment ~ error | refund ~ error | charge ~ error | payment ~ problem | payment ~ expired '
      '| payment ~ invalid | charge failed | charge ~ fail* | refund ~ fail* | refund ~ rejected | invoice '
      '~ fail* | billing ~ fail* | purchase ~ fail* | subscription ~ fail* | failed ~ payment*',
    unless => 'typeerror | referenceerror | deadlock | rollback | sql* | prisma* | postgres* | mysql*',
    example => 'The payment has failed', counterexample => 'TypeError: payment failed to load'
  );
  return next monitoring.define_rule(
    name => 'charge_failed', priority => 3010, severity => 'HIGH', category => 'backend',
    matches => 'failed ~ charge | failed ~ refund | unable ~ charge | unable ~ payment | could not ~ charge | '
      'cannot ~ charge | cannot ~ payment | cannot ~ refund | checkout ~ failed | card ~ declined | card ~ '
      'expired | card ~ invalid | card ~ incorrect | card ~ rejected | card ~ lost | card ~ stolen | card '
      '~ blocked | card ~ not supported | card ~ refused | card ~ restricted | card has expired | expired '
      '~ card',
    unless => 'typeerror | referenceerror | deadlock | rollback | sql* | prisma* | postgres* | mysql*',
    example => 'failed to charge the customer', counterexample => 'TypeError: payment failed to load'
  );
  return next monitoring.define_rule(
    name => 'card_rejected', priority => 3010, severity => 'HIGH', category => 'backend',
    matches => 'invalid ~ card | incorrect ~ card | stolen ~ card | unsupported ~ card | insufficient funds | not '
      'sufficient funds | non sufficient funds | do not hono* | not honored | (cvc | cvv | cvv2 | security '
      'code) & (invalid | incorrect | fail* | mismatch | wrong) | issuer ~ declined | bank ~ declined | '
      'declined by | pick up card | call issuer | refer to issuer | payment required | transaction not '
      'permitted | transaction not allowed | transaction ~ declined',
    unless => 'typeerror | referenceerror | deadlock | rollback | sql* | prisma* | postgres* | mysql*',
    example => 'insufficient funds', counterexample => 'TypeError: payment failed to load'
  );
end
$$;

comment on function monitoring.list_payment_rules() is 'Returns the built-in rules for failed payments and refunds.';

create function monitoring.list_network_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'network_unanswered', priority => 2030, severity => 'HIGH', category => 'infrastructure', statuses => '{[0,1)}',
    example => 'Request failed with status code 0'
  );
  return next monitoring.define_rule(
    name => 'network_code', priority => 2190, severity => 'HIGH', category => 'infrastructure',
    codes => 'ECONNREFUSED|ECONNRESET|ECONNABORTED|ENOTFOUND|ETIMEDOUT|ESOCKETTIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN'
      '|EHOSTDOWN|EPIPE|EAI_AGAIN|EAI_FAIL|EAI_NONAME|EAI_NODATA|ERR_NETWORK*|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_*'
      '|ERR_NAME_NOT_RESOLVED|ERR_TIMED_OUT|ERR_ADDRESS_UNREACHABLE|ERR_PROXY_*|ERR_TUNNEL_*|ERR_SSL_*|ERR_HTTP2_*|ERR_QUIC_*'
      '|ERR_EMPTY_RESPONSE|NS_ERROR_NET_*|NS_ERROR_CONNECTION_*|NS_ERROR_UNKNOWN_HOST|NS_ERROR_OFFLINE|NS_ERROR_PROXY_*'
      '|UND_ERR_SOCKET|UND_ERR_CONNECT_TIMEOUT|WinError 10060|WinError 10061|WinError 10054|WinError 10053|WinError 10051'
      '|WinError 11001|errno 111|errno 110|errno 104|errno 113|errno 101|errno 32|ConnectionRefusedError'
      '|ConnectionResetError|ConnectionAbortedError|BrokenPipeError|NewConnectionError|RemoteDisconnected'
      '|ServerDisconnectedError|ClientConnectorError|ConnectException|UnknownHostException|NoRouteToHostException|gaierror'
      '|SocketException|Errno::ECONNREFUSED|Errno::ECONNRESET|Errno::EHOSTUNREACH|ConnectionError|MaxRetryError'
      '|FailedToOpenSocket|NSURLErrorDomain|SocketError|WSAECONNREFUSED|WSAETIMEDOUT',
    unless => 'break in attempt | content security policy',
    example => 'read ECONNRESET', counterexample => 'The reader reads on'
  );
  return next monitoring.define_rule(
    name => 'network_error', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'failed to fetch | networkerror | network error | fetch failed | network request failed | network '
      'connection was lost | connection appears to be offline | network failure | connection refused | '
      'connection was refused | refused the connection | refused to connect | refused connection | '
      'actively refused | connection reset | connection was reset | reset by peer | connection aborted | '
      'connection abort | connection timed out | connect timed out | connect timeout | connection error | '
      'connection lost | connection was lost | lost connection | connection dropped | connection failure | '
      'connection failed | connection broken | connection closed unexpectedly | closed connection '
      'unexpectedly | closed the connection | connection was closed | connection closed by remote | '
      'connection terminated | connection was terminated | connection unexpectedly closed | connection '
      'forcibly | forcibly closed | prematurely closed | closed prematurely | broken pipe | no route to '
      'host | network is unreachable | network unreachable | network is down | host unreachable | host is '
      'unreachable | host is down | name or service not known | name resolution',
    unless => 'break in attempt | content security policy',
    example => 'TypeError: Failed to fetch',
    counterexample => 'Possible break-in attempt: connection closed by remote host'
  );
  return next monitoring.define_rule(
    name => 'network_unreachable', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'resolve host | resolve name | resolve hostname | resolve the host | unable to resolve | not be '
      'resolved | nodename nor servname | no such host | getaddrinfo | unknown host | nxdomain | servfail '
      '| dns lookup fail* | dns resolution fail* | dns error | socket hang up | other side closed | socket '
      'closed | socket is closed | premature close | unexpected eof | eof occurred | unexpected end of file '
      '| max retries exceeded | failed to establish a new connection | remote end closed | server '
      'disconnected | cannot connect to | can t connect to | could not connect | couldn t connect | unable '
      'to connect | failed to connect | failed connecting | cannot establish ~ connection | can t '
      'establish a connection | failed to establish ~ connection | unable to establish ~ connection | '
      'connect failed | connection attempt failed | transport endpoint is not connected | error while '
      'dialing | all subchannels | unable to reach | could not reach | failed to reach | websocket '
      'connection to & failed | could not contact | destination host unreachable | port unreachable | '
      'typeerror load failed',
    unless => 'break in attempt | content security policy',
    example => 'no such host',
    counterexample => 'Possible break-in attempt: connection closed by remote host'
  );
end
$$;

comment on function monitoring.list_network_rules() is
'Returns the built-in rules for hosts that could not be reached, resolved or kept connected.';

create function monitoring.list_high_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'gateway_timeout', priority => 3100, severity => 'HIGH', category => 'infrastructure', statuses => '{[504,505)}',
    example => 'Request failed with status code 504'
  );
  return next monitoring.define_rule(
    name => 'api_timeout', priority => 3110, severity => 'HIGH',
    matches => 'timed out | timedout | deadline exceeded | deadline was exceeded | deadlineexceeded | took too long'
      '| did not respond | didn t respond | does not respond | not responding | no response was received'
      '| no response received | no response from | no response within | no response after'
      '| time out expired | timeout ~ exceeded | timeout ~ expired | timeout ~ occurred | timeout reached | timeout error'
      '| timeout elapsed | timeout while | timeout waiting | timeout after | timeout awaiting | timeout during'
      '| timeout calling | timeout connecting | timeout reading | timeout period elapsed | gateway timeout | gateway time out'
      '| request timeout | request time out | connection timeout | read timeout | socket timeout | api timeout | response timeout'
      '| operation timeout | network timeout | upstream timeout | handshake timeout | server timeout | http timeout'
      '| fetch timeout | rpc timeout | tls timeout | lambda timeout | function timeout | navigation timeout | dns timeout'
      '| error timeout | exceeded timeout | failed ~ timeout',
    unless => 'statement timeout | timeout set | timeout is set | timeout config* | timeout option | timeout setting'
      '| timeout value | timeout default | timeout increased | timeout changed',
    example => 'The request to the billing API timed out', counterexample => 'canceling statement due to statement timeout'
  );
  return next monitoring.define_rule(
    name => 'timeout_code', priority => 3105, severity => 'HIGH', category => 'infrastructure',
    codes => 'SocketTimeoutException|ReadTimeout|ReadTimeoutError|ConnectTimeout|ConnectTimeoutError|HeadersTimeoutError'
      '|UND_ERR_HEADERS_TIMEOUT|UND_ERR_BODY_TIMEOUT|TimeoutError|TimeoutException|TimeoutRejectedException'
      '|DEADLINE_EXCEEDED|FUNCTION_INVOCATION_TIMEOUT|EDGE_FUNCTION_INVOCATION_TIMEOUT|HttpTimeoutException|WriteTimeout'
      '|PoolTimeout|AbortError timeout|Net::ReadTimeout|Net::OpenTimeout|Faraday::TimeoutError|H12|H28|H27',
    example => 'java.net.SocketTimeoutException: Read timed out', counterexample => 'The class Timeout was renamed'
  );
  return next monitoring.define_rule(
    name => 'server_error_status', priority => 3200, severity => 'HIGH', statuses => '{[500,600)}',
    example => 'Request failed with status code 500'
  );
  return next monitoring.define_rule(
    name => 'server_error', priority => 3210, severity => 'HIGH',
    matches => 'internal server error | internal_server_error | internalservererror | unexpected_failure',
    example => 'Internal Server Error'
  );
  return next monitoring.define_rule(
    name => 'reference_error', priority => 3300, severity => 'HIGH', codes => 'ReferenceError', example => 'ReferenceError: x'
  );
  return next monitoring.define_rule(
    name => 'type_error_code', priority => 3301, severity => 'HIGH', codes => 'TypeError', example => 'TypeError: x'
  );
  return next monitoring.define_rule(
    name => 'type_error', priority => 3310, severity => 'HIGH',
    matches => 'cannot read propert* | cannot set propert* | is not a function | undefined is not | null is not an object'
      '| is not iterable | is not a constructor | can t access property | can t find variable | before initialization'
      '| can t access lexical | assignment to constant | invalid assignment to const | unsupported operand type'
      '| object is not callable | is not subscriptable | required positional argument | unexpected keyword argument'
      '| can only concatenate | doesn t support property or method | unable to get property'
      '| unable to set property | convert undefined or null | cannot destructure | circular structure to json'
      '| cyclic object value | illegal invocation | illegal constructor | in operator | has no properties'
      '| non iterable | nonetype object is not | right hand side of | reduce of empty array',
    example => 'Cannot read properties of undefined (reading ''price'')'
  );
end
$$;

comment on function monitoring.list_high_rules() is 'Returns the other built-in rules of severity HIGH.';
