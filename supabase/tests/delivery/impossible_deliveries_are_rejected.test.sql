begin;

select plan(13);

select throws_ok(
  $$ insert into monitoring.deliveries (kind, resource, body_hash, sent_at, effect)
     values ('nagios', 'x', 'h', now(), 'opened') $$,
  '23514', 'new row for relation "deliveries" violates check constraint "kind_is_known"', 'an unknown kind is rejected'
);

select throws_ok(
  $$ insert into monitoring.deliveries (kind, resource, body_hash, sent_at, effect)
     values ('generic', 'x', 'h', now(), 'opened') $$,
  '23514', 'new row for relation "deliveries" violates check constraint "only_generic_deliveries_have_a_name"',
  'a generic delivery has the name of its key, others have none'
);

select throws_ok(
  $$ insert into monitoring.deliveries (kind, name, resource, body_hash, sent_at, effect)
     values ('generic', 'A b', 'x', 'h', now(), 'opened') $$,
  '23514', 'new row for relation "deliveries" violates check constraint "name_is_that_of_a_key"',
  'a name that no key can have is rejected'
);

select throws_ok(
  $$ select public.ingest_deliveries('[{"kind": "nagios", "resource": "x", "body": {}}]') $$,
  'PT400', 'kind is unknown', 'a delivery of an unknown kind is rejected'
);

select throws_ok(
  $$ select public.ingest_deliveries('[{"kind": "generic", "resource": "x", "body": {}}]') $$,
  'PT400', 'kind is unknown', 'and a generic one without a name'
);

select throws_ok(
  $$ insert into monitoring.deliveries (resource, body_hash, sent_at, effect)
     values (repeat('x', 101), 'h', now(), 'opened') $$,
  '23514', 'new row for relation "deliveries" violates check constraint "resource_is_short"',
  'a long resource is rejected'
);

select throws_ok(
  $$ insert into monitoring.deliveries (resource, body_hash, sent_at, effect) values ('x', 'h', now(), 'done') $$,
  '23514', 'new row for relation "deliveries" violates check constraint "effect_is_known"',
  'an unknown effect is rejected'
);

select throws_ok(
  $$ insert into monitoring.deliveries (resource, body_hash, sent_at, effect, error)
     values ('x', 'h', now(), 'opened', 'e') $$,
  '23514', 'new row for relation "deliveries" violates check constraint "only_failures_have_an_error"',
  'an error of a successful delivery is rejected'
);

select throws_ok(
  $$ insert into monitoring.deliveries (resource, body_hash, sent_at, effect, attempts)
     values ('x', 'h', now(), 'opened', 0) $$,
  '23514', 'new row for relation "deliveries" violates check constraint "attempts_are_positive"',
  'a delivery that was never tried is rejected'
);

select throws_ok(
  $$ insert into monitoring.deliveries (resource, body_hash, sent_at, effect, next_attempt_at)
     values ('x', 'h', now(), 'opened', now()) $$,
  '23514', 'new row for relation "deliveries" violates check constraint "only_waiting_deliveries_are_retried"',
  'a further attempt at an applied delivery is rejected'
);

select throws_ok(
  $$ insert into monitoring.deliveries (resource, body_hash, sent_at, effect)
     values ('x', 'h', now(), 'opened'), ('x', 'h', now(), 'counted') $$,
  '23505', 'duplicate key value violates unique constraint "deliveries_body_idx"',
  'the same body cannot be applied twice'
);

select throws_ok(
  $$ select public.ingest_deliveries('{}') $$, 'PT400', 'deliveries must be a JSON array', 'deliveries that are not a list are rejected'
);

select throws_ok(
  $$ select public.ingest_deliveries((select jsonb_agg(1) from generate_series(1, 1001))) $$,
  'PT413', 'deliveries holds more than 1,000 deliveries', 'more than 1,000 deliveries are rejected'
);

select * from finish();

rollback;
