-- Status codes as proxies, access logs, error pages and HTTP clients write them.

begin;

select plan(26);

select is(monitoring.find_status_code(lower(sample.message), null), sample.wanted, sample.message)
from (
  values
  ('heroku[router]: at=error code=H13 desc="Connection closed" method=GET dyno=web.2 service=12ms status=503 bytes=0', 503),
  ('<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>', 502),
  ('<title>cart.example.com | 523: Origin is unreachable</title>', 523),
  ('Web server is returning an unknown error Error code 520 Visit cloudflare.com', 520),
  ('HTTP/2 503 server: cloudflare', 503),
  ('haproxy[11]: 10.0.0.4:5120 [12/Feb/2025:10:00:00.000] web app/s1 0/0/1/-1/31 502 209 - - SH-- 1/1/0/0/0 0/0 "POST /pay HTTP/1.1"', 502),
  ('10.0.0.9 - - [02/Feb/2025:10:00:03 +0000] "PUT /v1/carts/7 HTTP/1.1" 500 91 "-" "okhttp"', 500),
  ('[GIN] 2025/02/02 - 10:00:03 | 502 | 3.1ms | 10.0.0.9 | GET "/x"', 502),
  ('2025-02-02 10:00:03 W3SVC1 10.0.0.1 GET /x - 443 - 10.0.0.9 curl - 503 0 64 12', 503),
  ('HTTP Error 500.19 - Internal Server Error', 500),
  ('DELETE https://api.example.com/v1/keys/5 => 403', 403),
  ('[500] POST /checkout', 500),
  ('[503] during [POST] to [http://stock/api]', 503),
  ('{\"statusCode\":\"504\",\"path\":\"/pay\"}', 504),
  ('{"error":{"code": 429, "message": "slow down"}}', 429),
  ('{ response: { status: 500, data: {} } }', 500),
  ('Request failed after 3 tries: got a 502 from the payment service', 502),
  ('503: no healthy upstream', 503),
  ('Server responded with 503
    at fetch (node:internal:1:2)', 503),
  ('the request to the tax service failed (504).', 504),
  ('call to upstream 500; giving up', 500),
  ('org.example.client.ServerErrorException$BadGateway: 502 : [no body]', 502),
  ('line 450, then 3 retries of 500 items, then HTTP 503', 503),
  ('H3Error: [GET] "/api/carts/7": 404 Cart not found', 404),
  ('03/Feb/2025 [ERROR 502 /admin/x.php] dial tcp 127.0.0.1:9000', 502),
  ('squeezed: a 404 response was cached', 404)
) as sample (message, wanted);

select * from finish();

rollback;
