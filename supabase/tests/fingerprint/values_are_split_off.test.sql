-- Messages without quotes are searched with a smaller expression, which must find the same values.
begin;
select plan(3);

select is(
  monitoring.split_values('order 42 failed at 10:30'), array['order ', '42', ' failed at ', '10:30', ''], 'numbers'
);
select is(
  monitoring.split_values('to a@shop.example from ::1 in "x"'),
  array['to a', '@shop.example', ' from ', '::1', ' in ', '"x"', ''],
  'an address, a host and a quoted value'
);
select is(
  monitoring.split_values('to a@shop.example from ::1 in x'),
  array['to a', '@shop.example', ' from ', '::1', ' in x'],
  'the same without quotes'
);

select * from finish();
rollback;
