-- Secrets in command lines and SQL statements.

begin;

select plan(12);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('ldapsearch -D "cn=a" -w hunter2 -b dc=corp', 'ldapsearch -D "cn=a" -w [redacted] -b dc=corp', 'ldapsearch'),
  ('mongodump -u app -p hunter2 --db shop', 'mongodump -u app -p [redacted] --db shop', 'mongodump'),
  ('>> AUTH PLAIN AHN2Yy1tYWlsAEg4', '>> AUTH PLAIN [redacted]', 'SMTP'),
  ('250-AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER', '250-AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER', 'what a mail server offers'),
  ('curl -u a:pw https://h', 'curl -u a:[redacted] https://h', 'curl'),
  ('curl --user ''a:pw'' https://h', 'curl --user ''a:[redacted]'' https://h', 'in quotes'),
  ('mysql -h db -uroot -phunter2 shop', 'mysql -h db -uroot -p[redacted] shop', 'mysql'),
  ('sshpass -p hunter2 ssh h; redis-cli -h c -a hunter2 ping', 'sshpass -p [redacted] ssh h; redis-cli -h c -a [redacted] ping', 'sshpass and redis-cli'),
  ('create user a identified by hunter2 account unlock', 'create user a identified by [redacted] account unlock', 'identified by'),
  ('ALTER ROLE x PASSWORD ''p w''', 'ALTER ROLE x PASSWORD ''[redacted]''', 'alter role'),
  ('docker run -u 1000:1000 x', 'docker run -u 1000:1000 x', 'numbers of a user and a group'),
  ('mysql -h db -P3306 shop; ps -p 12', 'mysql -h db -P3306 shop; ps -p 12', 'a port')
) as sample (body, wanted, description);

select * from finish();

rollback;
