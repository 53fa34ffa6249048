-- Runtime values without quotes are masked too.

begin;

select plan(5);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('Key (name)=(foo) already exists.', 'Key (name)=(bar baz) already exists.'),
      ('near ''it''''s'' at', 'near ''a'' at'), ('„x“ is bad', '„y z“ is bad'), ('「x」 is bad', '「y」 is bad'),
      ('‹x› is bad', '‹y› is bad')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') <> monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'values in brackets and typographic quotes'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('at 10:20:30 PM', 'at 1:02:03 AM'), ('on January 5, 2026', 'on March 17, 2027'),
      ('on Monday, January 5, 2026', 'on Tuesday, May 12, 2026'),
      ('Mon, 23 Nov 2026 10:20:30 GMT', 'Thu, 24 Dec 2026 10:20:31 GMT'),
      ('[23/Nov/2026:10:20:30 +0000] x', '[24/Dec/2026:10:20:31 +0000] x')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') <> monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'dates and times'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('offset -5 bad', 'offset 7 bad'), ('offset +5 bad', 'offset 7 bad'), ('loss 1.5e-7 bad', 'loss 0.2 bad'),
      ('took 1m30s', 'took 5s'), ('took 12 ms', 'took 404ms'), ('needs 10KB', 'needs 3.5 MB'),
      ('needs 1GiB more', 'needs 7 kB more')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') <> monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'signs, exponents, durations, sizes'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('connect 2001:db8::1 failed', 'connect fe80::1ff:fe23:4567:890a failed'),
      ('from aa:bb:cc:dd:ee:f0 x', 'from 00:1a:2b:3c:4d:5e x'), ('at ::1 x', 'at 2001:db8::ff x')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') <> monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'addresses'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('job abcdefab-e29b-41d4-a716-446655440000 x', 'job 550e8400-e29b-41d4-a716-446655440000 x'),
      ('commit abcdefabcdefabcd1234567890abcdefabcdef12 x', 'commit 1bcdefabcdefabcd1234567890abcdefabcdef12 x'),
      
      ('body eyJpZCI6MTIzNDU2Nzg5fQ== x', 'body c29tZSBieXRlcyAxMjM0NTY3 x')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') <> monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'hashes and blobs'
);

select * from finish();

rollback;
