-- The level with which a line of a log begins, in the formats of loggers and servers.

begin;

select plan(54);

select is(monitoring.find_log_level(sample.message), sample.wanted, sample.message)
from (
  values
  ('2025-02-03 10:00:00.503  INFO 8 --- [main] c.e.shop.Application : started', 'info'),
  ('2025-02-03 10:00:00,503 - shop.jobs - INFO - done', 'info'),
  ('INFO:root:3 failed logins today', 'info'),
  ('INFO:     10.0.0.1:5000 - "GET / HTTP/1.1" 200 OK', 'info'),
  ('[2025-02-03 10:00:00 +0000] [7] [INFO] Booting worker', 'info'),
  ('[2025-02-03 10:00:00,503: INFO/MainProcess] Connected', 'info'),
  ('time="2025-02-03T10:00:00Z" level=info msg="retrying"', 'info'),
  ('INFO[0003] listening', 'info'),
  ('{"level":30,"time":1738576800000,"msg":"request errored"}', 'info'),
  ('{"severity":"INFO","message":"timeout set"}', 'info'),
  ('{"name":"shop","hostname":"a","pid":1,"level":20,"msg":"x"}', 'info'),
  ('{"message":"database connection failed over","level":"info"}', 'info'),
  ('{"t":{"$date":"2025-02-03"},"s":"I","c":"NETWORK"}', 'info'),
  ('I0203 10:00:00.000000       1 server.go:12] ok', 'info'),
  ('I/ActivityManager( 585): Start proc', 'info'),
  ('D/Volley: retry', 'info'),
  ('I, [2025-02-03T10:00:00.000000 #12]  INFO -- : ok', 'info'),
  ('[I 2025-02-03 10:00:00.503 ServerApp] ok', 'info'),
  ('2025/02/03 10:00:00 [notice] 1#1: exiting', 'info'),
  ('[Mon Feb 03 10:00:00 2025] [notice] caught SIGTERM', 'info'),
  ('info: Microsoft.Hosting.Lifetime[14] Now listening', 'info'),
  ('dbug: Microsoft.EntityFrameworkCore[1] x', 'info'),
  ('[2025-02-03 10:00:00] production.INFO: Payment failed twice', 'info'),
  ('<info> device activated', 'info'),
  ('HINWEIS:  Relation existiert bereits, wird übersprungen', 'info'),
  ('Feb 03 10:00:00 web nsd[77]: info: ratelimit', 'info'),
  ('[2025-02-03T10:00:00Z DEBUG shop::db] connected', 'info'),
  ('backend-1  | INFO:     started', 'info'),
  ('2025-02-03T10:00:00Z  INFO 1: ok', 'info'),
  ('[10:00:00 INF] ok', 'info'),
  ('2025-02-03 [DBG] ok', 'info'),
  ('02-03 10:00:00.994  1702 14638 D Net: ok', 'info'),
  ('2025-02-03 10:00:00 WARN  o.s.Shop - slow', 'warning'),
  ('[WARNING] pool nearly full', 'warning'),
  ('{"level":"warn","msg":"x"}', 'warning'),
  ('{"level":40,"msg":"x"}', 'warning'),
  ('level=warning msg=x', 'warning'),
  ('W0203 10:00:00.000000 1 x.go:1] x', 'warning'),
  ('W/System: x', 'warning'),
  ('WARNING:urllib3:full', 'warning'),
  ('warn: Microsoft.Ef[1] x', 'warning'),
  ('PHP Warning:  Undefined variable', 'warning'),
  ('[2025-02-03 10:00:00] local.WARNING: x', 'warning'),
  ('WARNUNG:  Transaktion wurde nicht begonnen', 'warning'),
  ('AVERTISSEMENT: pool', 'warning'),
  ('ADVERTENCIA: pool', 'warning'),
  ('警告:  接続', 'warning'),
  ('ВНИМАНИЕ:  пул', 'warning'),
  ('LOG:  could not bind IPv4 address "0.0.0.0"', 'warning'),
  ('2025-02-03 10:00:00 UTC [7] LOG:  checkpoint starting', 'warning'),
  ('日志:  检查点', 'warning'),
  ('2025-02-03 10:00:00.003 +01:00 [WRN] slow', 'warning'),
  ('02-03 10:00:00.994  1702 14638 W ActivityManager: x', 'warning'),
  ('(node:7) Warning: Setting NODE_TLS', 'warning')
) as sample (message, wanted);

select * from finish();

rollback;
