begin;

select plan(5);

insert into public.error_knowledge (pattern, signature, category, severity, success_count, failure_count)
values
('p', 'tried', 'backend', 'LOW', 3, 1),
('p', 'untried', 'backend', 'LOW', 0, 0);

select is(
  (
    select success_rate from public.error_knowledge
    where signature = 'tried'
  ),
  0.75::double precision,
  'three of four tries worked: 0.75'
);

select is(
  (
    select success_rate from public.error_knowledge
    where signature = 'untried'
  ),
  null::double precision,
  'no try yet: no rate'
);

select throws_ok(
  $$ insert into public.error_knowledge (pattern, signature, category, severity)
     values ('p', 'tried', 'backend', 'LOW') $$,
  '23505', null,
  'a signature has one entry'
);

select throws_ok(
  $$ update public.error_knowledge set success_rate = 1 $$,
  '428C9', null,
  'the rate cannot be written by hand'
);

select throws_ok(
  $$ update public.error_knowledge set embedding = '[1,2,3]' $$,
  '22000', 'expected 1536 dimensions, not 3',
  'an embedding of another size is refused'
);

select * from finish();

rollback;
