-- Each pattern of mask_values() finds its kind of value. Two occurrences that differ in it only are one error.

begin;

select plan(6);

create function monitoring.test_template(message text)
returns text
language sql
set search_path = ''
as $$
  select monitoring.normalize_error_message(test_template.message)
$$;

select is_empty(
  $$
    select sample.one, monitoring.test_template(sample.one), monitoring.test_template(sample.other)
    from (
      values
      ('timed out after 5000 ms', 'timed out after 1m30.5s'), ('sent 1,234 of 99 bytes', 'sent 7 of 1 byte'),
      ('took 12 345,60 s', 'took 9''871.02 s'), ('usage at 91%', 'usage at 97.5%'), ('charged $12.50', 'charged $1,204.00'),
      ('index [5] with length 3', 'index [17] with length 17'), ('phone +4915112345678 is bad', 'phone +33612345678 is bad')
    ) as sample (one, other)
    where monitoring.test_template(sample.one) <> monitoring.test_template(sample.other)
  $$,
  'numbers, sizes, durations, amounts'
);

select is_empty(
  $$
    select sample.one, monitoring.test_template(sample.one), monitoring.test_template(sample.other)
    from (
      values
      ('lost 2026-11-23T18:31:10.123Z', 'lost 2027-01-02 03:04:05,678'), ('am 3. März 2026 um 14:05 Uhr', 'am 28. Mai 2025 um 02:30 Uhr'),
      ('du 3 mars 2026 à 14 h 05', 'du 17 avril 2026 à 9 h 12'), ('el 3 de marzo de 2026', 'el 17 de diciembre de 2025'),
      ('2026年3月5日 10時22分に失敗', '2025年11月28日 2時05分に失敗'), ('03.03.2026 lost', '28.11.2025 lost'),
      ('[Tue Mar 03 10:22:31.123456 2026] lost', '[Sun Nov 15 22:01:03.000217 2026] lost')
    ) as sample (one, other)
    where monitoring.test_template(sample.one) <> monitoring.test_template(sample.other)
  $$,
  'dates in any language'
);

select is_empty(
  $$
    select sample.one, monitoring.test_template(sample.one), monitoring.test_template(sample.other)
    from (
      values
      ('https://a.example/js/9.0a1b2c3d.chunk.js failed', 'https://a.example/js/9.ffee0011.chunk.js failed'),
      ('/assets/Profile-DgUsw3kL.js failed', '/assets/Profile-BxYzAkLm.js failed'),
      ('/assets/Profile-B_x29aF-.css failed', '/assets/Profile-q7Zt0LmD.css failed'),
      ('layer sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f9 gone', 'layer sha256:ffffffffffffffff0000000000000000 gone'),
      ('[release 0a1b2c3] lost', '[release ffee001] lost'), ('job 01HV5K3J8Q2R7W9X0YZ4BCDEFG lost', 'job 01HW9M7T2A6B8C4D5E6F7G8H9J lost'),
      ('pod shop-6f9d8c7b5d-k8x2q evicted', 'pod shop-7c6b5d4f8-zzkpq evicted'), ('#<Cart:0x000055d1a2b3c4d8> lost', '#<Cart:0x00007f8e10aa0b18> lost')
    ) as sample (one, other)
    where monitoring.test_template(sample.one) <> monitoring.test_template(sample.other)
  $$,
  'hashes, ids, names of bundles and pods'
);

select is_empty(
  $$
    select sample.one, monitoring.test_template(sample.one), monitoring.test_template(sample.other)
    from (
      values
      ('dial 10.0.3.4:3000 failed', 'dial 10.0.9.41:3000 failed'), ('`GET https://a.example/x/1` failed', '`GET https://a.example/x/22` failed'),
      ('lost {''10.0.0.8:9042'': 1}', 'lost {''10.0.0.9:9042'': 1}'), ('mail to a.b+c@x.example bounced', 'mail to d@y.example.org bounced'),
      ('read 10.0.0.12:53418->10.0.3.4:443 reset', 'read 10.0.0.12:60022->10.0.3.4:443 reset'),
      ('read [fd00::12]:53418 reset', 'read [fd00::12]:60991 reset'), ('from 2001:db8::1 denied', 'from aa:bb:cc:dd:ee:f0 denied'),
      ('login from 192.0.2.7 port 51234', 'login from 198.51.100.8 port 40022')
    ) as sample (one, other)
    where monitoring.test_template(sample.one) <> monitoring.test_template(sample.other)
  $$,
  'addresses and ephemeral ports'
);

select is_empty(
  $$
    select sample.one, monitoring.test_template(sample.one), monitoring.test_template(sample.other)
    from (
      values
      ('denied for user "jane"', 'denied for user "ops-admin"'), ('denied for invalid user jane from x', 'denied for invalid user oracle from x'),
      ('User: jane.doe lost its session', 'User: ops lost its session'), ('user=jane action lost', 'user=ops action lost'),
      ('{"request_id":"a","x":{"tenant":"b"}} lost', '{"request_id":"c","x":{"tenant":"d"}} lost'),
      ('tid=abc jid=0f1e2d3c lost', 'tid=12 jid=ffee0011 lost')
    ) as sample (one, other)
    where monitoring.test_template(sample.one) <> monitoring.test_template(sample.other)
  $$,
  'names of users, key=value, values of JSON'
);

select is_empty(
  $$
    select sample.one, monitoring.test_template(sample.one), monitoring.test_template(sample.other)
    from (
      values
      ('Deadlock: UPDATE t SET n = 10 WHERE a = ''x'' AND b IN (''y'', 1)', 'Deadlock: UPDATE t SET n = 3 WHERE a = ''long'' AND b IN (''z'', 22)'),
      ('Key (tenant, name)=(1, foo bar) exists', 'Key (tenant, name)=(22, x) exists'),
      ('cannot load https://a.example/x?a=1&b=jane#top now', 'cannot load https://a.example/x?c now'),
      ('open ''/tmp/upload_0a1b'' failed', 'open ''/tmp/tmpz9_k2x0q/in.pdf'' failed')
    ) as sample (one, other)
    where monitoring.test_template(sample.one) <> monitoring.test_template(sample.other)
  $$,
  'literals of SQL, query strings, temporary files'
);

select * from finish();

rollback;
