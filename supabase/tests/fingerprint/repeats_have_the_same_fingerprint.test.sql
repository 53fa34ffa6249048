-- Occurrences of an error that differ only in runtime values have the same fingerprint.

begin;

select plan(1);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('user 42 not found', 'user 43 not found'),
      ('job 550e8400-e29b-41d4-a716-446655440000 failed', 'job 6BA7B810-9DAD-11D1-80B4-00C04FD430C8 failed'),
      ('commit a94a8fe5ccb19ba6 missing', 'commit 9d4e1e23bd5b7270 missing'),
      ('<Product at 0x7f1ff65e0ba8>', '<Product at 0x7F1FF60A4550>'),
      ('login "jane" was refused', 'login "ops-admin" was refused'),
      ('value ''map'' is bad', 'value ''it''s'' is bad'), ('‘a’ and “b” differ', '‘c’ and “d e” differ'),
      ('GET https://x.y/a/7?b=1#c failed', 'GET https://x.y/a/8?d=2 failed'),
      ('2026-11-23T18:31:10.123Z down', '2027-01-02T03:04:05+02:00 down'),
      ('Jul  1 11:49:29 host sshd[12]: bye', 'Dec 24 01:02:03 host sshd[3456]: bye'),
      ('connect 10.0.0.1:5432', 'connect 192.168.17.4:5432'), ('took 404ms', 'took 12 ms'),
      ('mail to [redacted] bounced', 'mail to "a" bounced'), (e'a\t b\n c', 'a b c '), ('processed 500 records', 'processed 7 records'),
      ('req_01HXYZABCDEFGHJKMNPQ', 'req_01J0ABCDEFGHJKMNPQRS'),
      (e'first\nsecond\nthird\nfourth', e'first\nsecond\nthird\nfifth'),
      (repeat('a ', 600) || 'x', repeat('a ', 600) || 'y')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web')
      <> monitoring.fingerprint_error(replace(sample.other, '12 ms', '12ms'), 'Error', 'web')
  $$,
  'pairs of one error'
);

select * from finish();

rollback;
