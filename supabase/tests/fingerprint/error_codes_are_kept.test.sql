-- Numbers that identify an error are part of its fingerprint.

begin;

select plan(6);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('GET /a 404', 'GET /a 500'), ('POST https://x.y/a 404 (Not Found)', 'POST https://x.y/a 502 (Bad Gateway)'),
      ('1.2.3.4 - - "GET /a HTTP/1.1" 404 512 "-" "curl"', '1.2.3.4 - - "GET /a HTTP/1.1" 500 512 "-" "curl"')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') = monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'status codes of requests'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('(2006, ''server has gone'')', '(2013, ''server has gone'')'), ('E: (1054, "No column ''a''")', 'E: (1054, "No column ''b''")'),
      ('(''42S02'', "[42S02] no")', '(''42S22'', "[42S22] no")'), ('E: 1146 (42S02): x', 'E: 1054 (42S02): x'),
      ('(421, b''4.7.0 busy'')', '(550, b''5.7.1 busy'')'), ('SMTP error: 421 busy', 'SMTP error: 550 busy'),
      ('refused: 550 5.1.1 x', 'refused: 452 5.1.1 x'), ('Msg 208, Level 16', 'Msg 207, Level 16'),
      ('desc = "dial: 10.0.0.1:5432"', 'desc = "dial: 10.0.0.1:6379"'),
      ('SQLSTATE[23000]: Violation: 1451 x', 'SQLSTATE[23000]: Violation: 1452 x'), ('Error Number:1205,State:1', 'Error Number:547,State:1'),
      ('null into ("APP"."A"."B")', 'null into ("APP"."A"."C")'), ('ORA-06512: at "APP.PKG_A", line 4', 'ORA-06512: at "APP.PKG_B", line 4'),
      ('AError(429, ''x_rejected'', 1)', 'AError(430, ''x_rejected'', 1)'), ('cURL error 28: x', 'cURL error 60: x'),
      ('550 5.1.1 x', '550 5.7.515 x'), ('FTP STOR a: 452 x', 'FTP STOR a: 553 x'), ('for model "A"', 'for model "B"'),
      ('resolve placeholder ''a.b''', 'resolve placeholder ''a.c'''), ('"path":["email"]', '"path":["phone"]'),
      ('https://a.b/error-reference/#runtime-1', 'https://a.b/error-reference/#runtime-14'),
      ('ERROR 1045 (28000): denied', 'ERROR 1213 (40001): denied'), ('ORA-00001: x', 'ORA-12541: x'),
      ('error TS2322: x', 'error TS2345: x'), ('Invalid call P2002', 'Invalid call P2025'),
      ('PGRST116: x', 'PGRST301: x'), ('AADSTS50011: x', 'AADSTS50105: x'), ('E11000 x', 'E11001 x'),
      ('SQLSTATE[23505]: x', 'SQLSTATE[23503]: x'), ('close code 1006', 'close code 1011')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') = monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'error codes of vendors'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('[Errno 2] x', '[Errno 13] x'), ('exit status 1', 'exit status 137'),
      ('exited with code 1', 'exited with code 137'), ('killed by signal 9', 'killed by signal 11')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') = monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'error numbers of the operating system'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('point (12, ''a'') is out', 'point (13, ''b'') is out'),
      ('E0404 09:14:27.925 x', 'E0405 17:02:03.419 x'), ('took 816µs613ns', 'took 1m816µs'),
      ('2024-05-02 10:11:12.345 ERROR 4232 --- [nio-1-exec-7] a.B : x', '2024-05-09 22:01:00.007 ERROR 1 --- [io-1-exec-23] a.B : x'),
      ('lookup: (5, ''New York'')', 'lookup: (6, ''San Jose'')'), ('KeyError: (512, ''New York'')', 'KeyError: (613, ''San Jose'')'),
      ('ValueError: (3, ''x'')', 'ValueError: (4, ''y'')'), ('mail 421 of 900 failed', 'mail 422 of 900 failed'),
      ('order P12345678 lost', 'order P87654321 lost'), ('node 123 is down', 'node 456 is down'),
      ('returned 1500 items', 'returned 1501 items'), ('GET /a took 404', 'GET /a took 12')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') <> monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'other numbers are masked'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values

      (e'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    x()\n  File "b.py", line 2, in x\n    y[1]\nValueError: bad', e'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    x()\n  File "b.py", line 2, in x\n    y[1]\nKeyError: ''bad'''),
      ('May fail', 'Jun fail')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') = monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'the last line of a traceback and words that are not months are kept'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values

      (e'boom\nTraceback (most recent call last):\n  File "a.py", line 1, in x\n    x()\nValueError: bad', e'boom\nTraceback (most recent call last):\n  File "a.py", line 7, in z\n    z()\nValueError: bad\n')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') <> monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'the frames above it are ignored'
);

select * from finish();

rollback;
