-- Numbers from 400 to 599 next to words of HTTP that are no status codes all the same.

begin;

select plan(34);

select is(monitoring.find_status_code(lower(sample.message), null), null::integer, sample.message)
from (
  values
  ('read timed out after 500 ms'),
  ('HTTP 503 rows were read'),
  ('{"duration":503,"size":404}'),
  ('connect ETIMEDOUT 10.0.0.1:443'),
  ('https 443 refused'),
  ('error on line 404 of build.ts'),
  ('Error: at app.js:500:13'),
  ('returned 500 rows'),
  ('failed 503 of 1000 checks'),
  ('found 405 errors in 500 files'),
  ('[pid: 41|app: 0|req: 404/500] generated 503 bytes in 502 msecs'),
  ('postfix: reject: RCPT: 450 4.7.1 try later'),
  ('said: 550-5.1.1 no such user'),
  ('smtp error 554 rejected'),
  ('order 500 of 503'),
  ('2024-05-02 10:00:00,503 ERROR worker'),
  ('v4.500.1 released'),
  ('$500 charged back'),
  ('500% of the quota'),
  ('sent 502 e-mails'),
  ('user id=503 locked'),
  ('cache key user:404:cart'),
  ('redis get cart:503 timed out'),
  ('image 404.png missing'),
  ('err 500.txt unreadable'),
  ('the exit code 502 of the shop'),
  ('country code 500'),
  ('INSERT 0 500'),
  ('Minified React error #418'),
  ('value ''500'' is too long'),
  ('port 500 is in use'),
  ('partition 503 is behind'),
  ('2 of 404 pods ready'),
  ('GET /orders/404 200')
) as sample (message);

select * from finish();

rollback;
