-- Words such as info within a sentence are no level, and a line that begins as an error stays one.

begin;

select plan(28);

select is(monitoring.find_log_level(sample.message), null::text, sample.message)
from (
  values
  ('ERROR worker: more INFO below'),
  ('2025-02-03 FATAL: x INFO y'),
  ('{"level":"error","msg":"INFO"}'),
  ('{"level":50,"msg":"x"}'),
  ('level=error msg="info: x"'),
  ('E0203 10:00:00.000000 1 x.go:1] INFO'),
  ('More info: https://example.com'),
  ('For more information: see the docs'),
  ('Failed to load info for user 7'),
  ('could not read log: broken'),
  ('debug is not a function'),
  ('Received an INFO frame'),
  ('Unable to TRACE the call'),
  ('Error: cannot find module debug'),
  ('{"security_level":"info","error":"x"}'),
  ('DEPRECATION NOTICE: x'),
  ('INFO: task kworker/1:2:7 blocked for more than 120 seconds.'),
  ('[77:77:0203/100000.1:INFO:CONSOLE(4)] "Uncaught TypeError: x"'),
  ('[2025-02-03 10:00:00] NOTICE[77] chan_sip.c: Wrong password'),
  ('I think, therefore it failed'),
  ('a note was deleted'),
  ('nothing'),
  (''),
  ('02-03 10:00:00.994  17 18 E Net: INFO'),
  ('2025-02-03 [ERR] INFO'),
  ('{"s":"I","c":"COMMAND","msg":"Slow query"}'),
  ('FEHLER:  Relation fehlt. HINWEIS: anlegen'),
  ('the informative text')
) as sample (message);

select * from finish();

rollback;
