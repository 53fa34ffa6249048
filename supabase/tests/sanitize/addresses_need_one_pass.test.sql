-- A text in which nothing but e-mail addresses is redacted needs no second pass, because it is the most frequent one;
-- a secret that an address hides from the first pass is still found.
begin;
select plan(4);

select is(
  monitoring.redact_secrets_once('order 7 of jane.doe@shop.example was not exported', true)::text,
  '("order 7 of [redacted] was not exported",t)',
  'nothing but an address'
);
select is(
  (monitoring.redact_secrets_once('password=x1y2z3w4 of jane.doe@shop.example', true)).is_final, false,
  'a secret and an address'
);
select is(
  (monitoring.redact_secrets_once('app:p1,jane.doe@shop.example@tcp(db:3306)/shop', true)).is_final, false,
  'an @ is left'
);
select is(
  monitoring.redact_secrets('app:p1,jane.doe@shop.example@tcp(db:3306)/shop'), 'app:[redacted]@tcp(db:3306)/shop',
  'the password around an address'
);

select * from finish();
rollback;
