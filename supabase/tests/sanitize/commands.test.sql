-- Secrets in command lines and SQL statements.

begin;

select plan(16);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  (
    'ConvertTo-SecureString "x1y2" -Force; net use Z: \\fs\b /user:A\svc x1y2; openssl -passin pass:x1y2',
    'ConvertTo-SecureString "[redacted]" -Force; net use Z: \\fs\b /user:A\svc [redacted]; openssl -passin pass:[redacted]',
    'PowerShell, net use and openssl'
  ),
  (
    'zip -r -P x1y2 a.zip .; 7z a -px1y2 a.7z; keytool -deststorepass x1y2; snmpwalk -v2c -c x1y2 h',
    'zip -r -P [redacted] a.zip .; 7z a -p[redacted] a.7z; keytool -deststorepass [redacted]; snmpwalk -v2c -c [redacted] h',
    'archives, key stores and SNMP'
  ),
  (
    'SET PASSWORD FOR ''a''@''h'' = ''x1y2''; .pgpass line 2: h:5432:shop:app:x1y2', 'SET PASSWORD FOR ''a''@''h'' = ''[redacted]''; .pgpass line 2: h:5432:shop:app:[redacted]',
    'SQL and password files'
  ),
  (
    'rtmp://h/live/' || repeat('a1b2', 4) || ' psk="x1y2" /password/reset/' || repeat('a1b2', 6) || ' /password/reset failed',
    'rtmp://h/live/[redacted] psk="[redacted]" /password/reset/[redacted] /password/reset failed', 'links and networks'
  ),
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
