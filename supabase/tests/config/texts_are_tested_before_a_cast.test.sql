begin;

select plan(5);

create temporary table texts as
select *
from (
  values
  ('2026-02-28', 'date', true), ('2026-02-30', 'date', false), ('tomorrow', 'date', true), ('', 'date', false),
  ('1.5', 'double precision', true), ('1e400', 'double precision', false), ('1.2.3', 'double precision', false),
  ('::1', 'inet', true), ('10.0.0.0/8', 'inet', true), ('10.0.0.256', 'inet', false), ('1::2::3', 'inet', false),
  ('2 days', 'interval', true), ('2 dogs', 'interval', false), ('999999999999 years', 'interval', false),
  ('[1]', 'json', true), ('[1', 'json', false), ('', 'json', false),
  ('23:59', 'time', true), ('25:00', 'time', false),
  ('2026-01-01T10:00', 'timestamp', true), ('2026-13-01T10:00', 'timestamp', false),
  ('2026-01-01 10:00 Europe/Berlin', 'timestamptz', true), ('2026-01-01 10:00 Mars/North', 'timestamptz', false),
  ('2026-01-01 10:00+99', 'timestamptz', false),
  ('Europe/Berlin', 'timezone', true), ('Europe/Atlantis', 'timezone', false)
) as listed (value, kind, expected);

select is_empty(
  'select value, kind from texts where monitoring.is_valid_input(value, kind) is distinct from expected',
  'a text is valid if it can be cast'
);

select is(monitoring.is_valid_input(null, 'date'), null, 'null stays null');

select throws_ok(
  $$ select monitoring.is_valid_input('1', 'box') $$, '20000', null,
  'a type that is not listed is a mistake of the caller'
);

select is(
  array(
    select monitoring.read_ipv4(host)
    from unnest(array['0', '0x0', '00', '017700000001', '0x7f.1', '0377.0377.0377.0377', '0x00000000000000000ff']) as host
  ),
  '{0.0.0.0,0.0.0.0,0.0.0.0,127.0.0.1,127.0.0.1,255.255.255.255,0.0.0.255}'::inet[],
  'octal and hexadecimal parts of addresses are read'
);

select results_eq(
  $$
    select monitoring.is_known_timezone(name)
    from unnest(array['UTC', 'Europe/Berlin', 'GMT', 'Etc/GMT+5', 'Europe/Atlantis', 'X5', '']) with ordinality as names (name, position)
    order by position
  $$,
  array[true, true, true, true, false, false, false],
  'names of timezones are known, rules of POSIX are not'
);

select * from finish();

rollback;
