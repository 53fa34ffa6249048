-- The codes and exceptions of sockets, resolvers, browsers and clients.

begin;

select plan(15);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    sample.message
  )
from (
  values
  ('Errno 111', 'server', 'HIGH infrastructure socket_code'),
  ('cURL error 6: x', 'server', 'HIGH infrastructure socket_code'),
  ('java.net.UnknownHostException: api.example.com', 'server', 'HIGH infrastructure client_network_code'),
  ('{ code: 111, kind: ConnectionRefused }', 'server', 'HIGH infrastructure client_network_code'),
  ('rpc error: code = Unavailable desc = x', 'server', 'HIGH infrastructure client_network_code'),
  ('NS_ERROR_NET_RESET', 'browser', 'HIGH infrastructure browser_network_code'),
  ('Error Domain=NSURLErrorDomain Code=-1009', 'mobile', 'HIGH infrastructure browser_network_code'),
  ('Error Domain=NSURLErrorDomain Code=-999 "cancelled"', 'mobile', 'MEDIUM frontend unmatched'),
  ('Failed to load resource: net::ERR_FILE_NOT_FOUND', 'browser', 'HIGH frontend page_file_code'),
  ('Failed to fetch dynamically imported module: /b.js', 'browser', 'HIGH frontend module_not_loaded'),
  ('UND_ERR_HEADERS_TIMEOUT', 'server', 'HIGH infrastructure timeout_code'),
  ('4 DEADLINE_EXCEEDED', 'server', 'HIGH infrastructure timeout_code'),
  ('CERT_HAS_EXPIRED', 'server', 'MEDIUM infrastructure unmatched'),
  ('Unable to resolve module ./screens/Payment', 'frontend', 'MEDIUM frontend unmatched'),
  ('Connection to Indexed Database server lost', 'browser', 'MEDIUM frontend unmatched')
) as sample (message, source, wanted)
cross join lateral public.classify_error(
  sample.message, case when sample.message like 'Failed to fetch%' then 'TypeError' end, sample.source
) as answer;

select * from finish();

rollback;
