-- Purpose: the built-in rules that make an error HIGH because the network failed.
-- Objects: functions monitoring.list_network_code_rules, monitoring.list_network_rules.
-- Risks: see classify_success_rules for the priorities.

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
    codes => 'ECONNRESET|ECONNABORTED|ENOTFOUND|ETIMEDOUT|ESOCKETTIMEDOUT|ENETUNREACH'
      || '|ENETDOWN|ENETRESET|EHOSTDOWN|EPIPE|ENOTCONN|ESHUTDOWN|EPROTO|EAI_AGAIN|EAI_FAIL|EAI_NONAME|EAI_NODATA'
      || '|ESERVFAIL|EREFUSED|ECONNECTION|EDNS|SERVFAIL|WSAECONNREFUSED|WSAECONNRESET|WSAETIMEDOUT|WSAHOST_NOT_FOUND'
      || '|WinError 10060|WinError 10061|WinError 10054|WinError 10053|WinError 10051|WinError 10065|WinError 11001'
      || '|WinError 11002|os error 111|os error 104|os error 110|os error 32|os error 113|os error 10061'
      || '|os error 10054|os error 10060|os error 61|os error 54|errno 111|errno 110|errno 104|errno 113|errno 101'
      || '|errno 32|errno 61|errno 54|errno 60|errno 10061|errno 10060|errno 10054|errno -2|errno -3|errno 11001'
      || '|eaddrnotavail|NXDOMAIN|ECONNREFUSED|EHOSTUNREACH|uv_econnrefused|cURL error 5|cURL error 6|cURL error 7'
      || '|cURL error 28|cURL error 35|cURL error 52|cURL error 55|cURL error 56|cURL error 92|curl 6|curl 7|curl 28'
      || '|curl 35|curl 52|curl 56',
    unless => 'break in attempt | content security policy | translation | indexeddb'
      || ' | indexed database | expects | expect',
    example => 'read ECONNRESET',
    counterexample => 'The reader reads on'
  );
  return next monitoring.define_rule(
    name => 'browser_network_code', priority => 3015, severity => 'HIGH', category => 'infrastructure',
    codes => 'ERR_NETWORK*|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_*'
      || '|ERR_NAME_NOT_RESOLVED|ERR_NAME_RESOLUTION_FAILED|ERR_TIMED_OUT|ERR_ADDRESS_UNREACHABLE|ERR_PROXY_*'
      || '|ERR_TUNNEL_*|ERR_SSL_*|ERR_CERT_*|ERR_HTTP2_*|ERR_QUIC_*|ERR_SPDY_*|ERR_EMPTY_RESPONSE'
      || '|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONTENT_LENGTH_MISMATCH|ERR_DNS_*|ERR_SOCKS_CONNECTION_FAILED'
      || '|ERR_BAD_SSL_*|ERR_TLS_*|NS_ERROR_NET_*|NS_ERROR_CONNECTION_*|NS_ERROR_UNKNOWN_HOST|NS_ERROR_OFFLINE'
      || '|NS_ERROR_PROXY_*|NSURLErrorDomain|NSPOSIXErrorDomain|kCFErrorDomainCFNetwork|UND_ERR_SOCKET'
      || '|UND_ERR_CONNECT_TIMEOUT|UND_ERR_RESPONSE|UND_ERR_ABORTED|DNS_PROBE_FINISHED_*|SSL_ERROR_*'
      || '|PR_CONNECT_RESET_ERROR',
    unless => 'content security policy | -999',
    example => 'net::ERR_NAME_NOT_RESOLVED',
    counterexample => 'Error [ERR_INVALID_ARG_TYPE]: the argument must be a string'
  );
  return next monitoring.define_rule(
    name => 'page_file_code', priority => 3015, severity => 'HIGH', category => 'frontend',
    codes => 'ERR_FILE_NOT_FOUND|ERR_BLOCKED_BY_RESPONSE*|ERR_INSUFFICIENT_RESOURCES'
      || '|ERR_UNKNOWN_URL_SCHEME',
    unless => 'png | jpg | svg | 404',
    example => 'Failed to load resource: net::ERR_FILE_NOT_FOUND',
    counterexample => 'The file was not found'
  );
  return next monitoring.define_rule(
    name => 'client_network_code', priority => 3015, severity => 'HIGH', category => 'infrastructure',
    codes => 'ConnectionRefused|ConnectionReset|ConnectionAborted|BrokenPipe'
      || '|HostUnreachable|NetworkUnreachable|UnexpectedEof|ConnectionRefusedError|ConnectionResetError'
      || '|ConnectionAbortedError|BrokenPipeError|NewConnectionError|NameResolutionError|RemoteDisconnected'
      || '|RemoteProtocolError|ServerDisconnectedError|ClientConnectorError|ClientConnectorDNSError|ClientOSError'
      || '|ConnectError|ConnectException|HttpHostConnectException|UnknownHostException|NoRouteToHostException'
      || '|PortUnreachableException|gaierror|SocketException|SocketError|ClosedChannelException'
      || '|ConnectionClosedException|NoHttpResponseException|ResourceAccessException|WebSocketException'
      || '|ConnectionError|MaxRetryError|ChunkedEncodingError|IncompleteRead|ProtocolError|ReadError|WriteError'
      || '|ProxyError|FailedToOpenSocket|Net::OpenTimeout|Faraday::ConnectionFailed|HTTP::ConnectionError'
      || '|EndpointConnectionError|ConnectionClosedError|NetworkingError|CredentialsProviderError network'
      || '|FetchError request to|APIConnectionError|APIConnectionTimeoutError|HttpRequestError NameResolutionError'
      || '|NetworkException|Mint.TransportError|TransportError|AMQPConnectionError|AMQPConnectionException'
      || '|NoBrokersAvailable|KafkaJSConnectionError|KafkaConnectionError|BrokerNotAvailableError'
      || '|KafkaJSNumberOfRetriesExceeded|NoBrokerAvailable|StreamLostError|ConnectionClosedByBroker'
      || '|code Unavailable|14 UNAVAILABLE|StatusRuntimeException UNAVAILABLE|status UNAVAILABLE'
      || '|RpcException Unavailable',
    unless => 'break in attempt | content security policy | translation | indexeddb'
      || ' | indexed database | expects | expect | unauthenticated | smtp',
    example => 'rpc error: code = Unavailable desc = the peer is gone',
    counterexample => 'The connection errors were counted'
  );
  return next monitoring.define_rule(
    name => 'browser_database', priority => 8991, category => 'frontend',
    matches => 'indexeddb | idbdatabase | idbfactory | idbobjectstore | idbtransaction'
      || ' | indexed database server',
    example => 'Failed to execute ''transaction'' on ''IDBDatabase''',
    counterexample => 'Failed to execute ''transaction'' on the database'
  );
  return next monitoring.define_rule(
    name => 'tls_code', priority => 8990, category => 'infrastructure',
    codes => 'CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|UNABLE_TO_VERIFY_LEAF_SIGNATURE'
      || '|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|DEPTH_ZERO_SELF_SIGNED_CERT'
      || '|SELF_SIGNED_CERT_IN_CHAIN|HOSTNAME_MISMATCH|CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError|SSLError'
      || '|SSLHandshakeException|SSLPeerUnverifiedException|SSLException|SSLProtocolException'
      || '|CertPathValidatorException|CertificateException|HandshakeException|x509|SunCertPathBuilderException'
      || '|InvalidCertificate|UnknownIssuer',
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
declare
  c_unless constant text := 'break in attempt | content security policy | translation'
    || ' | indexeddb | indexed database';
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
    matches => 'failed to fetch | networkerror | network error | fetch failed'
      || ' | network request failed | network connection was lost | connection appears to be offline'
      || ' | network failure | typeerror load failed | load failed & typeerror | network changed'
      || ' | websocket connection to & failed | xmlhttprequest error | error sending request for url'
      || ' | network connection was interrupted | server with the specified hostname'
      || ' | could not connect to the server | could not connect to the endpoint',
    unless => c_unless || ' | dynamically imported module | 400 | 401 | 403 | 404 | 409 | 410 | 422'
      || ' | 429 | 500 | not found | unauthorized | forbidden',
    example => 'TypeError: Failed to fetch',
    counterexample => 'Refused by the Content Security Policy: network error'
  );
  return next monitoring.define_rule(
    name => 'connection_refused', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'connection refused | connection was refused | refused the connection'
      || ' | refused to connect | refused connection | actively refused | no route to host | network is unreachable'
      || ' | network unreachable | network is down | network down | host unreachable | host is unreachable'
      || ' | host is down | destination host unreachable | port unreachable | cannot connect to | can t connect to'
      || ' | could not connect | couldn t connect | unable to connect | failed to connect | failed connecting'
      || ' | connect failed | connection attempt failed | connect to & failed | failed to open socket'
      || ' | cannot establish (connection | a connection | a new connection | the connection | an ssl connection)'
      || ' | can t establish (connection | a connection | a new connection | the connection | an ssl connection)'
      || ' | could not establish (connection | a connection | a new connection | the connection | an ssl connection)'
      || ' | unable to establish (connection | a connection | a new connection | the connection | an ssl connection)'
      || ' | failed to establish (connection | a connection | a new connection | the connection | an ssl connection)'
      || ' | connection could not be established | could not be established broker | error while dialing'
      || ' | layer4 timeout | layer6 timeout | layer7 timeout | dial tcp | all subchannels | unable to reach'
      || ' | cannot reach | can t reach | server unreachable | broker not available | broker unreachable'
      || ' | no internet connection | could not reach | failed to reach | could not contact | max retries exceeded'
      || ' | no connection could be made | no connection established | error in connection establishment',
    unless => c_unless,
    example => 'The peer refused the connection',
    counterexample => 'Possible break-in attempt: could not connect back'
  );
  return next monitoring.define_rule(
    name => 'connection_lost', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'connection reset | connection was reset | reset by peer'
      || ' | connection aborted | connection abort | connection error | connection lost | connection to ~ lost'
      || ' | connection interrupted | disconnected unexpectedly | connection was lost | lost connection'
      || ' | connection dropped | connection failure | connection failed | connection broken'
      || ' | connection closed unexpectedly | closed connection unexpectedly | closed the connection'
      || ' | connection was closed | underlying connection was closed | connection closed by remote'
      || ' | connection terminated | connection was terminated | connection unexpectedly closed'
      || ' | connection forcibly | forcibly closed | prematurely closed | closed prematurely | broken pipe'
      || ' | socket hang up | other side closed | socket closed | socket is closed | premature close'
      || ' | unexpected eof | eof occurred | unexpected end of file | remote end closed | server disconnected'
      || ' | transport endpoint is not connected | connection closed before | connection to the other side was lost'
      || ' | stream removed | rst_stream | goaway | incompleteread | network socket disconnected'
      || ' | transport is closing | ssl handshake failed | tls handshake failed | response ended prematurely'
      || ' | closed connection without | connection unexpectedly',
    unless => c_unless || ' | preauth',
    example => 'socket hang up',
    counterexample => 'Possible break-in attempt: connection closed by remote host'
  );
  return next monitoring.define_rule(
    name => 'host_not_found', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'name or service not known | name resolution | nodename nor servname'
      || ' | no such host | getaddrinfo | unknown host | host not found | resolve (host | hostname | name | address'
      || ' | the host | host name | dns | domain) | unable to resolve (host | address | service) | (host | hostname'
      || ' | name | domain | address) ~ (not be resolved | not resolved) | (not be resolved) & (operation timed out)'
      || ' | dns lookup fail* | dns resolution fail* | dns error | failed host lookup'
      || ' | no address associated with hostname | failed to resolve reference'
      || ' | non-recoverable failure in name resolution | dns server returned',
    unless => c_unless || ' | service for type',
    example => 'lookup db.internal: no such host',
    counterexample => 'Unable to resolve module ./screens/Cart'
  );
end
$$;

comment on function monitoring.list_network_rules() is
'Returns the built-in rules for hosts that could not be reached, resolved or kept connected, by words.';
