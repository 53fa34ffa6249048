-- Proxies, routers and platforms, whose pages and lines name a status or a code of their own.

begin;

select plan(13);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    sample.message
  )
from (
  values
  ('at=error code=H12 dyno=web.1 service=30000ms status=503 bytes=0', 'CRITICAL infrastructure proxy_unavailable'),
  ('at=error code=H10 desc="App crashed" dyno= status=503 bytes=', 'CRITICAL infrastructure proxy_unavailable'),
  ('dyno=web.1 service=45ms status=500 bytes=12', 'HIGH backend server_error_status'),
  ('Error R14 (Memory quota exceeded)', 'HIGH infrastructure platform_code'),
  ('Error 525: SSL handshake failed', 'HIGH infrastructure cloudflare_status'),
  ('Cloudflare: error code 1016', 'HIGH infrastructure cloudflare_code'),
  ('<h1>502 Bad Gateway</h1><hr>nginx/1.25', 'CRITICAL infrastructure proxy_unavailable'),
  ('Received HTTP 503 from the upstream API', 'CRITICAL backend api_unavailable'),
  ('503 Service Unavailable: no database', 'CRITICAL database database_unavailable'),
  ('feign.FeignException$ServiceUnavailable: [stock]', 'CRITICAL backend api_unavailable_code'),
  ('rpc error: upstream connect error', 'MEDIUM infrastructure unmatched'),
  ('[CRITICAL] WORKER TIMEOUT (pid:17)', 'CRITICAL infrastructure worker_killed'),
  ('FUNCTION_INVOCATION_TIMEOUT', 'HIGH infrastructure timeout_code')
) as sample (message, wanted)
cross join lateral public.classify_error(sample.message, null, 'server') as answer;

select * from finish();

rollback;
